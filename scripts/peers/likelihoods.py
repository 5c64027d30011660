"""The steps of a VAE and of a PixelCNN in PyTorch beside Forger's, interleaved: images a second and the rounds' ratios.

    python scripts/peers/likelihoods.py bin/forger [--rounds 5] [--threads 1]

`eager` is plain PyTorch with Adam, `tuned` has channels_last and a fused Adam. Networks, batch and binarisation are the presets'.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))

import torch
import torch.nn.functional as F

from golden_likelihoods import autoencoder, pixelcnn

PRESETS = {
    "vae": dict(batch=100, steps=300, o=dict(model="mlp", binarize="dynamic"), z=dict(latent=50, gen=200, disc=200, channels=1, side=28, depth=2)),
    "pixelcnn": dict(batch=16, steps=30, o=dict(binarize="dynamic"), z=dict(gen=32, channels=1, side=28, depth=12)),
}


def rate(name, tuned):
    p = PRESETS[name]
    nets = autoencoder(p["o"], p["z"]) if name == "vae" else (pixelcnn(p["o"], p["z"]),)
    layout = torch.channels_last if tuned else torch.contiguous_format
    nets = [n.to(memory_format=layout) for n in nets]
    opt = torch.optim.Adam([q for n in nets for q in n.parameters()], 2e-3, fused=tuned)
    gray = torch.rand(p["batch"], 1, 28, 28).to(memory_format=layout)

    def step():
        x = torch.where(torch.rand_like(gray) < gray, 1.0, -1.0)
        target = (x + 1) / 2
        if name == "vae":
            mean, logvar = nets[0](x).chunk(2, 1)
            z = mean + (logvar / 2).exp() * torch.randn_like(mean)
            said = nets[1](z[:, :, None, None])
            divergence = 0.5 * (mean**2 + logvar.exp() - logvar - 1).sum(1).mean()
        else:
            said, divergence = nets[0](x), 0
        loss = F.binary_cross_entropy_with_logits(said, target, reduction="sum") / len(x) + divergence
        opt.zero_grad()
        loss.backward()
        opt.step()

    for _ in range(max(2, p["steps"] // 10)):
        step()
    start = time.perf_counter()
    for _ in range(p["steps"]):
        step()
    return p["steps"] * p["batch"] / (time.perf_counter() - start)


def forger(program, name, threads):
    with tempfile.NamedTemporaryFile(suffix=".json") as f:
        steps = PRESETS[name]["steps"]
        subprocess.run([program, "bench", "--preset", name, "--synthetic", "--channels", "1", "--device", "cpu", "--threads", str(threads), "--steps", str(steps),
                        "--warmup", str(max(2, steps // 10)), "--json", f.name], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return json.load(open(f.name))["images_per_second"]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("program")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    for name in PRESETS:
        rounds = [{"forger": forger(a.program, name, a.threads), "eager": rate(name, False), "tuned": rate(name, True)} for _ in range(a.rounds)]
        for who in rounds[0]:
            rates = [r[who] for r in rounds]
            print(f"{name} {who}: {statistics.median(rates):.1f} ({min(rates):.1f}-{max(rates):.1f}), forger is faster by "
                  f"{statistics.median(r['forger'] / r[who] for r in rounds):.2f}")


if __name__ == "__main__":
    main()
