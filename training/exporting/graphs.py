"""The ONNX graphs of a fitted classifier, one a precision."""

import io
import tempfile
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime.quantization as ort_quantization  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from onnx import ModelProto
from onnxruntime.quantization.onnx_model import ONNXModel  # type: ignore[import-untyped]
from onnxruntime.transformers.float16 import (  # type: ignore[import-untyped]
    DEFAULT_OP_BLOCK_LIST,
    convert_float_to_float16,
)
from torch import nn
from transformers import DebertaV2Config, DebertaV2ForSequenceClassification, PreTrainedConfig, PreTrainedModel

from consumer.errors import ArtifactError
from consumer.packing import Distances, pack
from consumer.padding import PADDED_INPUTS, pad, padding_id
from training.exporting import packed, padded
from training.exporting.packed import PackedDeberta
from training.exporting.padded import traceable
from training.run_folder import INT8_FILE, PRECISIONS

OPSET = 17
# Matrices smaller than this, the classifier's among them, cost no time, and their rounding would cost accuracy.
SMALLEST_SIDE = 16
# Masks are written as the smallest float. Half of what fp16 holds: a score added to it stays finite, and a row of a
# padding token that sees nothing at all stays a number (transformers#17306).
LARGEST_FP16 = 3e4

AXES = {
    "token_ids": {0: "tokens"},
    "row_of_cell": {0: "texts", 1: "width"},
    "cell_of_row": {0: "tokens"},
    "score_bias": {0: "texts", 3: "width"},
    "first_rows": {0: "texts"},
    "position_rows": {0: "distances"},
    "input_ids": {0: "texts", 1: "width"},
    "attention_mask": {0: "texts", 1: "width"},
    "logits": {0: "texts"},
}
# Two texts of unequal length, so that no axis is traced as if it were always 1 or always full.
EXAMPLE = (np.array([1, 3, 2]), np.array([1, 3, 3, 3, 2]))


def graphs(model: PreTrainedModel, precisions: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Each precision's name and graph."""
    fp32 = fp32_onnx(model)
    made: Mapping[str, Callable[[bytes], bytes]] = {"fp32": bytes, "fp16": fp16_onnx, "int8": int8_onnx}
    for name in PRECISIONS:
        if name in precisions:
            yield name, made[name](fp32)


def fp32_onnx(model: PreTrainedModel) -> bytes:
    """Packed for DeBERTa-v2, padded for what training.padded covers. ValueError for anything else."""
    refuse_uncovered(model.config)
    if isinstance(model, DebertaV2ForSequenceClassification):
        return onnx_of(PackedDeberta(model), pack(EXAMPLE, Distances.of(model.config.to_dict())))
    return padded_onnx(model)


def refuse_uncovered(config: PreTrainedConfig) -> None:
    """ValueError names what neither the packed nor the padded graph covers, and what to do."""
    if isinstance(config, DebertaV2Config):
        packed.refuse_uncovered(config)
    else:
        padded.refuse_uncovered(config)


def padded_onnx(model: PreTrainedModel) -> bytes:
    """transformers' own model as it is, DeBERTa-v2 too: input_ids and attention_mask to logits."""
    example = pad(EXAMPLE, padding_id(model.config.to_dict()))
    with traceable(model) as plain:
        return onnx_of(plain, {name: example[name] for name in PADDED_INPUTS})


def onnx_of(model: nn.Module, example: Mapping[str, NDArray[np.generic]]) -> bytes:
    written = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter by tracing is deprecated for one that needs onnxscript; the numbers it gives are
        # checked against transformers', and every warning here is one of the exporter's own.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            tuple(torch.from_numpy(np.array(value)) for value in example.values()),
            written,  # type: ignore[arg-type]  # the tracing exporter takes a stream, its signature does not say so
            dynamo=False,
            opset_version=OPSET,
            input_names=list(example),
            output_names=["logits"],
            dynamic_axes={name: axes for name, axes in AXES.items() if name in example or name == "logits"},
        )
    return written.getvalue()


def fp16_onnx(fp32: bytes) -> bytes:
    """The same model with weights and arithmetic in half precision; inputs and logits stay as they are."""
    model = onnx.load_from_string(fp32)
    _name_nodes(model)
    converted = convert_float_to_float16(
        model, keep_io_types=True, max_finite_val=LARGEST_FP16, op_block_list=DEFAULT_OP_BLOCK_LIST
    )
    return bytes(converted.SerializeToString())


def int8_onnx(fp32: bytes, *, reduce_range: bool = True) -> bytes:
    """
    The same model with int8 weights, one scale per output channel, and activations quantized as they come.

    `reduce_range` keeps weights to 7 bits: without it, products saturate on CPUs that have AVX2 but no VNNI. It costs a
    tenth of the speed where VNNI is, and an artifact does not know where it will run, so it is on.
    """
    wrapped = ONNXModel(onnx.load_from_string(fp32))
    wrapped.replace_gemm_with_matmul()  # the quantizer passes over Gemm without a word
    # Its pre-processing would fuse nodes that it then passes over; shapes it infers by itself.
    onnx.helper.set_model_props(wrapped.model, {"onnx.quant.pre_process": "onnxruntime.quant"})
    _name_nodes(wrapped.model)
    large = _large_products(wrapped.model)
    if not large:
        raise ValueError(f"no matrix of the model has {SMALLEST_SIDE} rows and columns: there is nothing to quantize")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / INT8_FILE
        ort_quantization.quantize_dynamic(
            wrapped.model,
            path,
            op_types_to_quantize=["MatMul"],
            nodes_to_quantize=large,
            per_channel=True,
            reduce_range=reduce_range,
            weight_type=ort_quantization.QuantType.QInt8,
        )
        quantized = path.read_bytes()
    done = sum(node.op_type == "MatMulInteger" for node in onnx.load_from_string(quantized).graph.node)
    if done != len(large):
        raise ArtifactError(f"the quantizer did {done} of {len(large)} products; pin the onnxruntime of the lock")
    return quantized


def _name_nodes(model: ModelProto) -> None:
    for place, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{place}"


def _large_products(model: ModelProto) -> list[str]:
    """Names of the products with a constant matrix, also where the exporter put a Transpose or Identity before it."""
    shapes = {each.name: tuple(each.dims) for each in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type in {"Identity", "Transpose"} and node.input[0] in shapes:
            shapes[node.output[0]] = shapes[node.input[0]]
    return [
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul" and len(shape := shapes.get(node.input[1], ())) == 2 and min(shape) >= SMALLEST_SIDE
    ]
