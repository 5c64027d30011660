"""Prints, a JSON object a line, JPEGs of real photographs and what torchvision makes of them.

usage: torchvision_fit.py TRAIN_ZIP
The photographs of the zip are 32x32; larger and odder shapes are mosaics of them, written with several samplings.
"""
import base64
import io
import json
import sys
import zipfile

from PIL import Image
from torchvision import transforms


def b64(data):
    return base64.b64encode(data).decode()


def emit(file, size, crop=0, mode="RGB"):
    m = Image.open(io.BytesIO(file)).convert(mode)
    steps = [transforms.CenterCrop(crop)] if crop else []
    out = transforms.Compose([*steps, transforms.Resize(size), transforms.CenterCrop(size)])(m)
    print(json.dumps({"file": b64(file), "size": size, "crop": crop, "channels": len(mode) // 3 * 2 + 1,
                      "shape": f"{m.width}x{m.height}", "want": b64(out.tobytes())}))


def mosaic(tiles, w, h):
    m = Image.new("RGB", (w, h))
    zoomed = [t.resize((96, 96), Image.Resampling.BICUBIC) for t in tiles]
    at = iter(zoomed)
    for y in range(0, h, 96):
        for x in range(0, w, 96):
            m.paste(next(at), (x, y))
    return m


def main():
    with zipfile.ZipFile(sys.argv[1]) as z:
        files = [z.read(n) for n in z.namelist()[::331] if n.endswith(".jpg")]
    for i, f in enumerate(files):
        for size in (8, 16, 32, 64):
            emit(f, size)
        emit(f, 32, mode="L")
        emit(f, 16, crop=(24, 25)[i % 2])
    tiles = [Image.open(io.BytesIO(f)).convert("RGB") for f in files]
    for n, (w, h) in enumerate([(178, 218)] * 8 + [(301, 97), (97, 301), (33, 31), (640, 480), (477, 641)]):
        out = io.BytesIO()
        mosaic(tiles[n:] + tiles[:n], w, h).save(out, "JPEG", quality=(75, 90, 95)[n % 3], subsampling=n % 3, progressive=n % 4 == 0)
        for size in (16, 24, 32, 48, 64, 89):
            emit(out.getvalue(), size)
        if min(w, h) >= 178:
            emit(out.getvalue(), 64, crop=108)
            emit(out.getvalue(), 32, crop=177)
            emit(out.getvalue(), 64, crop=178, mode="L")


if __name__ == "__main__":
    main()
