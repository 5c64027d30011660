"""Writes the golden values that the Go tests compare with, from real PyTorch.

    python scripts/golden.py                                    # writes the testdata folders again
    python scripts/golden.py official STEPS DTYPE THREADS DEVICE  # one run of the official step, to stdout
    python scripts/golden.py fused LR STEPS                     # steps of the fused optimizers, to stdout

Each file records the hash of this script, so that a test can say when it is stale. Numbers that both sides must agree
on without storing them come from fill(): a hash of the place, exact in any language.
"""
import hashlib
import json
import pathlib
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

ROOT = pathlib.Path(__file__).resolve().parent.parent


def fill(stream, *shape):
    """Numbers in [-1,1): the finalizer of MurmurHash3 over stream and place. numbers.go has the same."""
    n = 1
    for d in shape:
        n *= d
    x = torch.arange(n, dtype=torch.int64) + stream * 1000003
    mask = 0xFFFFFFFF
    x = x & mask
    for mul in (0x85EBCA6B, 0xC2B2AE35):
        x = ((x ^ (x >> 16)) * mul) & mask
    x = x ^ (x >> 16)
    return (x.to(torch.float64) / 2**31 - 1).reshape(shape)


def numbers(t):
    return [float(v) for v in t.detach().reshape(-1)]


def tensor(t):
    return {"shape": list(t.shape), "values": numbers(t)}


def case(name, fn, *shapes, shift=0.0, scale=1.0, second=True, **args):
    """An op on fill()ed inputs: value, gradients of sum(out * fill), and gradients of half their squared norm."""
    inputs = [(fill(i + 1, *s) * scale + shift).requires_grad_() for i, s in enumerate(shapes)]
    out = fn(*inputs)
    grads = torch.autograd.grad((out * fill(99, *out.shape)).sum(), inputs, create_graph=True)
    entry = {
        "op": name, "args": args, "shapes": [list(s) for s in shapes], "shift": shift, "scale": scale,
        "out": tensor(out), "grads": [numbers(g) for g in grads], "second": None,
    }
    if second:
        norm = sum((g * g).sum() for g in grads) / 2
        twice = torch.autograd.grad(norm, inputs, allow_unused=True) if norm.requires_grad else [None] * len(inputs)
        entry["second"] = [numbers(g if g is not None else torch.zeros_like(x)) for g, x in zip(twice, inputs)]
    return entry


def conv_cases():
    for a in (dict(), dict(stride=[2, 2], padding=[1, 1]), dict(stride=[2, 1], padding=[0, 2], dilation=[1, 2]),
              dict(groups=2, padding=[1, 1])):
        g = a.get("groups", 1)
        kw = {k: tuple(v) if isinstance(v, list) else v for k, v in a.items()}
        yield case("conv2d", lambda x, w, b, kw=kw: F.conv2d(x, w, b, **kw), (2, 4, 5, 4), (2, 4 // g, 3, 2), (2,), **a)
        yield case("conv2d", lambda x, w, kw=kw: F.conv2d(x, w, **kw), (2, 4, 5, 4), (2, 4 // g, 3, 2), **a)
    for a in (dict(), dict(stride=[2, 2], padding=[1, 1]), dict(stride=[3, 2], padding=[1, 0], output_padding=[2, 1]),
              dict(groups=2, dilation=[2, 1])):
        g = a.get("groups", 1)
        kw = {k: tuple(v) if isinstance(v, list) else v for k, v in a.items()}
        yield case("conv_transpose2d", lambda x, w, b, kw=kw: F.conv_transpose2d(x, w, b, **kw),
                   (2, 4, 3, 2), (4, 4 // g, 3, 2), (4,), **a)
        yield case("conv_transpose2d", lambda x, w, kw=kw: F.conv_transpose2d(x, w, **kw),
                   (2, 4, 3, 2), (4, 4 // g, 3, 2), **a)


def op_cases():
    two = (2, 3)
    yield case("add", torch.add, two, (3,))
    yield case("sub", torch.sub, two, (2, 1))
    yield case("mul", torch.mul, two, (3,))
    yield case("div", torch.div, two, two, shift=3.0)
    yield case("matmul", torch.matmul, (3, 4), (4, 2))
    yield case("matmul", torch.matmul, (2, 3, 4), (4, 2))
    yield case("linear", F.linear, (3, 4), (5, 4), (5,))
    yield case("linear", lambda x, w: F.linear(x, w), (3, 4), (5, 4))
    yield case("affine", lambda x: x * 1.5 - 0.25, two, scale_by=1.5, shift_by=-0.25)
    yield case("pow", lambda x: x.pow(2.5), two, shift=2.0, exponent=2.5)
    yield case("abs", torch.abs, two)
    yield case("exp", torch.exp, two)
    yield case("log", torch.log, two, shift=2.0)
    yield case("sqrt", torch.sqrt, two, shift=2.0)
    yield case("clamp", lambda x: x.clamp(-0.3, 0.4), (4, 5), low=-0.3, high=0.4)
    yield case("relu", torch.relu, (4, 5))
    yield case("leaky_relu", lambda x: F.leaky_relu(x, 0.2), (4, 5), slope=0.2)
    yield case("tanh", torch.tanh, (4, 5), scale=2.0)
    yield case("sigmoid", torch.sigmoid, (4, 5), scale=4.0)
    yield case("softplus", F.softplus, (4, 5), scale=30.0)
    for name, over in (("sum", torch.sum), ("mean", torch.mean)):
        yield case(name, lambda x, over=over: over(x), (3, 4))
        yield case(name, lambda x, over=over: over(x, dim=(0, 2)), (3, 4, 2), dims=[0, 2], keep=False)
        yield case(name, lambda x, over=over: over(x, dim=1, keepdim=True), (3, 4, 2), dims=[1], keep=True)
    yield case("var", lambda x: x.var(), (3, 4), correction=1)
    yield case("var", lambda x: x.var(dim=(0, 2), correction=0, keepdim=True), (3, 4, 2), dims=[0, 2], keep=True,
               correction=0)
    yield case("reshape", lambda x: x.reshape(4, -1), (2, 6), shape=[4, -1])
    yield case("permute", lambda x: x.permute(2, 0, 1), (2, 3, 4), order=[2, 0, 1])
    yield case("slice", lambda x: x[:, 1:6:2], (2, 7), dim=1, start=1, end=6, step=2)
    yield case("cat", lambda x, y: torch.cat([x, y], 1), (2, 3), (2, 2), dim=1)
    yield case("batch_norm_train", lambda x, w, b: F.batch_norm(x, None, None, w, b, True, 0.1, 1e-5),
               (4, 3, 2, 2), (3,), (3,), second=False)
    yield case("batch_norm_eval", lambda x, w, b: F.batch_norm(x, fill(7, 3), fill(8, 3) + 2, w, b, False, 0.1, 1e-5),
               (4, 3, 2, 2), (3,), (3,), second=False)
    yield from conv_cases()


def batch_norm_running():
    m = nn.BatchNorm2d(3)
    with torch.no_grad():
        m.weight.copy_(fill(1, 3))
        m.bias.copy_(fill(2, 3))
    outs = [tensor(m(fill(10 + i, 4, 3, 2, 2) * 2 + 1)) for i in range(3)]
    m.eval()
    outs.append(tensor(m(fill(20, 4, 3, 2, 2))))
    return {"outs": outs, "mean": numbers(m.running_mean), "var": numbers(m.running_var),
            "tracked": int(m.num_batches_tracked)}


class Residual(nn.Module):
    def __init__(self, body, skip=None):
        super().__init__()
        self.body, self.skip = body, skip

    def forward(self, x):
        return (x if self.skip is None else self.skip(x)) + self.body(x)


def residual():
    """Two residual blocks in training: state_dict's keys, the output, the gradients of sum(out * fill)."""
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        Residual(nn.Sequential(nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.LeakyReLU(0.2))),
        Residual(nn.Sequential(nn.Tanh(), nn.Conv2d(8, 4, 3, stride=2, padding=1), nn.Sigmoid()),
                 nn.Conv2d(8, 4, 1, stride=2)),
    )
    with torch.no_grad():
        for i, p in enumerate(net.parameters()):
            p.copy_(fill(10 + i, *p.shape) * 0.5)
    x = fill(1, 2, 3, 6, 4).requires_grad_()
    out = net(x)
    grads = torch.autograd.grad((out * fill(99, *out.shape)).sum(), [x, *net.parameters()])
    return {"keys": list(net.state_dict()), "out": tensor(out), "grads": [numbers(g) for g in grads]}


# Rates that float32 holds exactly: CUDA's fused kernels take them so.
OPTIMIZERS = {
    "adam": lambda p: torch.optim.Adam(p, 0.0625, (0.5, 0.999)),
    "adam_decay": lambda p: torch.optim.Adam(p, 0.0625, (0.9, 0.99), weight_decay=0.1),
    "sgd": lambda p: torch.optim.SGD(p, 0.0625),
    "sgd_momentum": lambda p: torch.optim.SGD(p, 0.0625, momentum=0.875, weight_decay=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.0625),
    "rmsprop_momentum": lambda p: torch.optim.RMSprop(p, 0.0625, momentum=0.875, weight_decay=0.1),
}


def set_rates(o, lr, momentum):
    """Sets what a schedule sets between steps; an optimizer without momentum stays without."""
    group = o.param_groups[0]
    group["lr"] = lr
    if group.get("momentum"):
        group["momentum"] = momentum


def train(make, rates):
    """A step of each of the rates on sum((W x - y)^2) of a 3x4 W and a bias; the parameters after each."""
    w, b = fill(1, 3, 4).requires_grad_(), fill(2, 3).requires_grad_()
    o = make([w, b])
    steps = []
    for i, (lr, momentum) in enumerate(rates):
        set_rates(o, lr, momentum)
        o.zero_grad()
        ((F.linear(fill(30 + i, 2, 4), w, b) - fill(50 + i, 2, 3)) ** 2).sum().backward()
        o.step()
        steps.append([numbers(w), numbers(b)])
    state = {k: numbers(v) for k, v in o.state_dict()["state"].get(0, {}).items() if v is not None}
    group = {k: v for k, v in o.state_dict()["param_groups"][0].items() if k != "params"}
    return {"rates": rates, "steps": steps, "state": state, "group": group}


def optimizers(rates):
    return {name: train(make, rates) for name, make in OPTIMIZERS.items()}


def fused(lr, steps):
    """The parameters after steps by the kernels that Forger calls, at rates that only float64 holds."""
    kinds = {
        "adam": lambda p: torch.optim.Adam(p, lr, (0.5, 0.999), fused=True),
        "sgd": lambda p: torch.optim.SGD(p, lr, fused=True),
        "sgd_momentum": lambda p: torch.optim.SGD(p, lr, momentum=0.9, fused=True),
        "rmsprop": lambda p: torch.optim.RMSprop(p, lr, foreach=True),
        "rmsprop_momentum": lambda p: torch.optim.RMSprop(p, lr, momentum=0.9, foreach=True),
    }
    result = {}
    rates = [[lr / (i + 1), 0.9 - 0.03 * i] for i in range(steps)]
    for name, make in kinds.items():
        result[name] = {}
        for dtype in (torch.float32, torch.float64):
            w = fill(1, 37, 41).to(dtype).requires_grad_()
            o = make([w])
            for i, (rate, momentum) in enumerate(rates):
                set_rates(o, rate, momentum)
                w.grad = fill(30 + i, 37, 41).to(dtype)
                o.step()
            result[name][str(dtype)[6:]] = numbers(w)
    return {"torch": torch.__version__.split("+")[0], "rates": rates, "ends": result}


class Generator(nn.Module):
    """The official network (pytorch/examples, dcgan/main.py), written down from its layers."""

    def __init__(self, nz, ngf, nc):
        super().__init__()
        layers, cin = [], nz
        for i, m in enumerate((8, 4, 2, 1)):
            layers += [nn.ConvTranspose2d(cin, ngf * m, 4, 2 if i else 1, 1 if i else 0, bias=False),
                       nn.BatchNorm2d(ngf * m), nn.ReLU(True)]
            cin = ngf * m
        self.main = nn.Sequential(*layers, nn.ConvTranspose2d(cin, nc, 4, 2, 1, bias=False), nn.Tanh())

    def forward(self, x):
        return self.main(x)


class Discriminator(nn.Module):
    def __init__(self, nc, ndf):
        super().__init__()
        layers = [nn.Conv2d(nc, ndf, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
        for m in (1, 2, 4):
            layers += [nn.Conv2d(ndf * m, ndf * m * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(ndf * m * 2),
                       nn.LeakyReLU(0.2, inplace=True)]
        self.main = nn.Sequential(*layers, nn.Conv2d(ndf * 8, 1, 4, 1, 0, bias=False), nn.Sigmoid())

    def forward(self, x):
        return self.main(x).view(-1)


def set_weights(net, stream, dtype):
    """Convolutions fill * .035 (std .02, as the official initialisation), BatchNorm weight 1 + fill * .035, bias 0."""
    for i, (name, p) in enumerate(net.named_parameters()):
        values = fill(stream + i, *p.shape) * 0.035
        if name.endswith("bias"):
            values = values * 0
        elif p.dim() == 1:
            values = values + 1
        p.data.copy_(values.to(dtype))


def sample(t, n=48):
    flat = t.detach().reshape(-1)
    return numbers(flat[:: max(1, flat.numel() // n)][:n])


def official(steps, dtype, loss="nonsaturating", device="cpu"):
    """The official step: width 8, 64x64, batch 8, 3 channels."""
    batch, nz, width = 8, 100, 8
    g, d = Generator(nz, width, 3).to(device, dtype), Discriminator(3, width).to(device, dtype)
    set_weights(g, 1001, dtype)
    set_weights(d, 2002, dtype)
    bce = nn.BCELoss()
    od = torch.optim.Adam(d.parameters(), 2e-4, (0.5, 0.999))
    og = torch.optim.Adam(g.parameters(), 2e-4, (0.5, 0.999))
    ones, zeros = torch.ones(batch, dtype=dtype, device=device), torch.zeros(batch, dtype=dtype, device=device)
    log, grads = [], {}
    for i in range(steps):
        real = fill(3000 + i, batch, 3, 64, 64).to(device, dtype)
        z = (fill(4000 + i, batch, nz, 1, 1) * 1.7).to(device, dtype)
        d.zero_grad()
        on_real = d(real)
        loss_real = bce(on_real, ones)
        loss_real.backward()
        fake = g(z)
        on_fake = d(fake.detach())
        loss_fake = bce(on_fake, zeros)
        loss_fake.backward()
        if i == 0:
            grads["disc"] = [sample(p.grad) for p in d.parameters()]
        od.step()
        g.zero_grad()
        again = d(fake)
        loss_g = bce(again, ones) if loss == "nonsaturating" else -bce(again, zeros)
        loss_g.backward()
        if i == 0:
            grads["gen"] = [sample(p.grad) for p in g.parameters()]
        og.step()
        log.append([(loss_real + loss_fake).item(), loss_g.item(), on_real.mean().item(), on_fake.mean().item()])
    state = {k: sample(v) for net, name in ((g, "gen"), (d, "disc"))
             for k, v in {f"{name}.{k}": v for k, v in net.state_dict().items()}.items()}
    return {"log": log, "grads": grads, "state": state}


def main():
    torch.set_num_threads(1)
    stamp = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
    files = {
        "torch/testdata/ops.json": {"cases": list(op_cases())},
        "torch/nn/testdata/batchnorm.json": batch_norm_running(),
        "torch/nn/testdata/residual.json": residual(),
        "torch/optim/testdata/steps.json": {
            "constant": optimizers([[0.0625, 0.875]] * 10),
            "scheduled": optimizers([[2.0 ** -(4 + i % 3), 0.5 + i / 32] for i in range(10)]),
        },
        "gan/method/testdata/official.json": {
            "float64": official(20, torch.float64),
            "minimax": official(5, torch.float64, "minimax"),
        },
    }
    for name, content in files.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"script": stamp, "torch": torch.__version__.split("+")[0], **content}
        path.write_text(json.dumps(content, separators=(",", ":")) + "\n")
        print(f"{name}: {path.stat().st_size} bytes")


def one(steps, dtype, threads, device):
    # Float32 differs by 1e-3 after five steps between processors, layouts and thread counts, so it is compared live.
    torch.set_num_threads(int(threads))
    print(json.dumps(official(int(steps), getattr(torch, dtype), device=device)))


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    if sys.argv[1:2] == ["official"]:
        one(*sys.argv[2:])
    elif sys.argv[1:2] == ["fused"]:
        print(json.dumps(fused(float(sys.argv[2]), int(sys.argv[3]))))
    else:
        main()
