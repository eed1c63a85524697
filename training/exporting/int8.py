"""
int8 with one activation scale a token: what a message is answered does not depend on what shares its batch.

Quantizers that look at activations as they come take one scale for a whole tensor, so that a batch-mate with a large
activation makes every score coarser. Here each row is divided by its own largest magnitude, which one constant scale
then fits, and what comes out is multiplied by it (ZeroQuant, arXiv:2206.01861). Weights have one scale per output
channel, word embeddings one per word. What a GELU gives is nowhere below -0.17, so the integers go from there on, and
what is large in it is told apart nearly twice as well.

Weights use all 8 bits. Where a processor would saturate on products of those and uint8 activations, the consumer's
backend has ONNX Runtime take them as uint8, which gives the same sums.
"""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper
from onnxruntime.quantization.onnx_model import ONNXModel  # type: ignore[import-untyped]

from consumer.packing import Packed
from consumer.padding import PADDED_INPUTS

# Matrices smaller than this, the classifier's among them, cost no time, and their rounding would cost accuracy.
SMALLEST_SIDE = 16
LARGEST_INT8 = 127
# uint8: ONNX Runtime is five times slower with int8 activations.
SCALE, ZERO, SMALLEST = ("per_token.scale", "per_token.zero_point", "per_token.smallest")
GELU_SCALE, GELU_ZERO, GELU_SMALLEST = ("gelu.scale", "gelu.zero_point", "gelu.smallest")
LARGEST_UINT8, ZERO_OF_GELU, LEAST_OF_GELU = 255, 32, 0.17
UP_FROM_ZERO = LARGEST_UINT8 - ZERO_OF_GELU
SHARED = {
    SCALE: np.float32(1 / LARGEST_INT8),
    ZERO: np.uint8(128),
    SMALLEST: np.float32(1e-8),
    GELU_SCALE: np.float32(1 / UP_FROM_ZERO),
    GELU_ZERO: np.uint8(ZERO_OF_GELU),
    GELU_SMALLEST: np.float32(LEAST_OF_GELU * UP_FROM_ZERO / ZERO_OF_GELU),  # with it, the least of a GELU is 0
}
TOKENS = (Packed._fields[0], PADDED_INPUTS[0])
EMBEDDINGS = "word embeddings"
KEPT = "shikyu.kept_in_fp32"


def int8_onnx(fp32: bytes, kept: Collection[str] = ()) -> bytes:
    """
    The same model, its products with constant matrices and its word embeddings in int8, but for `kept`.

    ValueError when there is nothing to quantize, or `kept` names what is not there.
    """
    return _quantized(fp32, kept, _Made.product)


def int8_weights_onnx(fp32: bytes, kept: Collection[str] = ()) -> bytes:
    """
    The same model, its constant matrices and word embeddings in int8, but for `kept`, and restored where they are used.

    An engine that knows how (OpenVINO) keeps them as they are, and rounds activations by itself. ValueError as above.
    """
    return _quantized(fp32, kept, _Made.weight)


def _quantized(
    fp32: bytes, kept: Collection[str], product: Callable[["_Made", NodeProto, NDArray[np.float32]], None]
) -> bytes:
    model = products_apart(fp32)
    sizes = parameters(model)
    if unknown := sorted(set(kept) - set(sizes)):
        raise ValueError(f"the model has no product {unknown[0]!r} to keep in fp32; it has {', '.join(sizes)}")
    graph = model.graph
    constants = _constants(graph)
    made = _Made(gelus(graph))
    for node in graph.node:
        if node.name not in sizes or node.name in kept:
            made.nodes.append(node)
        elif node.name == EMBEDDINGS:
            made.lookup(node, constants[node.input[0]])
        else:
            product(made, node, constants[node.input[1]])
    del graph.node[:]
    graph.node.extend(made.nodes)
    used = {name for node in graph.node for name in node.input}
    values = {**SHARED, **made.values}
    initializers = [each for each in graph.initializer if each.name in used]
    initializers += [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items() if name in used]
    del graph.initializer[:]
    graph.initializer.extend(initializers)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    helper.set_model_props(model, {KEPT: "\n".join(sorted(kept))})
    return bytes(model.SerializeToString())


def products_apart(fp32: bytes) -> ModelProto:
    """Each matrix product a MatMul, which exporters write as a Gemm where a bias is added, and each node named."""
    wrapped = ONNXModel(onnx.load_from_string(fp32))
    wrapped.replace_gemm_with_matmul()
    model: ModelProto = wrapped.model
    inputs = {each.name for each in model.graph.input}
    for place, node in enumerate(model.graph.node):
        is_lookup = node.op_type == "Gather" and node.input[1] in inputs.intersection(TOKENS)
        node.name = EMBEDDINGS if is_lookup else node.name or f"{node.op_type}_{place}"
    return model


def parameters(model: ModelProto) -> Mapping[str, int]:
    """
    How many weights each node has that can be quantized, by its name.

    ValueError when none can: it would be fp32 under int8's name.
    """
    constants = _constants(model.graph)
    found = {}
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.input[1] in constants:
            shape = constants[node.input[1]].shape
            if len(shape) == 2 and min(shape) >= SMALLEST_SIDE:
                found[node.name] = math.prod(shape)
        elif node.name == EMBEDDINGS:
            found[node.name] = constants[node.input[0]].size
    if not any(node.op_type == "MatMul" and node.name in found for node in model.graph.node):
        raise ValueError(f"no matrix of the model has {SMALLEST_SIDE} rows and columns: there is nothing to quantize")
    return found


def gelus(graph: GraphProto) -> frozenset[str]:
    """What x * (1 + erf(x / sqrt 2)) * 0.5 gives, as torch's exporter writes a GELU."""
    values = {
        node.output[0]: float(numpy_helper.to_array(node.attribute[0].t))
        for node in graph.node
        if node.op_type == "Constant" and node.attribute[0].name == "value" and not node.attribute[0].t.dims
    }
    x_of: dict[str, str] = {}  # by what has come of x so far
    found = set()
    for node in graph.node:  # in the order of what they need
        kind, (one, *others) = node.op_type, node.input or [""]
        other = others[0] if others else ""
        if kind == "Div" and math.isclose(values.get(other, 0.0), math.sqrt(2), rel_tol=1e-6):
            x_of[f"Div {node.output[0]}"] = one
        elif kind == "Erf" and f"Div {one}" in x_of:
            x_of[f"Erf {node.output[0]}"] = x_of[f"Div {one}"]
        elif kind == "Add" and f"Erf {one}" in x_of and values.get(other) == 1:
            x_of[f"Add {node.output[0]}"] = x_of[f"Erf {one}"]
        elif kind == "Mul" and x_of.get(f"Add {other}") == one:
            x_of[f"Mul {node.output[0]}"] = one
        elif kind == "Mul" and f"Mul {one}" in x_of and values.get(other) == 0.5:
            found.add(node.output[0])
    return frozenset(found)


def _constants(graph: GraphProto) -> dict[str, NDArray[np.float32]]:
    """Initializers by name, seen through the Identity and Transpose nodes that exporters put before them."""
    found = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    for node in graph.node:
        if node.input and node.input[0] in found:
            if node.op_type == "Identity":
                found[node.output[0]] = found[node.input[0]]
            elif node.op_type == "Transpose":
                order = [list(each.ints) for each in node.attribute if each.name == "perm"]
                found[node.output[0]] = found[node.input[0]].transpose(*order)
    return found


class _Made:
    """The nodes and constants of the quantized graph, as they come."""

    def __init__(self, gelus: Collection[str]) -> None:
        self._gelus = gelus
        self.nodes: list[NodeProto] = []
        self.values: dict[str, NDArray[np.generic]] = {}
        self._rows: set[str] = set()

    def product(self, node: NodeProto, weight: NDArray[np.float32]) -> None:
        x, y = node.input[0], node.output[0]
        self._quantize_rows(x)
        self._round(y, weight)
        step, zero = (GELU_SCALE, GELU_ZERO) if x in self._gelus else (SCALE, ZERO)
        inputs = [f"{x}.uint8", f"{y}.weight", step, f"{y}.scale", zero, f"{y}.zero_point"]
        self._add("MatMulIntegerToFloat", inputs, f"{y}.unit", name=node.name, domain="com.microsoft")
        self._add("Mul", [f"{y}.unit", f"{x}.magnitude"], y)

    def weight(self, node: NodeProto, weight: NDArray[np.float32]) -> None:
        y = node.output[0]
        self._round(y, weight)
        self._add("DequantizeLinear", [f"{y}.weight", f"{y}.scale", f"{y}.zero_point"], f"{y}.restored", axis=1)
        self._add("MatMul", [node.input[0], f"{y}.restored"], y, name=node.name)

    def _round(self, y: str, weight: NDArray[np.float32]) -> None:
        scale = np.maximum(np.abs(weight).max(axis=0) / LARGEST_INT8, np.finfo(np.float32).tiny)
        self.values |= {
            f"{y}.weight": np.rint(weight / scale).astype(np.int8),
            f"{y}.scale": scale.astype(np.float32),
            f"{y}.zero_point": np.zeros(scale.shape, np.int8),
        }

    def _quantize_rows(self, x: str) -> None:
        if x in self._rows:  # query, key and value may be products of the same rows
            return
        self._rows.add(x)
        of_gelu = x in self._gelus
        step, zero, smallest = (GELU_SCALE, GELU_ZERO, GELU_SMALLEST) if of_gelu else (SCALE, ZERO, SMALLEST)
        if not of_gelu:
            self._add("Abs", [x], f"{x}.absolute")
        self._add("ReduceMax", [x if of_gelu else f"{x}.absolute"], f"{x}.largest", axes=[-1], keepdims=1)
        self._add("Max", [f"{x}.largest", smallest], f"{x}.magnitude")
        self._add("Div", [x, f"{x}.magnitude"], f"{x}.divided")
        self._add("QuantizeLinear", [f"{x}.divided", step, zero], f"{x}.uint8")

    def lookup(self, node: NodeProto, table: NDArray[np.float32]) -> None:
        y = node.output[0]
        scale = np.maximum(np.abs(table).max(axis=1, keepdims=True) / LARGEST_INT8, np.finfo(np.float32).tiny)
        self.values |= {f"{y}.table": np.rint(table / scale).astype(np.int8), f"{y}.scale": scale.astype(np.float32)}
        self._add("Gather", [f"{y}.table", node.input[1]], f"{y}.int8", name=node.name)
        self._add("Gather", [f"{y}.scale", node.input[1]], f"{y}.row_scale")
        self._add("Cast", [f"{y}.int8"], f"{y}.whole", to=onnx.TensorProto.FLOAT)
        self._add("Mul", [f"{y}.whole", f"{y}.row_scale"], y)

    def _add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
