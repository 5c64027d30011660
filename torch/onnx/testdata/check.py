"""Opens what the Go tests wrote with onnx and ONNX Runtime: python check.py FOLDER.

Writes NAME.json beside each NAME.onnx: what the file holds, and for dcgan.onnx what ONNX Runtime draws beside what PyTorch
computes from weights.pt, at two batch sizes.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch.nn import functional as F

folder = pathlib.Path(sys.argv[1])


def held(path):
    """What the onnx package finds in a file, after its full check."""
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(str(path))
    assert model.SerializeToString() == path.read_bytes(), "the official library would write other bytes"
    tensors = {}
    for t in model.graph.initializer:
        array = numpy_helper.to_array(t)
        kind = onnx.TensorProto.DataType.Name(t.data_type)
        tensors[t.name] = {"type": kind, "shape": list(array.shape), "hex": array.tobytes().hex()}
    return {
        "ir": model.ir_version,
        "opset": [[o.domain, o.version] for o in model.opset_import],
        "metadata": [[p.key, p.value] for p in model.metadata_props],
        "tensors": tensors,
    }


def reference(w, z):
    """The graph of interop_test.go in PyTorch."""

    def norm(x, name):
        return F.batch_norm(x, w[f"{name}.mean"], w[f"{name}.var"], w[f"{name}.weight"], w[f"{name}.bias"])

    h = F.relu(norm(F.conv_transpose2d(z, w["g0"]), "bn"))
    images = torch.tanh(F.conv_transpose2d(h, w["g1"], stride=2, padding=1))
    d = F.leaky_relu(F.conv2d(images, w["d0"], stride=2, padding=1), 0.2)
    probability = torch.sigmoid(F.conv2d(d, w["d1"])).reshape(-1)
    features = F.linear(d.flatten(1), w["fc"]) + w["shift"]
    return [images, probability, features]


def described(arrays):
    return [{"shape": list(a.shape), "values": np.asarray(a, np.float64).ravel().tolist()} for a in arrays]


def drawn(path):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    assert entry.shape == ["N", 5, 1, 1], entry.shape
    w = torch.load(folder / "weights.pt", weights_only=True)
    out = []
    for n in (1, 3):
        z = torch.randn(n, 5, 1, 1, generator=torch.Generator().manual_seed(n))
        ours = session.run(["images", "probability", "features"], {"z": z.numpy()})
        out.append({"runtime": described(ours), "torch": described([t.numpy() for t in reference(w, z)])})
    return out


for path in sorted(folder.glob("*.onnx")):
    seen = {"held": held(path)}
    if path.stem == "dcgan":
        seen["drawn"] = drawn(path)
    path.with_suffix(".json").write_text(json.dumps(seen))
