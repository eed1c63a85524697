"""What the loop tells of itself to whoever works in its idle time."""

from typing import Protocol

from consumer.answer import Answered
from consumer.window import Window


class Beside(Protocol):
    """Each call is the loop's own thread's, and returns at once."""

    def waits(self) -> None:
        """The loop asks Kafka for records, and there may be none."""

    def works(self) -> None:
        """It has some in hand."""

    def committed(self, window: Window, answered: Answered) -> None:
        """These are answered and committed."""


class Nobody:
    def waits(self) -> None: ...

    def works(self) -> None: ...

    def committed(self, window: Window, answered: Answered) -> None: ...


NOBODY = Nobody()
