"""Trains small DCGANs on stacked MNIST (1,000 modes) by two games, the same steps and seeds, and prints a Markdown table of the modes that
a classifier finds among 10,000 samples of the averaged generator, and KL(generated || real) of their frequencies.

    python scripts/stacked.py FORGER MNIST [--seeds 0 1 2] [--steps 1500] [--width 16] [--batch 32] [--threads 1] [--out DIR]

The games are the non-saturating loss alone, and the relativistic one with R1 and R2. A run that is there already is scored again, and one
that was broken off is resumed.
"""
import argparse
import json
import pathlib

from toys import cpu, run

GAMES = {
    "non-saturating": [],
    "relativistic, R1 + R2": ["--loss", "relativistic", "--penalty", "r1=1", "--penalty", "r2=1"],
}


def train(a, flags, seed, out):
    """CPU seconds that the training took."""
    start = cpu()
    if (out / "config.yaml").exists():
        run(a.forger, "train", "--quiet", "--resume", out)
    else:
        run(a.forger, "train", "--quiet", "--data", f"stacked-mnist:{a.mnist}", "--size", 32, "--gen-width", a.width, "--disc-width", a.width,
            "--batch", a.batch, "--steps", a.steps, "--ema", .99, "--seed", seed, "--threads", a.threads, "--device", "cpu",
            "--on-collapse", "ignore", "--sample-every", 10**6, "--checkpoint-every", 500, "--out", out, *flags)
    return cpu() - start


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("forger")
    p.add_argument("mnist", type=pathlib.Path, help="the directory of MNIST's files")
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    for name, default in (("steps", 1500), ("width", 16), ("batch", 32), ("threads", 1)):
        p.add_argument(f"--{name}", type=int, default=default)
    p.add_argument("--out", type=pathlib.Path, default=pathlib.Path("stacked"), help="where the runs are kept")
    a = p.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    print("| game | seed | modes of 1,000 | KL | CPU seconds |\n|---|---|---|---|---|")
    for seed in a.seeds:
        for game, flags in GAMES.items():
            out = a.out / f"{game.split(',')[0]}-{seed}"
            seconds = train(a, flags, seed, out)
            m = json.loads(run(a.forger, "eval", "--ema", "--checkpoint", out, "--metrics", "stacked", "--features", f"classifier:mnist:{a.mnist}",
                               "--json", "-"))["metrics"]["stacked"]
            kl = "infinite" if m["kl"] is None else f"{m['kl']:.2f}"
            print(f"| {game} | {seed} | {m['found']} | {kl} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
