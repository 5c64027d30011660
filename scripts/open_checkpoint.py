"""Opens a checkpoint of Forger's with real PyTorch and says what it found, as JSON; a test calls it.

    python scripts/open_checkpoint.py CHECKPOINT WIDTH LATENTS.npy IMAGES.npy
"""
import json
import sys

import numpy as np
import torch

from golden import Discriminator, Generator


def main():
    path, width, latents, images = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    state = torch.load(path, weights_only=True)
    g, d = Generator(100, width, 3), Discriminator(3, width)
    g.load_state_dict(state["generator"], strict=True)
    d.load_state_dict(state["discriminator"], strict=True)
    g.eval()
    with torch.no_grad():
        ours = g(torch.from_numpy(np.load(latents))[:, :, None, None])
    difference = (ours - torch.from_numpy(np.load(images))).abs().max().item()

    moved = True
    for net, name in ((g, "optimizer_g"), (d, "optimizer_d")):
        optimizer = torch.optim.Adam(net.parameters())
        optimizer.load_state_dict(state[name])
        before = [p.detach().clone() for p in net.parameters()]
        for p in net.parameters():
            p.grad = torch.ones_like(p)
        optimizer.step()
        moved = moved and all((a != b).any().item() for a, b in zip(before, net.parameters()))
        moved = moved and all(s["step"].item() == state["step"] + 1 for s in optimizer.state.values())
    print(json.dumps({"keys": sorted(state), "difference": difference, "step": state["step"], "moved": moved}))


if __name__ == "__main__":
    main()
