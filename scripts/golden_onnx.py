"""Writes torch/onnx/testdata/golden.onnx with the real onnx package (1.23.2); the Go tests make the same bytes.

    python scripts/golden_onnx.py
"""

import pathlib

import numpy as np
from onnx import OperatorSetIdProto, TensorProto, checker, helper, numpy_helper

folder = pathlib.Path(__file__).resolve().parent.parent / "torch/onnx/testdata"
f32, i64 = TensorProto.FLOAT, TensorProto.INT64

weight = (np.arange(12, dtype=np.float32) / 8 - 0.5).reshape(2, 1, 2, 3)
nodes = [
    helper.make_node("Conv", ["x", "w.weight", ""], ["h"], "main.0", group=1, pads=[0, 1, 0, 300], strides=[2, 2]),
    helper.make_node("LeakyRelu", ["h"], ["a"], alpha=0.2),
    helper.make_node("Resize", ["a", "roi", "scales"], ["r"], "ü", mode="nearest"),
    helper.make_node("ReduceMean", ["r"], ["y"], axes=[-1], keepdims=0),
]
graph = helper.make_graph(
    nodes,
    "net",
    [helper.make_tensor_value_info("x", f32, ["N", 1, 7, 200])],
    [helper.make_tensor_value_info("y", f32, ["N", 2, "H"]), helper.make_tensor_value_info("one", i64, [])],
    [
        numpy_helper.from_array(weight, "w.weight"),
        numpy_helper.from_array(np.zeros(0, np.float32), "roi"),
        numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales"),
        numpy_helper.from_array(np.array(-3, np.int64), "one"),
    ],
)
model = helper.make_model(
    graph,
    ir_version=8,
    opset_imports=[OperatorSetIdProto(version=17)],
    producer_name="forger",
    producer_version="1.2",
)
helper.set_model_props(model, {"step": "1800", "a": ""})
checker.check_model(model, full_check=True)
(folder / "golden.onnx").write_bytes(model.SerializeToString(deterministic=True))
