#!/usr/bin/env python3
"""What two processes come to that train the official DCGAN by DistributedDataParallel, each on its half of every batch.

Writes gan/method/testdata/ranks.json, for gan/method/ddp_test.go.
"""

import hashlib
import json
import os
import pathlib

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from golden import ROOT, Discriminator, Generator, fill, sample, set_weights

RANKS, STEPS, BATCH, LATENT, WIDTH = 2, 10, 8, 100, 8
OUT = ROOT / "gan/method/testdata/ranks.json"


def train(rank, store):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=RANKS)
    nets = {"gen": Generator(LATENT, WIDTH, 3).double(), "disc": Discriminator(3, WIDTH).double()}
    set_weights(nets["gen"], 1001, torch.float64)
    set_weights(nets["disc"], 2002, torch.float64)
    g, d = DistributedDataParallel(nets["gen"]), DistributedDataParallel(nets["disc"])
    bce = nn.BCELoss()
    od = torch.optim.Adam(d.parameters(), 2e-4, (0.5, 0.999))
    og = torch.optim.Adam(g.parameters(), 2e-4, (0.5, 0.999))
    mine = slice(rank * BATCH // RANKS, (rank + 1) * BATCH // RANKS)
    ones = torch.ones(BATCH // RANKS, dtype=torch.float64)
    log = []
    for i in range(STEPS):
        real = fill(3000 + i, BATCH, 3, 64, 64).double()[mine]
        z = (fill(4000 + i, BATCH, LATENT, 1, 1) * 1.7).double()[mine]
        d.zero_grad()
        on_real = d(real)
        loss_real = bce(on_real, ones)
        loss_real.backward()
        fake = g(z)
        on_fake = d(fake.detach())
        loss_fake = bce(on_fake, 0 * ones)
        loss_fake.backward()
        od.step()
        g.zero_grad()
        loss_g = bce(d(fake), ones)
        loss_g.backward()
        og.step()
        line = torch.stack([loss_real + loss_fake, loss_g, on_real.mean(), on_fake.mean()]).detach()
        dist.all_reduce(line)
        log.append((line / RANKS).tolist())
    if rank == 0:
        state = {f"{name}.{k}": sample(v) for name, net in nets.items() for k, v in net.state_dict().items()}
        stamp = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
        content = {"script": stamp, "torch": torch.__version__.split("+")[0], "log": log, "state": state}
        OUT.write_text(json.dumps(content, separators=(",", ":")) + "\n")
        print(f"{OUT.relative_to(ROOT)}: {OUT.stat().st_size} bytes")
    dist.destroy_process_group()


if __name__ == "__main__":
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    meeting = pathlib.Path(f"{OUT}.store")
    try:
        mp.spawn(train, (meeting,), RANKS)
    finally:
        meeting.unlink(missing_ok=True)
