"""Writes vision/testdata/formats.json: image files of many kinds, and what Pillow makes of each.

Upright as ImageOps.exif_transpose has it, alpha by Image.alpha_composite over white and over a colour, 16-bit samples by
their upper byte, then convert("RGB") and convert("L").
"""
import base64
import ctypes
import ctypes.util
import io
import json
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps
import PIL

OUT = pathlib.Path(__file__).resolve().parent.parent / "vision" / "testdata" / "formats.json"
BACKGROUND = (30, 160, 220)
H, W = 19, 26


def scene(h=H, w=W, c=3):
    """A picture with smooth shades and some edges, so that JPEG and WebP have something to do."""
    y, x, k = np.meshgrid(np.linspace(0, 1, h), np.linspace(0, 1, w), np.arange(c), indexing="ij")
    a = 255 * (.5 + .5 * np.sin(3 * x * (k + 1) + 2 * y + k))
    a[h // 3:h // 2, w // 4:w // 2, :] *= .25
    a[2 * h // 3:, w // 2:, 0] = 230
    return a.clip(0, 255).astype(np.uint8)


def b64(data):
    return base64.b64encode(bytes(data)).decode()


def flat(m, background):
    """m in RGB, whatever is transparent laid over the background."""
    if m.mode in ("RGBA", "LA", "PA") or "transparency" in m.info:
        m = m.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", m.size, background + (255,)), m).convert("RGB")
    return m


def case(name, file, decoded=None):
    """decoded replaces Pillow's own decoding, where the rule is Forger's."""
    m = decoded or ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
    white = flat(m, (255, 255, 255))
    out = {"name": name, "file": b64(file), "height": m.height, "width": m.width,
           "rgb": b64(white.convert("RGB").tobytes()), "gray": b64(white.convert("L").tobytes())}
    over = flat(m, BACKGROUND)
    if over is not m:
        out["over"] = b64(over.tobytes())
    return out


def saved(m, kind, **options):
    f = io.BytesIO()
    m.save(f, kind, **options)
    return f.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(a, interlaced=False):
    """A PNG of a, uint8 or uint16 [H,W,C], which Pillow cannot write with 16 bits or interlaced."""
    h, w, c = a.shape
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    raw = b""
    for y, x, down, across in passes:
        part = a[y::down, x::across]
        if part.size:
            raw += b"".join(b"\0" + row.astype(a.dtype.newbyteorder(">")).tobytes() for row in part)
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[c]
    head = struct.pack(">IIBBBBB", w, h, a.itemsize * 8, kind, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def upper(a):
    """The upper bytes as a Pillow image."""
    a = (a >> 8).astype(np.uint8)
    return Image.fromarray(a[:, :, 0] if a.shape[2] == 1 else a, {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[a.shape[2]])


def subsampled(a, sampling):
    """A JPEG with a sampling that Pillow cannot write (TurboJPEG's TJSAMP numbers), or None without TurboJPEG."""
    name = ctypes.util.find_library("turbojpeg")
    if not name:
        return None
    tj = ctypes.CDLL(name)
    tj.tjInitCompress.restype = ctypes.c_void_p
    out, size = ctypes.c_void_p(), ctypes.c_ulong()
    a = np.ascontiguousarray(a)
    code = tj.tjCompress2(ctypes.c_void_p(tj.tjInitCompress()), a.ctypes.data_as(ctypes.c_void_p), a.shape[1], 0, a.shape[0], 0,
                          ctypes.byref(out), ctypes.byref(size), sampling, 92, 0)
    assert code == 0
    return ctypes.string_at(out, size.value)


def jpegs():
    m = Image.fromarray(scene())
    for name, sampling in (("444", 0), ("422", 1), ("420", 2)):
        yield case(f"jpeg {name}", saved(m, "JPEG", quality=92, subsampling=sampling))
    for h, w in ((1, 1), (2, 3), (16, 4), (17, 5), (40, 33)):
        yield case(f"jpeg 420 {w}x{h}", saved(Image.fromarray(scene(h, w)), "JPEG", quality=92, subsampling=2))
    for name, sampling in (("440", 4), ("411", 5)):
        if file := subsampled(scene(), sampling):
            yield case(f"jpeg {name}", file)
    yield case("jpeg progressive", saved(m, "JPEG", quality=92, progressive=True))
    yield case("jpeg restarts", saved(m, "JPEG", quality=92, restart_marker_blocks=1))
    yield case("jpeg gray", saved(m.convert("L"), "JPEG", quality=92))
    yield case("jpeg rgb", saved(m, "JPEG", quality=92, keep_rgb=True))
    cmyk = saved(Image.fromarray(scene(c=4), "CMYK"), "JPEG", quality=92)
    at = cmyk.index(b"Adobe") - 4
    yield case("jpeg cmyk", cmyk)
    yield case("jpeg cmyk without Adobe's marker", cmyk[:at] + cmyk[at + 16:])
    yield case("jpeg ycck", cmyk[:at + 15] + b"\2" + cmyk[at + 16:])
    for n in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = n
        yield case(f"jpeg orientation {n}", saved(m, "JPEG", quality=92, exif=exif))
    exif[0x0112] = 6
    yield case("jpeg gray orientation 6", saved(m.convert("L"), "JPEG", quality=92, exif=exif))
    yield case("png orientation 6", saved(m, "PNG", exif=exif))
    yield case("webp orientation 6", saved(m, "WEBP", lossless=True, exif=exif))


def pngs():
    m = Image.fromarray(scene())
    rgba = scene(c=4)
    rgba[:4, :, 3], rgba[4:6, :, 3] = 255, 0
    alpha = Image.fromarray(rgba)
    quantized = m.quantize(200)
    yield case("png rgb", saved(m, "PNG"))
    yield case("png rgba", saved(alpha, "PNG"))
    yield case("png gray", saved(m.convert("L"), "PNG"))
    yield case("png gray with alpha", saved(alpha.convert("LA"), "PNG"))
    yield case("png palette", saved(quantized, "PNG"))
    yield case("png palette of 4 bits", saved(m.quantize(13), "PNG"))
    yield case("png palette of 2 bits", saved(m.quantize(4), "PNG"))
    yield case("png 1 bit", saved(m.convert("1"), "PNG"))
    yield case("png palette with a transparent entry", saved(quantized, "PNG", transparency=3))
    yield case("png palette with alphas", saved(quantized, "PNG", transparency=bytes(range(0, 200))))
    yield case("png rgb with a transparent colour", saved(m, "PNG", transparency=tuple(int(v) for v in scene()[-1, -1])))
    yield case("png gray with a transparent shade", saved(m.convert("L"), "PNG", transparency=int(np.asarray(m.convert("L"))[3, 3])))
    for c in (1, 2, 3, 4):
        deep = scene(c=c).astype(np.uint16) * 256 + np.arange(H * W * c, dtype=np.uint16).reshape(H, W, c) * 7 % 256
        yield case(f"png 16 bits, {c} channels", png(deep), upper(deep))
        yield case(f"png interlaced, {c} channels", png(scene(c=c), interlaced=True))
        yield case(f"png from Adam7, 1x1, {c} channels", png(scene(1, 1, c), interlaced=True))


def others():
    m = Image.fromarray(scene())
    rgba = scene(c=4)
    rgba[:4, :, 3], rgba[4:6, :, 3] = 255, 0
    alpha = Image.fromarray(rgba)
    quantized = m.quantize(100)
    yield case("gif", saved(quantized, "GIF"))
    yield case("gif interlaced", saved(quantized, "GIF", interlace=1))
    yield case("gif with a transparent entry", saved(quantized, "GIF", transparency=3))
    yield case("gif animated", saved(quantized, "GIF", save_all=True, append_images=[quantized.transpose(0)], duration=50))
    for h, w in ((H, W), (1, 1), (2, 2), (18, 25), (33, 7), (16, 16)):
        yield case(f"webp lossy {w}x{h}", saved(Image.fromarray(scene(h, w)), "WEBP", quality=90))
    yield case("webp lossless", saved(m, "WEBP", lossless=True))
    yield case("webp lossy with alpha", saved(alpha, "WEBP", quality=90))
    yield case("webp lossless with alpha", saved(alpha, "WEBP", lossless=True, exact=True))
    yield case("bmp", saved(m, "BMP"))
    yield case("bmp 32 bits", saved(alpha, "BMP"), alpha.convert("RGB"))
    yield case("bmp palette", saved(quantized, "BMP"))
    yield case("bmp gray", saved(m.convert("L"), "BMP"))
    yield case("bmp 1 bit", saved(m.convert("1"), "BMP"))


def main():
    cases = [*jpegs(), *pngs(), *others()]
    OUT.write_text(json.dumps({"pillow": PIL.__version__, "background": BACKGROUND, "cases": cases}, indent=0) + "\n")
    print(OUT.name, len(cases), "files,", OUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
