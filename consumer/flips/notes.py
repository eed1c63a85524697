"""What whoever reads the figures has to know of how they came about."""

from collections.abc import Iterator, Sequence
from typing import Any

from consumer.flips.count import CLASSES, Figures
from consumer.flips.standing import Standings
from consumer.flips.topics import Wanted
from consumer.run_names import SHADOW
from consumer.visible import visible

LEAST_COMPARED = 100
SHOWN = 60


def notes(figures: Figures, wanted: Wanted, standings: Standings, *, with_text: bool) -> list[str]:
    """Sentences, the gravest first. Names that somebody chose are made visible."""
    return [
        *figures["unfinished"],
        *standings.unknown,
        *_labels(figures),
        *_sides(figures),
        *_unread(figures, wanted),
        *_texts(figures, with_text),
    ]


def called(figures: Figures, side: str) -> str:
    return visible(figures["run" if side == "is" else "against"], SHOWN)[1:-1]


def _labels(figures: Figures) -> Iterator[str]:
    """Text events tell no probabilities, and so no labels."""
    sides = figures["sides"]
    seen = {side: {tuple(sorted(each)) for each in sides[side]["labels"] if each} for side in ("is", "was")}
    if seen["is"] and seen["was"] and seen["is"] != seen["was"]:
        yield (
            f"THE LABELS DIFFER: {called(figures, 'is')} knows {_told(seen['is'])}; {called(figures, 'was')} knows "
            f"{_told(seen['was'])}. Decisions can be compared, classes can not"
        )
        return
    odd = {
        label
        for change in figures["class_changes"]
        for label in (change["was"], change["is"])
        if label is not None and label not in CLASSES
    }
    if odd:
        yield f"THE LABELS DIFFER from shikyu's five classes: {_names(sorted(odd))} stand among the answers"


def _sides(figures: Figures) -> Iterator[str]:
    if figures["compared"] < LEAST_COMPARED:
        yield f"only {figures['compared']} messages were compared: the intervals are wide"
    for side in ("is", "was"):
        found, name = figures["sides"][side], called(figures, side)
        if len(found["models"]) > 1:
            yield f"{name} was answered by {len(found['models'])} models, precisions or thresholds, counted together"
        if found["again"]:
            yield (
                f"{found['again']:,} messages were answered more than once in {name}, and count once, by the newest"
                + (
                    f"; {found['again_otherwise']:,} of them were answered otherwise"
                    if found["again_otherwise"]
                    else ""
                )
            )
    for side in ("is", "was"):
        if missing := figures["sides"][side]["missing"]:
            where = "in the window" if figures["sides"][side]["of_window"] else "between the first and the last"
            yield (
                f"{missing:,} messages that {called(figures, 'was' if side == 'is' else 'is')} answered {where} of "
                f"{called(figures, side)} have no answer there: {_why_missing(figures, side)}"
            )


def _why_missing(figures: Figures, side: str) -> str:
    if figures["run" if side == "is" else "against"] == SHADOW:
        return "they are of keys that it is not asked about, or were dropped"
    replay = figures["sides"][side]["replay"]
    if replay is not None and replay["state"] != "done":
        return "it is not done"
    if side == "was":
        return "skipped then, or deleted by retention since"
    return f"{'' if replay else 'is the replay done, and '}is input.where the same?"


def _unread(figures: Figures, wanted: Wanted) -> Iterator[str]:
    for run in wanted.unread:
        yield f"dead letters of {visible(run, SHOWN)[1:-1]} could not be told: it has no dead-letter topic of its own"
    if unreadable := figures["unreadable"]:
        told = ", ".join(f"{count:,} {code}" for code, count in unreadable.items())
        yield f"records that hold no answer were passed over: {told}"


def _texts(figures: Figures, with_text: bool) -> Iterator[str]:
    if with_text and not any(figures["sides"][side]["with_text"] for side in ("is", "was")):
        yield "the answers carry no texts (output.include_text was off), so none are shown"


def _told(labels: set[tuple[str, ...]]) -> str:
    return " or ".join(_names(each) for each in sorted(labels))


def _names(labels: Sequence[Any]) -> str:
    return ", ".join(visible(str(label), SHOWN)[1:-1] for label in labels[:10])
