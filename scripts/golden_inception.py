"""Writes gan/feature/testdata/inception.json: features of the FID Inception by PyTorch, under pytorch-fid's and torch-fidelity's
protocols.

    python scripts/golden_inception.py

The network is torchvision's Inception v3 with what pytorch-fid documents as different: averages of 3x3 that leave out what pads
them, and a maximum in the last block. Its weights are golden.fill()'s by place in the sorted keys, so that no file holds them.
"""
import hashlib
import json
import math
import pathlib

import torch
import torch.nn.functional as F
from torchvision.models import inception

from golden import ROOT, fill, numbers

SIDE = 299


def pooled(block, pool):
    """A block whose branch_pool sees another pool than torchvision's, whose avg_pool2d is the one of its module."""
    forward = type(block)._forward

    class Functional:
        def __getattr__(self, name):
            return getattr(F, name)

        def avg_pool2d(self, x, **_):
            return pool(x)

    def patched(x):
        inception.F = Functional()
        try:
            return torch.cat(forward(block, x), 1)
        finally:
            inception.F = F

    block.forward = patched


def network():
    net = inception.Inception3(num_classes=1008, aux_logits=False, transform_input=False, init_weights=False)
    mean = lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    for name in ("5b", "5c", "5d", "6b", "6c", "6d", "6e", "7b"):
        pooled(getattr(net, "Mixed_" + name), mean)
    pooled(net.Mixed_7c, lambda x: F.max_pool2d(x, 3, 1, 1))
    state = {k: v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    for place, key in enumerate(sorted(state)):
        state[key].copy_(weight(key, place, state[key].shape))
    return net.eval(), state


def weight(key, place, shape):
    values = fill(place, *shape)
    if len(shape) > 1:  # convolutions and fc
        return values * math.sqrt(6 / shape[1:].numel())
    if key.endswith("bn.weight") or key.endswith("running_var"):
        return 1 + values / 4
    return values / 4


def images():
    return ((fill(777, 2, 32, 32, 3) + 1) * 128).floor().to(torch.uint8).permute(0, 3, 1, 2)


def tf1(x):
    """tf.image.resize_bilinear of TensorFlow 1 to SIDE: each place is read at i*in/out, columns first."""
    for dim in (3, 2):
        size = x.shape[dim]
        at = torch.arange(SIDE, dtype=torch.float32) * torch.tensor(size / SIDE, dtype=torch.float32)
        low = at.long()
        share = (at - low).view([-1 if d == dim else 1 for d in range(4)])
        a, b = x.index_select(dim, low), x.index_select(dim, (low + 1).clamp_max(size - 1))
        x = a + (b - a) * share
    return x


def features(net, x):
    kept = {}
    hook = net.avgpool.register_forward_hook(lambda m, i, o: kept.update(x=o.flatten(1)))
    net(x)
    hook.remove()
    return kept["x"]


def found(net, x):
    f = features(net, x)
    logits = f @ net.fc.weight.T  # torch-fidelity's "logits_unbiased"
    return {"features": numbers(f[:, ::64]), "mean": numbers(f.mean(1)), "logits": numbers(logits[:, ::63])}


def main():
    net, state = network()
    x = images().float()
    shapes = "".join(f"{k} {list(state[k].shape)}\n" for k in sorted(state)).replace(",", "")
    with torch.no_grad():
        cases = {
            "tf1": found(net, (tf1(x) - 128) / 128),
            "bilinear": found(net, 2 * F.interpolate(x / 255, size=(SIDE, SIDE), mode="bilinear", align_corners=False) - 1),
        }
    path = ROOT / "gan/feature/testdata/inception.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    script = pathlib.Path(__file__)
    content = {
        "script": hashlib.sha256(script.read_bytes()).hexdigest(), "torch": torch.__version__.split("+")[0],
        "keys": hashlib.sha256(shapes.encode()).hexdigest(), "cases": cases,
    }
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
