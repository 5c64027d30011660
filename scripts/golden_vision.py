"""Writes the golden pixels of real torchvision: Resize(size) and CenterCrop(size).

vision/testdata/resize.json is about images made from a formula that the Go test has too; data/testdata/cifar.json about
some of the real photographs of ../shared/data, where that is there.
"""
import base64
import io
import json
import pathlib
import zipfile

import numpy as np
from PIL import Image
from torchvision import transforms
import torchvision

ROOT = pathlib.Path(__file__).resolve().parent.parent
PHOTOGRAPHS = ROOT.parent / "shared" / "data" / "cifar10-jpeg" / "train.zip"


def fit(m, size):
    out = transforms.CenterCrop(size)(transforms.Resize(size)(m))
    return base64.b64encode(np.asarray(out).tobytes()).decode()


def write(name, content):
    path = ROOT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content) + "\n")
    print(name, path.stat().st_size, "bytes")


def pixels(h, w, c):
    y, x, k = np.meshgrid(np.arange(h), np.arange(w), np.arange(c), indexing="ij")
    return ((x * 7 + y * 13 + k * 50 + (x * y * (k + 3)) % 97 + (x // 3 % 2) * 90) % 256).astype(np.uint8)


def main():
    cases = []
    for h, w, c, size in [(28, 28, 1, 32), (40, 30, 3, 16), (31, 57, 3, 16), (57, 31, 1, 16), (9, 5, 3, 16), (5, 9, 1, 17),
                          (200, 301, 3, 24), (16, 16, 3, 16), (16, 21, 1, 16), (33, 32, 3, 32), (100, 7, 1, 7)]:
        a = pixels(h, w, c)
        m = Image.fromarray(a[:, :, 0] if c == 1 else a)
        cases.append({"h": h, "w": w, "c": c, "size": size, "out": fit(m, size)})
    write("vision/testdata/resize.json", {"torchvision": torchvision.__version__.split("+")[0], "cases": cases})
    if PHOTOGRAPHS.exists():
        with zipfile.ZipFile(PHOTOGRAPHS) as z:
            names = z.namelist()[::12007]
            write("data/testdata/cifar.json",
                  {size: {n: fit(Image.open(io.BytesIO(z.read(n))).convert("RGB"), size) for n in some}
                   for size, some in ((32, names), (64, names[:2]))})


if __name__ == "__main__":
    main()
