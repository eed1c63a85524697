"""
Of many corrections: which are heard, which of them stands for each message, and who disagreed.

Pure, and of the same corrections always the same, in whatever order and however often they come.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

from consumer.corrections.entries import Correction
from consumer.timestamps import from_millis

HOUR_MS = 3_600_000
# A writer's hour is a burst when it holds more than so many times the median of its earlier hours with any corrections.
BURST_FACTOR = 5
BURST_HOURS = 28 * 24  # of the hours before, that are looked at
LEAST_HOURS = 8  # with any corrections, from which on a median is believed

Reason = Literal["unknown-writer", "burst", "unknown-message"]


@dataclass(frozen=True, slots=True)
class Rules:
    """
    Who is heard. `floor` corrections of a writer in an hour are no burst, whatever it was used to.

    `released` names bursts that a person has looked at, as `burst_name` does.
    """

    writers: frozenset[str]
    floor: int
    released: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Held:
    """A correction that is not heard, and why."""

    correction: Correction
    reason: Reason


@dataclass(frozen=True, slots=True)
class Conflict:
    """Corrections of one message that say different things; `stands` is the one that holds."""

    stands: Correction
    others: tuple[Correction, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """`standing` is by event_id; `conflicts` are in its order, `held` in that of the topic."""

    standing: Mapping[str, Correction]
    conflicts: tuple[Conflict, ...]
    held: tuple[Held, ...]


def settle(corrections: Iterable[Correction], known: Container[str], rules: Rules) -> Settled:
    """`known` are the event ids of the messages that were classified, as far as they can be read."""
    every = sorted(set(corrections), key=_place)
    bursts = _bursts(every, rules)
    held: list[Held] = []
    heard: defaultdict[str, list[Correction]] = defaultdict(list)
    for each in every:
        if (reason := _reason(each, known, rules, bursts)) is not None:
            held.append(Held(each, reason))
        else:
            heard[each.event_id].append(each)
    standing, conflicts = {}, []
    for event_id in sorted(heard):
        stands, *others = sorted(heard[event_id], key=lambda each: each.weight, reverse=True)
        standing[event_id] = stands
        if against := tuple(each for each in others if _disagree(stands, each)):
            conflicts.append(Conflict(stands, against))
    return Settled(standing, tuple(conflicts), tuple(held))


def burst_name(correction: Correction) -> str:
    """Its writer and the hour (UTC) in which it was written, such as ticketing@2026-11-29T14: released as one."""
    return _name(correction.writer or "", _hour(correction))


def _reason(each: Correction, known: Container[str], rules: Rules, bursts: Container[str]) -> Reason | None:
    if each.writer not in rules.writers:
        return "unknown-writer"
    if burst_name(each) in bursts:
        return "burst"
    return None if each.event_id in known else "unknown-message"


def _bursts(every: Iterable[Correction], rules: Rules) -> set[str]:
    """
    Judged by earlier hours alone, so that what comes later changes no verdict.

    A burst is held whole, for the true ones in it can't be told apart. Unless it is released, it is not what its writer
    is used to.
    """
    counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
    said = set()  # what is written again, because its writer was not sure, is no more than it was
    for each in every:
        word = (each.writer, _hour(each), each.event_id, each.decision, each.satisfaction, each.role)
        if each.writer is not None and each.writer in rules.writers and word not in said:
            said.add(word)
            counts[each.writer][_hour(each)] += 1
    bursts = set()
    for writer, hours in counts.items():
        usual: dict[int, int] = {}
        for hour in sorted(hours):
            earlier = [count for at, count in usual.items() if at >= hour - BURST_HOURS]
            limit = rules.floor
            if len(earlier) >= LEAST_HOURS:
                limit = max(limit, int(BURST_FACTOR * median(earlier)))
            if hours[hour] > limit and (name := _name(writer, hour)) not in rules.released:
                bursts.add(name)
            else:
                usual[hour] = hours[hour]
    return bursts


def _name(writer: str, hour: int) -> str:
    begins = from_millis(hour * HOUR_MS)
    return f"{writer}@{hour if begins is None else begins.strftime('%Y-%m-%dT%H')}"


def _hour(correction: Correction) -> int:
    at = correction.corrected_ms if correction.written_ms is None else correction.written_ms
    return at // HOUR_MS


def _disagree(stands: Correction, other: Correction) -> bool:
    """Whoever has not judged the satisfaction has no quarrel about it."""
    judged = stands.satisfaction is not None and other.satisfaction is not None
    return stands.decision != other.decision or (judged and stands.satisfaction != other.satisfaction)


def _place(correction: Correction) -> tuple[str, int, int]:
    return correction.topic, correction.partition, correction.offset
