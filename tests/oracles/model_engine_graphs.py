"""Writes src/engines/onnxruntime/testdata/*.onnx: small graphs with known answers for the engine's tests.

Needs the Python package onnx (1.17 or newer). Run from the root of the source tree: python tests/oracles/model_engine_graphs.py
"""

import pathlib

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path("src/engines/onnxruntime/testdata")
OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]


def tensor(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def write(name, nodes, inputs, outputs, constants=()):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(constants))
    model = helper.make_model(graph, opset_imports=OPSETS, ir_version=8, producer_name="oracle")
    (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString())


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    number = TensorProto.FLOAT
    # y = x [[1,2],[3,4],[5,6]] + [10,20]
    write("affine", [helper.make_node("Gemm", ["x", "w", "b"], ["y"])],
          [tensor("x", number, ["N", 3])], [tensor("y", number, ["N", 2])],
          [numpy_helper.from_array(np.array([[1, 2], [3, 4], [5, 6]], np.float32), "w"),
           numpy_helper.from_array(np.array([10, 20], np.float32), "b")])
    write("strings", [helper.make_node("Identity", ["text"], ["same"])],
          [tensor("text", TensorProto.STRING, ["N", 2])], [tensor("same", TensorProto.STRING, ["N", 2])])
    kinds = ["BOOL", "UINT8", "INT8", "UINT16", "INT16", "UINT32", "INT32", "UINT64", "INT64", "FLOAT16", "FLOAT",
             "DOUBLE"]
    write("dtypes", [helper.make_node("Identity", [f"in_{k}"], [f"out_{k}"]) for k in kinds],
          [tensor(f"in_{k}", getattr(TensorProto, k), ["N"]) for k in kinds],
          [tensor(f"out_{k}", getattr(TensorProto, k), ["N"]) for k in kinds])
    write("lookup", [helper.make_node("Gather", ["table", "index"], ["y"])],
          [tensor("index", TensorProto.INT64, ["N"])], [tensor("y", number, ["N", 2])],
          [numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(3, 2), "table")])
    write("total", [helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)],
          [tensor("x", number, ["N", 2])], [tensor("y", number, [])])
    write("zip_map", [helper.make_node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])],
          [tensor("x", number, ["N", 2])],
          [helper.make_value_info("y", helper.make_sequence_type_proto(helper.make_map_type_proto(
              TensorProto.INT64, helper.make_tensor_type_proto(number, []))))])
    write("unknown_operator", [helper.make_node("Frobnicate", ["x"], ["y"])],
          [tensor("x", number, ["N"])], [tensor("y", number, ["N"])])
    write("missing_input", [helper.make_node("Relu", ["nowhere"], ["y"])],
          [tensor("x", number, ["N"])], [tensor("y", number, ["N"])])
    write("bfloat16", [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16)],
          [tensor("x", number, ["N"])], [tensor("y", TensorProto.BFLOAT16, ["N"])])


if __name__ == "__main__":
    main()
