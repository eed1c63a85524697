"""A plain ONNX graph for other servers, as Triton's model repository lays models out."""

import json
from collections.abc import Mapping
from pathlib import Path

from transformers import PreTrainedModel

from consumer.decide import prior_shift
from consumer.errors import ArtifactError, SurroundingsError
from consumer.manifest import TOKENIZER_FILE, Description
from consumer.padding import PADDED_INPUTS, padding_id
from training.exporting.graphs import padded_onnx
from training.exporting.same_logits import require_same_logits
from training.whole_folder import whole

CONFIG_FILE, LABELS_FILE, MODEL_FILE = "config.pbtxt", "labels.txt", "1/model.onnx"
MAX_BATCH_SIZE = 64

CONFIG = """\
# Triton Inference Server: tritonserver --model-repository=THE-FOLDER-AROUND-THIS-ONE
name: "{name}"
backend: "onnxruntime"
max_batch_size: {max_batch_size}
input [
{inputs}
]
output [
  {{ name: "logits", data_type: TYPE_FP32, dims: [ {classes} ], label_filename: "{labels_file}" }}
]
dynamic_batching {{ }}
# Triton does not read these. softmax(logits / temperature) are the probabilities. The urgency is the sum of the first
# two of softmax(logits / temperature + prior_shift); a message is urgent from the threshold on (docs/artifact.md).
{parameters}
"""
INPUT = '  {{ name: "{name}", data_type: TYPE_INT64, dims: [ -1 ] }}'
PARAMETER = 'parameters {{ key: "{key}", value: {{ string_value: "{value}" }} }}'


def standard(model: PreTrainedModel, tokenizer_json: bytes, description: Description) -> dict[str, bytes]:
    """The model's folder, by path. ArtifactError when the graph's logits are not the model's."""
    graph = padded_onnx(model)
    require_same_logits(model, graph, description.max_length)
    return {
        CONFIG_FILE: config(description, padding_id(model.config.to_dict())).encode(),
        LABELS_FILE: "".join(f"{label}\n" for label in description.labels).encode(),
        MODEL_FILE: graph,
        TOKENIZER_FILE: tokenizer_json,
    }


def config(description: Description, pad_id: int) -> str:
    served = next(served for name, served in description.precisions.items() if name == "fp32")
    parameters = {
        "max_length": description.max_length,
        "pad_token_id": pad_id,
        "temperature": served.temperature,
        "prior_shift": json.dumps(prior_shift(description.class_shares)),
        "threshold": served.threshold,
    }
    return CONFIG.format(
        name=description.name,
        max_batch_size=MAX_BATCH_SIZE,
        inputs=",\n".join(INPUT.format(name=name) for name in PADDED_INPUTS),
        classes=len(description.labels),
        labels_file=LABELS_FILE,
        parameters="\n".join(PARAMETER.format(key=key, value=value) for key, value in parameters.items()),
    )


def write_standard(repository: Path, name: str, files: Mapping[str, bytes], *, replace: bool = False) -> Path:
    """
    The model's folder in the repository, whole or not there at all.

    ArtifactError when it is there already, SurroundingsError when it cannot be written.
    """
    folder = repository / name
    try:
        if replace and folder.exists() and not (folder / CONFIG_FILE).is_file():
            raise ArtifactError(f"{folder} holds no {CONFIG_FILE}, so it is no model to replace: name another one.")
        with whole(folder, replace=replace) as draft:
            for path, content in files.items():
                (draft / path).parent.mkdir(exist_ok=True)
                (draft / path).write_bytes(content)
    except OSError as error:
        raise SurroundingsError(
            f"{folder} cannot be written ({error.strerror}): make room, or name another folder."
        ) from error
    return folder
