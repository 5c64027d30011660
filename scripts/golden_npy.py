"""Writes arrays as NumPy saves them, and the bytes that PyTorch makes of float32 images: data/testdata/npy."""
import pathlib

import numpy as np
import torch

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "testdata" / "npy"


def save(name, array):
    path = OUT / f"{name}.npy"
    np.save(path, array)
    print(path.relative_to(OUT.parent.parent.parent), path.stat().st_size, "bytes")


def pixels(*shape):
    return (np.arange(np.prod(shape)) * 37 % 251).astype(np.uint8).reshape(shape)


def planes():
    """Every byte's place in [-1,1], the halves between them and their neighbours in float32, and the ends."""
    halves = ((np.arange(255) + 0.5) / 127.5 - 1).astype(np.float32)
    places = (np.arange(256) / 127.5 - 1).astype(np.float32)
    near = [np.nextafter(halves, np.float32(k)) for k in (-2, 2)]
    ends = np.float32([-1, 1, -1.0009, 1.0009, 0, -0.0])
    numbers = np.concatenate([halves, places, *near, ends])
    return np.resize(numbers, (2, 3, 14, 14)).astype(np.float32)


def as_bytes(images):
    """What turns samples into pictures: gt_to_uint8 in torch/csrc/create.cc."""
    x = torch.from_numpy(images).permute(0, 2, 3, 1)
    return x.add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8).contiguous().numpy()


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    points = np.float64([[0.1, -2.5], [1e-40, 3e38], [1 / 3, -0.0], [7, 8], [9, 1e10]])
    save("points64", points)
    save("points", points.astype(np.float32))
    save("gray", pixels(3, 6, 8))
    save("rgb", pixels(3, 6, 8, 3))
    save("rgb.labels", np.int64([2, -1, 0]))
    save("planes", planes())
    save("planes_bytes", as_bytes(planes()))
    save("fortran", np.asfortranarray(points.astype(np.float32)))
    save("big", points.astype(">f4"))
    save("integers", np.arange(6).reshape(3, 2))


if __name__ == "__main__":
    main()
