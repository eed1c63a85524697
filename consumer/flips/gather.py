"""Reads both sides' answers into a table, and says what it could not."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from consumer.errors import RecordError, SettingsError
from consumer.flips.answers import DEAD, Answer, NoAnswer, Reader, dead_letter, patiently
from consumer.flips.table import Side, Table
from consumer.flips.topics import Wanted
from consumer.records import Record
from consumer.visible import MOST_NAMES, told_names, visible

Runs = Mapping[Side, str]  # what each side is called

MOST_RUNS = 10
MOST_LABELS = 100


@dataclass
class Gathered:
    """What was read: answers by side, their labels, other runs' answers, and records that hold none, by why."""

    answers: Counter[Side] = field(default_factory=Counter)
    dead: Counter[Side] = field(default_factory=Counter)
    texts: Counter[Side] = field(default_factory=Counter)
    labels: dict[Side, Counter[tuple[str, ...]]] = field(default_factory=lambda: {"is": Counter(), "was": Counter()})
    others: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    attributes: set[str] = field(default_factory=set)  # names of some, to be told where one is not there


class Gather:
    def __init__(self, reader: Reader, table: Table, runs: Runs, wanted: Wanted, *, with_text: bool) -> None:
        self._reader = reader
        self._table = table
        self._sides = {run: side for side, run in runs.items()}
        self._wanted = wanted
        self._with_text = with_text
        self.found = Gathered()

    def all(self, records: Iterator[Record]) -> Gathered:
        """Raises PassingFault or SurroundingsError where the registry is away or refuses us."""
        for record in records:
            try:
                self._add(self._read(record))
            except NoAnswer:
                self.found.unreadable["no-classified-message"] += 1
            except RecordError as error:
                self.found.unreadable[error.code] += 1
        return self.found

    def _read(self, record: Record) -> Answer:
        if (run := self._wanted.dead_letters.get(record.topic)) is not None:
            return dead_letter(record, run)
        return patiently(lambda: self._reader.answer(record))

    def _add(self, answer: Answer) -> None:
        side = self._sides.get(answer.run)
        if side is None:
            self.found.others[answer.run if len(self.found.others) < MOST_RUNS else "others"] += 1
            return
        if answer.fate == DEAD:
            self.found.dead[side] += 1
        else:
            self.found.answers[side] += 1
            self.found.texts[side] += answer.text is not None
            if len(self.found.attributes) < MOST_NAMES:
                self.found.attributes.update(answer.attributes)
            if len(labels := self.found.labels[side]) < MOST_LABELS or answer.labels in labels:
                labels[answer.labels] += 1
        self._table.add(side, answer, with_text=self._with_text)


def require_both(found: Gathered, runs: Runs, wanted: Wanted, output_format: str, known: Sequence[str]) -> None:
    """SettingsError when a side has no answer at all, with what was there instead, and which runs are `known`."""
    for side, run in runs.items():
        if found.answers[side]:
            continue
        there = [f"{visible(name, 60)} ({count:,} answers there)" for name, count in found.others.items()]
        begun = [visible(each, 60) for each in known if each not in found.others and each not in runs.values()]
        told = ", ".join(there + begun[-MOST_RUNS:])
        advice = f"The other runs are: {told}; name one of them" if told else "No other run is known; check its name"
        raise SettingsError(
            f"no answer of run {run!r} is on {', '.join(wanted.answers) or 'any topic'}."
            f"{_unreadable(found, output_format)} {advice}, or the topics that hold its answers by --topic"
        )


def require_slices(found: Gathered, unknown: Sequence[str]) -> None:
    """SettingsError for a slice that no answer has."""
    if not unknown:
        return
    there = ", ".join(told_names(sorted(found.attributes))) or "none (output.attributes chooses them)"
    raise SettingsError(
        f"--slice {', '.join(visible(each) for each in unknown)}: no answer has an attribute of that name; those "
        f"there are: {there}. Channel and language are told unasked"
    )


def _unreadable(found: Gathered, output_format: str) -> str:
    if not found.unreadable:
        return ""
    return (
        f" {found.unreadable.total():,} records could not be read as output.format = {output_format} "
        f"({', '.join(found.unreadable)}): was another one set when they were written?"
    )
