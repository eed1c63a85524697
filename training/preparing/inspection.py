"""What is known of messages before anything is trained on them: figures and places, and never a text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from consumer.errors import ShikyuError
from training.data.duplicates import Duplicate
from training.data.gather import LeftOut
from training.data.labelled import Labelled
from training.data.labels import EMPTY, OUTSIDE, STARS
from training.preparing.lengths import MOST_MEASURED, Lengths, lengths, tokenizer_of
from training.preparing.prepare import Prepared, Reading
from training.progress import Say
from training.recipe import SCRATCH, Recipe

SPLITS = ("train", "validation", "calibration", "test")
MOST_PLACES = 10
MOST_INSTEAD = 5


@dataclass(frozen=True, slots=True)
class SourcePart:
    """Of one source in one split: `share` of its rows, `weight_share` of what they weigh in the loss."""

    rows: int
    class_counts: tuple[int, ...]
    share: float
    weight: float
    weight_share: float


@dataclass(frozen=True, slots=True)
class Split:
    rows: int
    class_counts: tuple[int, ...]
    sources: Mapping[str, SourcePart]
    lengths: Lengths | None


@dataclass(frozen=True, slots=True)
class Unused:
    """
    Of `seen` rows that were read for a split, those that could not be used, and where the first of them stand.

    Where no source is `mapped`, labels are stars alone, and `instead` is what stands in their place most often.
    """

    seen: int
    empty: int
    outside: int
    empty_places: tuple[str, ...]
    outside_places: tuple[str, ...]
    mapped: bool = True
    instead: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Alike:
    """
    Of `of` texts, those `rows` that are like another: `exact` but for case, digits and white space, else `near`.

    `other_stars` of them have not the stars of the other. `places` are both rows' and how near they are, of the first.
    """

    rows: int
    of: int
    exact: int
    near: int
    other_stars: int
    places: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """
    `tokenizer` tells in whose tokens lengths are; `unmeasured` why there are none, else None. `max_length` is what the
    model reads; train's lengths are held against what the fit reads of it.

    Of the training messages, `dropped` are like one of the test, `held_out` more stand in validation or calibration;
    `dropped_held_out` of these two stand in the test or, of validation, in calibration. Of sources that are
    `not_calibrating` none was drawn for these.
    """

    splits: Mapping[str, Split]
    unused: Mapping[str, Unused]
    copies: Alike
    test_in_train: Alike | None
    dropped: int
    held_out: int
    dropped_held_out: int
    not_calibrating: tuple[str, ...]
    max_length: int
    tokenizer: str
    unmeasured: str | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def inspected(recipe: Recipe, messages: Prepared, reading: Reading, say: Say = lambda _: None) -> Inspection:
    """`reading` is what `prepare` filled while it made the `messages`; `say` hears what the Hub is asked."""
    assert reading.read is not None
    there = {name: some for name in SPLITS if (some := getattr(messages, name)) is not None}
    measured, unmeasured = _lengths(recipe, there, say)
    mapped = any(source.labels or source.decision for source in recipe.data.all_sources)
    return Inspection(
        splits={
            name: Split(len(some), tuple(some.class_counts()), _sources(some), measured.get(name))
            for name, some in there.items()
        },
        unused={name: _unused(each, mapped) for name, each in reading.left_out.items() if each.seen},
        copies=_alike(reading.copies, reading.read, reading.read),
        test_in_train=None if messages.test is None else _alike(reading.in_train, messages.test, reading.read),
        dropped=messages.dropped,
        held_out=messages.held_out,
        dropped_held_out=messages.dropped_held_out,
        not_calibrating=recipe.data.not_calibrating,
        max_length=recipe.model.max_length,
        tokenizer=_told_tokenizer(recipe, len(messages.train)),
        unmeasured=unmeasured,
    )


def _lengths(recipe: Recipe, there: Mapping[str, Labelled], say: Say) -> tuple[dict[str, Lengths | None], str | None]:
    try:
        words = tokenizer_of(recipe.model, there["train"].texts, recipe.seed, say)
    except ShikyuError as error:  # the fit will say it again, and that ends it; here the rest can still be told
        return {}, str(error)
    read = dict.fromkeys(there, recipe.model.max_length) | {"train": recipe.fit.max_length or recipe.model.max_length}
    return {name: lengths(words, some.texts, read[name], recipe.seed) for name, some in there.items()}, None


def _told_tokenizer(recipe: Recipe, rows: int) -> str:
    if recipe.model.base != SCRATCH:
        return f"the tokenizer of {recipe.model.base}"
    of = f"{MOST_MEASURED:,} of train's messages" if rows > MOST_MEASURED else "train's messages"
    return f"a tokenizer learned from {of}, as the fit learns its own"


def _sources(messages: Labelled) -> dict[str, SourcePart]:
    counts, weights = messages.source_counts(), messages.source_weights
    total = sum(count * weights[name] for name, count in counts.items())
    return {
        name: SourcePart(
            rows=counts[name],
            class_counts=tuple(np.bincount(messages.labels[messages.sources == number], minlength=len(STARS)).tolist()),
            share=counts[name] / len(messages),
            weight=weight,
            weight_share=counts[name] * weight / total,
        )
        for number, (name, weight) in enumerate(weights.items())
        if name in counts
    }


def _unused(left_out: LeftOut, mapped: bool) -> Unused:
    places = {kind: tuple(left_out.places.get(kind, ())[:MOST_PLACES]) for kind in (EMPTY, OUTSIDE)}
    counts = Counter(left_out.counts)
    instead = () if mapped else tuple(left_out.instead.most_common(MOST_INSTEAD))
    return Unused(left_out.seen, counts[EMPTY], counts[OUTSIDE], places[EMPTY], places[OUTSIDE], mapped, instead)


def _alike(found: Sequence[Duplicate], rows: Labelled, others: Labelled) -> Alike:
    exact = sum(each.similarity == 1 for each in found)
    return Alike(
        rows=len(found),
        of=len(rows),
        exact=exact,
        near=len(found) - exact,
        other_stars=sum(bool(rows.labels[each.row] != others.labels[each.other]) for each in found),
        places=tuple(
            (rows.where(each.row), others.where(each.other), round(each.similarity, 3)) for each in found[:MOST_PLACES]
        ),
    )
