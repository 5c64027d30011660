"""Runs `forger bench --synthetic` and PyTorch's steps in turn on this machine, several rounds, and prints medians and
ratios as a Markdown table.

    python scripts/peers/compare.py FORGER [--rounds 3 --steps 20 --warmup 4] [--json FILE] [what the step is: --batch ... --device]

Several batch sizes (--batch 64 128) make a table each, and one JSON. A ratio is the median of the rounds' ratios: each round runs every contender once.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

STEP = pathlib.Path(__file__).resolve().parent / "step.py"


def contenders(a):
    """Names and the switches of each; Forger's first."""
    cuda = a.device != "cpu"
    tuned = ["--channels-last", "--frozen", "--fused"]
    peers = {"official": [], "tuned": tuned, "tuned, compiled": tuned + ["--compile"]}
    if cuda:
        peers = {"official": [], "tuned, tf32": tuned + ["--tf32"], "tuned, tf32, compiled": tuned + ["--tf32", "--compile"],
                 "tuned, bf16": tuned + ["--tf32", "--bf16"], "tuned, bf16, compiled": tuned + ["--tf32", "--bf16", "--compile"]}
    ours = {"Forger": []}
    if cuda:
        ours = {"Forger, tf32": ["--precision", "tf32"], "Forger, bf16": ["--precision", "bf16"]}
    if a.without_compile:
        peers = {k: v for k, v in peers.items() if "--compile" not in v}
    return ours, peers


def last_json(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"compare: {' '.join(command)}: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def run_ours(a, batch, switches):
    shape = ["--batch", batch, "--size", a.size, "--channels", a.channels, "--gen-width", a.width, "--disc-width", a.width,
             "--steps", a.steps, "--warmup", a.warmup, "--device", a.device]
    command = [a.forger, "bench", "--synthetic", "--json", "-", *map(str, shape), *switches]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"compare: {' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def run_peer(a, batch, switches):
    shape = ["--batch", batch, "--size", a.size, "--channels", a.channels, "--width", a.width, "--steps", a.steps,
             "--warmup", a.warmup, "--device", a.device]
    return last_json([sys.executable, str(STEP), *map(str, shape), *switches])


def measure(a, batch):
    """Every contender's results of every round, by name."""
    ours, peers = contenders(a)
    found = {name: [] for name in (*ours, *peers)}
    for _ in range(a.rounds):
        for name, switches in ours.items():
            found[name].append(run_ours(a, batch, switches))
        for name, switches in peers.items():
            found[name].append(run_peer(a, batch, switches))
    return found


def table(a, batch, found):
    mine = list(contenders(a)[0])

    def rates(name):
        return [r["images_per_second"] for r in found[name]]

    print(f"{a.size}x{a.size}, {a.channels} channels, width {a.width}, batch {batch}, {a.device}, {a.rounds} rounds of {a.steps} steps\n")
    print("| | images a second | step MiB |" + "".join(f" {n} is faster by |" for n in mine))
    print("|---|---|---|" + "---|" * len(mine))
    for name in found:
        memory = statistics.median(r["peak_mib"] - r["base_mib"] for r in found[name])
        ratios = [" |" if name in mine else f" {statistics.median(x / y for x, y in zip(rates(n), rates(name))):.2f} |" for n in mine]
        print(f"| {name} | {statistics.median(rates(name)):.1f} ({min(rates(name)):.1f}-{max(rates(name)):.1f}) | {memory:.0f} |" + "".join(ratios))
    print(flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("forger")
    for name, default in (("rounds", 3), ("steps", 20), ("warmup", 4), ("size", 64), ("channels", 3), ("width", 64)):
        p.add_argument(f"--{name}", type=int, default=default)
    p.add_argument("--batch", type=int, nargs="+", default=[64])
    p.add_argument("--device", default="cpu")
    p.add_argument("--json")
    p.add_argument("--without-compile", action="store_true", help="leave torch.compile out, which takes minutes")
    a = p.parse_args()
    by_batch = {}
    for batch in a.batch:
        by_batch[batch] = measure(a, batch)
        table(a, batch, by_batch[batch])
    if a.json:
        pathlib.Path(a.json).write_text(json.dumps({"settings": vars(a), "found": by_batch}, indent=1))


if __name__ == "__main__":
    main()
