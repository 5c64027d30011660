#!/usr/bin/env python3
"""Writes the files that torch/safetensors' tests read, with the real safetensors package (0.8.0) and PyTorch.

    python scripts/golden_safetensors.py [DIR]

The values are those of golden_pt.py, described in NAME.json in the same way.
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True
import golden_pt  # noqa: E402
import safetensors.torch  # noqa: E402
import torch  # noqa: E402

folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "torch/safetensors/testdata")
names = "float32 float64 float16 bfloat16 uint8 int8 int16 int32 int64 complex64 uint16 uint32 uint64 float8_e4m3fn float8_e5m2 bool"
every = golden_pt.every_dtype()


def save_pair(name, tensors, metadata):
    (folder / f"{name}.safetensors").write_bytes(safetensors.torch.save(tensors, metadata))
    (folder / f"{name}.json").write_text(json.dumps(golden_pt.describe(dict(sorted(tensors.items())))) + "\n")


save_pair("net", golden_pt.trained()[0].state_dict(), {"note": 'gänse "<&>"\n\t'})
save_pair("dtypes", {name: every[name] for name in names.split()}, None)
bits = torch.arange(1, 33, dtype=torch.uint8)
save_pair("float8", {name: bits.view(getattr(torch, name)).clone() for name in
                     "float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu".split()}, None)
save_pair("shapes", {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3), "a.b/ü": torch.arange(6).view(2, 3)}, {})
