"""Writes the golden values of what a GAN plays: objectives, penalties, schedules, whole steps.

    python scripts/golden_gans.py                                # writes gan/method/testdata/gans.json
    python scripts/golden_gans.py steps STEPS DTYPE DEVICE         # steps of every training, to stdout

All of it is plain PyTorch: its loss functions, torch.autograd.grad, its parametrization, its optimizers and schedulers. Numbers
that both sides draw come from golden.py's fill().
"""
import copy
import hashlib
import json
import math
import pathlib
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.parametrizations import spectral_norm

import golden_models
from golden import ROOT, fill, numbers, sample, set_weights

ME = pathlib.Path(__file__)
BATCH, SIDE, CHANNELS, LATENT, WIDTH = 4, 16, 3, 5, 4
DCGAN = dict(latent=LATENT, gen=WIDTH, disc=WIDTH, channels=CHANNELS, side=SIDE)


def generator():
    return nn.Sequential(
        nn.ConvTranspose2d(LATENT, 2 * WIDTH, 4, 1, 0, bias=False), nn.BatchNorm2d(2 * WIDTH), nn.ReLU(),
        nn.ConvTranspose2d(2 * WIDTH, WIDTH, 4, 2, 1, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU(),
        nn.ConvTranspose2d(WIDTH, CHANNELS, 4, 2, 1, bias=False), nn.Tanh())


def discriminator(pack=1):
    return nn.Sequential(
        nn.Conv2d(CHANNELS * pack, WIDTH, 4, 2, 1, bias=False), nn.LeakyReLU(0.2),
        nn.Conv2d(WIDTH, 2 * WIDTH, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * WIDTH), nn.LeakyReLU(0.2),
        nn.Conv2d(2 * WIDTH, 1, 4, 1, 0, bias=False), nn.Flatten(0))


# --- objectives: (D's loss on reals, on fakes, or of pairs; G's loss) ----------------------------------------------------


def bce(logits, label):
    return F.binary_cross_entropy(logits.sigmoid(), torch.full_like(logits, label))


def mse(logits, label):
    return F.mse_loss(logits, torch.full_like(logits, label)) / 2


OBJECTIVES = {
    "minimax": dict(real=bce, fake=lambda l: bce(l, 0.0), gen=lambda f, r: -bce(f, 0.0), probabilities=True),
    "nonsaturating": dict(real=bce, fake=lambda l: bce(l, 0.0), gen=lambda f, r: bce(f, 1.0), probabilities=True),
    "lsgan": dict(real=mse, fake=lambda l: mse(l, 0.0), gen=lambda f, r: mse(f, 1.0)),
    "wasserstein": dict(real=lambda l, _: -l.mean(), fake=lambda l: l.mean(), gen=lambda f, r: -f.mean()),
    "hinge": dict(real=lambda l, _: F.relu(1 - l).mean(), fake=lambda l: F.relu(1 + l).mean(), gen=lambda f, r: -f.mean()),
    "relativistic": dict(pair=lambda r, f: -F.logsigmoid(r - f).mean(), gen=lambda f, r: -F.logsigmoid(f - r).mean()),
}


def objective(o, label):
    real, fake = (fill(1, 7) * 3).requires_grad_(), (fill(2, 7) * 3).requires_grad_()
    d = o["pair"](real, fake) if "pair" in o else o["real"](real, label) + o["fake"](fake)
    d_grads = torch.autograd.grad(d, [real, fake])
    g = o["gen"](fake, real.detach())
    g_grads = torch.autograd.grad(g, [fake])
    return {"label": label, "disc": d.item(), "disc_grads": [numbers(x) for x in d_grads], "gen": g.item(),
            "gen_grad": numbers(g_grads[0])}


# --- penalties: (real, fake, uniforms) -> a term of D's loss ---------------------------------------------------------------


def gradient(disc, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(disc(x).sum(), x, create_graph=True)[0].flatten(1)


def unit(grad, pack):
    return ((grad.reshape(len(grad) // pack, -1).norm(2, dim=1) - 1) ** 2).mean()


def zero(grad, pack):
    return (grad.reshape(len(grad) // pack, -1) ** 2).sum(1).mean() / 2


def each(draw, x):
    return draw(len(x), *[1] * (x.dim() - 1))


def between(disc, real, fake, draw, pack=1):
    e = each(draw, real)
    return unit(gradient(disc, e * real + (1 - e) * fake), pack)


def around(disc, real, fake, draw, pack=1):
    e = each(draw, real)
    d = 0.5 * real.std(correction=0) * draw(*real.shape)
    return unit(gradient(disc, real + e * d), pack)


AROUND = {"gp": between, "dragan": around}


def penalties():
    real, fake = fill(11, 4, CHANNELS, SIDE, SIDE), fill(12, 4, CHANNELS, SIDE, SIDE)
    result = {}
    for name, fn in {
        **AROUND, "r1": lambda d, r, f, draw: zero(gradient(d, r), 1), "r2": lambda d, r, f, draw: zero(gradient(d, f), 1),
    }.items():
        disc = discriminator()
        set_weights(disc, 2002, torch.float64)
        with torch.no_grad():
            for p in disc.parameters():
                p.mul_(5)
        value = fn(disc, real, fake, Draws(5000, uniform))
        grads = torch.autograd.grad(value, list(disc.parameters()), allow_unused=True)
        result[name] = {"value": value.item(), "grads": [numbers(g) if g is not None else [] for g in grads],
                        "buffers": [numbers(b.double()) for b in disc.buffers()]}
    return result


# --- numbers both sides draw ---------------------------------------------------------------------------------------------


def uniform(stream, *shape):
    return (fill(stream, *shape) + 1) / 2


def normal(stream, *shape):
    return fill(stream, *shape) * 1.7


class Draws:
    """The n-th call takes the n-th stream."""

    def __init__(self, first, make, device="cpu", dtype=torch.float64):
        self.next, self.make, self.device, self.dtype = first, make, device, dtype

    def __call__(self, *shape):
        self.next += 1
        return self.make(self.next - 1, *shape).to(self.device, self.dtype)


# --- whole trainings -------------------------------------------------------------------------------------------------------

# Forger's settings, as its presets have them (the first, a run each) and as none has. Beside each, the networks that it is tried
# on: options of golden_models.py's, or dcgan's width.
RUNS = {
    "dcgan": ("model=dcgan loss=nonsaturating optim=adam lr=2e-4 beta1=.5 beta2=.999", DCGAN),
    "gan2014": ("model=mlp init-mean=true loss=nonsaturating simultaneous=true optim=sgd lr=.1 disc-lr=.05 momentum=.5 schedule=exponential "
                "lr-end=.549 momentum-end=.7",
                dict(latent=4, gen=6, disc=5, channels=1, side=7)),
    "wgan": ("model=dcgan loss=wasserstein penalty=clip=.01 disc-steps=5 optim=rmsprop lr=5e-5", DCGAN),
    "wgan-gp": ("model=resnet loss=wasserstein penalty=gp=10 disc-steps=5 optim=adam lr=1e-4 beta1=0 beta2=.9",
                dict(latent=4, gen=3, disc=3, channels=3, side=32)),
    "lsgan": ("model=dcgan loss=lsgan optim=adam lr=2e-4 beta1=.5 beta2=.999", DCGAN),
    "sngan": ("model=resnet loss=hinge spectral-norm=true disc-steps=5 optim=adam lr=2e-4 beta1=0 beta2=.9 schedule=linear",
              dict(latent=4, gen=3, disc=3, channels=3, side=32)),
    "r3gan": ("model=r3gan loss=relativistic penalty=r1=2:.2 penalty=r2=2:.2 optim=adam lr=2e-4 beta1=0 beta2=.99 schedule=cosine "
              "lr-end=.25 ema=.999 ema-warmup=1000", dict(latent=4, gen=8, disc=8, channels=3, side=16)),
    "gaussian1d": ("model=toy prior=uniform01 loss=relativistic penalty=r1=.02:.002 penalty=r2=.02:.002 disc-steps=3 optim=adam lr=2e-3 beta1=0 "
                   "beta2=.99 schedule=cosine lr-end=.01 ema=.999", dict(latent=1, gen=8, disc=8, points=1)),
    "ring8": ("model=toy prior=normal loss=relativistic penalty=r1=.02 penalty=r2=.02 optim=adam lr=2e-3 beta1=0 beta2=.99 "
              "schedule=cosine lr-end=.01 ema=.999", dict(latent=2, gen=8, disc=8, points=2)),
    "smoothed": ("model=dcgan loss=lsgan label-smoothing=.2 instance-noise=.3 pack=2 optim=adam lr=2e-4 beta1=.5 beta2=.999", DCGAN),
    "lazy": ("model=dcgan loss=minimax label-smoothing=.1 penalty=r1=3 penalty-every=4 pack=2 optim=adam lr=2e-4 beta1=.5 beta2=.999 "
             "schedule=cosine lr-end=.1 warmup=3", DCGAN),
    "dragan": ("model=dcgan loss=nonsaturating penalty=dragan=10 penalty=gp=1 spectral-norm=true optim=rmsprop lr=1e-4 momentum=.5", DCGAN),
}


def settings(text):
    """Forger's settings as a dict: numbers where they are, penalties as {name: (weight at the start, at the end)}."""
    o = {"penalty": {}}
    for word in text.split():
        name, value = word.split("=", 1)
        if name == "penalty":
            kind, weight = value.split("=")
            ends = [float(w) for w in weight.split(":")]
            o["penalty"][kind] = (ends[0], ends[-1])
            continue
        try:
            o[name] = float(value)
        except ValueError:
            o[name] = value
    return o


def networks(o, sizes):
    if sizes is not DCGAN:
        return golden_models.MODELS[o["model"]](sizes)
    return generator(), discriminator(int(o.get("pack", 1)))


def optimizer(net, o):
    p = list(net.parameters())
    if o["optim"] == "adam":
        return torch.optim.Adam(p, o["lr"], (o["beta1"], o["beta2"]))
    make = torch.optim.SGD if o["optim"] == "sgd" else torch.optim.RMSprop
    return make(p, o["lr"], momentum=o.get("momentum", 0))


def scheduler(opt, o, steps):
    """The rates of a run of so many steps, by PyTorch's own schedulers."""
    warm, end = int(o.get("warmup", 0)), o.get("lr-end", 0.0)
    rest, kinds = steps - warm, torch.optim.lr_scheduler
    main = {
        "constant": lambda: kinds.ConstantLR(opt, 1.0),
        "linear": lambda: kinds.LinearLR(opt, 1.0, end, rest),
        "cosine": lambda: kinds.CosineAnnealingLR(opt, rest, o["lr"] * end),
        "exponential": lambda: kinds.ExponentialLR(opt, end ** (1 / rest)),
    }[o.get("schedule", "constant")]()
    if not warm:
        return main
    climb = kinds.LinearLR(opt, 1 / warm, 1.0, warm - 1)
    return kinds.SequentialLR(opt, [climb, main], [warm])


def over_run(ends, step, steps, schedule):
    """A number that goes from one to another over a run."""
    t = step / steps
    share = (1 + math.cos(math.pi * t)) / 2 if schedule == "cosine" else 1 - t
    return ends[1] + (ends[0] - ends[1]) * share


class Training:
    def __init__(self, text, sizes, dtype, device):
        self.o, self.dtype, self.device = o, dtype, device = settings(text), dtype, device
        self.pack, self.k, self.ema = int(o.get("pack", 1)), int(o.get("disc-steps", 1)), o.get("ema")
        self.latent = sizes["latent"]
        self.shape = [sizes["points"]] if "points" in sizes else [sizes["channels"], sizes["side"], sizes["side"]]
        self.gen, self.disc = networks(o, sizes)
        if o.get("spectral-norm"):
            self.normalise()
        for net, stream in ((self.gen, 1001), (self.disc, 2001)):
            golden_models.set_weights(net, stream)
            for m in net.modules():
                if isinstance(m, nn.Dropout):
                    m.p = 0.0
        self.gen, self.disc = self.gen.to(device, dtype), self.disc.to(device, dtype)
        self.average = copy.deepcopy(self.gen)
        self.og, self.od = optimizer(self.gen, o), optimizer(self.disc, {**o, "lr": o.get("disc-lr", o["lr"])})
        self.reals, self.latents = self.draws(3000, fill), self.draws(4000, normal)
        self.uniforms, self.blurs = self.draws(5000, uniform), self.draws(6000, normal)

    def draws(self, first, make):
        return Draws(first, make, self.device, self.dtype)

    def normalise(self):
        for i, m in enumerate(m for m in list(self.disc.modules()) if isinstance(m, (nn.Conv2d, nn.Linear))):
            spectral_norm(m)
            for k, b in enumerate((m.parametrizations.weight[0]._u, m.parametrizations.weight[0]._v)):
                b.copy_(F.normalize(fill(7000 + 2 * i + k, len(b)), dim=0))

    def sees(self, x):
        if self.blur:
            x = x + self.blurs(*x.shape) * self.blur
        if self.pack > 1:
            x = x.reshape(len(x) // self.pack, -1, *x.shape[2:])
        return self.disc(x).reshape(-1)

    def rough(self, name, logits, x):
        """r1 or r2 at samples that D has just judged."""
        weight = self.weights.get(name)
        if weight is None:
            return 0.0
        grad = torch.autograd.grad(logits.sum(), x, create_graph=True)[0]
        return weight * zero(grad.flatten(1), self.pack)

    def train_disc(self, real, fake):
        o, loss = self.o, OBJECTIVES[self.o["loss"]]
        params = list(self.disc.parameters())
        self.od.zero_grad()
        real, fake = real.requires_grad_(), fake.detach().requires_grad_()
        on_real = self.sees(real)
        r1 = self.rough("r1", on_real, real)
        on_fake = self.sees(fake)
        r2 = self.rough("r2", on_fake, fake)
        if "pair" in loss:
            value = loss["pair"](on_real, on_fake)
        else:
            value = loss["real"](on_real, 1 - o.get("label-smoothing", 0.0)) + loss["fake"](on_fake)
        total = r1 + r2
        for name in self.weights:
            if name in AROUND:
                total = total + self.weights[name] * AROUND[name](self.sees, real.detach(), fake.detach(), self.uniforms, self.pack)
        (value + total).backward(inputs=params)
        if "simultaneous" not in o:
            self.update_disc()
        score = torch.sigmoid if loss.get("probabilities") else lambda l: l
        return [value.item(), score(on_real).mean().item(), score(on_fake).mean().item(), float(torch.as_tensor(total).detach())]

    def update_disc(self):
        self.od.step()
        if "clip" in self.o["penalty"]:
            bound = self.o["penalty"]["clip"][0]
            with torch.no_grad():
                for p in self.disc.parameters():
                    p.clamp_(-bound, bound)

    def train_gen(self, real, fake):
        loss = OBJECTIVES[self.o["loss"]]
        self.og.zero_grad()
        on_real = None
        if "pair" in loss:
            with torch.no_grad():
                on_real = self.sees(real.detach())
        value = loss["gen"](self.sees(fake), on_real)
        value.backward(inputs=list(self.gen.parameters()))
        if "simultaneous" in self.o:
            self.update_disc()
        self.og.step()
        return value.item()

    def follow(self, step):
        """The averaged generator: its half-life grows over the warm-up."""
        if not self.ema:
            return
        decay = self.ema ** max(1.0, self.o.get("ema-warmup", 0) / (step + 1))
        with torch.no_grad():
            for a, p in zip(self.average.parameters(), self.gen.parameters()):
                a.lerp_(p, 1 - decay)
            for a, b in zip(self.average.buffers(), self.gen.buffers()):
                a.copy_(b)

    def turn(self, step, steps):
        o, schedule = self.o, self.o.get("schedule", "constant")
        self.blur = over_run((o.get("instance-noise", 0.0), 0.0), step, steps, schedule)
        every = int(o.get("penalty-every", 1))
        self.weights = {}
        if step % every == 0:
            for name, ends in o["penalty"].items():
                if name != "clip":
                    self.weights[name] = over_run(ends, step, steps, schedule) * every
        if "momentum-end" in o:
            for opt in (self.og, self.od):
                opt.param_groups[0]["momentum"] = over_run((o["momentum"], o["momentum-end"]), step, steps, schedule)

    def run(self, done, steps=20):
        """done steps of a run of so many: a line [loss_d, d_real, d_fake, penalty (sums over k), loss_g, lr] each."""
        rates = [scheduler(opt, self.o, steps) for opt in (self.og, self.od)]
        log = []
        for step in range(done):
            self.turn(step, steps)
            lr, sums = self.og.param_groups[0]["lr"], [0.0] * 4
            for k in range(self.k):
                real = self.reals(BATCH, *self.shape)
                with torch.set_grad_enabled(k == self.k - 1):
                    fake = self.gen(self.latents(BATCH, self.latent, 1, 1))
                sums = [a + b for a, b in zip(sums, self.train_disc(real, fake))]
            log.append([*sums, self.train_gen(real, fake), lr])
            self.follow(step)
            for r in rates:
                r.step()
        nets = {"gen": self.gen, "disc": self.disc} | ({"average": self.average} if self.ema else {})
        return {"log": log, "state": {f"{name}.{k}": sample(v.double(), 8) for name, net in nets.items() for k, v in net.state_dict().items()}}


def run(name, done, dtype, device="cpu"):
    text, sizes = RUNS[name]
    return {"settings": text.split(), "sizes": sizes, **Training(text, sizes, dtype, device).run(done)}


def main():
    torch.set_num_threads(1)
    stamp = {"script": hashlib.sha256(ME.read_bytes()).hexdigest(), "torch": torch.__version__.split("+")[0]}
    content = {
        "objectives": {name: [objective(o, label) for label in ((1.0, 0.8) if "real" in o else (1.0,))] for name, o in OBJECTIVES.items()},
        "penalties": penalties(),
        "runs": {name: run(name, 10, torch.float64) for name in RUNS},
    }
    path = ROOT / "gan/method/testdata/gans.json"
    path.write_text(json.dumps({**stamp, **content}, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    if sys.argv[1:2] == ["steps"]:
        _, _, steps, dtype, device = sys.argv
        torch.set_num_threads(1)
        print(json.dumps({name: run(name, int(steps), getattr(torch, dtype), device) for name in RUNS}))
    else:
        main()
