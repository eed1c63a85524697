"""Whether messages may be trained on, by the limits that the recipe sets."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from training.data.labels import MAPPING, STARS
from training.data.sources import Limits
from training.preparing.inspection import Alike, Inspection, Split, Unused

PLACES_TOLD = 3
NO_STAR = "with a label that is no star from 1 to 5"
SAME = "word for word but for case, digits and spaces"


@dataclass(frozen=True, slots=True)
class Check:
    """
    One limit for one split: `found` and `allowed` are shares, or messages of a class where `least` says so.

    `setting` is its name in [data.limits], None for what no recipe can allow. `told` is what was found in words.
    """

    split: str
    setting: str | None
    what: str
    found: float
    allowed: float
    least: bool
    told: str
    todo: str

    @property
    def met(self) -> bool:
        return self.found >= self.allowed if self.least else self.found <= self.allowed

    @property
    def line(self) -> str:
        """What, how much, the limit, what to do."""
        limit = f"{self.allowed:g}" if self.least else f"{100 * self.allowed:g} %"
        allowed = f"at {'least' if self.least else 'most'} {limit}"
        by = f" ([data.limits] {self.setting})" if self.setting else ""
        return f"{self.split}: {self.told}; {allowed}{by}: {self.todo}"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met, "line": self.line}


def checks(found: Inspection, limits: Limits) -> list[Check]:
    """All of them, met or not, in the order in which one would mend what is wrong."""
    return [
        *(check for name, unused in found.unused.items() for check in _unused(name, unused, limits)),
        *(_classes(name, split, limits) for name, split in found.splits.items()),
        _copies(found.copies, limits),
        *([_test_in_train(found.test_in_train, limits)] if found.test_in_train is not None else []),
        *(check for name, split in found.splits.items() for check in _cut(name, split, found.max_length, limits)),
    ]


def _unused(split: str, unused: Unused, limits: Limits) -> Iterator[Check]:
    for setting, what, count, allowed, places, todo in (
        ("max_empty", "without a text", unused.empty, limits.max_empty, unused.empty_places, "fill or remove them"),
        (
            "max_outside",
            "with a label outside the mapping" if unused.mapped else NO_STAR,
            unused.outside,
            limits.max_outside,
            unused.outside_places,
            MAPPING if unused.mapped else "correct or remove these rows",
        ),
    ):
        where = f" ({_places(places, count)})" if count else ""
        if setting == "max_outside" and unused.instead:
            where = f": {_instead(unused)}{where}"
        told = f"{_of(count, unused.seen, 'rows')} {what}{where}"
        todo = f"{todo}, or raise {setting}, and they are left out"
        yield Check(split, setting, what, count / unused.seen, allowed, False, told, todo)


def _instead(unused: Unused) -> str:
    more = ", …" if sum(count for _, count in unused.instead) < unused.outside else ""
    return ", ".join(f"{value} ({_times(count)})" for value, count in unused.instead) + more


def _times(count: int) -> str:
    return "once" if count == 1 else "twice" if count == 2 else f"{count:,} times"


def _classes(split: str, messages: Split, limits: Limits) -> Check:
    setting = "min_per_class" if split == "train" else None
    allowed = limits.min_per_class if setting else 1
    least = min(messages.class_counts)
    rare = [str(stars) for stars, count in zip(STARS, messages.class_counts, strict=True) if count < allowed]
    told = f"too few messages with {', '.join(rare)} stars (there are {list(messages.class_counts)} with 1 to 5)"
    if not rare:
        told = f"{least} messages at least of each class"
    # What is not there at all cannot be learned, and the limit goes no lower than one.
    lower = ", or lower the limit" if setting and least else ""
    absent = "" if least else "; each of the five stars has to be there (docs/training.md, Your messages)"
    todo = f"label more, or give other files or a larger share{lower}{absent}"
    return Check(split, setting, "messages of the rarest class", least, allowed, True, told, todo)


def _copies(copies: Alike, limits: Limits) -> Check:
    where = f" (the first: {_pairs(copies)})" if copies.rows else ""
    return Check(
        "train",
        "max_copies",
        "stand there more than once",
        copies.rows / copies.of,
        limits.max_copies,
        False,
        f"{_of(copies.rows, copies.of, 'messages')} are like one above{where}, {copies.exact} of them {SAME}",
        "remove what was written by no customer or exported twice, or raise the limit",
    )


def _test_in_train(alike: Alike, limits: Limits) -> Check:
    where = f" (the first: {_pairs(alike)})" if alike.rows else ""
    return Check(
        "test",
        "max_test_in_train",
        "stand in train, too",
        alike.rows / alike.of if alike.of else 0.0,
        limits.max_test_in_train,
        False,
        f"{_of(alike.rows, alike.of, 'messages')} stand in train, too{where}, {alike.exact} of them {SAME}",
        "name test messages of their own; what is allowed is taken out of train",
    )


def _cut(split: str, messages: Split, served: int, limits: Limits) -> Iterator[Check]:
    if (lengths := messages.lengths) is None:
        return
    of_fit = lengths.max_length != served
    drawn = "" if lengths.rows == messages.rows else f" (of {lengths.rows:,} drawn at random)"
    yield Check(
        split,
        "max_cut",
        "are cut off",
        lengths.cut,
        limits.max_cut,
        False,
        f"{_share(lengths.cut)} of the messages{drawn} are longer than {'[fit] ' if of_fit else ''}max_length, "
        f"{lengths.max_length} tokens",
        f"raise {'[fit]' if of_fit else '[model]'} max_length, clean the texts ([data] cleaning), or raise the limit",
    )


def _of(count: int, total: int, what: str) -> str:
    return f"{count:,} of {total:,} {what} ({_share(count / total if total else 0.0)})"


def _share(share: float) -> str:
    """With enough digits not to be 0 where it is not."""
    return f"{100 * share:.1f} %" if share >= 0.001 or not share else f"{100 * share:.2g} %"


def _places(places: tuple[str, ...], count: int) -> str:
    more = " …" if count > PLACES_TOLD else ""
    return "; ".join(places[:PLACES_TOLD]) + more


def _pairs(alike: Alike) -> str:
    return _places(tuple(f"{one} and {other}" for one, other, _ in alike.places), alike.rows)
