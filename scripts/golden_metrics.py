"""Writes what scipy, scikit-learn and plain numpy make of the measures, to gan/metric/testdata/metrics.json.

    python scripts/golden_metrics.py

The samples are golden.fill()'s, which the Go tests make too. The file records the hash of this script.
"""
import hashlib
import json
import math
import pathlib

import numpy as np
import scipy.linalg
import scipy.special
import scipy.stats
import torch
from sklearn.neighbors import KNeighborsClassifier

from golden import ROOT, fill


def sample(stream, n, d, scale=1.0, shift=0.0):
    return (fill(stream, n, d) * scale + shift).numpy()


def histograms(a, b, bins):
    span = (min(a.min(), b.min()), max(a.max(), b.max()))
    return [np.histogram(x, bins, span)[0] / len(x) for x in (a, b)]


def divergences(x, y, bins):
    kl, js = [], []
    for k in range(x.shape[1]):
        p, q = histograms(x[:, k], y[:, k], bins)
        m = (p + q) / 2
        kl.append(float(scipy.special.rel_entr(p, q).sum()))
        js.append(float((scipy.special.rel_entr(p, m).sum() + scipy.special.rel_entr(q, m).sum()) / 2))
    return {"kl": [v if math.isfinite(v) else None for v in kl], "js": js}


def holm(p):
    order, out, least = np.argsort(p, kind="stable"), np.zeros(len(p)), 0.0
    for rank, i in enumerate(order):
        least = max(least, min(1.0, p[i] * (len(p) - rank)))
        out[i] = least
    return out.tolist()


def tests(x, y):
    out = {}
    for name, run in {
        "t": lambda a, b: scipy.stats.ttest_ind(a, b),
        "welch": lambda a, b: scipy.stats.ttest_ind(a, b, equal_var=False),
        "ks": lambda a, b: scipy.stats.ks_2samp(a, b, method="exact"),
    }.items():
        r = [run(x[:, k], y[:, k]) for k in range(x.shape[1])]
        p = [float(v.pvalue) for v in r]
        out[name] = {"values": [float(v.statistic) for v in r], "p": p, "p_holm": holm(p)}
    return out


def ks_limit(x, y):
    d = scipy.stats.ks_2samp(x[:, 0], y[:, 0]).statistic
    return {"d": float(d), "p": float(scipy.special.kolmogorov(d * math.sqrt(len(x) * len(y) / (len(x) + len(y)))))}


def hotelling(x, y):
    n, m, d = len(x), len(y), x.shape[1]
    s = ((n - 1) * np.cov(x, rowvar=False) + (m - 1) * np.cov(y, rowvar=False)) / (n + m - 2)
    diff = x.mean(0) - y.mean(0)
    t2 = n * m / (n + m) * diff @ np.linalg.solve(s, diff)
    f = t2 * (n + m - d - 1) / ((n + m - 2) * d)
    return {"t2": float(t2), "p": float(scipy.stats.f.sf(f, d, n + m - d - 1))}


def pairwise(x, y):
    return np.sqrt(((x[:, None] - y[None]) ** 2).sum(-1))


def energy(x, y):
    return float(2 * pairwise(x, y).mean() - pairwise(x, x).mean() - pairwise(y, y).mean())


def mmd(x, y):
    z = np.concatenate([x, y])
    width = float(np.median(pairwise(z, z)[np.triu_indices(len(z), 1)]))
    k = lambda a, b: np.exp(-pairwise(a, b) ** 2 / (2 * width**2))
    n, m = len(x), len(y)
    within = (k(x, x).sum() - n) / (n * (n - 1)) + (k(y, y).sum() - m) / (m * (m - 1))
    return {"width": width, "mmd": float(within - 2 * k(x, y).mean())}


def knn(x, y):
    """Even rows to learn from, odd ones to be asked."""
    train, test = np.concatenate([x[::2], y[::2]]), np.concatenate([x[1::2], y[1::2]])
    labels = lambda a, b: np.r_[np.zeros(len(a)), np.ones(len(b))]
    k = math.isqrt(len(train))
    net = KNeighborsClassifier(k, algorithm="brute").fit(train, labels(x[::2], y[::2]))
    accuracy = float(net.score(test, labels(x[1::2], y[1::2])))
    return {"k": k, "accuracy": accuracy, "p": float(scipy.stats.norm.sf((accuracy - 0.5) * math.sqrt(4 * len(test))))}


def parzen(x, y, images):
    if images:
        x, y = x * 0.5 + 0.5, y * 0.5 + 0.5
    half, d = min(1000, len(x) // 2), x.shape[1]

    def density(points, w):
        sums = scipy.special.logsumexp(-(pairwise(points, y) ** 2) / (2 * w * w), axis=1)
        return sums - math.log(len(y)) - d * math.log(w * math.sqrt(2 * math.pi))

    best = max(np.logspace(-1, 0, 10), key=lambda w: density(x[:half], w).mean())
    values = density(x[half:], best)
    return {"sigma": float(best), "mean": float(values.mean()), "se": float(values.std() / math.sqrt(len(values)))}


def sliced(x, y, seed):
    """The directions are PyTorch's of that seed, 50 at a time."""
    g, total = torch.Generator().manual_seed(seed), 0.0
    for _ in range(20):
        along = torch.randn(x.shape[1], 50, dtype=torch.float64, generator=g)
        along = (along / along.norm(dim=0)).numpy()
        total += ((np.sort(x @ along, 0) - np.sort(y[: len(x)] @ along, 0)) ** 2).mean(0).sum()
    return math.sqrt(total / 1000)


def fid(x, y):
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = np.sqrt(np.linalg.eigvals(s1 @ s2).astype(complex)).real.sum()
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * root)


def kid(x, y):
    n, d = x.shape
    k = lambda a, b: (a @ b.T / d + 1) ** 3
    within = (k(x, x).sum() - np.trace(k(x, x)) + k(y, y).sum() - np.trace(k(y, y))) / (n * (n - 1))
    return float(within - 2 * k(x, y).mean())


def prdc(x, y, k=5):
    radius = lambda a: np.sort(pairwise(a, a), 1)[:, k]
    rx, ry, d = radius(x), radius(y), pairwise(x, y)
    return {
        "precision": float((d < rx[:, None]).any(0).mean()), "recall": float((d < ry[None]).any(1).mean()),
        "density": float((d < rx[:, None]).sum(0).mean() / k), "coverage": float((d.min(1) < rx).mean()),
    }


def score(logits):
    p = scipy.special.softmax(logits, axis=1)
    return float(np.exp(scipy.special.rel_entr(p, p.mean(0)[None]).sum(1).mean()))


def main():
    x, y = sample(1, 80, 3), sample(2, 60, 3, 1.2, 0.1)
    wide_x, wide_y = sample(3, 40, 64), sample(4, 50, 64, 0.8, 0.1)
    values = {
        "divergences": divergences(x, y, 5), "infinite": divergences(x, y, 50), "tests": tests(x, y),
        "ks_limit": ks_limit(sample(5, 150, 1), sample(6, 120, 1, 1.1)), "hotelling": hotelling(x, y),
        "energy": energy(x, y), "mmd": mmd(x, y), "knn": knn(x, y), "parzen": parzen(x, y, False), "parzen_images": parzen(x, y, True),
        "sliced": sliced(x[:60], y, 7), "fid": fid(x, y), "fid_wide": fid(wide_x, wide_y), "kid": kid(x[:60], y), "prdc": prdc(x, y),
        "prdc_wide": prdc(wide_x, wide_y), "score": score(sample(7, 30, 6, 4.0)),
        "moments": {"mean": x.mean(0).tolist(), "cov": np.cov(x, rowvar=False).reshape(-1).tolist()},
    }
    stamp = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
    path = ROOT / "gan" / "metric" / "testdata" / "metrics.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"script": stamp, "values": values}, indent=1) + "\n")


if __name__ == "__main__":
    main()
