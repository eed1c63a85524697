"""
The model on a GPU: the packed DeBERTa in half precision, by torch (the `gpu` extra).

Kernels are started without waiting for them: while one batch is computed, the next one is laid out and sent.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from consumer.errors import ArtifactError, SurroundingsError
from consumer.packed import PackedDeberta
from consumer.packing import ABSENT, Distances, pack
from consumer.records import Satisfaction

# What is added to the scores of absent tokens. fp16 ends at 65,504, and what is larger would be -inf: harmless while
# each row has a present token, no number where one had none (transformers#17306). exp of this is 0 all the same.
ABSENT_FP16 = -3e4


# What comes of weights that are missing, or that are not as large as config.json says.
UNFIT = (KeyError, TypeError, ValueError, ZeroDivisionError, RuntimeError, safetensors.SafetensorError)
DTYPES = {"fp16": torch.float16, "fp32": torch.float32}


# What torch says of memory that it did not get where its error has no class of its own: CUDA's words, cuBLAS's and a
# CPU's.
NO_MEMORY = ("out of memory", "ALLOC_FAILED", "can't allocate memory")


def _wants_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or any(each in str(error) for each in NO_MEMORY)


class TorchBackend:
    """
    ArtifactError when the checkpoint is no DeBERTa-v2 of five classes that the packed model covers, MemoryError where
    the device has no room for it.

    `checkpoint` is the artifact's model.safetensors, `config` its config.json. `device` is torch's; a CPU does too, for
    the same arithmetic. `precision` is fp16 or fp32.
    """

    at_once = 1

    def __init__(
        self, checkpoint: bytes, config: Mapping[str, Any], device: str = "cuda", precision: str = "fp16"
    ) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise SurroundingsError(
                f"torch {torch.__version__} finds no GPU: install the driver and a torch for it, or leave model.device "
                "to cpu"
            )
        self._device, self._dtype = torch.device(device), DTYPES[precision]
        self._pinned = self._device.type == "cuda"
        try:
            tensors = safetensors.torch.load(checkpoint)
            self._distances = Distances.of(config)
            model = PackedDeberta({name: each.float() for name, each in tensors.items()}, config)
        except UNFIT as error:
            if _wants_memory(error):
                raise MemoryError("torch got none for the weights") from error
            raise ArtifactError(
                f"a GPU serves DeBERTa-v2 and v3 alone, from model.safetensors and config.json: {error}; serve "
                "this artifact with model.device = cpu"
            ) from error
        if model.classifier.out_features != len(Satisfaction):
            raise ArtifactError(
                f"the model has {model.classifier.out_features} classes, and the labels are {len(Satisfaction)}; "
                "fit a classifier of five classes, one star to five"
            )
        try:
            # Positions were projected in fp32; only then is anything rounded.
            self._model = model.to(self._device, self._dtype)
        except RuntimeError as error:
            if _wants_memory(error):
                raise MemoryError(f"torch got none for the weights on {device}") from error
            raise

    def logits(self, token_ids: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
        return self.start(token_ids)()

    @torch.inference_mode()
    def start(self, token_ids: Sequence[NDArray[np.int64]]) -> Callable[[], NDArray[np.float32]]:
        """Sends a batch on its way; what is returned waits for its logits (B, 5)."""
        packed = pack(token_ids, self._distances)
        packed["score_bias"] = np.where(packed["score_bias"] == ABSENT, np.float32(ABSENT_FP16), np.float32(0))
        logits: torch.Tensor | None = None
        try:
            logits = self._model(*map(self._sent, packed.values())).float()
        except RuntimeError as error:
            if not _wants_memory(error):
                raise
        if logits is None:  # raised in the handler, it would hold on to torch's error, and to all that the frames hold
            raise MemoryError(f"torch got none for a batch of {sum(map(len, token_ids))} tokens")
        if not self._pinned:
            return lambda: np.asarray(logits.cpu().numpy(), dtype=np.float32)
        fetched = torch.empty(logits.shape, dtype=logits.dtype, pin_memory=True).copy_(logits, non_blocking=True)
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record()

        def finish() -> NDArray[np.float32]:
            done.synchronize()
            return fetched.numpy().copy()

        return finish

    def give_back(self, token_ids: Sequence[NDArray[np.int64]]) -> None:
        self.logits(token_ids)
        if self._pinned:
            torch.cuda.empty_cache()

    def _sent(self, value: NDArray[Any]) -> torch.Tensor:
        tensor = torch.from_numpy(np.array(value))  # some are shared and read-only
        if self._pinned:
            tensor = tensor.pin_memory()
        return tensor.to(self._device, self._dtype if tensor.is_floating_point() else None, non_blocking=True)
