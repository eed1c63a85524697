"""A batch of texts as one grid, the shorter ones padded: what transformers' models take as they are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Without a mask, a text's logits would change with the padding that its neighbours need.
PADDED_INPUTS = ("input_ids", "attention_mask")
OPTIONAL_PADDED_INPUTS = ("token_type_ids",)


def padding_id(config: Mapping[str, Any]) -> int:
    """
    From a config.json of transformers. ValueError where it has none.

    RoBERTa counts positions from the tokens that are no padding, so any other id would move them.
    """
    found = config.get("pad_token_id")
    if type(found) is not int or found < 0:
        raise ValueError(f"pad_token_id is {found!r}, not a token's id")
    return found


def pad(token_ids: Sequence[NDArray[np.int64]], pad_id: int) -> dict[str, NDArray[Any]]:
    """`input_ids`, `attention_mask`, `token_type_ids`, each (B, S) int64, for B texts of at least one token each."""
    lengths = np.array([len(ids) for ids in token_ids], dtype=np.int64)
    if not len(lengths) or not lengths.all():
        raise ValueError("a batch needs at least one text, and each text at least one token. This is a bug.")
    present = np.arange(int(lengths.max())) < lengths[:, None]
    input_ids = np.full(present.shape, pad_id, dtype=np.int64)
    input_ids[present] = np.concatenate(token_ids)
    return {
        "input_ids": input_ids,
        "attention_mask": present.astype(np.int64),
        "token_type_ids": np.zeros_like(input_ids),  # a text stands alone
    }
