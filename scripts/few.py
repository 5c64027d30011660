"""Trains small DCGANs on a few images of a set with and without DiffAugment, the same steps and seeds, and prints a Markdown table: FID
against the whole set in a classifier's features, and how much higher the discriminator's logits are on the images that it was trained on
than on others of the set.

    python scripts/few.py FORGER SPEC [--limit 5000] [--augment color,translation,cutout] [--seeds 0 1 2] [--steps 6000] [--width 16]
                                      [--batch 32] [--threads 1] [--out DIR]

A run that is there already is scored again, and one that was broken off is resumed.
"""
import argparse
import json
import pathlib
import statistics

import numpy as np
import torch

from toys import cpu, run

SIDE = 32


def train(a, flags, seed, out):
    """CPU seconds that the training took."""
    start = cpu()
    if (out / "config.yaml").exists():
        run(a.forger, "train", "--quiet", "--resume", out)
    else:
        run(a.forger, "train", "--quiet", "--data", a.data, "--limit", a.limit, "--size", SIDE, "--gen-width", a.width, "--disc-width", a.width,
            "--batch", a.batch, "--steps", a.steps, "--ema", .99, "--seed", seed, "--threads", a.threads, "--device", "cpu",
            "--on-collapse", "ignore", "--sample-every", 2000, "--checkpoint-every", 2000, "--out", out, *flags)
    return cpu() - start


def images(a, name, *flags):
    """The bytes of training, uint8 [N,H,W,C]."""
    path = a.out / f"{name}.npy"
    if not path.exists():
        run(a.forger, "data", "dump", a.data, path, "--size", SIDE, *flags)
    return np.load(path)


def gap(a, out, seen, unseen):
    """The mean logit on images of the training less that on others."""
    path = out / "discriminator.pt"
    run(a.forger, "export", "--checkpoint", out, "--net", "discriminator", "--format", "torchscript", "--out", path)
    judge = torch.jit.load(path).eval()

    def mean(x):
        with torch.no_grad():
            odds = judge(torch.from_numpy(x).permute(0, 3, 1, 2).float() / 127.5 - 1).reshape(-1)
        return torch.logit(odds.double().clamp(1e-12, 1 - 1e-12)).mean().item()

    return mean(seen) - mean(unseen)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("forger")
    p.add_argument("data", help="a labelled source, such as mnist:DIR")
    p.add_argument("--augment", default="color,translation,cutout")
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    for name, default in (("limit", 5000), ("steps", 6000), ("width", 16), ("batch", 32), ("threads", 1)):
        p.add_argument(f"--{name}", type=int, default=default)
    p.add_argument("--out", type=pathlib.Path, default=pathlib.Path("few"), help="where the runs are kept")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    a.out.mkdir(parents=True, exist_ok=True)
    every = images(a, "all")
    print("| | seed | FID | gap of D | CPU seconds |\n|---|---|---|---|---|")
    fids = {}
    for seed in a.seeds:
        seen = images(a, f"seen-{seed}", "--limit", a.limit, "--seed", seed)
        known = {x.tobytes() for x in seen}
        unseen = np.stack([x for x in every if x.tobytes() not in known])[:2000]
        for name, flags in (("without", []), ("DiffAugment", ["--augment", a.augment])):
            out = a.out / f"{name}-{seed}"
            seconds = train(a, flags, seed, out)
            fid = json.loads(run(a.forger, "eval", "--ema", "--checkpoint", out, "--against", a.data, "--metrics", "fid", "--n", 10000,
                                 "--features", f"classifier:{a.data}", "--json", "-"))["metrics"]["fid"]["value"]
            fids.setdefault(name, []).append(fid)
            print(f"| {name} | {seed} | {fid:.2f} | {gap(a, out, seen[:2000], unseen):.2f} | {seconds:.0f} |", flush=True)
    print("\n" + ", ".join(f"{name}: mean FID {statistics.mean(f):.2f}" for name, f in fids.items()))


if __name__ == "__main__":
    main()
