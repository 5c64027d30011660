#!/usr/bin/env python3
"""Writes torch/safetensors/testdata/headers.json: which headers the real safetensors package (0.8.0) takes.

    python scripts/golden_safetensors_headers.py

Each is followed by four bytes of elements.
"""

import json
import pathlib
import struct

import safetensors

folder = pathlib.Path(__file__).resolve().parent.parent / "torch/safetensors/testdata"
TENSOR = '"dtype":"F32","shape":[1],"data_offsets":[0,4]'


def tensor(**fields):
    """A header of one tensor of float32 [1], with fields replaced."""
    of = {"dtype": '"F32"', "shape": "[1]", "data_offsets": "[0,4]", **fields}
    return '{"a":{' + ",".join(f'"{k}":{v}' for k, v in of.items()) + "}}"


headers = [
    tensor(), tensor(shape="[]"), tensor() + " \n\t", "{}", tensor() + "\0", tensor() + "{}", '{"a\\u0000":{' + TENSOR + "}}",
    '{"__metadata__":{"k":"1"},"a":{' + TENSOR + "}}", '{"__metadata__":{},"a":{' + TENSOR + "}}",
    # repeated fields
    '{"a":{"dtype":"F32",' + TENSOR + "}}", '{"a":{"shape":[1],' + TENSOR + "}}", '{"a":{"data_offsets":[0,8],' + TENSOR + "}}",
    # keys in another case
    '{"a":{"DType":"F32","shape":[1],"data_offsets":[0,4]}}', '{"a":{"dtype":"F32","Shape":[1],"data_offsets":[0,4]}}',
    '{"a":{"dtype":"F32","shape":[1],"DATA_OFFSETS":[0,4]}}', '{"__METADATA__":{"k":"1"},"a":{' + TENSOR + "}}", tensor(dtype='"f32"'),
    # null and other types
    tensor(dtype="null"), tensor(shape="null"), tensor(shape="[1,null]"), tensor(data_offsets="null"), tensor(data_offsets="[null,4]"),
    '{"a":null}', '{"__metadata__":{"k":null},"a":{' + TENSOR + "}}", '{"__metadata__":{"k":1},"a":{' + TENSOR + "}}",
    '{"__metadata__":[],"a":{' + TENSOR + "}}", tensor(shape="{}"), tensor(shape='["1"]'), tensor(data_offsets='{"0":0,"1":4}'),
    tensor(shape="[1.0]"), tensor(shape="[1e0]"), tensor(shape="[-0,1]"), tensor(shape="[01]"), tensor(shape="[-1]"), tensor(shape="[true]"),
    tensor(data_offsets="[0]"), tensor(data_offsets="[0,4,4]"), tensor(data_offsets="[0.0,4]"), tensor(shape="[18446744073709551616]"),
    # types
    *(tensor(dtype=f'"{d}"', shape="[4]") for d in ("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F9")),
    *(tensor(dtype=f'"{d}"', shape="[2]") for d in ("I16", "U16", "F16", "BF16")), *(tensor(dtype=f'"{d}"') for d in ("I32", "U32", "I64")),
]


def takes(header):
    text = header.encode()
    try:
        safetensors.deserialize(struct.pack("<Q", len(text)) + text + bytes(4))
    except safetensors.SafetensorError:
        return False
    return True


(folder / "headers.json").write_text(json.dumps([[h, takes(h)] for h in headers], indent=0) + "\n")
