"""FID, KID and PRDC of 10,000 samples of 2,048 features against as many, by `forger eval` and by plain NumPy and SciPy on the same
files, each in a process of its own: seconds, those of the processors, peak MiB, and the figures.

    python scripts/peers/metrics.py FORGER [--n 10000 --d 2048 --threads 2] [--fidelity]

--fidelity adds torch-fidelity's functions where Python finds it; of PRDC it has precision and recall. NumPy's FID is pytorch-fid's
(scipy.linalg.sqrtm), its KID 100 subsets of 1,000, its PRDC all distances at once in float64, as clovaai's code has them.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np


def fid(x, y):
    import scipy.linalg

    x, y = x.astype(np.float64), y.astype(np.float64)
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(s1 @ s2)
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * np.trace(root.real))


def kid(x, y):
    rng, values = np.random.RandomState(2020), []
    size = min(1000, len(x), len(y))
    kernel = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3
    for _ in range(100):
        a = x[rng.choice(len(x), size, replace=False)].astype(np.float64)
        b = y[rng.choice(len(y), size, replace=False)].astype(np.float64)
        kaa, kbb = kernel(a, a), kernel(b, b)
        within = kaa.sum() - np.trace(kaa) + kbb.sum() - np.trace(kbb)
        values.append(within / (size * (size - 1)) - 2 * kernel(a, b).mean())
    return float(np.mean(values))


def prdc(x, y, k=5):
    def distances(a, b):
        square = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T
        return np.sqrt(np.maximum(square, 0))

    x, y = x.astype(np.float64), y.astype(np.float64)
    rx = np.partition(distances(x, x), k, axis=1)[:, k]
    ry = np.partition(distances(y, y), k, axis=1)[:, k]
    d = distances(x, y)
    return [float((d < rx[:, None]).any(0).mean()), float((d < ry[None]).any(1).mean()),
            float((d < rx[:, None]).sum(0).mean() / k), float((d.min(1) < rx).mean())]


def fidelity(name):
    """torch-fidelity's, from features."""
    import torch
    from torch_fidelity import metric_fid, metric_kid, metric_prc
    from torch_fidelity.defaults import DEFAULTS

    def run(x, y):
        x, y = torch.from_numpy(x), torch.from_numpy(y)
        quiet = dict(DEFAULTS, verbose=False, prc_neighborhood=5)
        if name == "fid":
            stats = [metric_fid.fid_features_to_statistics(f) for f in (x, y)]
            return metric_fid.fid_statistics_to_metric(*stats, False)["frechet_inception_distance"]
        if name == "kid":
            return metric_kid.kid_features_to_metric(x, y, **quiet)["kernel_inception_distance_mean"]
        found = metric_prc.prc_features_to_metric(y, x, **quiet)  # the generated first
        return [found["precision"], found["recall"]]

    return run


def child(what, folder):
    maker, name = what.split(":")
    run = fidelity(name) if maker == "torch-fidelity" else {"fid": fid, "kid": kid, "prdc": prdc}[name]
    if maker == "torch-fidelity":
        import torch

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    start = time.perf_counter()
    value = run(np.load(folder / "x.npy"), np.load(folder / "y.npy"))
    print(json.dumps({"seconds": time.perf_counter() - start, "value": value}))


def measured(command, env):
    start = time.perf_counter()
    p = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    out = p.stdout.read()
    _, status, usage = os.wait4(p.pid, 0)
    if status:
        sys.exit(f"{command}: {status}")
    return out, time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("forger")
    for name, default in (("n", 10000), ("d", 2048), ("threads", os.cpu_count())):
        p.add_argument(f"--{name}", type=int, default=default)
    p.add_argument("--metrics", nargs="+", default=["fid", "kid", "prdc"])
    p.add_argument("--fidelity", action="store_true")
    a = p.parse_args()
    env = dict(os.environ, OMP_NUM_THREADS=str(a.threads), OPENBLAS_NUM_THREADS=str(a.threads), MKL_NUM_THREADS=str(a.threads))
    peers = ["numpy"] + ["torch-fidelity"] * a.fidelity
    print(f"{a.n} x {a.n} of {a.d} features, {a.threads} threads; whole processes\n\n| | who | s | CPU s | peak MiB | figure |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        env["XDG_CACHE_HOME"] = str(folder / "cache")
        rng = np.random.default_rng(1)
        mix = rng.standard_normal((a.d, a.d), dtype=np.float32) / a.d**0.5
        for name, shift in (("x", 0.0), ("y", 0.05)):
            np.save(folder / f"{name}.npy", rng.standard_normal((a.n, a.d), dtype=np.float32) @ mix + np.float32(shift))
        for metric in a.metrics:
            out, seconds, cpu, peak = measured([a.forger, "eval", "--images", f"npy:{folder}/y.npy", "--against", f"npy:{folder}/x.npy", "--metrics", metric,
                                           "--features", "pixels", "--n", str(a.n), "--json", "-"], env)
            found = json.loads(out)["metrics"][metric]
            figure = [found[k] for k in ("precision", "recall", "density", "coverage")] if metric == "prdc" else found["value"]
            print(f"| {metric} | Forger | {seconds:.1f} | {cpu:.1f} | {peak:.0f} | {show(figure)} |", flush=True)
            for peer in peers:
                out, seconds, cpu, peak = measured([sys.executable, __file__, "child", f"{peer}:{metric}", str(folder)], env)
                print(f"| | {peer} | {seconds:.1f} | {cpu:.1f} | {peak:.0f} | {show(json.loads(out)['value'])} |", flush=True)


def show(figure):
    return ", ".join(f"{v:.6g}" for v in figure) if isinstance(figure, list) else f"{figure:.8g}"


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2], pathlib.Path(sys.argv[3]))
    else:
        main()
