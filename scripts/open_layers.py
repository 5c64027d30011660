"""Opens single layers that Forger exported with ONNX Runtime and PyTorch, and says as JSON how far each is from what Forger
computed; a test calls it.

    python scripts/open_layers.py DIR      (DIR/layers.json: name to shape, x, y; DIR/NAME.onnx, DIR/NAME.torchscript)
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
import torch


def through_onnx(path, x):
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def main():
    folder = pathlib.Path(sys.argv[1])
    found = {}
    for name, layer in json.loads((folder / "layers.json").read_text()).items():
        kind = np.int64 if layer["Whole"] else np.float32
        x, y = np.array(layer["X"], kind).reshape(layer["Shape"]), np.array(layer["Y"])
        outputs = {"torchscript": torch.jit.load(folder / f"{name}.torchscript")(torch.from_numpy(x)).detach().numpy()}
        if (folder / f"{name}.onnx").exists():
            outputs["onnx"] = through_onnx(str(folder / f"{name}.onnx"), x)
        for format, out in outputs.items():
            found[f"{name}.{format}"] = float(np.abs(out.reshape(-1) - y).max()) if out.size == y.size else -1.0
    print(json.dumps(found))


if __name__ == "__main__":
    main()
