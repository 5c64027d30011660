"""Runs `forger bench --synthetic` and PyTorch's steps in turn on this machine, several rounds, and prints medians and
ratios as a Markdown table.

    python scripts/peers/compare.py FORGER [--rounds 3 --steps 20 --warmup 4] [--json FILE] [--seconds N] [what the step is: --batch ... --device]

Several batch sizes (--batch 64 128) make a table each, and one JSON, which is written anew after each measurement. A ratio is
the median of the rounds' ratios: each round runs every contender once. What --seconds leaves no time for is left out.
On CUDA, memory is what tensors take at most beyond what they took before the first step, and what the allocator holds at the end.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

STEP = pathlib.Path(__file__).resolve().parent / "step.py"


def contenders(a):
    """Names and the switches of each; Forger's first, and last what takes longest to start."""
    tuned = ["--channels-last", "--frozen", "--fused"]
    if a.device == "cpu":
        ours = {"Forger": []}
        peers = {"official": [], "tuned": tuned, "tuned, compiled": tuned + ["--compile"]}
    else:
        ours = {f"Forger, {p}": ["--precision", p] for p in ("tf32", "bf16")}
        exact = {"tf32": ["--tf32"], "bf16": ["--tf32", "--bf16"]}
        ways = {"": [], ", captured": ["--graph"], ", compiled": ["--compile"], ", reduce-overhead": ["--compile", "reduce-overhead"]}
        peers = {"official": []} | {f"tuned, {p}{way}": tuned + exact[p] + ways[way] for way in ways for p in exact}
    if a.without_compile:
        peers = {k: v for k, v in peers.items() if "--compile" not in v}
    return ours, peers


def last_json(command, seconds):
    """What a command says, or why it failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return None, "no time was left for it"
    if done.returncode:
        return None, f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1:]}"
    text = done.stdout.strip()
    return json.loads(text if text.startswith("{\n") else text.splitlines()[-1]), None


def command(a, batch, name, switches):
    ours = name in contenders(a)[0]
    shape = ["--batch", batch, "--size", a.size, "--channels", a.channels, "--steps", a.steps, "--warmup", a.warmup, "--device", a.device]
    if ours:
        shape += ["--gen-width", a.width, "--disc-width", a.width]
        return [a.forger, "bench", "--synthetic", "--json", "-", *map(str, shape), *switches]
    return [sys.executable, str(STEP), *map(str, shape), "--width", str(a.width), *switches]


def measure(a, batch, found, keep):
    """Adds every contender's result of every round to found, by name."""
    ours, peers = contenders(a)
    broken = {}
    for _ in range(a.rounds):
        for name, switches in {**ours, **peers}.items():
            left = a.end - time.monotonic() if a.end else None
            if name in broken or left is not None and left < 1:
                continue
            result, why = last_json(command(a, batch, name, switches), left)
            if why:
                if name in ours or not a.end:
                    sys.exit(f"compare: {why}")
                broken[name] = why
                continue
            found.setdefault(name, []).append(result)
            keep()
    return broken


def ratio(mine, other):
    """The median of the rounds' ratios."""
    return statistics.median(x["images_per_second"] / y["images_per_second"] for x, y in zip(mine, other))


def table(a, batch, found, broken):
    mine = [n for n in contenders(a)[0] if n in found]
    cuda = a.device != "cpu"
    print(f"{a.size}x{a.size}, {a.channels} channels, width {a.width}, batch {batch}, {a.device}, {a.rounds} rounds of {a.steps} steps\n")
    print("| | images a second | step MiB |" + " reserved MiB |" * cuda + "".join(f" {n} is faster by |" for n in mine))
    print("|---|---|---|" + "---|" * (cuda + len(mine)))
    for name, results in found.items():
        rates = [r["images_per_second"] for r in results]
        line = f"| {name} | {statistics.median(rates):.1f} ({min(rates):.1f}-{max(rates):.1f}) |"
        line += f" {statistics.median(r['peak_mib'] - r['base_mib'] for r in results):.0f} |"
        if cuda:
            line += f" {statistics.median(r['reserved_mib'] for r in results):.0f} |"
        print(line + "".join(" |" if name in mine else f" {ratio(found[n], results):.2f} |" for n in mine))
    for name in contenders(a)[1]:
        if name not in found:
            print(f"\n{name}: not measured: {broken.get(name, 'no time was left for it')}")
    print(flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("forger")
    for name, default in (("rounds", 3), ("steps", 20), ("warmup", 4), ("size", 64), ("channels", 3), ("width", 64), ("seconds", 0)):
        p.add_argument(f"--{name}", type=int, default=default)
    p.add_argument("--batch", type=int, nargs="+", default=[64])
    p.add_argument("--device", default="cpu")
    p.add_argument("--json")
    p.add_argument("--without-compile", action="store_true", help="leave torch.compile out, which takes minutes")
    a = p.parse_args()
    settings = dict(vars(a))
    a.end = time.monotonic() + a.seconds if a.seconds else None
    by_batch = {batch: {} for batch in a.batch}

    def keep():
        if a.json:
            new = a.json + ".new"
            pathlib.Path(new).write_text(json.dumps({"settings": settings, "found": by_batch}, indent=1))
            os.replace(new, a.json)

    for batch in a.batch:
        broken = measure(a, batch, by_batch[batch], keep)
        table(a, batch, by_batch[batch], broken)


if __name__ == "__main__":
    main()
