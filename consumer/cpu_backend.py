"""Which engine computes a precision on a CPU: where it is served, and where training measures what will be served."""

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from consumer.errors import SurroundingsError
from consumer.onnx_backend import Backend, OnnxBackend

BY_OPENVINO = "int8-bf16"
INSTEAD = "take int8"
# OpenVINO rounds activations where so many of them share a scale, or a multiple of that: what its instructions take at
# a time. Here a token's share one, so the model has to be as wide.
GROUP_STEP = 16


def cpu_backend(precision: str, model: bytes, config: Mapping[str, Any], threads: int | None = None) -> Backend:
    """
    `model` is the artifact's ONNX file, `config` its config.json.

    ArtifactError when they are no model that is served, SurroundingsError where this machine cannot compute it,
    MemoryError where there is none for it.
    """
    if precision != BY_OPENVINO:
        return OnnxBackend(model, config, threads)
    made: Backend = _openvino(INSTEAD).OpenVinoBackend(model, config, threads)
    return made


def require_computable(precisions: Iterable[str], instead: str = INSTEAD) -> None:
    """SurroundingsError, before any text is answered, where this machine cannot compute one; `instead`: what to do."""
    if BY_OPENVINO in precisions:
        _openvino(instead).require_computable(instead)


def is_computable(precision: str) -> bool:
    try:
        require_computable([precision])
    except SurroundingsError:
        return False
    return True


def _openvino(instead: str) -> ModuleType:
    try:
        import consumer.openvino_backend as backend
    except ImportError as error:
        raise SurroundingsError(
            f"{BY_OPENVINO} needs the openvino extra ({error}): pip install '.[openvino]', or {instead}"
        ) from error
    return backend
