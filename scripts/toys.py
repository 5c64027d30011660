"""Trains a toy's preset once a seed, scores the averaged generator, and prints a Markdown table and how many seeds pass.

    python scripts/toys.py FORGER PRESET [--seeds 0 1 2 ...] [--threads 1] [--out DIR] [--more 'FLAGS OF TRAIN']

gaussian1d passes where the map G is within .1 of the inverse normal distribution function on [.02,.98], up to its sign, JS over
50 intervals of 10,000 samples is below .01, and mean and standard deviation are within .05 of 0 and 1. ring8 and grid25 pass
where 2,500 samples have every mode and 95 % lie within three standard deviations of one (PacGAN's protocol). A run that is
there already is scored again, and one that was broken off is resumed.
"""
import argparse
import json
import pathlib
import resource
import shlex
import statistics
import subprocess
import sys

import numpy as np


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"toys: {shlex.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def cpu():
    """Seconds that finished children have computed, which other work on the machine stretches less than a clock's."""
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime


def train(a, seed, out):
    """CPU seconds that the training took, those before it was broken off not counted."""
    start = cpu()
    if (out / "config.yaml").exists():
        run(a.forger, "train", "--quiet", "--resume", out)
    else:
        run(a.forger, "train", "--quiet", "--preset", a.preset, "--seed", seed, "--threads", a.threads, "--device", "cpu",
            "--sample-every", 10**6, "--checkpoint-every", 10**6, "--log-every", 500, "--out", out, *shlex.split(a.more))
    return cpu() - start


def evaluate(a, out, metric, *more):
    average = [] if a.plain else ["--ema"]
    return json.loads(run(a.forger, "eval", *average, "--checkpoint", out, "--metrics", metric, "--json", "-", *more))["metrics"][metric]


def gaussian(a, out):
    """The largest distance of the map, JS, mean, standard deviation."""
    shares = np.linspace(.02, .98, 961)
    exact = np.array([statistics.NormalDist().inv_cdf(u) for u in shares])
    latents, raw = out / "latents.npy", out / "raw.npy"
    average = [] if a.plain else ["--ema"]
    np.save(latents, shares.astype("float32")[:, None])
    run(a.forger, "sample", *average, "--checkpoint", out, "--latents", latents, "--raw", raw)
    learned = np.load(raw)[:, 0].astype(float)
    run(a.forger, "sample", *average, "--checkpoint", out, "--n", 10000, "--raw", raw)
    drawn = np.load(raw)[:, 0].astype(float)
    far = min(abs(learned - exact).max(), abs(learned + exact).max())
    js = evaluate(a, out, "js", "--n", "10000", "--bins", "50")["value"]
    mean, sd = drawn.mean(), drawn.std()
    passes = far < .1 and js < .01 and abs(mean) < .05 and abs(sd - 1) < .05
    return [f"{far:.3f}", f"{js:.4f}", f"{mean:.3f}", f"{sd:.3f}"], passes


def modes(a, out):
    """Modes covered, share of high quality."""
    m = evaluate(a, out, "modes", "--n", "2500")
    return [f"{m['covered']} of {m['of']}", f"{m['high_quality'] * 100:.1f} %"], m["covered"] == m["of"] and m["high_quality"] >= .95


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("forger")
    p.add_argument("preset", choices=["gaussian1d", "ring8", "grid25"])
    p.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--out", type=pathlib.Path, default=pathlib.Path("toys"), help="where the runs are kept")
    p.add_argument("--more", default="", help="other flags of forger train, which go before the preset")
    p.add_argument("--plain", action="store_true", help="score the generator itself, which is all there is with --more '--ema 0'")
    a = p.parse_args()
    score, heads = (gaussian, ["map", "JS", "mean", "sd"]) if a.preset == "gaussian1d" else (modes, ["modes", "of high quality"])
    a.out.mkdir(parents=True, exist_ok=True)
    print("| seed | " + " | ".join(heads) + " | CPU seconds | passes |\n" + "|---" * (len(heads) + 3) + "|")
    passed = 0
    for seed in a.seeds:
        out = a.out / f"{a.preset}-{seed}"
        seconds = train(a, seed, out)
        cells, passes = score(a, out)
        passed += passes
        print(f"| {seed} | " + " | ".join(cells) + f" | {seconds:.0f} | {'yes' if passes else 'no'} |", flush=True)
    print(f"\n{passed} of {len(a.seeds)} pass")


if __name__ == "__main__":
    main()
