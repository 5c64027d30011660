"""Writes gan/method/testdata/labels.json: conditional GANs in plain PyTorch, their keys, and ten steps of their training.

Written down from the papers: labels beside latent and image (Mirza and Osindero 2014), conditional batch normalisation and the
projection discriminator (Miyato and Koyama 2018), the auxiliary classifier (Odena et al. 2017).
"""
import hashlib
import json
import pathlib

import torch
import torch.nn as nn
import torch.nn.functional as F

import golden_gans
import golden_models
from golden import ROOT, sample
from golden_gans import BATCH, DCGAN, OBJECTIVES, Training, discriminator, generator

ME = pathlib.Path(__file__)
CLASSES = 3


class Cell:
    """The labels of the batch that is trained on."""

    y = None

    def hot(self, x):
        return F.one_hot(self.y, CLASSES).to(x.dtype)


class Beside(nn.Module):
    """A network that takes one-hot labels beside its input, as channels or as numbers."""

    def __init__(self, net, cell, flat=False):
        super().__init__()
        self.main, self.cell, self.flat = net, cell, flat

    def forward(self, x):
        hot = self.cell.hot(x)
        if self.flat:
            x = x.flatten(1)
        elif x.dim() == 4:
            hot = hot[:, :, None, None].expand(-1, -1, *x.shape[2:])
        return self.main(torch.cat([x, hot], 1))


class ConditionalNorm(nn.Module):
    def __init__(self, channels, cell):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain, self.shift = nn.Embedding(CLASSES, channels), nn.Embedding(CLASSES, channels)
        self.cell = cell

    def forward(self, x):
        return self.norm(x) * self.gain(self.cell.y)[:, :, None, None] + self.shift(self.cell.y)[:, :, None, None]


class Projection(nn.Module):
    def __init__(self, net, features, cell):
        super().__init__()
        layers = [m for m in net if not (isinstance(m, nn.Flatten) and m.start_dim == 0)]
        self.main = nn.Sequential(*layers)
        self.classes, self.cell = nn.Embedding(CLASSES, features), cell

    def forward(self, x):
        h = self.main[:-1](x)
        return self.main[-1](h).reshape(-1) + (self.classes(self.cell.y) * h.flatten(1)).sum(1)


class Auxiliary(nn.Module):
    def __init__(self, net, features):
        super().__init__()
        self.main = nn.Sequential(*[m for m in net if not (isinstance(m, nn.Flatten) and m.start_dim == 0)])
        self.classes = nn.Linear(features, CLASSES)

    def forward(self, x):
        h = self.main[:-1](x)
        self.named = self.classes(h.flatten(1))
        return self.main[-1](h).reshape(-1)


def renormed(net, cell):
    for name, m in net.named_modules():
        for key, child in m.named_children():
            if isinstance(child, nn.BatchNorm2d) and not isinstance(m, ConditionalNorm):
                setattr(m, key, ConditionalNorm(child.num_features, cell))
    return net


def wider(sizes, **more):
    return {**sizes, **{k: sizes[k] + v for k, v in more.items()}}


def networks(o, sizes, cell):
    """Generator and discriminator of a way to learn the labels."""
    way, model = o["conditional"], o["model"]

    def plain(latent=0, channels=0, flat=0):
        if model == "dcgan":
            gen, disc = generator(), discriminator()
            gen[0] = nn.ConvTranspose2d(DCGAN["latent"] + latent, gen[0].out_channels, 4, 1, 0, bias=False)
            disc[0] = nn.Conv2d(DCGAN["channels"] + channels, disc[0].out_channels, 4, 2, 1, bias=False)
            return gen, disc
        gen, _ = golden_models.MODELS[model](wider(sizes, latent=latent))
        _, disc = golden_models.MODELS[model](wider(sizes, channels=channels))
        if flat:  # the first layer behind Shares, Flatten and Dropout
            disc[3] = nn.Linear(disc[3].in_features + flat, disc[3].out_features)
        return gen, disc

    dense = model == "mlp"
    if way == "concat":
        gen, disc = plain(CLASSES, 0 if dense else CLASSES, CLASSES if dense else 0)
        return Beside(gen, cell), Beside(disc, cell, dense)
    gen, disc = plain(CLASSES)
    last = [m for m in disc if isinstance(m, (nn.Conv2d, nn.Linear))][-1]
    features = last.weight[0].numel()
    if way == "projection":
        return Beside(gen if dense else renormed(gen, cell), cell), Projection(disc, features, cell)
    return Beside(gen, cell), Auxiliary(disc, features)


class Labelled(Training):
    def __init__(self, text, sizes, dtype, device):
        self.cell, self.batches = Cell(), 0
        golden_gans.networks = lambda o, sizes: networks(o, sizes, self.cell)
        super().__init__(text, sizes, dtype, device)
        reals = self.reals

        def labelled(*shape):
            self.cell.y = torch.tensor([(self.batches + i * i) % CLASSES for i in range(BATCH)])
            self.batches += 1
            return reals(*shape)

        self.reals = labelled

    def normalise(self):
        for i, m in enumerate(m for m in list(self.disc.modules()) if isinstance(m, (nn.Conv2d, nn.Linear, nn.Embedding))):
            golden_gans.spectral_norm(m)
            for k, b in enumerate((m.parametrizations.weight[0]._u, m.parametrizations.weight[0]._v)):
                b.copy_(F.normalize(golden_gans.fill(7000 + 2 * i + k, len(b)), dim=0))


class Named(Labelled):
    """The auxiliary classifier's: cross entropy on reals and fakes for D, on fakes for G."""

    def named(self):
        logits = self.disc.named
        return F.cross_entropy(logits, self.cell.y), (logits.argmax(1) == self.cell.y).to(torch.float64).mean().item()

    def train_disc(self, real, fake):
        loss = OBJECTIVES[self.o["loss"]]
        self.od.zero_grad()
        on_real = self.sees(real)
        by_real, right_real = self.named()
        on_fake = self.sees(fake.detach())
        by_fake, right_fake = self.named()
        value = loss["real"](on_real, 1.0) + loss["fake"](on_fake)
        (value + by_real + by_fake).backward()
        self.od.step()
        score = torch.sigmoid if loss.get("probabilities") else lambda l: l
        return [value.item(), score(on_real).mean().item(), score(on_fake).mean().item(), right_real, right_fake]

    def train_gen(self, real, fake):
        self.og.zero_grad()
        value = OBJECTIVES[self.o["loss"]]["gen"](self.sees(fake), None)
        (value + self.named()[0]).backward(inputs=list(self.gen.parameters()))
        self.og.step()
        return value.item()

    def run(self, done, steps=20):
        log = []
        for step in range(done):
            self.turn(step, steps)
            real = self.reals(BATCH, *self.shape)
            fake = self.gen(self.latents(BATCH, self.latent, 1, 1))
            log.append([*self.train_disc(real, fake), self.train_gen(real, fake), self.og.param_groups[0]["lr"]])
        return {"log": log, "state": {f"{name}.{k}": sample(v.double(), 8) for name, net in {"gen": self.gen, "disc": self.disc}.items()
                                      for k, v in net.state_dict().items()}}


ADAM = "optim=adam lr=2e-4 beta1=.5 beta2=.999"
MLP = dict(latent=4, gen=6, disc=5, channels=1, side=7)
RESNET = dict(latent=4, gen=3, disc=3, channels=3, side=32)
RUNS = {
    "dcgan concat": (f"model=dcgan conditional=concat loss=nonsaturating penalty=r1=1 disc-steps=2 {ADAM}", DCGAN),
    "dcgan projection": (f"model=dcgan conditional=projection loss=hinge penalty=gp=1 {ADAM}", DCGAN),
    "dcgan auxiliary": (f"model=dcgan conditional=auxiliary loss=nonsaturating {ADAM}", DCGAN),
    "mlp concat": (f"model=mlp conditional=concat loss=relativistic {ADAM}", MLP),
    "mlp projection": (f"model=mlp conditional=projection loss=nonsaturating {ADAM}", MLP),
    "mlp auxiliary": (f"model=mlp conditional=auxiliary loss=nonsaturating {ADAM}", MLP),
    "resnet concat": (f"model=resnet conditional=concat loss=hinge {ADAM}", RESNET),
    "resnet projection": (f"model=resnet conditional=projection loss=hinge spectral-norm=true {ADAM}", RESNET),
    "resnet auxiliary": ("model=resnet conditional=auxiliary loss=hinge optim=sgd lr=.01", RESNET),
}


def run(text, sizes):
    kind = Named if "auxiliary" in text else Labelled
    done = kind(text, sizes, torch.float64, "cpu").run(10)
    done["state"] = {k.replace(".main.", "."): v for k, v in done["state"].items()}
    return {"settings": text.split(), "sizes": sizes, **done}


def main():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    content = {"script": hashlib.sha256(ME.read_bytes()).hexdigest(), "torch": torch.__version__.split("+")[0],
               "classes": CLASSES, "runs": {name: run(*of) for name, of in RUNS.items()}}
    path = ROOT / "gan/method/testdata/labels.json"
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n")
    print(path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
