"""
A batch of texts as one row of tokens without padding, and the indices with which attention sees it as a grid.

consumer/packed.py has the arithmetic that takes these arrays; B texts, T tokens in all, S the grid's width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

# exp(-1e9) is 0 in fp32, and -1e9 stays finite where the smallest float plus a score would not.
ABSENT = np.float32(-1e9)
# A grid's width is a multiple of it: ONNX Runtime sums over keys in groups of four, and what is left over in another
# order, so a text of 7 tokens would have other logits alone than beside a longer one (by 3e-6).
WIDTH_STEP = 4


@dataclass(frozen=True, slots=True)
class Distances:
    """
    How the model sees the distance between two tokens (DeBERTa, arXiv:2006.03654; buckets since v2).

    `buckets` positions each way are told apart, beyond `maximum` none are; without buckets (0), `maximum` each way.
    """

    buckets: int
    maximum: int

    def __post_init__(self) -> None:
        if self.buckets and not 4 <= self.buckets <= self.maximum:
            raise ValueError(f"position_buckets is {self.buckets}; it must be 0, or from 4 to {self.maximum}")
        if self.maximum < 2:
            raise ValueError(f"the largest relative position is {self.maximum}; it must be at least 2")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Distances":
        """From a config.json of transformers' DebertaV2. ValueError where the numbers make no sense."""
        maximum = int(config.get("max_relative_positions", -1))
        if maximum < 1:
            maximum = int(config.get("max_position_embeddings", 512))
        return cls(max(int(config.get("position_buckets", -1)), 0), maximum)

    @property
    def span(self) -> int:
        """Half the rows of the relative embeddings."""
        return self.buckets or self.maximum


Array = TypeVar("Array")


class Packed(NamedTuple, Generic[Array]):
    """What the packed model takes: its graph's inputs, whose names stand in every artifact."""

    token_ids: Array  # (T,)
    row_of_cell: Array  # (B, S), in [0, T)
    cell_of_row: Array  # (T,), in [0, B * S)
    score_bias: Array  # (B, 1, 1, S)
    first_rows: Array  # (B,), in [0, T): each text's [CLS]
    position_rows: Array  # (2S - 1,), in [0, 2 * span)


def pack(
    token_ids: Sequence[NDArray[np.int64]], distances: Distances, width_step: int = WIDTH_STEP
) -> dict[str, NDArray[Any]]:
    """
    The packed model's inputs, by Packed's names and in its order, for B texts of at least one token each.

    `width_step` is what another engine's sums need in the place of WIDTH_STEP.
    """
    lengths = np.array([len(ids) for ids in token_ids], dtype=np.int64)
    if not len(lengths) or not lengths.all():
        raise ValueError("a batch needs at least one text, and each text at least one token. This is a bug.")
    width = -(-int(lengths.max()) // width_step) * width_step
    starts = np.cumsum(lengths) - lengths
    column = np.arange(width)
    present = column < lengths[:, None]
    packed: Packed[NDArray[Any]] = Packed(
        token_ids=np.concatenate(token_ids).astype(np.int64, copy=False),
        row_of_cell=np.where(present, starts[:, None] + column, 0),
        cell_of_row=np.flatnonzero(present),
        score_bias=np.where(present, np.float32(0), ABSENT)[:, None, None, :],
        first_rows=starts,
        position_rows=position_rows(width, distances),
    )
    return packed._asdict()


@lru_cache(maxsize=1024)
def position_rows(width: int, distances: Distances) -> NDArray[np.int64]:
    """Which relative embedding stands for each distance, from width - 1 (the query is later) to 1 - width."""
    distance = np.arange(width - 1, -width, -1)
    bucket = log_bucket(distance, distances) if distances.buckets else distance
    rows = np.clip(bucket + distances.span, 0, 2 * distances.span - 1)
    rows.setflags(write=False)
    return rows


def log_bucket(distance: NDArray[np.int64], distances: Distances) -> NDArray[np.int64]:
    """
    Near distances as they are, far ones on a logarithmic scale.

    In fp32 and in the order of transformers' make_log_bucket_position: at a bucket's edge, rounding decides.
    """
    middle = distances.buckets // 2
    magnitude = np.maximum(np.abs(distance), middle - 1)
    ratio = (magnitude / middle).astype(np.float32)
    edge = np.log(np.float32((distances.maximum - 1) / middle))
    far = np.ceil(np.log(ratio) / edge * np.float32(middle - 1)) + middle
    return np.where(magnitude <= middle, distance, far * np.sign(distance)).astype(np.int64)
