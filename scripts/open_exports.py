"""Opens what `forger export` wrote with the programs it is for, and says as JSON how far each is from a checkpoint's
networks in real PyTorch; a test calls it.

    python scripts/open_exports.py CHECKPOINT WIDTH DIR            (DIR/{generator,discriminator,ema}.{pth,...})
    python scripts/open_exports.py CHECKPOINT WIDTH DIR residual   (DIR/generator.{pth,...}, of the test's own network)
"""
import json
import sys

import numpy as np
import onnx
import onnxruntime
import safetensors.torch
import torch

from golden import Discriminator, Generator, Residual


class ResidualGenerator(torch.nn.Module):
    """Latents [N,100,1,1] to images [N,1,16,16] by way of a dense layer and a residual block."""

    def __init__(self, width):
        super().__init__()
        nn = torch.nn
        self.main = nn.Sequential(
            nn.Flatten(), nn.Linear(100, width * 16), nn.Unflatten(1, (width, 4, 4)),
            Residual(nn.Sequential(nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.Tanh()),
                     nn.Conv2d(width, width, 1)),
            Residual(nn.Sequential(nn.LeakyReLU(0.2), nn.Conv2d(width, width, 3, padding=1))),
            nn.ConvTranspose2d(width, 1, 4, 4), nn.Sigmoid(),
        )

    def forward(self, x):
        return self.main(x)


def networks(width, which):
    """Name, key in the checkpoint, class, shape of its input."""
    if which == ["residual"]:
        return [("generator", "generator", lambda: ResidualGenerator(width), (100, 1, 1))]
    return [
        ("generator", "generator", lambda: Generator(100, width, 3), (100, 1, 1)),
        ("ema", "generator_ema", lambda: Generator(100, width, 3), (100, 1, 1)),
        ("discriminator", "discriminator", lambda: Discriminator(3, width), (3, 64, 64)),
    ]


def through_onnx(path, x):
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return torch.from_numpy(session.run(None, {name: x.numpy()})[0]), [name, session.get_outputs()[0].name]


def through(kind, path, x, fresh):
    """The network's output for x by way of one file."""
    if kind == "onnx":
        return through_onnx(path, x)
    if kind == "torchscript":
        net = torch.jit.load(path)
        known = {"keys": sorted(net.state_dict()) == sorted(fresh.state_dict()), "training": any(m.training for m in net.modules())}
        y = net(x)
        torch.testing.assert_close(torch.jit.freeze(net)(x), y, rtol=1e-4, atol=1e-5)
        return y, known
    state = torch.load(path, weights_only=True) if kind == "pth" else safetensors.torch.load_file(path)
    fresh.load_state_dict(state, strict=True)
    return fresh.eval()(x), type(state).__name__


def main():
    path, width, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    state = torch.load(path, weights_only=True)
    torch.manual_seed(0)
    found = {}
    with torch.no_grad():
        for name, key, make, shape in networks(width, sys.argv[4:]):
            official = make()
            official.load_state_dict(state[key], strict=True)
            official.eval()
            for kind in ("pth", "safetensors", "onnx", "torchscript"):
                for n in (1, 5):  # the batch is free
                    x = torch.randn(n, *shape).clamp(-1, 1)
                    y, note = through(kind, f"{folder}/{name}.{kind}", x, make())
                    difference = (y.reshape(n, -1) - official(x).reshape(n, -1)).abs().max().item()
                    before = found.get(f"{name}.{kind}", {"difference": 0})
                    found[f"{name}.{kind}"] = {"difference": max(difference, before["difference"]), "note": note}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
