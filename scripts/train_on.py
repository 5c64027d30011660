"""Trains a run of Forger's on with real PyTorch, hands it back, and says as JSON which losses PyTorch goes on to; a test
resumes the same in Forger. All images of the run are the same, so their order says nothing.

    python scripts/train_on.py CHECKPOINT IMAGE.npy WIDTH STEPS NEW_CHECKPOINT
"""
import json
import sys

import numpy as np
import torch
import torch.nn as nn

from golden import Discriminator, Generator


def main():
    path, image, width, steps, new = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    torch.set_num_threads(1)
    state = torch.load(path, weights_only=True)
    batch = json.loads(state["config"])["batch"]
    pixels = torch.from_numpy(np.load(image))[:1].expand(batch, -1, -1, -1)
    real = (pixels.permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
    g = Generator(100, width, 3).to(memory_format=torch.channels_last)
    d = Discriminator(3, width).to(memory_format=torch.channels_last)
    g.load_state_dict(state["generator"])
    d.load_state_dict(state["discriminator"])
    od, og = torch.optim.Adam(d.parameters()), torch.optim.Adam(g.parameters())
    od.load_state_dict(state["optimizer_d"])
    og.load_state_dict(state["optimizer_g"])
    noise = torch.Generator()
    noise.set_state(state["rng"]["torch"])
    bce = nn.BCELoss()

    def step():
        d.zero_grad()
        on_real = bce(d(real).view(-1), torch.ones(batch))
        on_real.backward()
        fake = g(torch.randn(batch, 100, 1, 1, generator=noise))
        on_fake = bce(d(fake.detach()).view(-1), torch.zeros(batch))
        on_fake.backward()
        od.step()
        g.zero_grad()
        loss = bce(d(fake).view(-1), torch.ones(batch))
        loss.backward()
        og.step()
        return {"loss_d": (on_real + on_fake).item(), "loss_g": loss.item()}

    for _ in range(steps):
        step()
    state["generator"], state["discriminator"] = g.state_dict(), d.state_dict()
    state["optimizer_g"], state["optimizer_d"] = og.state_dict(), od.state_dict()
    state["rng"]["torch"] = noise.get_state()
    torch.save(state, new)
    torch.save(g.state_dict(), new + ".g.pth")
    torch.save({"netG": {"module." + k: v for k, v in g.state_dict().items()}, "epoch": 3}, new + ".parallel.pth")
    torch.save(g.state_dict(), new + ".legacy.pth", _use_new_zipfile_serialization=False)
    print(json.dumps([step() for _ in range(steps)]))


if __name__ == "__main__":
    main()
