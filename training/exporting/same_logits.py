"""Whether a graph is the model it was made of: through the consumer's own backend, against transformers' logits."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from consumer.errors import ArtifactError
from consumer.onnx_backend import OnnxBackend
from consumer.padding import PADDED_INPUTS, pad, padding_id

# Two orders of the same sums differ by a few 1e-6 for every layer; a wrong graph by far more.
LARGEST_DIFFERENCE = 1e-4


def require_same_logits(model: PreTrainedModel, fp32: bytes, max_length: int) -> float:
    """The largest difference, on texts of 1 to `max_length` tokens. ArtifactError when it is more than rounding."""
    texts = random_texts(model, [1, 2, max_length, max_length // 2, 3])
    config = model.config.to_dict()
    found = OnnxBackend(fp32, config).logits(texts)
    largest = float(np.abs(found - logits(model, texts)).max())
    if not largest <= LARGEST_DIFFERENCE:
        raise ArtifactError(
            f"the graph's logits are up to {largest:.2g} from the {model.config.model_type}'s own, and at most "
            f"{LARGEST_DIFFERENCE:g} is rounding; install the torch, transformers and onnxruntime that shikyu locks"
        )
    return largest


def random_texts(model: PreTrainedModel, lengths: Sequence[int]) -> list[NDArray[np.int64]]:
    """Ids of the vocabulary, the padding's own aside: RoBERTa counts positions by it."""
    generator = np.random.default_rng(0)
    ids = np.delete(np.arange(int(model.config.vocab_size)), padding_id(model.config.to_dict()))
    return [generator.choice(ids, length) for length in lengths]


@torch.inference_mode()
def logits(model: PreTrainedModel, texts: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
    """By transformers, padded as transformers pads."""
    padded = pad(texts, padding_id(model.config.to_dict()))
    inputs = {name: torch.from_numpy(padded[name]) for name in PADDED_INPUTS}
    found: NDArray[np.float32] = model.eval()(**inputs).logits.float().numpy()  # type: ignore[no-untyped-call]
    return found
