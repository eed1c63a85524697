"""
Answers of a window, each message's once: at least once writes those of a window again that it could not commit.

What is counted can't be told by its event id alone, for of most messages nothing is kept but that they came.
"""

from collections.abc import Callable, Iterable, Iterator

from consumer.flips.answers import FATES, Answer, Source
from consumer.run_names import LIVE

PAGE = 1024  # messages of one partition, a bit each
_BYTES = PAGE // 8


class Seen:
    """Which messages came already; memory grows by a bit for each where they are neighbours."""

    def __init__(self) -> None:
        self._pages: dict[Source, bytearray] = {}

    def add(self, source: Source) -> bool:
        """Whether it had come before."""
        topic, partition, offset = source
        number, place = divmod(offset, PAGE)
        page = self._pages.setdefault((topic, partition, number), bytearray(_BYTES))
        byte, bit = place // 8, 1 << place % 8
        had_come = bool(page[byte] & bit)
        page[byte] |= bit
        return had_come


def told_once(read: Callable[[], Iterable[Answer]], telling: Callable[[], Callable[[Answer], None]]) -> int:
    """
    Tells every answer that `read` gives, of a live message the latest alone; returns how many came more than once.

    Where any did all is read again, and told to what `telling` makes anew: the first of them had been told already.
    """
    seen, again = Seen(), set[Source]()
    tell = telling()
    for answer in read():
        if _counts(answer) and seen.add(answer.source):
            again.add(answer.source)
        tell(answer)
    if again:
        tell = telling()
        for answer in _latest(read(), again):
            tell(answer)
    return len(again)


def _latest(answers: Iterable[Answer], again: set[Source]) -> Iterator[Answer]:
    kept: dict[Source, Answer] = {}
    for answer in answers:
        if not _counts(answer) or answer.source not in again:
            yield answer
        elif (other := kept.get(answer.source)) is None or (other.written_ms or 0) <= (answer.written_ms or 0):
            kept[answer.source] = answer
    yield from kept.values()


def _counts(answer: Answer) -> bool:
    return answer.run == LIVE and answer.fate in FATES
