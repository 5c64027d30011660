"""Writes statistics as pytorch-fid and clean-fid save them, with NumPy: data/testdata/npz. NAME.json holds their numbers."""
import json
import pathlib

import numpy as np

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "testdata" / "npz"


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    features = (np.arange(5 * 3) * 37 % 11 / 7 - 0.5).reshape(5, 3)
    mu, sigma = features.mean(axis=0), np.cov(features, rowvar=False)
    narrow = features.astype(np.float32)  # clean-fid averages what the network gave
    files = {
        "fid": (np.savez_compressed, {"mu": mu, "sigma": sigma}),
        "clean": (np.savez_compressed, {"mu": narrow.mean(axis=0), "sigma": np.cov(narrow, rowvar=False)}),
        "stored": (np.savez, {"scalar": np.float64(-0.0), "sigma": sigma, "empty": np.zeros((0, 3)), "mu": mu}),
        "odd": (np.savez, {"count": np.int64(5), "turned": np.asfortranarray(features), "big": mu.astype(">f8")}),
    }
    for name, (save, arrays) in files.items():
        save(OUT / f"{name}.npz", **arrays)
        values = {k: [list(v.shape), v.astype(np.float64).ravel().tolist()] for k, v in arrays.items()}
        (OUT / f"{name}.json").write_text(json.dumps(values) + "\n")


if __name__ == "__main__":
    main()
