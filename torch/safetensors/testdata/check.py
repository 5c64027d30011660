"""Opens what the Go tests wrote with the real safetensors package: python check.py SCRIPTS FOLDER."""

import json
import pathlib
import sys

import safetensors
import safetensors.torch

sys.dont_write_bytecode = True
scripts, folder = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(scripts))
import golden_pt  # noqa: E402

for path in sorted(folder.glob("*.safetensors")):
    with safetensors.safe_open(path, "pt") as f:
        metadata = f.metadata()
    tensors = safetensors.torch.load_file(path)
    seen = {"metadata": metadata, "tree": golden_pt.describe(dict(sorted(tensors.items())))}
    path.with_suffix(".json").write_text(json.dumps(seen))
