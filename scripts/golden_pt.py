#!/usr/bin/env python3
"""Writes the files that torch/pt's tests read, with the torch of the Python that runs it.

    python scripts/golden_pt.py [DIR]                    all of them (PyTorch 2.11.0)
    python scripts/golden_pt.py --versioned [DIR]        net-VERSION.pt and adam-VERSION.pt alone, with another PyTorch

Beside NAME.pt lies NAME.json with the tree as the tests compare it: tensors by dtype, shape, the bytes of their
contiguous elements and, where JSON can say them, their values.
"""

import argparse
import collections
import json
import os
import pathlib
import warnings

import torch
from torch import nn

torch.manual_seed(7)
torch.set_num_threads(1)


def describe(value):
    if isinstance(value, (torch.Tensor, nn.Parameter)):
        return describe_tensor(value.detach())
    if isinstance(value, dict):
        kind = "OrderedDict" if isinstance(value, collections.OrderedDict) else "dict"
        return {"type": kind, "items": [[k, describe(v)] for k, v in value.items()]}
    if isinstance(value, (tuple, list)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {"type": kind, "items": [describe(v) for v in value]}
    if isinstance(value, torch.dtype):
        return {"type": "dtype", "value": str(value).removeprefix("torch.")}
    if isinstance(value, float):
        return {"type": "float", "value": repr(value)}
    if isinstance(value, (bool, str)) or value is None:
        return {"type": type(value).__name__, "value": value}
    return {"type": "int", "value": str(value)}


def describe_tensor(t):
    flat = t.contiguous()
    out = {"type": "tensor", "dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape)}
    out["hex"] = bytes(flat.reshape(-1).view(torch.uint8).tolist()).hex() if t.numel() else ""
    if t.dtype in (torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8):
        out["values"] = flat.reshape(-1).tolist()
    return out


def small_net():
    return nn.Sequential(
        collections.OrderedDict(conv=nn.Conv2d(1, 2, 3), norm=nn.BatchNorm2d(2), flat=nn.Flatten(), out=nn.Linear(2, 1)))


def trained():
    net = small_net()
    optim = torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999))
    for _ in range(3):
        optim.zero_grad()
        net(torch.randn(4, 1, 3, 3)).square().mean().backward()
        optim.step()
    return net, optim


def nested():
    return {
        "epoch": 3, "lr": 2e-4, "name": "gänse", "flags": [True, False, None], "empty": [{}, [], ()],
        "ints": (0, 255, 256, 65535, 65536, -1, 2**31 - 1, -(2**31), 2**31, -(2**40), 2**63 - 1, -(2**63), 2**63 + 5),
        "floats": [0.1, -1e300, float("inf")], "dtype": torch.bfloat16, "size": torch.Size([2, 3]),
        "nets": collections.OrderedDict(a=collections.OrderedDict(w=torch.arange(3.0)), b={7: torch.ones(()), -1: "minus"}),
    }


def views():
    base = torch.arange(24, dtype=torch.float32)
    grid = base.view(4, 6)
    image = torch.arange(2 * 3 * 2 * 2, dtype=torch.int32).view(2, 3, 2, 2)
    return {
        "base": base, "grid": grid, "transposed": grid.t(), "narrowed": grid[1:3, 2:5], "stepped": base[1::5],
        "row": grid[2], "scalar": base[17], "expanded": base[3:5].expand(3, 2), "empty": base[:0], "empty2": torch.zeros(0, 5),
        "channels_last": image.contiguous(memory_format=torch.channels_last), "permuted": image.permute(3, 1, 0, 2),
        "one": torch.ones(1, 1, 4).transpose(0, 2), "again": base,
    }


def every_dtype():
    bits = torch.arange(1, 33, dtype=torch.uint8)
    names = ("float32 float64 float16 bfloat16 uint8 int8 int16 int32 int64 complex64 complex128 "
             "uint16 uint32 uint64 float8_e4m3fn float8_e5m2").split()
    out = {name: bits.clone().view(getattr(torch, name)) for name in names}
    out["bool"] = torch.tensor([True, False, True])
    out["uint16_view"] = bits.clone().view(torch.uint16).view(4, 4).t()
    return out


class Runs:
    def __reduce__(self):
        return os.system, ("echo this must never run",)


def save_pair(folder, name, value):
    torch.save(value, folder / f"{name}.pt")
    (folder / f"{name}.json").write_text(json.dumps(describe(value)) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default="torch/pt/testdata", type=pathlib.Path)
    parser.add_argument("--versioned", action="store_true")
    args = parser.parse_args()
    net, optim = trained()
    suffix = "-" + ".".join(torch.__version__.split(".")[:2]) if args.versioned else ""
    save_pair(args.folder, "net" + suffix, net.state_dict())
    save_pair(args.folder, "adam" + suffix, optim.state_dict())
    if args.versioned:
        return
    save_pair(args.folder, "nested", nested())
    save_pair(args.folder, "views", views())
    save_pair(args.folder, "dtypes", every_dtype())
    save_pair(args.folder, "parameter", {"p": nn.Parameter(torch.tensor([1.5, -2.0])), "frozen": nn.Parameter(torch.zeros(2), requires_grad=False)})
    save_pair(args.folder, "parallel", {"epoch": 1, "state_dict": nn.DataParallel(nn.Linear(2, 1)).state_dict()})
    torch.save({"weights": torch.ones(2), "extra": Runs()}, args.folder / "runs.pt")
    torch.save(nn.Linear(2, 1), args.folder / "module.pt")
    torch.save({"z": torch.zeros(2, dtype=torch.complex64).conj()}, args.folder / "conj.pt")
    torch.save({"w": torch.ones(2)}, args.folder / "protocol4.pt", pickle_protocol=4)
    torch.save(nn.Linear(2, 1).state_dict(), args.folder / "legacy.pt", _use_new_zipfile_serialization=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(nn.Linear(2, 1)).save(str(args.folder / "script.pt"))


if __name__ == "__main__":
    main()
