"""Writes vision/testdata/oblong.json: torchvision's Resize to the smallest size of an image's proportions that covers
another, and its CenterCrop to that."""
import json

import torchvision
from golden_vision import Image, base64, np, pixels, transforms, write


def fit(m, height, width):
    if height / m.height >= width / m.width:
        covering = [height, int(height * m.width / m.height)]
    else:
        covering = [int(width * m.height / m.width), width]
    out = transforms.CenterCrop([height, width])(transforms.Resize(covering)(m))
    return base64.b64encode(np.asarray(out).tobytes()).decode()


def main():
    cases = []
    for h, w, c, height, width in [(28, 28, 1, 32, 16), (40, 30, 3, 16, 32), (31, 57, 3, 16, 24), (57, 31, 1, 16, 24), (9, 5, 3, 32, 16),
                                   (200, 301, 3, 48, 24), (32, 16, 3, 32, 16), (64, 32, 1, 32, 16), (100, 7, 1, 14, 7)]:
        a = pixels(h, w, c)
        m = Image.fromarray(a[:, :, 0] if c == 1 else a)
        cases.append({"h": h, "w": w, "c": c, "height": height, "width": width, "out": fit(m, height, width)})
    write("vision/testdata/oblong.json", {"torchvision": torchvision.__version__.split("+")[0], "cases": cases})


if __name__ == "__main__":
    main()
