"""Knows how block-quantised ONNX files unfold to plain float arrays. Does not know any network.

The published files keep 8-bit weights behind opset-21 DequantizeLinear nodes on constants; onnx's
own reference evaluator computes those nodes, once, here.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

FOLDED_OPS: Final = frozenset({"DequantizeLinear", "Reshape"})

Arrays = Mapping[str, NDArray[np.float32]]


def unfold(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace each dequantisation of constants by its float32 result, in place; return it."""
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        inputs = [name for name in node.input if name]
        if node.op_type in FOLDED_OPS and all(name in constants for name in inputs):
            constants[node.output[0]] = _evaluate(node, constants, model)
        else:
            kept.append(node)
    used = {name for node in kept for name in node.input}
    real = [value for value in graph.input if value.name in used and value.name not in constants]
    del graph.node[:], graph.initializer[:], graph.input[:], graph.value_info[:]
    graph.node.extend(kept)
    graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in constants.items() if name in used
    )
    graph.input.extend(real)
    return model


def _evaluate(
    node: onnx.NodeProto, constants: Mapping[str, NDArray[np.generic]], model: onnx.ModelProto
) -> NDArray[np.float32]:
    """Return the float32 result of one node whose inputs are all constants."""
    output = helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, None)
    known = [numpy_helper.from_array(constants[name], name) for name in node.input if name]
    single = helper.make_graph([node], "single", [], [output], initializer=known)
    runnable = helper.make_model(single, opset_imports=model.opset_import, ir_version=10)
    (result,) = ReferenceEvaluator(runnable).run(None, {})
    return np.asarray(result, np.float32)


def free_yunet(model: onnx.ModelProto) -> onnx.ModelProto:
    """Let YuNet take any batch and any sides that are multiples of 32, in place; return it."""
    graph = model.graph
    batch, _, height, width = graph.input[0].type.tensor_type.shape.dim
    batch.dim_param, height.dim_param, width.dim_param = "batch", "height", "width"
    shapes = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[1] in shapes:
            last = numpy_helper.to_array(shapes[node.input[1]])[-1]
            free = np.array([0, -1, last], np.int64)
            shapes[node.input[1]].CopyFrom(numpy_helper.from_array(free, node.input[1]))
    for output in graph.output:
        dims = output.type.tensor_type.shape.dim
        dims[0].dim_param, dims[1].dim_param = "batch", f"anchors_{output.name}"
    return model


def weights_of(model: onnx.ModelProto) -> dict[str, list[NDArray[np.float32]]]:
    """Return, for each node with weights, its constant inputs in the node's own order."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    found: dict[str, list[NDArray[np.float32]]] = {}
    for node in model.graph.node:
        if node.op_type in {"Conv", "BatchNormalization", "PRelu", "Gemm"}:
            held = [np.asarray(constants[name], np.float32) for name in node.input[1:]]
            found[node.name] = held
    return found
