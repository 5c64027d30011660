"""The DCGAN training step in PyTorch, as users have it or tuned: what `forger bench --synthetic` is measured beside.

    python scripts/peers/step.py [--batch 64 --size 64 --channels 3 --width 64 --steps 50 --warmup 10 --device cpu]
                                 [--channels-last] [--frozen] [--fused] [--bf16] [--tf32] [--compile [MODE]] [--graph]

Without a switch it is the official step (pytorch/examples, dcgan/main.py), with what that file sets on CUDA: cuDNN measures
its kernels, and its convolutions are in TF32, which is PyTorch's default. With switches, products are in float32 unless
--tf32 or --bf16 says otherwise. --graph captures the whole step by hand as one CUDA graph; --compile takes a mode of
torch.compile, such as reduce-overhead. Prints one line of JSON.
"""
import argparse
import contextlib
import json
import statistics
import time

import torch
import torch.nn as nn


def widths(size):
    """Multiples of the width at sides 4, 8, ... size/2."""
    blocks = size.bit_length() - 3
    return [min(2 ** (blocks - 1 - i), 16) for i in range(blocks)]


def generator(size, nz, ngf, nc):
    layers, cin = [], nz
    for i, m in enumerate(widths(size)):
        layers += [nn.ConvTranspose2d(cin, ngf * m, 4, 2 if i else 1, 1 if i else 0, bias=False), nn.BatchNorm2d(ngf * m),
                   nn.ReLU(True)]
        cin = ngf * m
    return nn.Sequential(*layers, nn.ConvTranspose2d(cin, nc, 4, 2, 1, bias=False), nn.Tanh())


def discriminator(size, nc, ndf):
    out = [ndf * m for m in reversed(widths(size))]
    layers = [nn.Conv2d(nc, out[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for a, b in zip(out, out[1:]):
        layers += [nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.Conv2d(out[-1], 1, 4, 1, 0, bias=False), nn.Flatten(0))


def official_init(m):
    if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(m.weight, 0, 0.02)
    elif isinstance(m, nn.BatchNorm2d):
        nn.init.normal_(m.weight, 1, 0.02)


def status(key):
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith(key))


class Step:
    def __init__(self, a):
        self.a, nz = a, 100
        self.g = generator(a.size, nz, a.width, a.channels).to(a.device).apply(official_init)
        self.d = discriminator(a.size, a.channels, a.width).to(a.device).apply(official_init)
        self.real = torch.rand(a.batch, a.channels, a.size, a.size, device=a.device) * 2 - 1
        if a.channels_last:
            self.g, self.d = (m.to(memory_format=torch.channels_last) for m in (self.g, self.d))
            self.real = self.real.contiguous(memory_format=torch.channels_last)
        fused = {"fused": True} if a.fused else {}
        if a.graph:
            fused["capturable"] = True
        self.og = torch.optim.Adam(self.g.parameters(), lr=2e-4, betas=(0.5, 0.999), **fused)
        self.od = torch.optim.Adam(self.d.parameters(), lr=2e-4, betas=(0.5, 0.999), **fused)
        self.params = list(self.d.parameters())
        self.bce = nn.BCELoss()  # the official network ends in a sigmoid
        self.logits = nn.BCEWithLogitsLoss()
        # Four graphs: what is differentiated apart must be compiled apart.
        parts = self.fakes, self.loss_real, self.loss_fake, self.loss_g
        if a.compile:
            parts = [torch.compile(part, mode=a.compile) for part in parts]
        self.make, self.score_real, self.score_fake, self.learn = parts

    def autocast(self):
        a = self.a
        if not a.bf16:
            return contextlib.nullcontext()
        return torch.autocast(torch.device(a.device).type, dtype=torch.bfloat16, cache_enabled=False)

    def loss(self, out, target):
        label = torch.full_like(out, target, dtype=torch.float32)
        if self.a.bf16:  # binary_cross_entropy refuses autocast
            return self.logits(out.float(), label)
        return self.bce(torch.sigmoid(out), label)

    def fakes(self, z):
        with self.autocast():
            return self.g(z)

    def loss_real(self, x):
        with self.autocast():
            out = self.d(x)
        return self.loss(out, 1.0), out

    def loss_fake(self, x):
        with self.autocast():
            out = self.d(x)
        return self.loss(out, 0.0), out

    def loss_g(self, fake):
        with self.autocast():
            out = self.d(fake)
        return self.loss(out, 1.0)

    def freeze(self, on):
        if self.a.frozen:
            for p in self.params:
                p.requires_grad_(not on)

    def __call__(self):
        a = self.a
        if a.compile == "reduce-overhead":  # its graphs may use the last step's memory again
            torch.compiler.cudagraph_mark_step_begin()
        self.od.zero_grad()
        on_real, out_real = self.score_real(self.real)
        on_real.backward()
        fake = self.make(torch.randn(a.batch, 100, 1, 1, device=a.device))
        on_fake, out_fake = self.score_fake(fake.detach())
        on_fake.backward()
        self.od.step()
        self.og.zero_grad()
        self.freeze(True)
        loss = self.learn(fake)
        loss.backward()
        self.freeze(False)
        self.og.step()
        if a.official:  # it reads five numbers back each step
            return [t.detach().float().mean().item() for t in (on_real, on_fake, loss, out_real, out_fake)]


def mathematics(a):
    """What the process computes with. The official file sets cudnn.benchmark and leaves the rest to PyTorch."""
    torch.backends.cudnn.benchmark = a.device != "cpu"
    if not a.official:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = a.tf32


def captured(step):
    """The whole step as one CUDA graph, as PyTorch's notes on CUDA graphs have it: warmed up on a stream of its own."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    step.og.zero_grad()
    step.od.zero_grad()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("batch", 64), ("size", 64), ("channels", 3), ("width", 64), ("steps", 50), ("warmup", 10), ("windows", 10)):
        p.add_argument(f"--{name}", type=int, default=default)
    p.add_argument("--device", default="cpu")
    switches = ("channels-last", "frozen", "fused", "bf16", "tf32", "graph")
    for name in switches:
        p.add_argument(f"--{name}", action="store_true")
    p.add_argument("--compile", nargs="?", const="default")
    a = p.parse_args()
    a.official = not any(getattr(a, s.replace("-", "_")) for s in (*switches, "compile"))
    cuda = a.device != "cpu"
    mathematics(a)
    sync = torch.cuda.synchronize if cuda else lambda: None
    step = Step(a)
    if cuda:
        torch.cuda.reset_peak_memory_stats()
        base = torch.cuda.memory_allocated() / 2**20
    else:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")  # the peak starts here
        base = status("VmRSS")
    if a.graph:
        step = captured(step)
    for _ in range(a.warmup):
        step()
    sync()
    windows, n = [], min(a.windows, a.steps)
    for w in range(n):
        steps = a.steps * (w + 1) // n - a.steps * w // n
        start = time.perf_counter()
        for _ in range(steps):
            step()
        sync()
        windows.append(a.batch * steps / (time.perf_counter() - start))
    peak = torch.cuda.max_memory_allocated() / 2**20 if cuda else status("VmHWM")
    reserved = {"reserved_mib": torch.cuda.memory_reserved() / 2**20} if cuda else {}
    print(json.dumps({
        "images_per_second": statistics.median(windows), "windows": windows, "base_mib": base, "peak_mib": peak,
        "device": a.device, "threads": torch.get_num_threads(), "torch": torch.__version__, **reserved,
    }))


if __name__ == "__main__":
    main()
