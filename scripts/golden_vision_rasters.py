"""Writes vision/testdata/rasters.json: TIFF and PPM files, and what Pillow makes of each, as formats.json has others."""
import json
import pathlib
import struct

import numpy as np
from PIL import Image
import PIL

from golden_vision_formats import BACKGROUND, H, W, case, saved, scene, upper

OUT = pathlib.Path(__file__).resolve().parent.parent / "vision" / "testdata" / "rasters.json"


def tiff(a, order, alpha=None, orientation=1, strip=7):
    """An uncompressed TIFF of a, uint8 or uint16 [H,W,C], in either byte order and several strips, which Pillow does not write."""
    h, w, c = a.shape
    e = {"II": "<", "MM": ">"}[order]
    rows = [a[y:y + strip] for y in range(0, h, strip)]
    raw = [r.astype(a.dtype.newbyteorder(e)).tobytes() for r in rows]
    tags = [(256, 3, [w]), (257, 3, [h]), (258, 3, [8 * a.itemsize] * c), (259, 3, [1]), (262, 3, [1 if c < 3 else 2]),
            (273, 4, [0] * len(raw)), (274, 3, [orientation]), (277, 3, [c]), (278, 3, [strip]), (279, 4, [len(r) for r in raw])]
    if alpha:
        tags.append((338, 3, [alpha]))
    tags.sort()
    at = 8 + 2 + 12 * len(tags) + 4
    later, places = b"", {}
    for tag, kind, values in tags:
        size = len(values) * {3: 2, 4: 4}[kind]
        if size > 4:
            places[tag] = at + len(later)
            later += b"\0" * size
    offsets = [at + len(later) + sum(map(len, raw[:i])) for i in range(len(raw))]
    tags = [(t, k, offsets if t == 273 else v) for t, k, v in tags]
    head, later = b"", b""
    for tag, kind, values in tags:
        data = struct.pack(e + {3: "H", 4: "I"}[kind] * len(values), *values)
        head += struct.pack(e + "HHI", tag, kind, len(values))
        if tag in places:
            head += struct.pack(e + "I", places[tag])
            later += data
        else:
            head += data.ljust(4, b"\0")
    return order.encode() + struct.pack(e + "HI", 42, 8) + struct.pack(e + "H", len(tags)) + head + b"\0\0\0\0" + later + b"".join(raw)


def tiffs():
    m, rgba = Image.fromarray(scene()), scene(c=4)
    rgba[:4, :, 3], rgba[4:6, :, 3] = 255, 0
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        yield case(f"tiff rgb {compression}", saved(m, "TIFF", compression=compression))
        yield case(f"tiff gray {compression}", saved(m.convert("L"), "TIFF", compression=compression))
    yield case("tiff lzw predicted", saved(m, "TIFF", compression="tiff_lzw", tiffinfo={317: 2}))
    yield case("tiff palette", saved(m.quantize(200), "TIFF"))
    yield case("tiff 1 bit", saved(m.convert("1"), "TIFF"))
    yield case("tiff rgba", saved(Image.fromarray(rgba), "TIFF"))
    multiplied = rgba.copy()
    multiplied[..., :3] = (rgba[..., :3].astype(int) * rgba[..., 3:] // 255).astype(np.uint8)
    for order in ("II", "MM"):
        yield case(f"tiff {order} rgb in strips", tiff(scene(), order))
        yield case(f"tiff {order} rgba", tiff(rgba, order, alpha=2))
        deep = scene().astype(np.uint16) * 257 - 100
        yield case(f"tiff {order} rgb of 16 bits", tiff(deep, order), upper(deep))
        yield case(f"tiff {order} gray of 16 bits", tiff(deep[..., :1], order), upper(deep[..., :1]))
    for n in (3, 6, 8):
        yield case(f"tiff orientation {n}", tiff(scene(), "MM", orientation=n))


def ppms():
    a = scene()
    m = Image.fromarray(a)
    yield case("ppm", saved(m, "PPM"))
    yield case("pgm", saved(m.convert("L"), "PPM"))
    yield case("ppm with comments", b"P6 # of somebody\n#\r%d\t%d# 255 9\n 255\n" % (W, H) + a.tobytes())
    for most in (1, 2, 100, 254):
        b = (a.astype(int) * most // 255).astype(np.uint8)
        yield case(f"ppm up to {most}", b"P6\n%d %d\n%d\n" % (W, H, most) + b.tobytes())
        yield case(f"pgm up to {most}", b"P5\n%d %d\n%d\n" % (W, H, most) + b[..., :1].tobytes())
    yield case("ppm beyond its most", b"P6\n%d %d\n100\n" % (W, H) + a.tobytes())
    for most in (256, 1023, 65535):
        b = (a.astype(int) * most // 255).astype(">u2")
        yield case(f"ppm up to {most}", b"P6\n%d %d\n%d\n" % (W, H, most) + b.tobytes())


if __name__ == "__main__":
    OUT.write_text(json.dumps({"made": f"scripts/golden_vision_rasters.py with Pillow {PIL.__version__}", "background": BACKGROUND,
                               "cases": [*tiffs(), *ppms()]}, indent=1) + "\n")
