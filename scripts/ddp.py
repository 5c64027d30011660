"""What PyTorch's DistributedDataParallel and its differentiable all_reduce make of numbers over processes, for the tests of
torch.Comm. Usage: ddp.py SIZE FILE, where FILE is a path at which so many processes meet. It prints JSON."""
import json
import os
import sys

import torch
import torch.distributed as dist
from torch.distributed.nn.functional import all_reduce

size, path = int(sys.argv[1]), sys.argv[2]
rank = next((r for r in range(1, size) if os.fork() == 0), 0)
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def fill(stream, *shape):
    """As torchtest.Fill."""
    n = 1
    for d in shape:
        n *= d
    x = (torch.arange(n, dtype=torch.int64) + stream * 1000003) & 0xFFFFFFFF
    x = ((x ^ x >> 16) * 0x85EBCA6B) & 0xFFFFFFFF
    x = ((x ^ x >> 16) * 0xC2B2AE35) & 0xFFFFFFFF
    x = x ^ x >> 16
    return (x.double() / (1 << 31) - 1).view(*shape)


dist.init_process_group("gloo", init_method="file://" + path, rank=rank, world_size=size)

# A small net, of which each rank has its own rows.
net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3, padding=1), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(48, 1))
with torch.no_grad():
    for i, p in enumerate(net.parameters()):
        p.copy_(fill(i, *p.shape))
both = torch.nn.parallel.DistributedDataParallel(net)
both(fill(100 + rank, 4, 2, 4, 4)).pow(2).mean().backward()
gradients = [p.grad.flatten().tolist() for p in net.parameters()]

# A loss of each rank's own over a total, and the gradient of its gradient.
x, w, v = (fill(200 + 10 * i + rank, 5) for i in range(3))
x.requires_grad_()
y = all_reduce(x * x)
(first,) = torch.autograd.grad((w * y**3).sum(), x, create_graph=True)
(second,) = torch.autograd.grad((v * first).sum(), x)
mine = torch.stack([y.detach(), first.detach(), second])
all_of = [torch.empty_like(mine) for _ in range(size)]
dist.all_gather(all_of, mine)
if rank == 0:
    print(json.dumps({"gradients": gradients, "totals": [t.tolist() for t in all_of]}))
dist.destroy_process_group()
sys.stdout.flush()
if rank > 0:
    os._exit(0)
for _ in range(1, size):
    if os.wait()[1] != 0:
        sys.exit("a rank failed")
