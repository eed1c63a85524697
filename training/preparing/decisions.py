"""Messages of which people have judged the decision alone: kept apart from those with stars, by which all is chosen."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from training.data.duplicates import between, sketches
from training.data.labelled import Labelled
from training.data.texts import digests


def parted(messages: Labelled | None) -> tuple[Labelled | None, Labelled | None]:
    """Those with stars, and those with a decision; None where there are none."""
    if messages is None:
        return None, None
    return _rows(messages, messages.labels >= 0), _rows(messages, messages.labels < 0)


def of_sources(messages: Labelled | None, names: Collection[str]) -> tuple[Labelled | None, Labelled | None]:
    """Those of the sources of these names, and the others."""
    if messages is None:
        return None, None
    numbers = [number for number, name in enumerate(messages.source_weights) if name in names]
    theirs = np.isin(messages.sources, numbers)
    return _rows(messages, theirs), _rows(messages, ~theirs)


def together(*several: Labelled | None) -> Labelled | None:
    """All of them, in one; their columns and sources are no more."""
    some = [each for each in several if each is not None]
    if len(some) < 2:
        return some[0] if some else None
    first = np.cumsum([0, *(len(each.names) for each in some[:-1])])
    return Labelled(
        texts=tuple(text for each in some for text in each.texts),
        labels=np.concatenate([each.labels for each in some]),
        files=np.concatenate([each.files + start for each, start in zip(some, first, strict=True)]).astype(np.int32),
        raw=tuple(text for each in some for text in each.raw),
        lines=np.concatenate([each.lines for each in some]),
        names=tuple(name for each in some for name in each.names),
    )


def apart(messages: Labelled | None, *others: Labelled | None, nearly: Labelled | None = None) -> Labelled | None:
    """Those that stand, word for word, in none of the others, nor nearly in one; None where none is left."""
    if messages is None:
        return None
    kept = [digests(each.texts) for each in others if each is not None]
    stands = np.isin(digests(messages.texts), np.concatenate(kept)) if kept else np.zeros(len(messages), dtype=np.bool_)
    if nearly is not None:
        stands[[each.row for each in between(sketches(messages.texts), sketches(nearly.texts))]] = True
    return _rows(messages, ~stands)


def _rows(messages: Labelled, wanted: NDArray[np.bool_]) -> Labelled | None:
    if wanted.all():
        return messages
    return messages.take(np.flatnonzero(wanted)) if wanted.any() else None
