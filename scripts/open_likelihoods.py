"""Opens what `forger export` wrote of VAEs and PixelCNNs with the programs it is for, and says as JSON how far each is from the
networks of a checkpoint in plain PyTorch, and the likelihoods that those networks give images; a test calls it.

    python scripts/open_likelihoods.py DIR   (DIR/cases.json: a case each; DIR/CASE/{NET.{pth,safetensors,onnx,torchscript},x.npy,x.labels.npy})

Likelihoods are of images without anything drawn but the latents, which are 500 importance samples. Networks that learnt labels
are told those of the images.
"""
import json
import math
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
import safetensors.torch
import torch

from golden_likelihoods import LABELS, autoencoder, bernoulli, logistic, pixelcnn, settings


def networks(case):
    o, z = settings(case["settings"]), case["sizes"]
    if o["method"] == "vae":
        encoder, decoder = autoencoder(o, z)
        return {"encoder": encoder, "decoder": decoder}
    return {"model": pixelcnn(o, z)}


def through(kind, path, given, fresh):
    """Outputs for an input and, where there are, labels; and what is worth a word."""
    if kind == "onnx":
        onnx.checker.check_model(path, full_check=True)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = [v.name for v in session.get_inputs()]
        outs = session.run(None, {name: x.numpy() for name, x in zip(names, given, strict=True)})
        return [torch.from_numpy(y) for y in outs], names[1:] + [v.name for v in session.get_outputs()]
    if kind == "torchscript":
        net = torch.jit.load(path)
        y = torch.jit.freeze(net)(*given)
        return list(y) if isinstance(y, tuple) else [y], sorted(net.state_dict()) == sorted(fresh.state_dict())
    state = torch.load(path, weights_only=True) if kind == "pth" else safetensors.torch.load_file(path)
    state = {k.removeprefix("main."): v for k, v in state.items()}
    fresh.load_state_dict(state, strict=True)
    return [fresh.eval()(given[0])], len(state)


def likelihood(case, nets, x):
    """-log p(x) of each image, with the bound of a VAE before it."""
    o, k = settings(case["settings"]), 500
    binary = o["binarize"] != "none"
    if binary:
        x = torch.where(x >= 0, 1.0, -1.0)
    if "model" in nets:
        said = nets["model"](x)
        log = bernoulli(said, x) if binary else logistic(said[:, 0::2], said[:, 1::2], x)
        return [(-log).tolist()] * 2
    mean, logvar = nets["encoder"](x).chunk(2, 1)
    posterior, prior = torch.distributions.Normal(mean, (logvar / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    torch.manual_seed(1)
    weights = []
    for _ in range(k):
        z = posterior.sample()
        said = nets["decoder"](z[:, :, None, None])
        log = bernoulli(said, x) if binary else logistic(said, nets["decoder"].log_scale, x)
        weights.append(log + (prior.log_prob(z) - posterior.log_prob(z)).sum(1))
    weights = torch.stack(weights)
    return [(-weights.mean(0)).tolist(), (math.log(k) - torch.logsumexp(weights, 0)).tolist()]


def main():
    folder, found = pathlib.Path(sys.argv[1]), {}
    for name, case in json.loads((folder / "cases.json").read_text()).items():
        files, z = folder / name, case["sizes"]
        images = torch.from_numpy(np.load(files / "x.npy")).permute(0, 3, 1, 2).float() / 127.5 - 1
        labels = torch.from_numpy(np.load(files / "x.labels.npy")) if "conditional" in settings(case["settings"]) else None
        result, whole = {"differences": {}, "notes": {}}, networks(case)
        for net, module in whole.items():
            module.load_state_dict({k.removeprefix("main."): v for k, v in torch.load(files / f"{net}.pth", weights_only=True).items()}, strict=True)
            module.eval()
            for kind in ("pth", "safetensors", "onnx", "torchscript"):
                for n in (1, len(images)):
                    x = torch.randn(n, z["latent"], 1, 1, generator=torch.Generator().manual_seed(n)) if net == "decoder" else images[:n]
                    given, LABELS.y = [x], labels
                    if labels is not None:
                        LABELS.y = labels[:n]
                        given.append(LABELS.y)
                    ys, note = through(kind, str(files / f"{net}.{kind}"), given, networks(case)[net])
                    y = torch.cat([part.reshape(n, -1) for part in ys], 1)
                    key = f"{net}.{kind}"
                    off = (y - module(x).reshape(n, -1)).abs().max().item()
                    result["differences"][key] = max(off, result["differences"].get(key, 0.0))
                    result["notes"][key] = note
        result["nll"] = likelihood(case, whole, images)
        found[name] = result
    print(json.dumps(found))


if __name__ == "__main__":
    torch.set_num_threads(1)
    with torch.no_grad():
        main()
