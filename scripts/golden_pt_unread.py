#!/usr/bin/env python3
"""Writes the files that torch/pt's tests read of values beside a network's tensors, with PyTorch 2.11.0.

    python scripts/golden_pt_unread.py [DIR]

NAME.json beside NAME.pt is the tree as golden_pt.py describes it; what torch/pt passes over is of the type "opaque" there.
allowed.json lists every global that torch.load(weights_only=True) knows.
"""

import collections
import json
import pathlib
import sys
import warnings

sys.dont_write_bytecode = True
import golden_pt  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch._weights_only_unpickler import _get_allowed_globals  # noqa: E402

warnings.simplefilter("ignore")  # quantized and nested tensors are beta or deprecated
folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "torch/pt/testdata")


def plain(value):
    """Whether a tensor is one that torch/pt reads."""
    return value.layout == torch.strided and value.device.type == "cpu" and not (
        value.is_quantized or value.is_nested or value.is_conj() or value.is_neg() or "bits" in str(value.dtype))


def read_key(k):
    return type(k) is str or type(k) is int and k < 2**63


def describe(value):
    if isinstance(value, torch.Tensor):
        return golden_pt.describe(value) if plain(value) else {"type": "opaque"}
    if isinstance(value, collections.Counter):
        return {"type": "opaque"}
    if isinstance(value, dict):
        kind = "OrderedDict" if isinstance(value, collections.OrderedDict) else "dict"
        return {"type": kind, "items": [[k if read_key(k) else {}, describe(v)] for k, v in value.items()]}
    if isinstance(value, list):
        return {"type": "list", "items": [describe(v) for v in value]}
    if isinstance(value, tuple):
        return {"type": "tuple", "items": [describe(v) for v in value]}
    if value is None or type(value) in (bool, str, float) or type(value) is int and -(2**63) <= value < 2**64:
        return golden_pt.describe(value)
    return {"type": "opaque"}


def save(name, value, **how):
    path = folder / f"{name}.pt"
    torch.save(value, path, **how)
    torch.load(path, weights_only=True)  # what it refuses is no concern of ours
    path.with_suffix(".json").write_text(json.dumps(describe(value)) + "\n")


def checkpoint():
    """What a training script of PyTorch's leaves: networks, optimizer, scheduler and odds and ends."""
    net, optim = golden_pt.trained()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optim, [2, 4, 4], gamma=0.1)
    return {
        "net": net.state_dict(), "optimizer": optim.state_dict(), "scheduler": scheduler.state_dict(),
        "device": torch.device("cuda", 1), "classes": {"cat", "dog"}, "digest": b"\x00\xff", "buffer": bytearray(b"ab"),
        "gain": 1 - 2j, "layout": torch.strided, "large": [2**64, -(2**63) - 1, 10**40], "storage": torch.ones(2).untyped_storage(),
        "odd": [torch.int3, torch.qint8, torch.per_channel_affine, torch.Size],
    }


def keys():
    return {None: 0, False: torch.zeros(2), True: 1, (1, "a"): 2, 2.5: 3, 2**63: 4, 2**70: 5, b"k": 6, torch.float32: 7, "name": 8, 3: 9}


def tensors():
    w = torch.arange(6.0).view(2, 3)
    return {
        "plain": w, "conj": torch.zeros(2, dtype=torch.complex64).conj(), "neg": torch.zeros(2, dtype=torch.complex64).conj().imag,
        "sparse": w.to_sparse(), "csr": w.to_sparse_csr(), "meta": w.to("meta"), "bits": torch.zeros(4, dtype=torch.uint8).view(torch.bits8),
        "quantized": torch.quantize_per_tensor(w, 0.5, 3, torch.qint8), "quantized32": torch.quantize_per_tensor(w, 0.5, 3, torch.qint32),
        "channels": torch.quantize_per_channel(w, torch.ones(2), torch.zeros(2, dtype=torch.long), 0, torch.quint8),
        "nested": torch.nested.nested_tensor([w[0], w[1, :2]]),
    }


def attributes():
    """Tensors and parameters that a script hung attributes on."""
    t, p = torch.arange(3.0), nn.Parameter(torch.ones(2))
    t.note, p.note = "mine", torch.zeros(1)
    return {"tensor": t, "parameter": p, "plain": nn.Parameter(torch.zeros(1))}


def newer_dtypes():
    bits = torch.arange(1, 33, dtype=torch.uint8)
    names = "float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 complex32".split()
    return {name: bits.clone().view(getattr(torch, name)) for name in names}


def main():
    save("checkpoint", checkpoint())
    save("keys", keys())
    save("tensors", tensors())
    save("attributes", attributes())
    save("newer", newer_dtypes())
    save("protocol3", golden_pt.small_net().state_dict(), pickle_protocol=3)
    torch.serialization.set_crc32_options(False)
    save("unchecked", {"net": golden_pt.small_net().state_dict()})
    (folder / "allowed.json").write_text(json.dumps(sorted(_get_allowed_globals()), indent=0) + "\n")


if __name__ == "__main__":
    main()
