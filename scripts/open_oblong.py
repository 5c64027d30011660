"""Opens what `forger export` wrote of networks of images of 32x16 with the programs it is for, and says as JSON how far
each is from the same checkpoint in real PyTorch; a test calls it.

    python scripts/open_oblong.py CHECKPOINT LATENT WIDTH DIR   (DIR/{generator,discriminator}.{pth,...})
"""
import json
import sys

import torch
from torch import nn

from open_exports import through


class Main(nn.Module):
    """The official example's attribute."""

    def __init__(self, *layers):
        super().__init__()
        self.main = nn.Sequential(*layers)

    def forward(self, x):
        return self.main(x)


def generator(latent, width):
    return Main(
        nn.ConvTranspose2d(latent, 2 * width, (8, 4), bias=False), nn.BatchNorm2d(2 * width), nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        nn.ConvTranspose2d(width, 1, 4, 2, 1, bias=False), nn.Tanh())


def discriminator(_, width):
    return Main(
        nn.Conv2d(1, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 1, (8, 4), bias=False))


def main():
    checkpoint, latent, width, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    state, found = torch.load(checkpoint, weights_only=True), {}
    torch.manual_seed(0)
    with torch.no_grad():
        for key, build, shape in (("generator", generator, (latent, 1, 1)), ("discriminator", discriminator, (1, 32, 16))):
            official = build(latent, width).eval()
            official.load_state_dict(state[key], strict=True)
            for kind in ("pth", "safetensors", "onnx", "torchscript"):
                x = torch.randn(5, *shape).clamp(-1, 1)
                y, _ = through(kind, f"{folder}/{key}.{kind}", x, build(latent, width))
                want = official(x)
                if key == "discriminator" and kind in ("onnx", "torchscript"):
                    want = torch.sigmoid(want)  # these hold the probability
                found[f"{key}.{kind}"] = (y.reshape(5, -1) - want.reshape(5, -1)).abs().max().item()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
