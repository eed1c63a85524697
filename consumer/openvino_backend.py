"""
The model on CPUs that have units for bf16 and no AMX: the packed DeBERTa by OpenVINO (the `openvino` extra).

Weights are int8, activations are rounded to int8 by token as they come, and what stands between products is bf16.
"""

import io
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.ahead import begun
from consumer.cores import usable_cores
from consumer.cpu_backend import GROUP_STEP, INSTEAD
from consumer.errors import ArtifactError, SurroundingsError
from consumer.packing import Distances, Packed, pack
from consumer.records import Satisfaction

# With this package OpenVINO tells Google Analytics that it is imported, and keeps an id in the home folder.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
import openvino  # type: ignore[import-untyped]  # noqa: E402 - after that

# A grid's width is a multiple of it: with ONNX Runtime's four, a text alone had other logits than beside others, by as
# much as rounding to int8 moves them; with 16 none of any length has, by no bit.
WIDTH_STEP = 16
# Of what it makes for a shape of a batch, how many of the last ones it keeps. Shapes hardly come again: with its own
# 5,000, memory grew for as long as was looked; without any, each layer would make the same anew. An internal setting.
KEPT_KERNELS = "100"
SIDE, ROWS, LARGEST = 64, 32, 127  # of a product to see how it sums
# What it says of memory that it did not get, for its errors have one class: its own words, and C++'s.
NO_MEMORY = ("Failed to allocate", "bad_alloc", "bad allocation")
# How ONNX writes where weights in another file are: OpenVINO would look in the working directory, and nobody verified
# what is there.
EXTERNAL = b"\x0a\x08location"


def has_bf16() -> bool:
    """Whether OpenVINO finds units for it in this processor."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@cache
def rounds_activations() -> bool:
    """
    Whether it does to int8 here, found out by a product: then what is small beside a row's largest is gone, and a row's
    sums, of integers, are the same alone and beside others.

    On processors with AMX OpenVINO 2026.4 keeps activations in bf16. RuntimeError where it fails at that product.
    """
    numbers = np.random.default_rng(0)
    weight = openvino.opset13.convert(numbers.integers(-LARGEST, LARGEST + 1, (SIDE, SIDE)).astype(np.int8), "f32")
    scaled = openvino.opset13.multiply(weight, np.full((SIDE, 1), 1 / LARGEST, np.float32))
    rows = openvino.opset13.parameter([-1, SIDE], np.float32)
    product = openvino.opset13.matmul(rows, scaled, transpose_a=False, transpose_b=True)
    compiled = openvino.Core().compile_model(openvino.Model([product], [rows]), "CPU", _options(SIDE, 1))
    asked = numbers.standard_normal((ROWS, SIDE)).astype(np.float32)
    asked[:2] = 0
    asked[:2, 0], asked[1, 1:] = LARGEST, 0.1
    found, alone = compiled([asked])[0], compiled([asked[-1:]])[0]
    return bool((found[0] == found[1]).all() and (found[-1] == alone[0]).all())


def require_computable(instead: str = INSTEAD) -> None:
    """
    SurroundingsError where int8-bf16 is not what it was measured to be, MemoryError where there is none to look;
    `instead` is what to do.
    """
    try:
        missing = _missing()
    except RuntimeError as error:
        if _wants_memory(error):
            raise MemoryError("OpenVINO got none for a small product") from None
        raise SurroundingsError(
            f"OpenVINO {openvino.__version__} fails at a small product ({type(error).__name__}); install the version "
            f"that shikyu was made with (locks/openvino.txt), or {instead}"
        ) from error
    if missing:
        name = openvino.Core().get_property("CPU", "FULL_DEVICE_NAME")
        raise SurroundingsError(f"this processor ({name}) {missing}: {instead}")


def _missing() -> str | None:
    if not has_bf16():
        return "has no units for bf16, which int8-bf16 needs"
    if not rounds_activations():
        return (
            "has AMX, or the like: OpenVINO does not round activations to int8 there, and int8-bf16 would answer a "
            "message otherwise beside others"
        )
    return None


class OpenVinoBackend:
    """
    ArtifactError when the bytes are no packed model of five classes, MemoryError where there is none for it;
    SurroundingsError where the processor has no bf16, or OpenVINO does not round activations on it, for it would give
    other answers than were measured, and be no quicker than ONNX Runtime.

    `config` is the artifact's config.json. Threads: as given, else one per usable core; each computes a batch of its
    own.
    """

    def __init__(self, model: bytes, config: Mapping[str, Any], threads: int | None = None) -> None:
        require_computable()
        core = openvino.Core()
        self.at_once = threads or usable_cores()
        self._model = _compiled(core, model, config, self.at_once)
        self._inputs = [each.get_any_name() for each in self._model.inputs]
        _require_packed(self._inputs, [each.get_partial_shape()[-1].to_string() for each in self._model.outputs])
        try:
            self._distances = Distances.of(config)
        except (TypeError, ValueError) as error:
            raise ArtifactError(f"config.json does not fit the model: {error}; make the artifact again") from error
        # Whoever computes takes one and puts it back: none is used by two at a time.
        self._requests: SimpleQueue[openvino.InferRequest] = SimpleQueue()
        for each in _requests(self._model, self.at_once):
            self._requests.put(each)
        self._threads = ThreadPoolExecutor(self.at_once, thread_name_prefix="inference")

    def start(self, token_ids: Sequence[NDArray[np.int64]]) -> Callable[[], NDArray[np.float32]]:
        return begun(self._threads, lambda: self.logits(token_ids))

    def logits(self, token_ids: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
        packed = pack(token_ids, self._distances, WIDTH_STEP)
        request = self._requests.get()
        try:
            # A copy, as it does unless told otherwise: its own memory is written anew by the next batch.
            found: NDArray[np.float32] = request.infer({name: packed[name] for name in self._inputs})[0]
            return found
        except RuntimeError as error:
            if _wants_memory(error):
                raise MemoryError(f"OpenVINO got none for a batch of {sum(map(len, token_ids))} tokens") from None
            raise
        finally:
            self._requests.put(request)

    def give_back(self, token_ids: Sequence[NDArray[np.int64]]) -> None:
        with suppress(RuntimeError):  # while others compute; it saves memory, and nothing else
            self._model.release_memory()
        self.logits(token_ids)


def _wants_memory(error: Exception) -> bool:
    return any(each in str(error) for each in NO_MEMORY)


def _compiled(core: openvino.Core, model: bytes, config: Mapping[str, Any], at_once: int) -> openvino.CompiledModel:
    if EXTERNAL in model:
        raise ArtifactError("weights in further files are not read; export it again with this version's `shikyu-train`")
    hidden = config.get("hidden_size")
    if not isinstance(hidden, int) or hidden % GROUP_STEP:
        raise ArtifactError(
            f"hidden_size is {hidden!r}, and OpenVINO rounds activations to int8 where it is a multiple of "
            f"{GROUP_STEP}: take int8 in the place of int8-bf16"
        )
    try:
        return core.compile_model(core.read_model(io.BytesIO(model)), "CPU", _options(hidden, at_once))
    except (RuntimeError, TypeError) as error:
        if _wants_memory(error):
            raise MemoryError("OpenVINO got none for the model") from None
        raise ArtifactError(
            f"OpenVINO {openvino.__version__} cannot load the model ({type(error).__name__}); export it again with "
            "this version's `shikyu-train`"
        ) from error


def _options(group: int, at_once: int) -> dict[str, Any]:
    return {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": at_once,
        "INFERENCE_NUM_THREADS": at_once,
        "INFERENCE_PRECISION_HINT": "bf16",
        # One scale for what a token brings to a product, and several where that is wider than the model.
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": group,
        "CPU_RUNTIME_CACHE_CAPACITY": KEPT_KERNELS,
        # Each process would choose cores by itself, and several on one machine the same ones.
        "ENABLE_CPU_PINNING": False,
    }


def _requests(model: openvino.CompiledModel, count: int) -> list[openvino.InferRequest]:
    try:
        return [model.create_infer_request() for _ in range(count)]
    except RuntimeError as error:
        if _wants_memory(error):
            raise MemoryError(f"OpenVINO got none for {count} threads") from None
        raise


def _require_packed(inputs: Sequence[str], outputs: Sequence[str]) -> None:
    if Packed._fields[0] not in inputs or not set(inputs) <= set(Packed._fields):
        raise ArtifactError(
            f"the model takes {', '.join(sorted(inputs))}, and OpenVINO serves those that take "
            f"{', '.join(Packed._fields)}, of DeBERTa-v2 and v3: take int8 in the place of int8-bf16"
        )
    if list(outputs) != [str(len(Satisfaction))]:
        raise ArtifactError(
            f"the model answers with {', '.join(outputs)} numbers, and the labels are {len(Satisfaction)}; "
            "fit a classifier of five classes, one star to five, and export it"
        )
