"""What waits for the second model: so much and no more, for it must never delay the first."""

import threading
from collections import deque
from dataclasses import dataclass

from consumer.records import Decision, Message, Record

MOST_ITEMS = 1000
MOST_CHARACTERS = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Item:
    record: Record
    message: Message
    live: Decision


class Waiting:
    """A queue that refuses what it has no room for. Whoever offers never waits for whoever takes."""

    def __init__(self, items: int = MOST_ITEMS, characters: int = MOST_CHARACTERS) -> None:
        self._most, self._most_characters = items, characters
        self._items: deque[Item] = deque()
        self._characters = 0
        self._changed = threading.Condition()

    def offer(self, item: Item) -> bool:
        """False where there is no room."""
        size = _size(item)
        with self._changed:
            if len(self._items) >= self._most or self._characters + size > self._most_characters:
                return False
            self._items.append(item)
            self._characters += size
            self._changed.notify()
        return True

    def take(self, within_s: float) -> Item | None:
        """The oldest; None where none came in time."""
        with self._changed:
            if not self._items and not self._changed.wait(within_s):
                return None
            if not self._items:
                return None
            item = self._items.popleft()
            self._characters -= _size(item)
            return item


def _size(item: Item) -> int:
    """What of it can be large: a record's key and headers, or an event's fields, may be its sender's whole mail."""
    message, record = item.message, item.record
    fields = (message.text, message.id, message.customer_id, message.channel, message.language, record.key)
    attributes = sum(len(name) + len(value) for name, value in message.attributes.items())
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return sum(len(each or "") for each in fields) + attributes + headers
