"""Writes torch/nn/testdata/spectral.json: three layers under PyTorch's own spectral normalisation, their keys, outputs and gradients.

    python scripts/golden_spectral.py
"""
import hashlib
import json
import pathlib

import torch
import torch.nn as nn
from torch.nn.utils.parametrizations import spectral_norm

from golden import ROOT, fill, numbers, tensor


def spectral():
    """Three layers in training, twice, and in evaluation: keys, outputs, gradients of sum(out * fill), vectors."""
    net = nn.Sequential(spectral_norm(nn.Linear(6, 12)), nn.Unflatten(1, (3, 2, 2)), spectral_norm(nn.ConvTranspose2d(3, 4, 4, 2, 1)),
                        spectral_norm(nn.Conv2d(4, 2, 3, padding=1)))
    with torch.no_grad():
        for i, t in enumerate(net.state_dict().values()):
            t.copy_(fill(10 + i, *t.shape))
    outs = []
    x = fill(1, 3, 6).requires_grad_()
    first = net(x)
    second = net(x)
    loss = (first * fill(99, *first.shape)).sum() + (second * fill(98, *second.shape)).sum()
    grads = torch.autograd.grad(loss, [x, *net.parameters()])
    net.eval()
    third = net(x)
    return {"keys": list(net.state_dict()), "outs": [tensor(t) for t in (first, second, third)], "grads": [numbers(g) for g in grads],
            "state": {k: numbers(v) for k, v in net.state_dict().items()},
            "weights": {k: numbers(net[int(k)].weight) for k in ("0", "2", "3")}}


def main():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    stamp = {"script": hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest(), "torch": torch.__version__.split("+")[0]}
    path = ROOT / "torch/nn/testdata/spectral.json"
    path.write_text(json.dumps({**stamp, **spectral()}, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
