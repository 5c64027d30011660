"""Writes ten steps, by PyTorch, of presets whose recipe has changed since golden_gans.py was written: they stand before that file's of
their names.

    python scripts/golden_recipes.py                             # writes gan/method/testdata/recipes.json
    python scripts/golden_recipes.py steps STEPS DTYPE DEVICE    # prints so many steps, for what is compared live
"""
import hashlib
import json
import pathlib
import sys

import torch

import golden_gans

ME = pathlib.Path(__file__).resolve()
OUT = ME.parent.parent / "gan" / "method" / "testdata" / "recipes.json"

golden_gans.RUNS = {
    "gaussian1d": ("model=toy prior=uniform01 loss=relativistic penalty=r1=.02:.002 penalty=r2=.02:.002 disc-steps=3 optim=adam lr=2e-3 beta1=0 "
                   "beta2=.99 schedule=cosine lr-end=.01 ema=.999", dict(latent=1, gen=8, disc=8, points=1)),
}


def steps(done, dtype, device="cpu"):
    return {name: golden_gans.run(name, done, dtype, device) for name in golden_gans.RUNS}


def main():
    stamp = {"script": hashlib.sha256(ME.read_bytes()).hexdigest(), "torch": torch.__version__.split("+")[0]}
    OUT.write_text(json.dumps({**stamp, "runs": steps(10, torch.float64)}, separators=(",", ":")) + "\n")
    print(f"{OUT.name}: {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["steps"]:
        _, _, count, dtype, device = sys.argv
        print(json.dumps(steps(int(count), getattr(torch, dtype), device)))
    else:
        main()
