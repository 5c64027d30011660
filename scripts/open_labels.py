"""Opens what `forger export` wrote of conditional networks with the programs it is for, and says as JSON how far each is from the
checkpoint's networks in real PyTorch; a test calls it.

    python scripts/open_labels.py DIR    (DIR/runs.json: way to checkpoint; DIR/WAY/{generator,discriminator}.{pth,...})
"""
import json
import pathlib
import sys

import onnxruntime
import safetensors.torch
import torch

from golden_gans import CHANNELS, DCGAN, LATENT, SIDE
from golden_labels import CLASSES, Cell, networks


def renamed(state, like):
    """A checkpoint's keys as plain PyTorch's: networks that are no class of their own there have no main."""
    found = {}
    for key, value in state.items():
        plain = key.removeprefix("main.")
        found[key if key in like else plain if plain in like else f"main.{plain}"] = value
    return found


def through(kind, path, official, x, y):
    if kind == "onnx":
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = [i.name for i in session.get_inputs()]
        return torch.from_numpy(session.run(None, dict(zip(names, (x.numpy(), y.numpy()))))[0])
    if kind == "torchscript":
        net = torch.jit.load(path)
        return net(x, y) if len(list(net.forward.schema.arguments)) == 3 else net(x)
    state = safetensors.torch.load_file(path) if kind == "safetensors" else torch.load(path, weights_only=True)
    official.load_state_dict(renamed(state, official.state_dict()), strict=True)
    return official.eval()(x)


def main():
    folder, found = pathlib.Path(sys.argv[1]), {}
    torch.manual_seed(0)
    with torch.no_grad():
        for way, checkpoint in json.loads((folder / "runs.json").read_text()).items():
            cell, o = Cell(), {"model": "dcgan", "conditional": way}
            state = torch.load(checkpoint, weights_only=True)
            for i, (key, shape) in enumerate({"generator": (LATENT, 1, 1), "discriminator": (CHANNELS, SIDE, SIDE)}.items()):
                official = networks(o, DCGAN, cell)[i].eval()
                official.load_state_dict(renamed(state[key], official.state_dict()), strict=True)
                x, cell.y = torch.randn(7, *shape).clamp(-1, 1), torch.arange(7) % CLASSES
                want = official(x)
                for kind in ("pth", "safetensors", "onnx", "torchscript"):
                    y = through(kind, f"{folder}/{way}/{key}.{kind}", networks(o, DCGAN, cell)[i], x, cell.y)
                    probability = key == "discriminator" and kind in ("onnx", "torchscript")
                    difference = y.reshape(7, -1) - (torch.sigmoid(want) if probability else want).reshape(7, -1)
                    found[f"{way} {key}.{kind}"] = difference.abs().max().item()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
