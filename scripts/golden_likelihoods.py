"""Writes gan/method/testdata/likelihoods.json: distributions of pixels, and whole trainings of VAEs and PixelCNNs in plain
PyTorch.

    python scripts/golden_likelihoods.py

Masks are made from the order in which an image's numbers are told, number by number. The discretised logistic distribution is a
difference of two sigmoids by their logarithms. Numbers that both sides draw come from golden.py's fill(). With conditional=concat
a VAE takes one-hot labels beside image and latent, and a PixelCNN has a bias by class (van den Oord et al. 2016, Conditional
image generation with PixelCNN decoders).
"""
import copy
import hashlib
import json
import math
import pathlib

import torch
import torch.nn as nn
import torch.nn.functional as F

from golden import ROOT, Residual, fill, numbers, sample
from golden_gans import Draws, normal, optimizer, scheduler, uniform
from golden_labels import CLASSES, Cell
from golden_models import Shares

ME = pathlib.Path(__file__)
BATCH, LENGTH = 4, 20
LABELS = Cell()  # of the images that networks are asked of


# --- distributions ---------------------------------------------------------------------------------------------------------


def levels(x):
    """256 levels from -1 to 1, the ends often met."""
    return torch.round((1.2 * x).clamp(-1, 1).add(1) * 127.5) / 127.5 - 1


def bernoulli(logits, x):
    return -F.binary_cross_entropy(logits.sigmoid(), (x + 1) / 2, reduction="none").flatten(1).sum(1)


def logistic(mean, log_scale, x):
    """log of the probability that a logistic variable, rounded to 256 levels, is x."""
    scale = log_scale.clamp(min=-7).exp()
    above, below = (x + 1 / 255 - mean) / scale, (x - 1 / 255 - mean) / scale
    swap = above + below > 0  # sigmoid(a) - sigmoid(b) = sigmoid(-b) - sigmoid(-a), where both are near 1
    a, b = torch.where(swap, -below, above), torch.where(swap, -above, below)
    inner = F.logsigmoid(a) + torch.log(-torch.expm1(F.logsigmoid(b) - F.logsigmoid(a)))
    log = torch.where(x < -0.999, F.logsigmoid(above), torch.where(x > 0.999, F.logsigmoid(-below), inner))
    return log.flatten(1).sum(1)


def distributions():
    """Values and gradients, from scales of a hundredth of a level to those of many images."""
    x, said = levels(fill(1, 3, 2, 4, 4)), (fill(2, 3, 2, 4, 4) * 1.5).requires_grad_()
    black = torch.where(x >= 0, 1.0, -1.0)
    value = bernoulli(said, black)
    result = {"bernoulli": {"value": numbers(value), "grads": [numbers(torch.autograd.grad(value.sum(), said)[0])]}, "logistic": {}}
    for shift in (-8.0, -4.0, -1.0, 1.0, 5.0):
        scale = (fill(3, 3, 2, 4, 4) + shift).requires_grad_()
        value = logistic(said, scale, x)
        result["logistic"][str(int(shift))] = {"value": numbers(value), "grads": [numbers(g) for g in torch.autograd.grad(value.sum(), [said, scale])]}
    return result


# --- networks ----------------------------------------------------------------------------------------------------------------


def dense(cin, width, cout, depth):
    layers = []
    for _ in range(depth):
        layers += [nn.Linear(cin, width), nn.Tanh()]
        cin = width
    return layers + [nn.Linear(cin, cout)]


class Beside(nn.Sequential):
    """A network that takes one-hot labels beside its input, as channels or as numbers, where it is told them."""

    def __init__(self, net, told, flat=False):
        super().__init__(*net)
        self.told, self.flat = told, flat

    def forward(self, x):
        if self.told:
            hot = LABELS.hot(x)
            x = torch.cat([x.flatten(1), hot], 1) if self.flat else torch.cat([x, hot[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)
        return super().forward(x)


class Scaled(Beside):
    """A decoder of means with a logistic scale a channel."""

    def __init__(self, net, told, channels):
        super().__init__(net, told)
        self.log_scale = nn.Parameter(torch.full((1, channels, 1, 1), -1.0))

    def state_dict(self, *args, **kwargs):  # log_scale last, as forger has it
        state = super().state_dict(*args, **kwargs)
        state.move_to_end("log_scale")
        return state


def autoencoder(o, z):
    side, channels, depth, told = z["side"], z["channels"], z.get("depth", 2), "conditional" in o
    more = CLASSES if told else 0
    if o["model"] == "mlp":
        size = channels * side * side
        encoder = [Shares(), nn.Flatten(), *dense(size + more, z["disc"], 2 * z["latent"], depth)]
        decoder = [nn.Flatten(), *dense(z["latent"] + more, z["gen"], size, depth), nn.Unflatten(1, (channels, side, side))]
    else:  # the DCGAN of 16x16
        e, g, latent = z["disc"], z["gen"], z["latent"]
        encoder = [nn.Conv2d(channels + more, e, 4, 2, 1, bias=False), nn.LeakyReLU(0.2), nn.Conv2d(e, 2 * e, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * e),
                   nn.LeakyReLU(0.2), nn.Conv2d(2 * e, 2 * latent, 4, 1, 0, bias=False), nn.Flatten()]
        decoder = [nn.ConvTranspose2d(latent + more, 2 * g, 4, 1, 0, bias=False), nn.BatchNorm2d(2 * g), nn.ReLU(),
                   nn.ConvTranspose2d(2 * g, g, 4, 2, 1, bias=False), nn.BatchNorm2d(g), nn.ReLU(),
                   nn.ConvTranspose2d(g, channels, 4, 2, 1)]
    binary = o.get("binarize", "none" if channels == 3 else "dynamic") != "none"
    return Beside(encoder, told, flat=o["model"] == "mlp"), Beside(decoder, told) if binary else Scaled(decoder, told, channels)


def mask(cout, cin, size, sees, colours, parts):
    """1 where output channel o may see channel i at a place: sees(row, column, earlier colours) of the place and the channels."""
    m = torch.zeros(cout, cin, *size)
    for o in range(cout):
        mine = (o % (cout // parts)) * colours // (cout // parts)
        for i in range(cin):
            for y in range(size[0]):
                for x in range(size[1]):
                    m[o, i, y, x] = float(sees((y - size[0] // 2, x - size[1] // 2), i * colours // cin, mine))
    return m


BEFORE = lambda place, theirs, mine: place < (0, 0) or place == (0, 0) and theirs < mine
UP_TO = lambda place, theirs, mine: place < (0, 0) or place == (0, 0) and theirs <= mine
ABOVE = lambda place, theirs, mine: place[0] < 0
WHOLE = lambda place, theirs, mine: place[0] <= 0


class Masked(nn.Conv2d):
    def __init__(self, cin, cout, size, sees, colours, parts=1):
        super().__init__(cin, cout, size, padding=(size[0] // 2, size[1] // 2))
        self.register_buffer("mask", mask(cout, cin, size, sees, colours, parts))

    def forward(self, x):
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


def masked(cin, cout, size, sees, colours, parts=1):
    m = Masked(cin, cout, size, sees, colours, parts)
    return nn.Conv2d(cin, cout, size, padding=m.padding) if bool(m.mask.all()) else m


def by_class(told, conv):
    """conv, and where it is told labels a bias for each of them."""
    if told:
        conv.classes = nn.Embedding(CLASSES, conv.out_channels)
        conv.register_forward_hook(lambda m, _, y: y + m.classes(LABELS.y)[:, :, None, None])
    return conv


class Gated(nn.Module):
    """A layer of the two stacks: (v, h) -> (v, h)."""

    def __init__(self, cin, width, size, down, along, colours, told):
        super().__init__()
        self.vertical = by_class(told, masked(cin, 2 * width, (size, size), down, colours))
        self.link = nn.Conv2d(2 * width, 2 * width, 1)
        self.horizontal = by_class(told, masked(cin, 2 * width, (1, size), along, colours, 2))
        self.out = masked(width, width, (1, 1), UP_TO, colours)

    def forward(self, v, h):
        v = self.vertical(v)
        along = self.horizontal(h) + self.link(v)
        out = self.out(self.gate(along))
        return self.gate(v), out + h

    @staticmethod
    def gate(x):
        a, b = x.chunk(2, 1)
        return torch.tanh(a) * torch.sigmoid(b)


class Stacks(nn.ModuleList):
    def forward(self, x):
        v = self[0].vertical(x)
        h = self[0].out(Gated.gate(self[0].horizontal(x) + self[0].link(v)))  # no sum: it must not see the pixel
        v = Gated.gate(v)
        for layer in self[1:]:
            v, h = layer(v, h)
        return h


def pixelcnn(o, z):
    channels, width, depth, told = z["channels"], z["gen"], z.get("depth", 8), "conditional" in o
    each = 1 if o.get("binarize", "none" if channels == 3 else "dynamic") != "none" else 2
    if o.get("gated"):
        layers = [Stacks([Gated(channels if i == 0 else width, width, 7 if i == 0 else 3, ABOVE if i == 0 else WHOLE, BEFORE if i == 0 else UP_TO, channels, told)
                          for i in range(depth)])]
    else:
        half = width // 2
        layers = [by_class(told, masked(channels, width, (7, 7), BEFORE, channels))]
        layers += [Residual(nn.Sequential(nn.ReLU(), masked(width, half, (1, 1), UP_TO, channels), nn.ReLU(),
                                          by_class(told, masked(half, half, (3, 3), UP_TO, channels)), nn.ReLU(), masked(half, width, (1, 1), UP_TO, channels))) for _ in range(depth)]
    return nn.Sequential(Shares(), *layers, nn.ReLU(), masked(width, width, (1, 1), UP_TO, channels), nn.ReLU(),
                         masked(width, channels * each, (1, 1), UP_TO, channels))


# --- trainings -------------------------------------------------------------------------------------------------------------

DENSE = dict(latent=3, gen=5, disc=4, channels=1, side=4, depth=2)
DCGAN = dict(latent=5, gen=4, disc=4, channels=3, side=16)
GRAY = dict(gen=6, channels=1, side=8, depth=2)
COLOUR = dict(gen=6, channels=3, side=5, depth=2)
ADAM = "optim=adam lr=2e-3 beta1=.9 beta2=.999 schedule=cosine lr-end=.01"
RUNS = {
    "vae": (f"method=vae model=mlp binarize=dynamic {ADAM}".replace("lr=2e-3", "lr=3e-3"), DENSE),
    "vae of colour": (f"method=vae model=dcgan beta=.5 ema=.9 {ADAM}", DCGAN),
    "vae of gray levels": (f"method=vae model=mlp binarize=none free-bits=.2 beta=2 {ADAM}", DENSE),
    "importance": ("method=vae model=mlp binarize=fixed iw-samples=3 optim=rmsprop lr=1e-3", DENSE),
    "pixelcnn": (f"method=pixelcnn model=masked binarize=dynamic {ADAM}".replace("lr=2e-3", "lr=5e-3"), GRAY),
    "pixelcnn of gray levels": (f"method=pixelcnn model=masked binarize=none {ADAM}", GRAY),
    "pixelcnn of colour": (f"method=pixelcnn model=masked ema=.9 {ADAM}", COLOUR),
    "gated": (f"method=pixelcnn model=masked gated=true binarize=fixed ema=.9 {ADAM}", GRAY),
    "gated of colour": (f"method=pixelcnn model=masked gated=true {ADAM}", COLOUR),
    "vae given labels": (f"method=vae model=mlp conditional=concat binarize=dynamic ema=.9 {ADAM}", DENSE),
    "vae of colour given labels": (f"method=vae model=dcgan conditional=concat {ADAM}", DCGAN),
    "importance given labels": ("method=vae model=mlp conditional=concat binarize=none iw-samples=3 optim=rmsprop lr=1e-3", DENSE),
    "pixelcnn given labels": (f"method=pixelcnn model=masked conditional=concat binarize=dynamic ema=.9 {ADAM}", GRAY),
    "pixelcnn of colour given labels": (f"method=pixelcnn model=masked conditional=concat {ADAM}", COLOUR),
    "gated given labels": (f"method=pixelcnn model=masked gated=true conditional=concat binarize=fixed ema=.9 {ADAM}", GRAY),
    "gated of colour given labels": (f"method=pixelcnn model=masked gated=true conditional=concat {ADAM}", COLOUR),
}


def settings(text):
    o = {}
    for word in text.split():
        name, value = word.split("=", 1)
        try:
            o[name] = float(value)
        except ValueError:
            o[name] = value
    return o


def parameters(net):
    """In the order of the state_dict."""
    return [p for p in net.state_dict(keep_vars=True).values() if isinstance(p, nn.Parameter)]


def sow(net, stream):
    """golden_models.set_weights in that order."""
    for i, p in enumerate(parameters(net)):
        fan = p[0].numel() if p.dim() > 1 else 16
        p.data.copy_(fill(stream + i, *p.shape) * 1.5 / math.sqrt(fan) + (0.1 if p.dim() == 1 else 0.0))


def label(batch):
    """Gives a batch its labels."""
    LABELS.y = torch.tensor([(batch + i * i) % CLASSES for i in range(BATCH)])


class Training:
    def __init__(self, text, sizes):
        self.o, self.sizes = o, z = settings(text), sizes
        self.vae = o["method"] == "vae"
        self.nets = dict(zip(("encoder", "decoder"), autoencoder(o, z))) if self.vae else {"model": pixelcnn(o, z)}
        for i, net in enumerate(self.nets.values()):
            sow(net, 1001 + 1000 * i)
        self.averages = {f"{k}_ema": copy.deepcopy(net) for k, net in self.nets.items()} if "ema" in o else {}
        self.params = [p for net in self.nets.values() for p in parameters(net)]
        self.opt = optimizer(nn.ParameterList(self.params), o)
        self.reals, self.normals, self.uniforms = Draws(3000, fill), Draws(4000, normal), Draws(5000, uniform)
        self.binarize = o.get("binarize", "none" if z["channels"] == 3 else "dynamic")

    def sees(self, x):
        if self.binarize == "none":
            return x
        white = x >= 0 if self.binarize == "fixed" else self.uniforms(*x.shape) * 2 - 1 < x
        return torch.where(white, 1.0, -1.0)

    def log(self, said, x, scale=None):
        if self.binarize != "none":
            return bernoulli(said, x)
        if scale is None:
            said, scale = said[:, 0::2], said[:, 1::2]
        return logistic(said, scale, x)

    def loss(self, x):
        """[loss, -log p(x|z), divergence], of a PixelCNN [loss]."""
        o = self.o
        if not self.vae:
            return [-self.log(self.nets["model"](x), x).mean()]
        decoder, k = self.nets["decoder"], int(o.get("iw-samples", 1))
        mean, logvar = self.nets["encoder"](x).chunk(2, 1)
        posterior, prior = torch.distributions.Normal(mean, (logvar / 2).exp()), torch.distributions.Normal(0.0, 1.0)
        z = mean + (logvar / 2).exp() * self.normals(k, *mean.shape)
        log = torch.stack([self.log(decoder(one[:, :, None, None]), x, getattr(decoder, "log_scale", None)) for one in z])
        divergence = torch.distributions.kl_divergence(posterior, prior)
        if k > 1:
            weights = log + prior.log_prob(z).sum(2) - posterior.log_prob(z).sum(2)
            loss = -(torch.logsumexp(weights, 0) - math.log(k)).mean()
        else:
            each = divergence.mean(0)
            loss = -log.mean() + o.get("beta", 1.0) * each.clamp(min=o.get("free-bits", 0.0)).sum()
        return [loss, -log.mean(), divergence.sum(1).mean()]

    def nll(self, k=6):
        """-log p(x) of each image: the bound and the estimate of k importance samples, which a PixelCNN's exact value is both of."""
        x = levels(fill(9000, BATCH, self.sizes["channels"], self.sizes["side"], self.sizes["side"]))
        normals, self.uniforms = Draws(8000, normal), Draws(8500, uniform)
        x = self.sees(x)
        label(0)
        nets = {name: copy.deepcopy(net).eval() for name, net in self.nets.items()}
        if not self.vae:
            exact = numbers(-self.log(nets["model"](x), x))
            return [exact, exact]
        mean, logvar = nets["encoder"](x).chunk(2, 1)
        posterior, prior = torch.distributions.Normal(mean, (logvar / 2).exp()), torch.distributions.Normal(0.0, 1.0)
        z = mean + (logvar / 2).exp() * normals(k, *mean.shape)
        log = torch.stack([self.log(nets["decoder"](one[:, :, None, None]), x, getattr(nets["decoder"], "log_scale", None)) for one in z])
        weights = log + prior.log_prob(z).sum(2) - posterior.log_prob(z).sum(2)
        return [numbers(-weights.mean(0)), numbers(math.log(k) - torch.logsumexp(weights, 0))]

    def run(self, done):
        rates, lines, grads, z = scheduler(self.opt, self.o, LENGTH), [], None, self.sizes
        for step in range(done):
            label(step)
            lr = self.opt.param_groups[0]["lr"]
            values = self.loss(self.sees(levels(self.reals(BATCH, z["channels"], z["side"], z["side"]))))
            self.opt.zero_grad()
            values[0].backward()
            grads = grads or [sample(p.grad, 8) for p in self.params]
            self.opt.step()
            rates.step()
            lines.append([v.item() for v in values] + [lr])
            with torch.no_grad():
                for name, average in self.averages.items():
                    of = self.nets[name.removesuffix("_ema")]
                    for a, p in zip(average.parameters(), of.parameters()):
                        a.lerp_(p, 1 - self.o["ema"])
                    for a, b in zip(average.buffers(), of.buffers()):
                        a.copy_(b)
        state = {f"{name}.{k}": sample(v.double(), 8) for name, net in (self.nets | self.averages).items() for k, v in net.state_dict().items()}
        return {"log": lines, "grads": grads, "state": state, "nll": self.nll()}


def run(name):
    text, sizes = RUNS[name]
    classes = CLASSES if "conditional" in text else 0
    return {"settings": text.split(), "sizes": sizes, "classes": classes, **Training(text, sizes).run(10)}


def main():
    torch.set_num_threads(1)
    path = ROOT / "gan/method/testdata/likelihoods.json"
    content = {
        "script": hashlib.sha256(ME.read_bytes()).hexdigest(), "torch": torch.__version__.split("+")[0],
        "distributions": distributions(), "runs": {name: run(name) for name in RUNS},
    }
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    main()
