"""Opens what `forger export` wrote of each model with the programs it is for, and says as JSON how far each is from the
checkpoint's networks in real PyTorch; a test calls it.

    python scripts/open_models.py DIR    (DIR/models.json: name to checkpoint and options; DIR/NAME/{generator,discriminator}.{pth,...})
"""
import json
import pathlib
import sys

import torch

from golden_models import MODELS
from open_exports import through


def main():
    folder, found = pathlib.Path(sys.argv[1]), {}
    torch.manual_seed(0)
    with torch.no_grad():
        for name, told in json.loads((folder / "models.json").read_text()).items():
            o, state = told["options"], torch.load(told["checkpoint"], weights_only=True)
            real = (o["points"],) if "points" in o else (o["channels"], o["side"], o["side"])
            for i, (key, shape) in enumerate({"generator": (o["latent"], 1, 1), "discriminator": real}.items()):
                official = MODELS[o["model"]](o)[i].eval()
                official.load_state_dict(state[key], strict=True)
                for kind in ("pth", "safetensors", "onnx", "torchscript"):
                    x = torch.randn(5, *shape).clamp(-1, 1)
                    y, _ = through(kind, f"{folder}/{name}/{key}.{kind}", x, MODELS[o["model"]](o)[i])
                    want = official(x)
                    if key == "discriminator" and kind in ("onnx", "torchscript"):
                        want = torch.sigmoid(want)  # these hold the probability
                    found[f"{name} {key}.{kind}"] = (y.reshape(5, -1) - want.reshape(5, -1)).abs().max().item()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
