"""The ONNX graph of a fitted classifier, in fp32 and fp16."""

import io
import warnings
from collections.abc import Mapping

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto
from onnxruntime.transformers.float16 import (  # type: ignore[import-untyped]
    DEFAULT_OP_BLOCK_LIST,
    convert_float_to_float16,
)
from torch import nn
from transformers import DebertaV2Config, DebertaV2ForSequenceClassification, PreTrainedConfig, PreTrainedModel

from consumer import packed
from consumer.packed import PackedDeberta
from consumer.packing import Distances, Packed, pack
from consumer.padding import PADDED_INPUTS, pad, padding_id
from training.exporting import padded
from training.exporting.padded import traceable

OPSET = 17
# Masks are written as the smallest float. Half of what fp16 holds: a score added to it stays finite, and a row of a
# padding token that sees nothing at all stays a number (transformers#17306).
LARGEST_FP16 = 3e4

AXES = {
    **Packed(
        token_ids={0: "tokens"},
        row_of_cell={0: "texts", 1: "width"},
        cell_of_row={0: "tokens"},
        score_bias={0: "texts", 3: "width"},
        first_rows={0: "texts"},
        position_rows={0: "distances"},
    )._asdict(),
    "input_ids": {0: "texts", 1: "width"},
    "attention_mask": {0: "texts", 1: "width"},
    "logits": {0: "texts"},
}
# Two texts of unequal length, so that no axis is traced as if it were always 1 or always full.
EXAMPLE = (np.array([1, 3, 2]), np.array([1, 3, 3, 3, 2]))


def fp32_onnx(model: PreTrainedModel) -> bytes:
    """Packed for DeBERTa-v2, padded for what training.padded covers. ValueError for anything else."""
    refuse_uncovered(model.config)
    if isinstance(model, DebertaV2ForSequenceClassification):
        config = model.config.to_dict()
        return onnx_of(PackedDeberta(model.state_dict(), config), pack(EXAMPLE, Distances.of(config)))
    return padded_onnx(model)


def refuse_uncovered(config: PreTrainedConfig) -> None:
    """ValueError names what neither the packed nor the padded graph covers, and what to do."""
    if isinstance(config, DebertaV2Config):
        packed.refuse_uncovered(config.to_dict())
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
            dynamic_axes={name: AXES[name] for name in (*example, "logits")},
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


def _name_nodes(model: ModelProto) -> None:
    for place, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{place}"
