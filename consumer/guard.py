"""Tells a topic full of poison from a wrong setting: the second must not dead-letter the first."""

from collections import deque
from collections.abc import Sequence

from consumer.errors import UnreadableTopic
from consumer.records import Dead, Decision, Skipped

FIRST_RECORDS = 20
LAST_RECORDS = 200

Fate = Decision | Dead | Skipped


class Guard:
    """
    Watches the share of dead letters over what has been committed and the window in hand.

    Skipped records are not counted: they say nothing of whether messages can be read.
    """

    def __init__(self, max_share: float, reads: str) -> None:
        """`reads` names the settings to look at, such as `input.format avro, input.text "body.text"`."""
        self._max_share = max_share
        self._reads = reads
        self._seen = 0
        self._any_alive = False
        self._last: deque[bool] = deque(maxlen=LAST_RECORDS)

    def check(self, fates: Sequence[Fate]) -> None:
        """Raises UnreadableTopic when the window must not be committed; changes nothing."""
        dead = [fate for fate in fates if isinstance(fate, Dead)]
        if not dead:
            return
        counted = _counted(fates)
        first_all_dead = not self._any_alive and all(counted) and self._seen + len(counted) >= FIRST_RECORDS
        last = deque(self._last, maxlen=LAST_RECORDS)
        last.extend(counted)
        share = sum(last) / len(last)
        if first_all_dead:
            raise UnreadableTopic(self._advice(f"none of the first {self._seen + len(counted)} records", dead[0]))
        if len(last) == LAST_RECORDS and share > self._max_share:
            told = f"{share:.0%} of the last {LAST_RECORDS} records (dead_letters.max_share is {self._max_share:.0%})"
            raise UnreadableTopic(self._advice(told + " not", dead[0]))

    def committed(self, fates: Sequence[Fate]) -> None:
        """Remembers a window that was committed; one that was rewound is never counted."""
        counted = _counted(fates)
        self._seen += len(counted)
        self._any_alive = self._any_alive or not all(counted)
        self._last.extend(counted)

    def _advice(self, what: str, example: Dead) -> str:
        fields = ", ".join(sorted(example.field_names)) or "none"
        return (
            f"{what} could be read with {self._reads}; the last window was not committed and nothing of it was "
            f"dead-lettered. First problem: {example.error.code}: {example.error.message}. Fields of that record: "
            f"{fields}. Try the expression with `shikyu config test --from-topic 20`, then start again."
        )


def _counted(fates: Sequence[Fate]) -> list[bool]:
    return [isinstance(fate, Dead) for fate in fates if not isinstance(fate, Skipped)]
