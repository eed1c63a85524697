"""What the page's reader has to know of how the figures came about."""

from collections.abc import Iterator
from typing import Any

from consumer.audit import live
from consumer.audit.notes import Note
from consumer.audit.notes import notes as of_recall
from consumer.settings import Settings

Figures = dict[str, Any]


def notes(settings: Settings, read: live.Read, dead: Figures | None, recall: Figures) -> Iterator[Note]:
    if read.lacks_corrections:
        yield Note(
            "nobody's judgements are known, for they are not collected yet",
            f"there is no topic {settings.corrections.topic}: create it by `shikyu topics create --corrections`",
        )
    if dead is None:
        yield Note(
            "the messages that could not be read are not counted",
            f"the dead-letter topic {settings.dead_letters.topic} is missing, or may not be read",
        )
    yield from of_recall(recall, read.population)
    yield from read.notes()
