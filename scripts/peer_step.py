"""The official PyTorch DCGAN step (pytorch/examples, dcgan/main.py) on one batch of noise: the peer of BenchmarkStep.

    python scripts/peer_step.py STEPS [DEVICE] -> one line of JSON: images_per_second, step_mib

step_mib is the peak of the process (on CUDA of the allocator) less what was resident before the networks were made.
"""
import json
import sys
import time

import torch
import torch.nn as nn

from golden import Discriminator, Generator


def status(key):
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith(key))


def weights_init(m):
    name = m.__class__.__name__
    if "Conv" in name:
        nn.init.normal_(m.weight, 0, 0.02)
    elif "BatchNorm" in name:
        nn.init.normal_(m.weight, 1, 0.02)
        nn.init.zeros_(m.bias)


def main():
    steps, device = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "cpu"
    torch.ones(1, device=device)
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")  # the peak starts here
    base = status("VmRSS")
    batch, nz = 64, 100
    g, d = Generator(nz, 64, 3).to(device), Discriminator(3, 64).to(device)
    g.apply(weights_init)
    d.apply(weights_init)
    bce = nn.BCELoss()
    od = torch.optim.Adam(d.parameters(), lr=2e-4, betas=(0.5, 0.999))
    og = torch.optim.Adam(g.parameters(), lr=2e-4, betas=(0.5, 0.999))
    images = torch.rand(batch, 3, 64, 64) * 2 - 1

    def step():
        d.zero_grad()
        real = images.to(device)
        label = torch.full((batch,), 1.0, device=device)
        out = d(real).view(-1)
        err_real = bce(out, label)
        err_real.backward()
        on_real = out.mean().item()
        fake = g(torch.randn(batch, nz, 1, 1, device=device))
        label.fill_(0.0)
        out = d(fake.detach()).view(-1)
        err_fake = bce(out, label)
        err_fake.backward()
        on_fake = out.mean().item()
        od.step()
        g.zero_grad()
        label.fill_(1.0)
        out = d(fake).view(-1)
        err_g = bce(out, label)
        err_g.backward()
        og.step()
        return on_real, on_fake, (err_real + err_fake).item(), err_g.item(), out.mean().item()

    for _ in range(2):
        step()
    start = time.perf_counter()
    for _ in range(steps):
        step()
    if device != "cpu":
        torch.cuda.synchronize()
    took = time.perf_counter() - start
    peak = status("VmHWM") - base if device == "cpu" else torch.cuda.max_memory_allocated() / 2**20
    print(json.dumps({"images_per_second": batch * steps / took, "step_mib": peak, "threads": torch.get_num_threads(),
                      "torch": torch.__version__}))


if __name__ == "__main__":
    main()
