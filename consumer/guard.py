"""Tells a topic full of poison from a wrong setting: the second must not dead-letter the first."""

from collections import deque
from collections.abc import Sequence

from consumer.errors import UnreadableTopic
from consumer.records import Dead, Decision, Skipped
from consumer.visible import told_names

FIRST_RECORDS = 20
LAST_RECORDS = 200

Fate = Decision | Dead | Skipped


class Guard:
    """
    Watches the share of dead letters over what has been committed and the window in hand.

    What it has seen is this process's own: each start begins with the first 20 records anew.
    """

    def __init__(self, max_share: float, reads: str, *, judges_the_first: bool = True) -> None:
        """
        `reads` names the settings to look at, such as `input.format avro, input.text "body.text"`.

        `judges_the_first` is false where records are read that died before: that they do again says nothing new.
        """
        self._max_share = max_share
        self._reads = reads
        self._judges_the_first = judges_the_first
        self._first: list[bool] = []
        self._last: deque[bool] = deque(maxlen=LAST_RECORDS)

    def check(self, fates: Sequence[Fate]) -> None:
        """Raises UnreadableTopic when the window must not be committed; changes nothing."""
        example = next((fate for fate in fates if isinstance(fate, Dead) and _counts(fate)), None)
        if example is None:
            return
        first = (self._first + _counted(fates))[:FIRST_RECORDS]
        if self._judges_the_first and len(first) == FIRST_RECORDS and all(first):
            raise UnreadableTopic(self._advice(f"none of the first {FIRST_RECORDS} records could be read", example))
        share = self._highest_share(fates)
        if share > self._max_share:
            limit = f"dead_letters.max_share is {self._max_share:.1%}"
            what = f"{share:.1%} of the last {LAST_RECORDS} records could not be read ({limit})"
            raise UnreadableTopic(self._advice(what, example))

    def committed(self, fates: Sequence[Fate]) -> None:
        """Remembers a window that was committed; one that was rewound is never counted."""
        counted = _counted(fates)
        self._first = (self._first + counted)[:FIRST_RECORDS]
        self._last.extend(counted)

    def _highest_share(self, fates: Sequence[Fate]) -> float:
        """Over every run of 200 that ends inside the window: a good end does not excuse a bad middle."""
        last = deque(self._last, maxlen=LAST_RECORDS)
        dead, highest = sum(last), 0.0
        for is_dead in _counted(fates):
            dead += is_dead - (last[0] if len(last) == LAST_RECORDS else 0)
            last.append(is_dead)
            if len(last) == LAST_RECORDS:
                highest = max(highest, dead / LAST_RECORDS)
        return highest

    def _advice(self, what: str, example: Dead) -> str:
        return (
            f"{what} with {self._reads}; the last window was not committed and nothing of it was "
            f"dead-lettered. First problem: {example.error.code}: {example.error.message}. Fields of that record: "
            f"{_fields(example)}. Try the expression with `shikyu config test --from-topic 20`, then start again."
        )


def _fields(dead: Dead) -> str:
    named = [f'"{name}"' for name in told_names(sorted(dead.field_names))]
    others = dead.field_count - len(named)
    return ", ".join(named + [f"{others} not named here"] * (others > 0)) or "none"


def _counted(fates: Sequence[Fate]) -> list[bool]:
    return [isinstance(fate, Dead) for fate in fates if _counts(fate)]


def _counts(fate: Fate) -> bool:
    """Skipped records, and those that Kafka refused, say nothing of whether messages can be read."""
    return not isinstance(fate, Skipped) and not (isinstance(fate, Dead) and fate.error.stage == "produce")
