"""The model behind a Protocol: ONNX Runtime on CPU, on a packed graph (DeBERTa-v2) or a padded one (any other)."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from consumer.ahead import begun
from consumer.cores import usable_cores
from consumer.engine import onnxruntime, saturates
from consumer.errors import ArtifactError
from consumer.packing import Distances, Packed, pack
from consumer.padding import OPTIONAL_PADDED_INPUTS, PADDED_INPUTS, pad, padding_id
from consumer.records import Satisfaction

PACKED_INPUTS = Packed._fields
ERRORS_ONLY = 3
# A folder that no system can have. Given bytes, ONNX Runtime would look for external weights in the
# working directory, and they would be no part of what was verified.
NO_FOLDER = f"{os.devnull}/none"
# What it says of memory that it did not get, for its errors have no class of their own: its arena's words, and C++'s.
NO_MEMORY = ("Failed to allocate memory", "bad_alloc", "bad allocation")
# With it, onnxruntime 1.32 ends the process on some graphs in fp16 (onnxruntime#26717); none is slower without.
DISABLED_OPTIMIZERS = ["FuseFp16InitializerToFp32NodeTransformer"]


Arrangement = Callable[[Sequence[NDArray[np.int64]]], dict[str, NDArray[Any]]]


class Backend(Protocol):
    @property
    def at_once(self) -> int:
        """How many batches it computes at a time."""
        ...

    def logits(self, token_ids: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
        """(B, 5) for one batch as given; MemoryError where there is none for it, else whatever the engine raises."""
        ...

    def start(self, token_ids: Sequence[NDArray[np.int64]]) -> Callable[[], NDArray[np.float32]]:
        """Begins with a batch where something else computes it; what is returned waits for its logits."""
        ...

    def give_back(self, token_ids: Sequence[NDArray[np.int64]]) -> None:
        """Answers a batch, and keeps no memory that larger ones took before it."""
        ...


class OnnxBackend:
    """
    ArtifactError when the bytes are no model of five classes that takes a packed or a padded batch, MemoryError where
    there is none for it.

    `config` is the artifact's config.json. Threads: as given, else one per usable core. Each computes a batch of its
    own: two that share one wait for each other at every step, and both for whoever else has the core of one of them.
    """

    def __init__(self, model: bytes, config: Mapping[str, Any], threads: int | None = None) -> None:
        self._session = _session(model)
        self.at_once = threads or usable_cores()
        self._threads = ThreadPoolExecutor(self.at_once, thread_name_prefix="inference")
        # The exporter leaves out what a graph does not use, which a model of one layer does.
        self._inputs = [each.name for each in self._session.get_inputs()]
        self._arrange = _arrangement(self._inputs, config)
        outputs = [each.shape[-1] for each in self._session.get_outputs()]
        if outputs != [len(Satisfaction)]:
            raise ArtifactError(
                f"the model answers with {outputs} numbers, and the labels are {len(Satisfaction)}; "
                "fit a classifier of five classes, one star to five, and export it"
            )

    def start(self, token_ids: Sequence[NDArray[np.int64]]) -> Callable[[], NDArray[np.float32]]:
        return begun(self._threads, lambda: self.logits(token_ids))

    def logits(self, token_ids: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
        return self._run(token_ids)

    def give_back(self, token_ids: Sequence[NDArray[np.int64]]) -> None:
        options = onnxruntime.RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._run(token_ids, options)

    def _run(
        self, token_ids: Sequence[NDArray[np.int64]], options: onnxruntime.RunOptions | None = None
    ) -> NDArray[np.float32]:
        arranged = self._arrange(token_ids)
        fed = {name: arranged[name] for name in self._inputs}
        try:
            found: NDArray[np.float32] = self._session.run(None, fed, options)[0]
        except Exception as error:
            if _wants_memory(error):
                raise MemoryError(f"ONNX Runtime got none for a batch of {sum(map(len, token_ids))} tokens") from None
            raise
        return found


def _wants_memory(error: Exception) -> bool:
    return any(each in str(error) for each in NO_MEMORY)


def _arrangement(inputs: Sequence[str], config: Mapping[str, Any]) -> Arrangement:
    """By what the graph takes: a batch as one row of tokens, or as a padded grid."""
    names = set(inputs)
    try:
        if PACKED_INPUTS[0] in names and names.issubset(PACKED_INPUTS):
            distances = Distances.of(config)
            return lambda token_ids: pack(token_ids, distances)
        if names.issuperset(PADDED_INPUTS) and names.issubset(PADDED_INPUTS + OPTIONAL_PADDED_INPUTS):
            pad_id = padding_id(config)
            return lambda token_ids: pad(token_ids, pad_id)
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"config.json does not fit the model: {error}; make the artifact again") from error
    raise ArtifactError(
        f"the model takes {', '.join(sorted(names))}, and shikyu's models take {', '.join(PACKED_INPUTS)}, or "
        f"{', '.join(PADDED_INPUTS)}, with or without {', '.join(OPTIONAL_PADDED_INPUTS)}; "
        "export it with this version's `shikyu-train`"
    )


def _session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the caller's own, so that none of the engine's spins while it waits for work
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    # Patterns are kept per shape, and no two batches have the same. What is planned for reuse is held until it is used
    # again: a third more memory at once, and fewer hits in the caches, than the arena's own giving and taking.
    options.enable_mem_pattern = False
    options.enable_mem_reuse = False
    if saturates():
        # Weights that could are taken as uint8, and the sums are the same; where nothing saturates that takes twice as
        # long.
        options.add_session_config_entry("session.x64quantprecision", "1")
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", NO_FOLDER)
    try:
        session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"], disabled_optimizers=DISABLED_OPTIMIZERS
        )
    except Exception as error:  # its classes have only Exception in common
        if _wants_memory(error):
            raise MemoryError("ONNX Runtime got none for the model") from None
        raise ArtifactError(
            f"ONNX Runtime {onnxruntime.__version__} cannot load the model ({type(error).__name__}); weights in "
            "further files are not read. Export it again with this version's `shikyu-train`"
        ) from error
    # It keeps the file's bytes for other providers to fall back on, and there are none: a model's size less in memory.
    session._model_bytes = None  # noqa: SLF001 - nothing else lets them go
    return session
