"""Puts PyTorch's networks in the place of Forger's, in files that a run can start from; a test starts runs from them.

    python scripts/write_weights.py DIR   (DIR/cases.json: a case each with the checkpoint of a run of its networks)

DIR/CASE gets {NET.{pth,safetensors},short-NET.pth} with a file for each network, of which the short one has lost its first
tensor, and whole.pt, the checkpoint with these networks.
"""
import json
import pathlib
import sys

import safetensors.torch
import torch

from golden_likelihoods import sow
from open_likelihoods import networks


def main():
    folder, written = pathlib.Path(sys.argv[1]), {}
    for name, case in json.loads((folder / "cases.json").read_text()).items():
        files = folder / name
        files.mkdir()
        whole = torch.load(case["checkpoint"], weights_only=True)
        for i, (net, module) in enumerate(networks(case).items()):
            sow(module, 101 + 1000 * i)
            values = module.state_dict()
            state = {key: values.pop(key.removeprefix("main.")) for key in whole[net]}
            assert not values, f"{name}: {net}: not in the checkpoint: {list(values)}"
            torch.save(state, files / f"{net}.pth")
            safetensors.torch.save_file(state, files / f"{net}.safetensors")
            torch.save(dict(list(state.items())[1:]), files / f"short-{net}.pth")
            whole[net] = state
            written[f"{name}/{net}"] = next(iter(state))
        torch.save(whole, files / "whole.pt")
    print(json.dumps(written))


if __name__ == "__main__":
    main()
