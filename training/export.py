"""From a fitted classifier to an artifact: fp32 and int8 ONNX, the checkpoint, the manifest, all or nothing."""

import hashlib
import io
import json
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime.quantization as ort_quantization  # type: ignore[import-untyped]
import safetensors.torch
import torch
from onnx import ModelProto
from onnxruntime.quantization.onnx_model import ONNXModel  # type: ignore[import-untyped]
from transformers import DebertaV2ForSequenceClassification, PreTrainedTokenizerBase

from consumer import artifact
from consumer.errors import ArtifactError, SurroundingsError
from consumer.manifest import (
    CHECKPOINT_FILE,
    CONFIG_FILE,
    MANIFEST_FILE,
    MANIFEST_VERSION,
    TOKENIZER_FILE,
    Description,
    FileEntry,
    Manifest,
)
from consumer.packing import Distances, pack
from consumer.records import Satisfaction
from training.packed import PackedDeberta
from training.whole_folder import whole

FP32_FILE = "model.onnx"
INT8_FILE = "model_quantized.onnx"
OPSET = 17
# Matrices smaller than this, the classifier's among them, cost no time, and their rounding would cost accuracy.
SMALLEST_SIDE = 16

AXES = {
    "token_ids": {0: "tokens"},
    "row_of_cell": {0: "texts", 1: "width"},
    "cell_of_row": {0: "tokens"},
    "score_bias": {0: "texts", 3: "width"},
    "first_rows": {0: "texts"},
    "position_rows": {0: "distances"},
    "logits": {0: "texts"},
}


def fp32_onnx(model: DebertaV2ForSequenceClassification) -> bytes:
    """The packed model as ONNX. ValueError when the configuration is not covered."""
    packed = PackedDeberta(model)
    # Two texts of unequal length, so that no axis is traced as if it were always 1 or always full.
    example = pack([np.array([1, 3, 2]), np.array([1, 3, 3, 3, 2])], Distances.of(model.config.to_dict()))
    written = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter by tracing is deprecated for one that needs onnxscript; the numbers it gives are
        # checked against transformers' in tests, and every warning here is one of the exporter's own.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            packed,
            tuple(torch.from_numpy(np.array(value)) for value in example.values()),
            written,  # type: ignore[arg-type]  # the tracing exporter takes a stream, its signature does not say so
            dynamo=False,
            opset_version=OPSET,
            input_names=list(example),
            output_names=["logits"],
            dynamic_axes=AXES,
        )
    return written.getvalue()


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


def checkpoint_files(model: DebertaV2ForSequenceClassification, tokenizer: PreTrainedTokenizerBase) -> dict[str, bytes]:
    """config.json, tokenizer.json and model.safetensors as transformers loads them, with no path of this machine."""
    labels = list(Satisfaction)
    config: dict[str, Any] = json.loads(model.config.to_json_string(use_diff=False))
    config |= {
        "id2label": {str(place): label for place, label in enumerate(labels)},
        "label2id": {label: place for place, label in enumerate(labels)},
        "architectures": ["DebertaV2ForSequenceClassification"],
    }
    config.pop("_name_or_path", None)
    weights = {name: value.detach().contiguous().cpu() for name, value in model.state_dict().items()}
    return {
        CONFIG_FILE: (json.dumps(config, indent=2, sort_keys=True) + "\n").encode(),
        TOKENIZER_FILE: tokenizer.backend_tokenizer.to_str().encode(),
        CHECKPOINT_FILE: safetensors.torch.save(weights, metadata={"format": "pt"}),
    }


def write_artifact(
    folder: Path, description: Description, files: Mapping[str, bytes], *, replace: bool = False
) -> Manifest:
    """
    The artifact under its final name, whole and verified, or not there at all.

    ArtifactError when `folder` exists (unless `replace`), and when the consumer would refuse what was written;
    SurroundingsError when it cannot be written.
    """
    if folder.exists() and not replace:
        raise ArtifactError(f"{folder} exists; name another folder, or replace it")
    try:
        return _write_artifact(folder, description, files)
    except OSError as error:
        raise SurroundingsError(
            f"{folder} cannot be written ({error.strerror}): make room, or name another folder"
        ) from error


def _write_artifact(folder: Path, description: Description, files: Mapping[str, bytes]) -> Manifest:
    with whole(folder) as draft:
        manifest = _fill(draft, description, files)
        for precision, served in manifest.precisions.items():
            if served.servable:
                artifact.verify(draft, precision)
    return manifest


def _fill(draft: Path, description: Description, files: Mapping[str, bytes]) -> Manifest:
    entries = {
        name: FileEntry(size=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in sorted(files.items())
    }
    try:
        manifest = Manifest(**dict(description), manifest_version=MANIFEST_VERSION, files=entries)
    except ValueError as error:
        raise ArtifactError(f"the files and the manifest do not fit together: {error}") from error
    for name, content in files.items():
        (draft / name).write_bytes(content)
    (draft / MANIFEST_FILE).write_bytes((manifest.model_dump_json(indent=2) + "\n").encode())
    return manifest
