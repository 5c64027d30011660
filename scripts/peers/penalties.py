"""A step of the DCGAN with penalised gradients by `forger bench --synthetic` and by PyTorch in turn, several rounds: medians and ratios.

    python scripts/peers/penalties.py FORGER [--games r3gan wgan-gp] [--rounds 3 --steps 10 --warmup 2 --threads 2] [--size 64 --channels 3 --width 64 --batch 64]

"r3gan" is the relativistic loss with R1 and R2, "wgan-gp" the Wasserstein loss with the two-sided penalty and five updates of the
discriminator. "eager" is PyTorch's step as one writes it down; "tuned" has channels_last, the discriminator's weights frozen in
the generator's update, and a fused Adam; "tuned, contiguous" is that without channels_last, which second derivatives do not always
gain by. R1 and R2 share the loss's passes forward on both sides. A ratio is the median of the rounds' ratios.
"""
import argparse
import json
import statistics
import subprocess
import time

import torch
import torch.nn.functional as F

from step import discriminator, generator, official_init

FLAGS = {
    "r3gan": ["--loss", "relativistic", "--penalty", "r1=2", "--penalty", "r2=2"],
    "wgan-gp": ["--loss", "wasserstein", "--penalty", "gp=10", "--disc-steps", 5],
}
KINDS = {"eager": (False, False), "tuned": (True, True), "tuned, contiguous": (True, False)}


class Step:
    def __init__(self, a, game, tuned, channels_last):
        self.batch, self.tuned, self.take = a.batch, tuned, {"r3gan": self.r3gan, "wgan-gp": self.wgan_gp}[game]
        self.g = generator(a.size, 100, a.width, a.channels).apply(official_init)
        self.d = discriminator(a.size, a.channels, a.width).apply(official_init)
        self.real = torch.rand(a.batch, a.channels, a.size, a.size) * 2 - 1
        if channels_last:
            self.g, self.d, self.real = (x.to(memory_format=torch.channels_last) for x in (self.g, self.d, self.real))
        make = lambda net: torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999), fused=tuned or None)
        self.og, self.od = make(self.g), make(self.d)

    def fakes(self):
        return self.g(torch.randn(self.batch, 100, 1, 1))

    def slope(self, x, score):
        """The gradient of D at x, [N,D], with a graph."""
        return torch.autograd.grad(score.sum(), x, create_graph=True)[0].flatten(1)

    def learn_generator(self, loss):
        self.og.zero_grad()
        if self.tuned:
            self.d.requires_grad_(False)
        loss().backward()
        if self.tuned:
            self.d.requires_grad_(True)
        self.og.step()

    def r3gan(self):
        real, fake = self.real.detach().requires_grad_(), self.fakes()
        seen = fake.detach().requires_grad_()
        self.od.zero_grad()
        on_real, on_fake = self.d(real), self.d(seen)
        penalty = sum(self.slope(x, s).square().sum(1).mean() / 2 for x, s in ((real, on_real), (seen, on_fake)))
        (F.softplus(on_fake - on_real).mean() + 2 * penalty).backward()
        self.od.step()
        with torch.no_grad():
            on_real = self.d(self.real)
        self.learn_generator(lambda: F.softplus(on_real - self.d(fake)).mean())

    def wgan_gp(self):
        for k in range(5):
            with torch.set_grad_enabled(k == 4):
                fake = self.fakes()
            seen = fake.detach()
            self.od.zero_grad()
            (-self.d(self.real).mean()).backward()
            self.d(seen).mean().backward()
            share = torch.rand(self.batch, 1, 1, 1)
            between = (share * self.real + (1 - share) * seen).requires_grad_()
            (10 * (self.slope(between, self.d(between)).norm(dim=1) - 1).square().mean()).backward()
            self.od.step()
        self.learn_generator(lambda: -self.d(fake).mean())


def milliseconds(step, steps):
    start = time.perf_counter()
    for _ in range(steps):
        step.take()
    return (time.perf_counter() - start) / steps * 1e3


def forger(a, game):
    command = [a.forger, "bench", "--synthetic", "--device", "cpu", "--json", "-", *FLAGS[game], "--gen-width", a.width, "--disc-width", a.width]
    for name in ("size", "channels", "batch", "threads", "steps", "warmup"):
        command += [f"--{name}", getattr(a, name)]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["ms_per_step"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("forger")
    p.add_argument("--games", nargs="+", choices=list(FLAGS), default=list(FLAGS))
    for name, default in (("rounds", 3), ("steps", 10), ("warmup", 2), ("threads", 2), ("size", 64), ("channels", 3), ("width", 64), ("batch", 64)):
        p.add_argument(f"--{name}", type=int, default=default)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    print(f"PyTorch {torch.__version__}, {a.size}x{a.size}, width {a.width}, batch {a.batch}, {a.threads} thread(s), {a.rounds} rounds; ms a step, and times as fast\n")
    print("| step | Forger | " + " | ".join(KINDS) + " |\n|---|---|" + "---|" * len(KINDS))
    for game in a.games:
        peers = {name: Step(a, game, *kind) for name, kind in KINDS.items()}
        for step in peers.values():
            milliseconds(step, a.warmup)
        ours, times = [], {name: [] for name in peers}
        for _ in range(a.rounds):
            ours.append(forger(a, game))
            for name, step in peers.items():
                times[name].append(milliseconds(step, a.steps))
        cells = [f"{statistics.median(t):.1f} ({statistics.median([x / y for x, y in zip(t, ours)]):.2f})" for t in times.values()]
        print(f"| {game} | {statistics.median(ours):.1f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
