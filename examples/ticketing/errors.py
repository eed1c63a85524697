"""
What can go wrong, by what follows:

* TicketingError       stops the program, which says why; nothing is lost
  - WrongSettings      exit 2
  - WrongSurroundings  Kafka or the database is not as it must be: exit 3
* Away                 a service does not answer for a while: wait, then try the same again
* Unreadable           one event can't be read: it is set aside, and the next ones go on
"""

from typing import ClassVar


class TicketingError(Exception):
    """Says what was wrong, with which value, and what to do. Never holds a customer's text."""

    exit_code: ClassVar[int] = 1


class WrongSettings(TicketingError):
    exit_code = 2


class WrongSurroundings(TicketingError):
    exit_code = 3


class Away(Exception):
    """Its words say which service, and what was seen of it."""


class Unreadable(Exception):
    """`code` is one of: empty, bad-framing, unknown-schema, bad-schema, bad-avro, bad-json, bad-event."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
