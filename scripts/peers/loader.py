"""Sets `forger bench --loader-only` beside PyTorch's DataLoader with torchvision's ImageFolder, Resize and CenterCrop, on
the same JPEGs and the same number of workers, in turn.

    python scripts/peers/loader.py FORGER PICTURES [--rounds 3 --images 4000 --workers 2 --size 64]

PICTURES is a folder of photographs; they are brought to 178x218, CelebA's size, as JPEGs of quality 90. PyTorch ends in
ToTensor and Normalize, as in the official example, and once more in uint8, which is what Forger's loader yields: it scales
on the device.
"""
import argparse
import itertools
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import torch
from PIL import Image
from torchvision import datasets, transforms


def prepare(source, folder, n):
    files = sorted(p for p in source.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not files:
        sys.exit(f"loader: {source}: no photographs in it")
    (folder / "all").mkdir(parents=True)
    for i, path in zip(range(n), itertools.cycle(files)):
        Image.open(path).convert("RGB").resize((178, 218), Image.Resampling.BICUBIC).save(folder / "all" / f"{i:06d}.jpg", quality=90)


def ours(a, data, *more):
    command = [a.forger, "bench", "--loader-only", "--data", data, "--size", str(a.size), "--channels", "3", "--workers", str(a.workers),
               "--steps", str(a.images // 64), "--warmup", "8", "--cache", "none", "--json", "-", *more]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"loader: {' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout)["images_per_second"]


def pytorch(a, folder, *last):
    torch.set_num_threads(1)
    steps = [transforms.Resize(a.size), transforms.CenterCrop(a.size), *last]
    loader = torch.utils.data.DataLoader(datasets.ImageFolder(folder, transforms.Compose(steps)), batch_size=64, shuffle=True,
                                         num_workers=a.workers)
    batches = iter(loader)
    for _ in range(8):
        next(batches)
    n, start = 0, time.perf_counter()
    for x, _ in batches:
        n += len(x)
    return n / (time.perf_counter() - start)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("forger")
    p.add_argument("pictures", type=pathlib.Path)
    for name, default in (("rounds", 3), ("images", 4000), ("workers", 2), ("size", 64)):
        p.add_argument(f"--{name}", type=int, default=default)
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, packed = pathlib.Path(scratch) / "pictures", f"{scratch}/pictures.packed"
        prepare(a.pictures, folder, a.images)
        subprocess.run([a.forger, "data", "pack", f"folder:{folder}", packed, "--size", str(a.size)], check=True, stderr=subprocess.DEVNULL)
        usual = transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)
        found = {"PyTorch": [], "PyTorch, bytes": [], "Forger": [], "Forger, --fast-decode": [], "Forger, packed": []}
        for _ in range(a.rounds):
            found["PyTorch"].append(pytorch(a, folder, *usual))
            found["PyTorch, bytes"].append(pytorch(a, folder, transforms.PILToTensor()))
            found["Forger"].append(ours(a, f"folder:{folder}"))
            found["Forger, --fast-decode"].append(ours(a, f"folder:{folder}", "--fast-decode"))
            found["Forger, packed"].append(ours(a, f"packed:{packed}"))
        print(f"{a.images} JPEGs of 178x218 to {a.size}x{a.size}, {a.workers} workers, {a.rounds} rounds\n\n| | images a second | times PyTorch's |\n|---|---|---|")
        for name, rates in found.items():
            ratio = statistics.median(x / y for x, y in zip(rates, found["PyTorch"]))
            print(f"| {name} | {statistics.median(rates):.0f} ({min(rates):.0f}-{max(rates):.0f}) | {ratio:.2f} |")


if __name__ == "__main__":
    main()
