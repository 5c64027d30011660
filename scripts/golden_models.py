"""Writes gan/model/testdata/models.json: the networks of gan/model in plain PyTorch, their keys, outputs and gradients.

    python scripts/golden_models.py

Written down from the papers: the dense nets, SNGAN's ResNets (Miyato et al. 2018; those of 64x64 as in Miyato and Koyama
2018) and R3GAN's (Huang et al. 2024).
"""
import hashlib
import json
import math
import pathlib

import torch
import torch.nn as nn
import torch.nn.functional as F

from golden import ROOT, Residual, fill, numbers, tensor

PIECES = 5


def maxout(cin, units):
    """The largest of PIECES linear functions (Goodfellow et al. 2013)."""
    return [nn.Linear(cin, units * PIECES), nn.Unflatten(1, (1, units, PIECES)), nn.MaxPool2d((1, PIECES)), nn.Flatten()]


class Pixels(nn.Module):
    """A sigmoid's range as pixels' from -1 to 1. The buffer is there for its key."""

    def __init__(self):
        super().__init__()
        self.register_buffer("scale", torch.tensor(0.5))

    def forward(self, x):
        return 2 * torch.sigmoid(x) - 1


class Shares(nn.Module):
    """Pixels from 0 to 1. The buffer is there for its key."""

    def __init__(self):
        super().__init__()
        self.register_buffer("scale", torch.tensor(0.5))

    def forward(self, x):
        return (x + 1) / 2


class SumPool(nn.Module):
    def forward(self, x):
        return x.sum((2, 3))


class Resample(nn.Module):
    """Bilinear, up or down by two: every second of twice as many places, [1,2,1] over the picture doubled."""

    def __init__(self, channels, up):
        super().__init__()
        self.up = up
        row = torch.nn.functional.conv1d(torch.tensor([[[1.0, 2, 1]]]), torch.tensor([[[1.0, 1]]]), padding=1)[0, 0]
        kernel = torch.outer(row, row)
        kernel = kernel / kernel.sum() * (4 if up else 1)
        self.register_buffer("kernel", kernel.expand(channels, 1, 4, 4).clone())

    def forward(self, x):
        over = F.conv_transpose2d if self.up else F.conv2d
        return over(x, self.kernel, stride=2, padding=1, groups=x.shape[1])


def toy(o):
    def dense(cin, width, cout, act):
        layers = []
        for _ in range(o.get("depth", 3)):
            layers += [nn.Linear(cin, width), act()]
            cin = width
        return layers + [nn.Linear(cin, cout)]

    gen = nn.Sequential(nn.Flatten(), *dense(o["latent"], o["gen"], o["points"], nn.ReLU))
    return gen, nn.Sequential(*dense(o["points"], o["disc"], 1, lambda: nn.LeakyReLU(0.2)))


def mlp(o):
    side, channels, depth = o["side"], o["channels"], o.get("depth", 2)
    size = channels * side * side
    gen, cin = [nn.Flatten()], o["latent"]
    for _ in range(depth):
        gen += [nn.Linear(cin, o["gen"]), nn.ReLU()]
        cin = o["gen"]
    gen += [nn.Linear(cin, size), Pixels(), nn.Unflatten(1, (channels, side, side))]
    disc, cin, drop = [Shares(), nn.Flatten()], size, 0.2
    for _ in range(depth):
        disc += [nn.Dropout(drop), *maxout(cin, o["disc"])]
        cin, drop = o["disc"], 0.5
    return nn.Sequential(*gen), nn.Sequential(*disc, nn.Dropout(0.5), nn.Linear(cin, 1))


def conv3(cin, cout):
    return nn.Conv2d(cin, cout, 3, padding=1)


def resnet(o):
    big = o["side"] == 64
    sides = [16, 8, 4, 2, 1] if big else [1, 1, 1, 1]
    widths = [o["gen"] * m for m in sides]
    gen = [nn.Flatten(), nn.Linear(o["latent"], 16 * widths[0]), nn.Unflatten(1, (widths[0], 4, 4))]
    for cin, cout in zip(widths, widths[1:]):
        body = nn.Sequential(nn.BatchNorm2d(cin), nn.ReLU(), nn.Upsample(scale_factor=2), conv3(cin, cout),
                             nn.BatchNorm2d(cout), nn.ReLU(), conv3(cout, cout))
        gen.append(Residual(body, nn.Sequential(nn.Conv2d(cin, cout, 1), nn.Upsample(scale_factor=2))))
    gen += [nn.BatchNorm2d(widths[-1]), nn.ReLU(), conv3(widths[-1], o["channels"]), nn.Tanh()]

    w = o["disc"]
    disc = [Residual(nn.Sequential(conv3(o["channels"], w), nn.ReLU(), conv3(w, w), nn.AvgPool2d(2)),
                     nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(o["channels"], w, 1)))]
    blocks = [(w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w), (8 * w, 16 * w)] if big else [(w, w)]
    for cin, cout in blocks:
        disc.append(Residual(nn.Sequential(nn.ReLU(), conv3(cin, cin), nn.ReLU(), conv3(cin, cout), nn.AvgPool2d(2)),
                             nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(cin, cout, 1))))
    if not big:
        disc += [Residual(nn.Sequential(nn.ReLU(), conv3(w, w), nn.ReLU(), conv3(w, w))) for _ in range(2)]
    last = 16 * w if big else w
    return nn.Sequential(*gen), nn.Sequential(*disc, nn.ReLU(), SumPool(), nn.Linear(last, 1))


def r3gan(o):
    sides = [4 * 2**i for i in range(int(math.log2(o["side"])) - 1)]

    def widths(width):
        return [width // max(1, side // 32) for side in sides]

    def blocks(width):
        groups = 2 * width // math.gcd(2 * width, 16)
        return [Residual(nn.Sequential(
            nn.Conv2d(width, 2 * width, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=groups), nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, width, 1, bias=False))) for _ in range(2)]

    def project(cin, cout):
        return [nn.Conv2d(cin, cout, 1, bias=False)] if cin != cout else []

    up = widths(o["gen"])
    gen = [nn.Flatten(), nn.Linear(o["latent"], up[0], bias=False), nn.Unflatten(1, (up[0], 1, 1)),
           nn.ConvTranspose2d(up[0], up[0], 4, groups=up[0], bias=False), *blocks(up[0])]
    for cin, cout in zip(up, up[1:]):
        gen += [*project(cin, cout), Resample(cout, True), *blocks(cout)]
    gen.append(nn.Conv2d(up[-1], o["channels"], 1, bias=False))
    down = widths(o["disc"])[::-1]
    disc = [nn.Conv2d(o["channels"], down[0], 1, bias=False), *blocks(down[0])]
    for cin, cout in zip(down, down[1:]):
        disc += [Resample(cin, False), *project(cin, cout), *blocks(cout)]
    disc += [nn.Conv2d(down[-1], down[-1], 4, groups=down[-1], bias=False), nn.Flatten(), nn.Linear(down[-1], 1, bias=False)]
    return nn.Sequential(*gen), nn.Sequential(*disc)


MODELS = {"toy": toy, "mlp": mlp, "resnet": resnet, "r3gan": r3gan}

CASES = {
    "toy": dict(model="toy", latent=2, gen=5, disc=4, points=2),
    "toy deep": dict(model="toy", latent=1, gen=3, disc=3, points=1, depth=5),
    "mlp": dict(model="mlp", latent=3, gen=4, disc=2, channels=1, side=7),
    "mlp deep": dict(model="mlp", latent=2, gen=3, disc=2, channels=3, side=4, depth=3),
    "resnet 32": dict(model="resnet", latent=3, gen=2, disc=2, channels=3, side=32),
    "resnet 64": dict(model="resnet", latent=3, gen=1, disc=1, channels=1, side=64),
    "r3gan 16": dict(model="r3gan", latent=3, gen=12, disc=4, channels=3, side=16),
    "r3gan 64": dict(model="r3gan", latent=2, gen=4, disc=4, channels=1, side=64),
}


def set_weights(net, stream):
    for i, p in enumerate(net.parameters()):
        values = fill(stream + i, *p.shape)
        fan = p[0].numel() if p.dim() > 1 else 16
        p.data.copy_(values * 1.5 / math.sqrt(fan) + (1 if p.dim() == 1 else 0) * 0.1)


def run(net, stream, *shape):
    """Output and gradients of sum(out * fill), in training but for what is dropped. The gradients of many weights as a few."""
    set_weights(net, stream)
    for m in net.modules():
        if isinstance(m, nn.Dropout):
            m.eval()
    x = fill(stream - 1, *shape).requires_grad_()
    out = net(x)
    grads = torch.autograd.grad((out * fill(99, *out.shape)).sum(), [x, *net.parameters()])
    return {"keys": list(net.state_dict()), "out": some(out), "shape": list(out.shape), "grads": [some(g) for g in grads]}


def some(t, n=40):
    """At most n of a tensor's numbers, at even distances."""
    flat = t.detach().reshape(-1)
    return numbers(flat[:: max(1, flat.numel() // n)][:n])


def case(o):
    gen, disc = MODELS[o["model"]](o)
    real = (o["points"],) if "points" in o else (o["channels"], o["side"], o["side"])
    return {"options": o, "generator": run(gen, 1001, 2, o["latent"], 1, 1), "discriminator": run(disc, 2001, 2, *real)}


def main():
    torch.set_num_threads(1)
    path = ROOT / "gan/model/testdata/models.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    script = pathlib.Path(__file__)
    content = {
        "script": hashlib.sha256(script.read_bytes()).hexdigest(), "source": script.name,
        "torch": torch.__version__.split("+")[0], "cases": {name: case(o) for name, o in CASES.items()},
    }
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    main()
