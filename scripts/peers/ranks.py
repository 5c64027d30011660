"""Images a second of one training on the CPU by one rank of two threads, and by two ranks of one thread each under torchrun, in turn,
several rounds: medians and the ratio as a Markdown table. The ratio is the median of the rounds' ratios.

    python scripts/peers/ranks.py FORGER [--rounds 5 --steps 60 --log-every 10] [--size 32 --width 64 --batch 64] [--sync-bn]

The Python is one with torch, whose torchrun starts the ranks. A training is a DCGAN on the embedded glyphs; its figure is the median of
metrics.jsonl's images a second, but for the first line, in which libtorch starts.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
CONTENDERS = {"one rank, two threads": ([], 2), "two ranks, one thread each": (TORCHRUN, 1)}


def rate(a, launcher, threads):
    """Images a second of one training."""
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        command = [*launcher, a.forger, "train", "--quiet", "--data", "glyphs", "--device", "cpu", "--layout", "channels_last", "--size", a.size, "--gen-width", a.width,
                   "--disc-width", a.width, "--batch", a.batch, "--threads", threads, "--steps", a.steps, "--log-every", a.log_every, "--out", run]
        done = subprocess.run([str(c) for c in command] + ["--sync-bn"] * a.sync_bn, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"ranks: {' '.join(map(str, command))}: {done.stderr.strip()}")
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return statistics.median(line["images_per_second"] for line in lines[1:])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("forger")
    for name, default in (("rounds", 5), ("steps", 60), ("log-every", 10), ("size", 32), ("width", 64), ("batch", 64)):
        p.add_argument(f"--{name}", type=int, default=default)
    p.add_argument("--sync-bn", action="store_true")
    a = p.parse_args()
    if a.steps < 2 * a.log_every:
        p.error("--steps must be twice --log-every at least: the first line does not count")
    found = {name: [] for name in CONTENDERS}
    for _ in range(a.rounds):
        for name, (launcher, threads) in CONTENDERS.items():
            found[name].append(rate(a, launcher, threads))
    alone, _ = found.values()
    print(f"{a.size}x{a.size}, width {a.width}, batch {a.batch}{', --sync-bn' * a.sync_bn}, {a.rounds} rounds of {a.steps} steps\n")
    print("| | images a second | times one rank's |\n|---|---|---|")
    for name, rates in found.items():
        ratio = statistics.median(x / y for x, y in zip(rates, alone))
        print(f"| {name} | {statistics.median(rates):.1f} ({min(rates):.1f}-{max(rates):.1f}) | {ratio:.2f} |")


if __name__ == "__main__":
    main()
