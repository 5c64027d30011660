"""Writes the golden values of augmentation, gan/method/testdata/augment.json: each of DiffAugment's operations on given numbers,
with its gradients, and ten steps of a training through them.

The operations are those that DiffAugment_pytorch.py does, one after the other, with its random numbers taken from golden.py's
fill(): a number of torch.rand is u, an integer of torch.randint(low, high) is low + floor(u (high - low)).
"""
import hashlib
import json
import pathlib

import torch
import torch.nn.functional as F

from golden import ROOT, fill, numbers
from golden_gans import DCGAN, Training, uniform

ME = pathlib.Path(__file__)


def each(u, i):
    return u[:, i].reshape(-1, 1, 1, 1)


def integer(u, low, high):
    return low + (u * (high - low)).floor().long()


def brightness(x, u):
    return x + (each(u, 0) - 0.5)


def saturation(x, u):
    mean = x.mean(dim=1, keepdim=True)
    return (x - mean) * (each(u, 1) * 2) + mean


def contrast(x, u):
    mean = x.mean(dim=[1, 2, 3], keepdim=True)
    return (x - mean) * (each(u, 2) + 0.5) + mean


def color(x, u):
    return contrast(saturation(brightness(x, u), u), u)


def translation(x, u):
    n, _, h, w = x.shape
    far = [int(side * 0.125 + 0.5) for side in (h, w)]
    down, right = (integer(u[:, i], -far[i], far[i] + 1) for i in (0, 1))
    images, rows, columns = torch.meshgrid(torch.arange(n), torch.arange(h), torch.arange(w), indexing="ij")
    rows = torch.clamp(rows + down.reshape(n, 1, 1) + 1, 0, h + 1)
    columns = torch.clamp(columns + right.reshape(n, 1, 1) + 1, 0, w + 1)
    return F.pad(x, [1, 1, 1, 1]).permute(0, 2, 3, 1)[images, rows, columns].permute(0, 3, 1, 2)


def cutout(x, u):
    n, _, h, w = x.shape
    size = [int(side * 0.5 + 0.5) for side in (h, w)]
    at = [integer(u[:, i], 0, side + (1 - size[i] % 2)).reshape(n, 1, 1) for i, side in enumerate((h, w))]
    images, rows, columns = torch.meshgrid(torch.arange(n), torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    rows = torch.clamp(rows + at[0] - size[0] // 2, 0, h - 1)
    columns = torch.clamp(columns + at[1] - size[1] // 2, 0, w - 1)
    mask = torch.ones(n, h, w)
    mask[images, rows, columns] = 0
    return x * mask.unsqueeze(1)


OPERATIONS = {"color": (color, 3), "translation": (translation, 2), "cutout": (cutout, 2)}


def operations():
    cases = []
    for name, (fn, draws) in OPERATIONS.items():
        for i, shape in enumerate([(3, 3, 8, 8), (2, 1, 7, 7), (3, 3, 12, 6)]):
            x, u = fill(100 + i, *shape).requires_grad_(), (fill(200 + i, shape[0], draws) + 1) / 2
            y = fn(x, u)
            grad = torch.autograd.grad((y * fill(300 + i, *shape)).sum(), x)[0]
            cases.append({"name": name, "shape": shape, "u": numbers(u), "out": numbers(y), "grad": numbers(grad)})
    return cases


class Augmented(Training):
    def __init__(self, *args):
        super().__init__(*args)
        self.chances = self.draws(8000, uniform)

    def sees(self, x):
        u = self.chances(len(x), 7)
        x = cutout(translation(color(x, u[:, :3]), u[:, 3:5]), u[:, 5:])
        return super().sees(x)


RUNS = {
    "augmented": "model=dcgan loss=nonsaturating penalty=r1=1 augment=color,translation,cutout optim=adam lr=2e-4 beta1=.5 beta2=.999",
    "augmented pairs": "model=dcgan loss=relativistic penalty=gp=1 augment=cutout,color,translation pack=2 optim=adam lr=2e-4 beta1=.5 beta2=.999",
}


def run(text):
    return {"settings": text.split(), "sizes": DCGAN, **Augmented(text, DCGAN, torch.float64, "cpu").run(10)}


def main():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    content = {"script": hashlib.sha256(ME.read_bytes()).hexdigest(), "torch": torch.__version__.split("+")[0],
               "operations": operations(), "runs": {name: run(text) for name, text in RUNS.items()}}
    path = ROOT / "gan/method/testdata/augment.json"
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n")
    print(path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
