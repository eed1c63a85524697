"""Where a model is worse than its mean: by the columns of the messages, and by their length."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from training.measures.intervals import Estimate, wilson
from training.operating.operating_point import NEEDLESS_FROM

LENGTH = "tokens"
TOKENS_UP_TO = (8, 16, 32, 64, 128, 256, 512)
FEWEST = 20  # values with fewer messages say nothing alone, and a column of order numbers would fill pages
OTHERS = "(others)"


@dataclass(frozen=True, slots=True)
class Slice:
    """`recall` of the very unsatisfied and `needless` are of the operating point; None where there is none to count."""

    column: str
    value: str
    rows: int
    very_unsatisfied: int
    recall: Estimate | None
    needless: Estimate | None
    accuracy: Estimate | None

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def slices(
    columns: Mapping[str, Sequence[str]],
    predicted: NDArray[np.int64],
    urgent: NDArray[np.bool_],
    labels: NDArray[np.int64],
) -> tuple[Slice, ...]:
    """
    Worst first: by what recall is at best, so that few messages with one miss stand behind many with many.

    Slices without very unsatisfied messages come last, by needless answers.
    """
    found = [each for name, values in columns.items() for each in _of_column(name, values, predicted, urgent, labels)]
    return tuple(sorted(found, key=_badness))


def length_buckets(tokens: NDArray[np.int64]) -> list[str]:
    """`17-32` and so on: how many tokens the model was given of each message, [CLS] and [SEP] included."""
    names = [f"{low + 1}-{high}" for low, high in zip((0, *TOKENS_UP_TO[:-1]), TOKENS_UP_TO, strict=True)]
    names.append(f"over {TOKENS_UP_TO[-1]}")
    return [names[place] for place in np.searchsorted(TOKENS_UP_TO, tokens)]


def _of_column(
    column: str,
    values: Sequence[str],
    predicted: NDArray[np.int64],
    urgent: NDArray[np.bool_],
    labels: NDArray[np.int64],
) -> list[Slice]:
    names, group = _groups(values)
    very, quiet = labels == 0, labels >= NEEDLESS_FROM

    def count(chosen: NDArray[np.bool_]) -> list[int]:
        counts: list[int] = np.bincount(group[chosen], minlength=len(names)).tolist()
        return counts

    rows, very_rows, quiet_rows = count(np.ones(len(labels), dtype=bool)), count(very), count(quiet)
    answered, needless, right = count(very & urgent), count(quiet & urgent), count(predicted == labels)
    return [
        Slice(
            column,
            name,
            rows[place],
            very_rows[place],
            wilson(answered[place], very_rows[place]),
            wilson(needless[place], quiet_rows[place]),
            wilson(right[place], rows[place]),
        )
        for place, name in enumerate(names)
    ]


def _groups(values: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """The values that are told apart, and which of them each row has."""
    distinct, group, counts = np.unique(
        np.asarray(values, dtype=object).astype(str), return_inverse=True, return_counts=True
    )
    often = counts >= FEWEST
    if often.all():
        return distinct.tolist(), group
    place = np.where(often, np.cumsum(often) - 1, often.sum())
    return [*distinct[often].tolist(), OTHERS], place[group]


def _badness(each: Slice) -> tuple[float, float]:
    return (each.recall.high if each.recall else 2.0, -each.needless.low if each.needless else 0.0)
