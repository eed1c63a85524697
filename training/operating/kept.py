"""
Whether a promise is kept on other messages than it was made on: an exact binomial test both ways.

Kept, where so few misses would be unlikely had the promise been broken; broken, where so many would be had it been
kept; else the messages are too few to tell.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from consumer.errors import LimitError
from consumer.visible import visible
from training.measures.binomial import as_few_misses, as_many_misses, interval
from training.operating.operating_point import NEEDLESS_FROM
from training.operating.worst_slice import MOST_TOLD, SHOWN_CHARACTERS, require_few

Outcome = Literal["kept", "broken", "too few to tell"]
MOST_MESSAGES, MOST_LABELLED = 10_000_000, 5000


class UndecidedError(LimitError):
    """The check ran, on too little to tell."""

    exit_code = 6


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    On `size` very unsatisfied messages; `low` to `high` holds their true recall with the promise's confidence.

    `needed` in all would tell, were the same share missed of them; None where it lies too near to what was promised.
    `needless` is the share of three to five stars that is answered; None without any.
    """

    outcome: Outcome
    size: int
    misses: int
    low: float
    high: float
    needed: int | None
    needless: float | None = None

    @property
    def too_near(self) -> bool:
        """Whether nobody would label as many as it takes to tell."""
        return self.needed is None or self.needed - self.size > MOST_LABELLED

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def verdict(misses: int, size: int, recall: float, confidence: float, tests: int = 1) -> Verdict:
    """With `tests` of them the promise is broken if one is, so each is allowed its part of the risk (Bonferroni)."""
    risk = 1 - confidence

    def outcome(missed: int, of: int) -> Outcome:
        if as_few_misses(missed, of, recall) <= risk:
            return "kept"
        return "broken" if as_many_misses(missed, of, recall) <= risk / tests else "too few to tell"

    low, high = interval(size - misses, size, confidence) if size else (0.0, 1.0)
    needed = _needed(misses, size, lambda missed, of: outcome(missed, of) != "too few to tell")
    return Verdict(outcome(misses, size), size, misses, low, high, needed)


def verdicts(
    urgent: NDArray[np.bool_],
    labels: NDArray[np.int64],
    recall: float,
    confidence: float,
    slices: Sequence[str] | None = None,
    precisions: int = 1,
) -> dict[str, Verdict]:
    """
    By slice, worst first; without slices one, named by the empty text. As many `precisions` are asked in all.

    SettingsError when the slices are too many.
    """
    values = np.array(slices if slices is not None else [""] * len(labels))
    names = np.unique(values).tolist()
    require_few(len(names))
    found = {}
    for name in names:
        missed = ~urgent[(values == name) & (labels == 0)]
        one = verdict(int(missed.sum()), len(missed), recall, confidence, len(names) * precisions)
        fine = urgent[(values == name) & (labels >= NEEDLESS_FROM)]
        found[name] = replace(one, needless=float(fine.mean()) if len(fine) else None)
    return dict(sorted(found.items(), key=lambda item: item[1].high))


def require_kept(*precisions: Mapping[str, Verdict]) -> None:
    """
    The verdicts by slice of each precision. LimitError when one is broken, UndecidedError when it cannot be told of
    one, with how many more messages it takes in which slice.
    """
    each = [(name, one) for by_slice in precisions for name, one in by_slice.items()]
    if broken := [name for name, one in each if one.outcome == "broken"]:
        raise LimitError(
            f"The promise is broken here{_named(broken)}: calibrate on messages like these (shikyu-train "
            "recalibrate), or, where that answers nearly everything, train on them (shikyu-train run)."
        )
    undecided = [(name, one) for name, one in each if one.outcome == "too few to tell"]
    if never := [name for name, one in undecided if one.too_near]:
        raise UndecidedError(
            f"The share that is answered lies so near the promise{_named(never)} that labelling will not tell: it "
            f"would take more than {MOST_LABELLED:,} more very unsatisfied messages."
        )
    if undecided:
        more: dict[str, int] = {}
        for name, one in undecided:
            assert one.needed is not None
            more[name] = max(more.get(name, 0), one.needed - one.size)
        largest = sorted(more.items(), key=lambda item: -item[1])
        counts = ", ".join(
            f"{count}{f' of {visible(name, SHOWN_CHARACTERS)}' if name else ''}" for name, count in largest[:MOST_TOLD]
        )
        others = f" and some of {len(largest) - MOST_TOLD} others" if len(largest) > MOST_TOLD else ""
        raise UndecidedError(
            "Too few very unsatisfied messages to tell whether the promise is kept: "
            f"label about {counts}{others} more, if they are like these."
        )


def _named(slices: Sequence[str]) -> str:
    """Empty without slices, whose one verdict has the empty name."""
    names = [visible(name, SHOWN_CHARACTERS) for name in dict.fromkeys(slices) if name]
    others = f" and {len(names) - MOST_TOLD} others" if len(names) > MOST_TOLD else ""
    return f" in {', '.join(names[:MOST_TOLD])}{others}" if names else ""


def _needed(misses: int, size: int, tells: Callable[[int, int], bool]) -> int | None:
    """The least number, from `size` on, that would tell; found by halving, which a sawtooth can shift by a few."""
    share = misses / size if size else 0.0

    def enough(of: int) -> bool:
        return tells(round(share * of), of)

    few, many = size - 1, size
    while not enough(many):
        few, many = many, max(1, 2 * many)
        if many > MOST_MESSAGES:
            return None
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many
