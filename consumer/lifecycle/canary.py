"""Texts that two versions answer before they change places: how many decisions flip between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from consumer import text_files
from consumer.errors import LimitError, SettingsError
from consumer.records import Decision

MADE_UP = Path(__file__).with_name("canary.jsonl")
MOST_TEXTS = 1000  # each is answered by both, beside the live stream
AT_ONCE = 8  # so that a live window never waits long for the cores


class Answers(Protocol):
    def classify(self, texts: Sequence[str]) -> list[Decision]: ...


@dataclass(frozen=True, slots=True)
class Flips:
    """Of `texts` decisions, those that the new version decides otherwise."""

    texts: int
    to_urgent: int
    to_routine: int

    @property
    def share(self) -> float:
        return (self.to_urgent + self.to_routine) / self.texts

    def require(self, max_share: float) -> None:
        """LimitError where more flip than may."""
        if self.share > max_share:
            raise self.too_many(max_share)

    def too_many(self, max_share: float) -> LimitError:
        return LimitError(
            f"{self.share:.1%} of {self.texts} canary decisions flip ({self.to_urgent} to urgent, "
            f"{self.to_routine} to routine), and model.max_flip_share is {max_share:.1%}: see with `shikyu replay` "
            "and `shikyu flips` what it would have decided, then raise the limit, take another version, or, where the "
            "change is meant, `shikyu models use` it with --no-canary: then no consumer compares it either"
        )


def texts(path: Path | None) -> list[str]:
    """The user's own, at most MOST_TEXTS, or the made-up ones. SettingsError for a file without any."""
    found = list(islice(text_files.read(path or MADE_UP, "text", lambda _: None), MOST_TEXTS))
    if not found:
        raise SettingsError(f"model.canary {path} holds no text: write one object with a `text` a line")
    return found


def answered(model: Answers, some: Sequence[str]) -> list[Decision]:
    """A decision for each, a few at once."""
    return [
        decision for first in range(0, len(some), AT_ONCE) for decision in model.classify(some[first : first + AT_ONCE])
    ]


def flips(old: Sequence[Decision], new: Sequence[Decision]) -> Flips:
    pairs = list(zip(old, new, strict=True))
    return Flips(
        len(pairs),
        to_urgent=sum(after.urgent and not before.urgent for before, after in pairs),
        to_routine=sum(before.urgent and not after.urgent for before, after in pairs),
    )
