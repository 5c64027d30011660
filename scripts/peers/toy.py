"""A step of the toy networks (ring8) by `forger bench --synthetic` and by PyTorch in turn, several rounds: medians and ratios.

    python scripts/peers/toy.py FORGER [--rounds 5 --steps 2000 --warmup 200 --threads 1 --width 128 --batch 32 256]

"eager" is the step as the official DCGAN example has it, "tuned" with the discriminator's weights frozen in the generator's
update and a fused Adam. A ratio is the median of the rounds' ratios.
"""
import argparse
import json
import statistics
import subprocess
import time

import torch
import torch.nn as nn


def dense(cin, width, cout, act):
    layers = []
    for _ in range(3):
        layers += [nn.Linear(cin, width), act()]
        cin = width
    return nn.Sequential(*layers, nn.Linear(cin, cout))


class Step:
    def __init__(self, width, batch, tuned):
        self.tuned, self.real = tuned, torch.randn(batch, 2)
        self.g, self.d = dense(2, width, 2, lambda: nn.ReLU(True)), dense(2, width, 1, lambda: nn.LeakyReLU(0.2, True))
        make = lambda net: torch.optim.Adam(net.parameters(), 1e-3, (0.0, 0.99), fused=tuned or None)
        self.og, self.od, self.bce = make(self.g), make(self.d), nn.BCEWithLogitsLoss()
        self.ones, self.zeros = torch.ones(batch), torch.zeros(batch)

    def __call__(self):
        self.d.zero_grad()
        self.bce(self.d(self.real).view(-1), self.ones).backward()
        fake = self.g(torch.randn(len(self.real), 2))
        self.bce(self.d(fake.detach()).view(-1), self.zeros).backward()
        self.od.step()
        self.g.zero_grad()
        if self.tuned:
            self.d.requires_grad_(False)
        self.bce(self.d(fake).view(-1), self.ones).backward()
        if self.tuned:
            self.d.requires_grad_(True)
        self.og.step()


def milliseconds(step, steps):
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - start) / steps * 1e3


def forger(program, a, batch):
    command = [program, "bench", "--synthetic", "--model", "toy", "--data", "ring8", "--latent", 2, "--gen-width", a.width, "--disc-width", a.width,
               "--batch", batch, "--beta1", 0, "--beta2", .99, "--lr", 1e-3, "--threads", a.threads, "--device", "cpu",
               "--steps", a.steps, "--warmup", a.warmup, "--json", "-"]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["ms_per_step"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("forger")
    for name, default in (("rounds", 5), ("steps", 2000), ("warmup", 200), ("threads", 1), ("width", 128)):
        p.add_argument(f"--{name}", type=int, default=default)
    p.add_argument("--batch", type=int, nargs="+", default=[32, 256])
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    print(f"PyTorch {torch.__version__}, width {a.width}, depth 3, {a.threads} thread(s), {a.rounds} rounds; ms a step, and times as fast\n")
    print("| batch | Forger | eager | tuned |\n|---|---|---|---|")
    for batch in a.batch:
        peers = {name: Step(a.width, batch, name == "tuned") for name in ("eager", "tuned")}
        for step in peers.values():
            milliseconds(step, a.warmup)
        ours, times = [], {name: [] for name in peers}
        for _ in range(a.rounds):
            ours.append(forger(a.forger, a, batch))
            for name, step in peers.items():
                times[name].append(milliseconds(step, a.steps))
        cells = [f"{statistics.median(t):.3f} ({statistics.median([x / y for x, y in zip(t, ours)]):.2f})" for t in times.values()]
        print(f"| {batch} | {statistics.median(ours):.3f} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
