"""The model behind a Protocol: ONNX Runtime on CPU, on the packed graph that training/export.py makes."""

import os
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from consumer.errors import ArtifactError
from consumer.packing import Distances, pack
from consumer.records import Satisfaction

# ONNX Runtime 1.32 keeps an id of the device in the home folder and would tell Microsoft how it is used. It looks once,
# when it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime  # type: ignore[import-untyped]

PACKED_INPUTS = ("token_ids", "row_of_cell", "cell_of_row", "score_bias", "first_rows", "position_rows")
ERRORS_ONLY = 3
# A folder that no system can have. Given bytes, ONNX Runtime would look for external weights in the
# working directory, and they would be no part of what was verified.
NO_FOLDER = f"{os.devnull}/none"


class Backend(Protocol):
    def logits(self, token_ids: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
        """(B, 5) for one batch as given; raises whatever the engine raises."""
        ...


class OnnxBackend:
    """ArtifactError when the bytes are no packed model of five classes. Threads: as given, else one per usable core."""

    def __init__(self, model: bytes, distances: Distances, threads: int | None = None) -> None:
        self._distances = distances
        self._session = _session(model, threads or usable_cores())
        # The exporter leaves out what a graph does not use, which a model of one layer does.
        self._inputs = [each.name for each in self._session.get_inputs()]
        if "token_ids" not in self._inputs or not set(PACKED_INPUTS).issuperset(self._inputs):
            raise ArtifactError(
                f"the model takes {', '.join(sorted(self._inputs))}, and shikyu's packed models take "
                f"{', '.join(PACKED_INPUTS)}; export it with this version's `shikyu-train`"
            )
        outputs = [each.shape[-1] for each in self._session.get_outputs()]
        if outputs != [len(Satisfaction)]:
            raise ArtifactError(
                f"the model answers with {outputs} numbers, and the labels are {len(Satisfaction)}; "
                "fit a classifier of five classes, one star to five, and export it"
            )

    def logits(self, token_ids: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
        packed = pack(token_ids, self._distances)
        found: NDArray[np.float32] = self._session.run(None, {name: packed[name] for name in self._inputs})[0]
        return found


def usable_cores() -> int:
    """The cores that this process may run on, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _session(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    # Patterns are kept per shape, and no two batches have the same.
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", NO_FOLDER)
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its classes have only Exception in common
        raise ArtifactError(
            f"ONNX Runtime {onnxruntime.__version__} cannot load the model ({type(error).__name__}); weights in "
            "further files are not read. Export it again with this version's `shikyu-train`"
        ) from error
