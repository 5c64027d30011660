"""Opens a GIF that gif_test.go wrote with Pillow and compares it with the bytes it was made from.

usage: check_gif.py GIF RAW FRAMES HEIGHT WIDTH CHANNELS DELAY exact|close
"""
import sys

import numpy as np
from PIL import Image, ImageSequence

gif, raw, *numbers, mode = sys.argv[1:]
frames, height, width, channels, delay = map(int, numbers)
want = np.fromfile(raw, np.uint8).reshape(frames, height, width, channels)

m = Image.open(gif)
assert m.size == (width, height), m.size
assert m.n_frames == frames, m.n_frames
assert frames == 1 or m.info["loop"] == 0, m.info
got = []
for f in ImageSequence.Iterator(m):
    assert f.info["duration"] == delay * 10, f.info
    got.append(np.asarray(f.convert("RGB")))
got = np.stack(got)
want = np.broadcast_to(want, got.shape)


def off(a):
    return np.abs(a.astype(float) - want).mean()


if mode == "exact":
    assert (got == want).all(), off(got)
else:  # no worse than Pillow's own median cut over the same pixels
    all_frames = Image.fromarray(want.reshape(-1, width, 3))
    peer = np.asarray(all_frames.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB"))
    peer = peer.reshape(want.shape)
    print(f"mean difference {off(got):.3f}, Pillow's median cut {off(peer):.3f}")
    assert off(got) <= off(peer), (off(got), off(peer))
