"""Writes what the layers and ops of research come to in real PyTorch: values, gradients, second gradients.

    python scripts/golden_layers.py
"""
import hashlib
import json
import pathlib

import torch
import torch.nn as nn
import torch.nn.functional as F

from golden import ROOT, fill, numbers, tensor, train


def case(op, fn, *shapes, shift=0.0, scale=1.0, grad=True, **args):
    """As golden.py's, but that an op without a gradient has none, and one without a second gradient no second one."""
    inputs = [(fill(i + 1, *s) * scale + shift).requires_grad_() for i, s in enumerate(shapes)]
    out = fn(*inputs)
    entry = {"op": op, "args": args, "shapes": [list(s) for s in shapes], "shift": shift, "scale": scale,
             "out": tensor(out), "grads": None, "second": None}
    if not grad:
        return entry
    grads = torch.autograd.grad((out * fill(99, *out.shape)).sum(), inputs, create_graph=True)
    entry["grads"] = [numbers(g) for g in grads]
    norm = sum((g * g).sum() for g in grads) / 2
    if not norm.requires_grad:
        entry["second"] = [numbers(torch.zeros_like(x)) for x in inputs]
        return entry
    try:
        twice = torch.autograd.grad(norm, inputs, allow_unused=True)
    except RuntimeError as e:
        if "not implemented" not in str(e) and "not differentiable" not in str(e):
            raise
        print(f"{op}: PyTorch has no second gradient")
        return entry
    entry["second"] = [numbers(g if g is not None else torch.zeros_like(x)) for g, x in zip(twice, inputs)]
    return entry


def select_cases():
    two = (3, 4)
    for op in ("eq", "ne", "lt", "le", "gt", "ge"):
        f = getattr(torch, op)
        yield case(op, lambda x: f(x, x.clamp(-0.3, 0.4)).double(), (4, 5), grad=False, low=-0.3, high=0.4)
        yield case(op + "_scalar", lambda x: f(x.clamp(-0.5, 0.5), 0.5).double(), (4, 5), grad=False, low=-0.5, high=0.5)
    yield case("maximum", torch.maximum, two, (4,))
    yield case("minimum", torch.minimum, two, (4,))
    yield case("where", lambda x, y, z: torch.where(x > 0.1, x * y, z * z), two, two, (4,))
    index = [3, 0, 0, 2, 1]
    yield case("index_select", lambda x: x.index_select(1, torch.tensor(index)), (2, 4, 2), dim=1, index=index)
    index = [3, 0, 0, 2, 1, 1]
    yield case("gather", lambda x: x.gather(1, torch.tensor(index).reshape(2, 3)) ** 2, two, dim=1, index=index, shape=[2, 3])
    yield case("embedding", lambda w: F.embedding(torch.tensor(index).reshape(2, 3), w) ** 2, (5, 2), index=index, shape=[2, 3])
    yield case("one_hot", lambda _: F.one_hot(torch.tensor(index).reshape(2, 3), 5).double(), (1,), grad=False, index=index,
               shape=[2, 3], classes=5)
    yield case("unsqueeze", lambda x: x.unsqueeze(1), two, dim=1)
    yield case("squeeze", lambda x: x.squeeze(1), (3, 1, 2), dim=1)
    yield case("expand", lambda x: x.expand(2, -1, 4) ** 2, (3, 1), shape=[2, -1, 4])
    yield case("stack", lambda x, y: torch.stack([x, y], 1), two, two, dim=1)


def reduce_cases():
    three = (3, 4, 2)
    for op in ("amax", "amin"):
        f = getattr(torch, op)
        yield case(op, lambda x: f(x, dim=()), three)
        yield case(op, lambda x: f(x, dim=(0, 2), keepdim=True), three, dims=[0, 2], keep=True)
    for op in ("max", "min"):
        f = getattr(torch, op)
        yield case(op, lambda x: f(x, 1).values ** 2, three, dim=1)
        yield case(op + "_indices", lambda x: f(x, 1, keepdim=True).indices.double(), three, grad=False, dim=1, keep=True)
    for p in (1.0, 2.0, 3.5):
        yield case("norm", lambda x: torch.linalg.vector_norm(x, p), three, p=p)
        yield case("norm", lambda x: torch.linalg.vector_norm(x, p, dim=(1,), keepdim=True), three, p=p, dims=[1], keep=True)
    yield case("cumsum", lambda x: x.cumsum(1) ** 2, three, dim=1)
    for descending in (False, True):
        yield case("sort", lambda x: x.sort(dim=1, descending=descending).values ** 2, three, dim=1, descending=descending)
        yield case("sort_indices", lambda x: x.sort(dim=1, descending=descending).indices.double(), three, grad=False, dim=1,
                   descending=descending)
    for largest in (False, True):
        yield case("topk", lambda x: x.topk(2, 1, largest).values ** 2, three, dim=1, k=2, largest=largest)
        yield case("topk_indices", lambda x: x.topk(2, 1, largest).indices.double(), three, grad=False, dim=1, k=2, largest=largest)
    yield case("softmax", lambda x: x.softmax(1), three, scale=3.0, dim=1)
    yield case("log_softmax", lambda x: x.log_softmax(1), three, scale=3.0, dim=1)


def image_cases():
    image = (2, 3, 7, 5)
    yield case("avg_pool2d", lambda x: F.avg_pool2d(x, 2), image, kernel=[2, 2])
    yield case("avg_pool2d", lambda x: F.avg_pool2d(x, (3, 2), (2, 1), (1, 0), ceil_mode=True, count_include_pad=False), image,
               kernel=[3, 2], stride=[2, 1], padding=[1, 0], ceil=True, exclude_pad=True)
    yield case("max_pool2d", lambda x: F.max_pool2d(x, 2), image, kernel=[2, 2])
    yield case("max_pool2d", lambda x: F.max_pool2d(x, (3, 2), (2, 1), (1, 0), (1, 2), ceil_mode=True), image,
               kernel=[3, 2], stride=[2, 1], padding=[1, 0], dilation=[1, 2], ceil=True)
    yield case("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (3, 2)), image, shape=[3, 2])
    for size in ([14, 10], [5, 9]):
        yield case("interpolate", lambda x: F.interpolate(x, size=size), image, shape=size)
        for corners in (False, True):
            yield case("interpolate", lambda x: F.interpolate(x, size=size, mode="bilinear", align_corners=corners), image,
                       shape=size, bilinear=True, corners=corners)
    yield case("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), (2, 8, 2, 3), k=2)
    yield case("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 2), (2, 2, 4, 6), k=2)
    sides = [1, 2, 3, 0]
    for border, mode in enumerate(("constant", "reflect", "replicate")):
        yield case("pad", lambda x: F.pad(x, sides, mode), image, shape=sides, border=border)
    yield case("pad", lambda x: F.pad(x, [-1, 1]), image, shape=[-1, 1], border=0)
    for corners in (False, True):
        yield case("affine_grid", lambda t: F.affine_grid(t, (2, 1, 3, 4), align_corners=corners), (2, 2, 3), shape=[3, 4],
                   corners=corners)
        for border, mode in enumerate(("zeros", "reflection", "border")):
            for nearest in (False, True):
                yield case("grid_sample", lambda x, g: F.grid_sample(x, g * 1.5, "nearest" if nearest else "bilinear", mode, corners),
                           image, (2, 3, 4, 2), border=border, nearest=nearest, corners=corners)


def norm_cases():
    yield case("layer_norm", lambda x, w, b: F.layer_norm(x, (4, 2), w, b, 1e-3), (3, 4, 2), (4, 2), (4, 2), shape=[4, 2])
    yield case("layer_norm", lambda x: F.layer_norm(x, (2,), eps=1e-3), (3, 4, 2), shape=[2])
    yield case("group_norm", lambda x, w, b: F.group_norm(x, 2, w, b, 1e-3), (2, 4, 3, 2), (4,), (4,), k=2)
    yield case("group_norm", lambda x: F.group_norm(x, 2, eps=1e-3), (2, 4, 3, 2), k=2)
    yield case("instance_norm", lambda x, w, b: F.instance_norm(x, None, None, w, b, eps=1e-3), (2, 4, 3, 2), (4,), (4,))
    yield case("instance_norm", lambda x: F.instance_norm(x, eps=1e-3), (2, 4, 3, 2))
    yield case("silu", F.silu, (4, 5), scale=4.0)
    yield case("gelu", F.gelu, (4, 5), scale=4.0)
    yield case("gelu", lambda x: F.gelu(x, approximate="tanh"), (4, 5), scale=4.0, tanh=True)
    yield case("elu", lambda x: F.elu(x, 0.5), (4, 5), scale=2.0, alpha=0.5)
    yield case("prelu", F.prelu, (2, 3, 2, 2), (3,))
    yield case("prelu", F.prelu, (4, 5), (1,))


def loss_cases():
    target = (fill(41, 3, 4) + 1) / 2
    losses = {
        "mse_loss": lambda x, r: F.mse_loss(x, target, reduction=r),
        "l1_loss": lambda x, r: F.l1_loss(x, target, reduction=r),
        "binary_cross_entropy_with_logits": lambda x, r: F.binary_cross_entropy_with_logits(x, target, reduction=r),
    }
    index = [2, 0, 3]
    for reduction, name in enumerate(("mean", "sum", "none")):
        for op, f in losses.items():
            yield case(op, lambda x: f(x, name), (3, 4), scale=3.0, reduction=reduction)
        for smoothing in (0.0, 0.2):
            yield case("cross_entropy",
                       lambda x: F.cross_entropy(x, torch.tensor(index), reduction=name, label_smoothing=smoothing), (3, 4),
                       scale=3.0, reduction=reduction, index=index, smoothing=smoothing)
    yield case("cross_entropy_soft", lambda x: F.cross_entropy(x, target), (3, 4), scale=3.0)


def product_cases():
    yield case("conv1d", lambda x, w, b: F.conv1d(x, w, b, 2, 1, 2, 2), (2, 4, 9), (6, 2, 3), (6,), stride=[1, 2], padding=[0, 1],
               dilation=[1, 2], groups=2)
    yield case("conv1d", lambda x, w: F.conv1d(x, w), (2, 4, 9), (6, 4, 3))
    yield case("cdist", lambda x, y: torch.cdist(x, y, 1.5), (2, 3, 4), (2, 5, 4), p=1.5)
    yield case("cdist", torch.cdist, (3, 4), (5, 4), p=2.0)
    yield case("cdist", torch.cdist, (27, 2), (3, 2), p=2.0)
    symmetric = lambda x: x + x.T + torch.diag(torch.arange(4.0) * 3)
    yield case("eigh_values", lambda x: torch.linalg.eigh(symmetric(x)).eigenvalues, (4, 4))
    yield case("eigh_vectors", lambda x: torch.linalg.eigh(symmetric(x)).eigenvectors ** 2, (4, 4))
    q, k, v = (2, 3, 4, 8), (2, 3, 5, 8), (2, 3, 5, 8)
    attend = F.scaled_dot_product_attention
    yield case("attention", attend, q, k, v)
    yield case("attention", lambda q, k, v: attend(q, k, v, attn_mask=fill(42, 4, 5)), q, k, v, mask=True)
    yield case("attention", lambda q, k, v: attend(q, k, v, is_causal=True), k, k, v, causal=True)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        yield case("attention", lambda q, k, v: attend(q, k, v, attn_mask=fill(42, 4, 5)), q, k, v, mask=True, plain=True)
        yield case("attention", lambda q, k, v: attend(q, k, v, is_causal=True), k, k, v, causal=True, plain=True)


def ops():
    for cases in (select_cases, reduce_cases, image_cases, norm_cases, loss_cases, product_cases):
        yield from cases()


class MinibatchStdDev(nn.Module):
    """Karras et al. 2018 as StyleGAN2 has it: groups of at most `group` images, one channel."""

    def __init__(self, group):
        super().__init__()
        self.group = group

    def forward(self, x):
        n, c, h, w = x.shape
        groups = x.reshape(min(self.group, n), -1, c, h, w)
        centred = groups - groups.mean(0)
        level = ((centred * centred).mean(0) + 1e-8).sqrt().mean([1, 2, 3])
        return torch.cat([x, level.repeat(groups.shape[0]).reshape(n, 1, 1, 1).expand(n, 1, h, w)], 1)


class SelfAttention(nn.Module):
    """SAGAN's block (Zhang et al. 2019), written down from its description: C/8 for queries and keys, C/2 for values."""

    def __init__(self, c):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(()))
        self.theta, self.phi = nn.Conv2d(c, c // 8, 1, bias=False), nn.Conv2d(c, c // 8, 1, bias=False)
        self.g, self.o = nn.Conv2d(c, c // 2, 1, bias=False), nn.Conv2d(c // 2, c, 1, bias=False)

    def forward(self, x):
        key, value = (F.max_pool2d(m(x), 2).flatten(2) for m in (self.phi, self.g))
        weights = torch.softmax(torch.einsum("ncq,nck->nqk", self.theta(x).flatten(2), key), 2)
        seen = torch.einsum("nqk,nck->ncq", weights, value).unflatten(2, x.shape[2:])
        return x + self.gamma * self.o(seen)


class Lambda(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x)


MODULES = {
    "avg_pool2d": lambda: nn.AvgPool2d(2),
    "max_pool2d": lambda: nn.MaxPool2d(3, 2, 1),
    "adaptive_avg_pool2d": lambda: nn.AdaptiveAvgPool2d((3, 2)),
    "global_avg": lambda: Lambda(lambda x: x.mean((2, 3))),
    "global_sum": lambda: Lambda(lambda x: x.sum((2, 3))),
    "upsample": lambda: nn.Upsample(scale_factor=2),
    "upsample_bilinear": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
    "pixel_shuffle": lambda: nn.PixelShuffle(2),
    "pixel_unshuffle": lambda: nn.PixelUnshuffle(2),
    "zero_pad": lambda: nn.ZeroPad2d((1, 0, 3, 1)),
    "reflection_pad": lambda: nn.ReflectionPad2d((1, 0, 3, 1)),
    "replication_pad": lambda: nn.ReplicationPad2d((1, 0, 3, 1)),
    "layer_norm": lambda: nn.LayerNorm([4, 2]),
    "layer_norm_plain": lambda: nn.LayerNorm(2, eps=0.1, elementwise_affine=False),
    "group_norm": lambda: nn.GroupNorm(2, 8),
    "group_norm_plain": lambda: nn.GroupNorm(4, 8, eps=0.1, affine=False),
    "instance_norm": lambda: nn.InstanceNorm2d(8),
    "instance_affine": lambda: nn.InstanceNorm2d(8, eps=0.1, affine=True),
    "batch_norm": lambda: nn.BatchNorm2d(8, eps=0.1, momentum=0.3),
    "batch_norm_plain": lambda: nn.BatchNorm2d(8, affine=False),
    "silu": lambda: nn.SiLU(),
    "gelu": lambda: nn.GELU(),
    "gelu_tanh": lambda: nn.GELU("tanh"),
    "elu": lambda: nn.ELU(0.5),
    "softplus": lambda: nn.Softplus(),
    "softmax": lambda: nn.Softmax(1),
    "log_softmax": lambda: nn.LogSoftmax(1),
    "prelu": lambda: nn.PReLU(8),
    "conv2d_oblong": lambda: nn.Conv2d(8, 4, (1, 3), (2, 1), (0, 1), groups=2),
    "conv_transpose2d_oblong": lambda: nn.ConvTranspose2d(8, 4, (3, 1), (2, 1), (1, 0), bias=False),
    "minibatch_stddev": lambda: MinibatchStdDev(2),
    "minibatch_whole": lambda: MinibatchStdDev(64),
    "self_attention": lambda: SelfAttention(8),
    "conv1d": lambda: nn.Conv1d(8, 4, 3, 2, 2, 2, 2),
}


def module(name, m):
    """A module in training: output, gradients of sum(out * fill), those of half their squared norm; then in evaluation."""
    params = list(m.parameters())
    with torch.no_grad():
        for i, p in enumerate(params):
            p.copy_(fill(10 + i, *p.shape) * 0.5)
    shape = {"conv1d": (2, 8, 7), "minibatch_stddev": (4, 3, 2, 2), "minibatch_whole": (3, 3, 2, 2)}.get(name, (2, 8, 4, 2))
    x = fill(1, *shape).requires_grad_()
    inputs = [x, *params]
    out = m(x)
    grads = torch.autograd.grad((out * fill(99, *out.shape)).sum(), inputs, create_graph=True)
    norm = sum((g * g).sum() for g in grads) / 2
    second = torch.autograd.grad(norm, inputs, allow_unused=True) if norm.requires_grad else [None] * len(inputs)
    return {"keys": list(m.state_dict()), "shape": list(x.shape), "out": tensor(out), "eval": tensor(m.eval()(x)),
            "grads": [numbers(g) for g in grads],
            "second": [numbers(g if g is not None else torch.zeros_like(v)) for g, v in zip(second, inputs)],
            "buffers": {k: numbers(v) for k, v in m.named_buffers()}}


OPTIMIZERS = {
    "adamw": lambda p: torch.optim.AdamW(p, 0.0625, (0.9, 0.99), weight_decay=0.1),
    "amsgrad": lambda p: torch.optim.Adam(p, 0.0625, (0.5, 0.9), weight_decay=0.1, amsgrad=True),
    "adamw_amsgrad": lambda p: torch.optim.AdamW(p, 0.0625, (0.5, 0.9), weight_decay=0.1, amsgrad=True),
    "nesterov": lambda p: torch.optim.SGD(p, 0.0625, momentum=0.875, weight_decay=0.1, nesterov=True),
}


def clipped(max_norm):
    """Two gradients, clipped, and their norm before."""
    params = [torch.zeros(3, 4), torch.zeros(5), torch.zeros(2)]
    for i, p in enumerate(params[:2]):
        p.grad = fill(70 + i, *p.shape)
    total = torch.nn.utils.clip_grad_norm_(params, max_norm)
    return {"max": max_norm, "norm": total.item(), "grads": [numbers(p.grad) for p in params[:2]]}


INITS = {
    "orthogonal_tall": ((6, 2, 2), lambda w, g: nn.init.orthogonal_(w, 1.5, g)),
    "orthogonal_wide": ((3, 2, 2, 2), lambda w, g: nn.init.orthogonal_(w, 1, g)),
    "xavier_uniform": ((4, 3, 2, 2), lambda w, g: nn.init.xavier_uniform_(w, 1.5, g)),
    "xavier_normal": ((4, 3), lambda w, g: nn.init.xavier_normal_(w, 1.5, g)),
    "kaiming_uniform": ((4, 3, 2, 2), lambda w, g: nn.init.kaiming_uniform_(w, 0.2, generator=g)),
    "kaiming_normal": ((4, 3, 3), lambda w, g: nn.init.kaiming_normal_(w, nonlinearity="relu", generator=g)),
}


def init(shape, f):
    """What an initialisation draws from a generator of seed 5."""
    w = torch.empty(shape)
    f(w, torch.Generator().manual_seed(5))
    return tensor(w)


def main():
    torch.set_num_threads(1)
    stamp = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
    files = {
        "torch/testdata/layers.json": {"cases": list(ops())},
        "torch/nn/testdata/modules.json": {"modules": {name: module(name, make()) for name, make in MODULES.items()}},
        "torch/nn/testdata/init.json": {"inits": {name: init(shape, f) for name, (shape, f) in INITS.items()}},
        "torch/optim/testdata/variants.json": {
            "variants": {name: train(make, [[2.0 ** -(4 + i % 3), 0.5 + i / 32] for i in range(10)]) for name, make in OPTIMIZERS.items()},
            "clipped": [clipped(n) for n in (1.0, 1000.0)],
        },
    }
    for name, content in files.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"script": stamp, "torch": torch.__version__.split("+")[0], **content}
        path.write_text(json.dumps(content, separators=(",", ":")) + "\n")
        print(f"{name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    main()
