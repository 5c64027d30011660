"""Writes folders, archives and CIFAR-10 with Python's own tools, and what torchvision reads of them.

usage: peer.py DIR. Leaves DIR/set, DIR/*.zip, DIR/*.tar*, DIR/cifar, and DIR/want.json:
files: {path below set: [class name, base64 of uint8 [8,8,3]]} by ImageFolder, Resize(8), CenterCrop(8);
cifar: {labels, classes, pixels: base64 of uint8 [N,32,32,3], mirrored: the same through hflip} by datasets.CIFAR10.
"""
import base64
import json
import os
import pickle
import sys
import tarfile
import zipfile

import numpy
import torch
from PIL import Image
from torchvision import datasets
from torchvision.transforms import functional as F

top = sys.argv[1]
rng = numpy.random.default_rng(7)
os.chdir(top)

names = ["kiwi/1.png", "kiwi/10.png", "apple/" + "x" * 120 + ".png", "Zucchini/sub/deep.png", "apple/été.png"]
for name in names:
    os.makedirs(os.path.dirname("set/" + name), exist_ok=True)
    Image.fromarray(rng.integers(0, 256, (21, 13, 3), dtype=numpy.uint8)).save("set/" + name)

folder = datasets.ImageFolder("set")
files = {}
for path, target in folder.samples:
    image = F.center_crop(F.resize(Image.open(path).convert("RGB"), 8), 8)
    files[os.path.relpath(path, "set")] = [folder.classes[target], base64.b64encode(image.tobytes()).decode()]

for name, compression in [("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)]:
    with zipfile.ZipFile(f"{name}.zip", "w", compression) as z:
        for n in sorted(names):
            z.write("set/" + n, n)
for name, form, mode in [("gnu.tar", tarfile.GNU_FORMAT, "w"), ("pax.tar", tarfile.PAX_FORMAT, "w"), ("gnu.tar.gz", tarfile.GNU_FORMAT, "w:gz"), ("pax.tgz", tarfile.PAX_FORMAT, "w:gz")]:
    with tarfile.open(name, mode, format=form) as t:
        t.add("set", "set")

# The binary version and the pickled one of the same images.
os.makedirs("cifar/cifar-10-batches-bin")
os.makedirs("python/cifar-10-batches-py")
classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
with open("cifar/cifar-10-batches-bin/batches.meta.txt", "w") as f:
    f.write("\n".join(classes) + "\n\n")
with open("python/cifar-10-batches-py/batches.meta", "wb") as f:
    pickle.dump({"label_names": classes}, f)
for n in range(1, 6):
    labels = rng.integers(0, 10, 7, dtype=numpy.uint8)
    planes = rng.integers(0, 256, (7, 3072), dtype=numpy.uint8)
    numpy.hstack([labels[:, None], planes]).tofile(f"cifar/cifar-10-batches-bin/data_batch_{n}.bin")
    with open(f"python/cifar-10-batches-py/data_batch_{n}", "wb") as f:
        pickle.dump({"data": planes, "labels": labels.tolist()}, f)
datasets.cifar.check_integrity = lambda *_: True
set10 = datasets.CIFAR10("python", train=True)
cifar = {
    "labels": [int(l) for l in set10.targets],
    "classes": set10.classes,
    "pixels": base64.b64encode(set10.data.tobytes()).decode(),
    "mirrored": base64.b64encode(F.hflip(torch.from_numpy(set10.data).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).contiguous().numpy().tobytes()).decode(),
}
with open("want.json", "w") as f:
    json.dump({"files": files, "cifar": cifar}, f)
