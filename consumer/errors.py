"""
What can go wrong, by who must act:

* ShikyuError
  - RecordError          one record is bad: dead-letter it, go on
  - PassingFault         a service is away for a while: wait, retry, lose nothing
      - UnknownSchema    it answers, and may know the schema in a moment
  - SettingsError        the settings are wrong: exit 2
      - UnreadableTopic  the settings do not fit the topic: stop before it is dead-lettered
  - SurroundingsError    Kafka, the registry, a port or a disk is not as it must be: exit 3
      - BackendError     the model itself does not answer: stop, dead-letter nothing
  - ToldToLeave          a signal ended a wait at the start, before anything had begun: exit 0
  - ArtifactError        the model folder is unusable: exit 4
  - LimitError           a check ran and its limit was not met: exit 5

Anything else that escapes is a bug, and exits with 1.
"""

from typing import ClassVar, Literal

Stage = Literal["deserialize", "preprocess", "inference", "produce"]


class ShikyuError(Exception):
    """
    Says what was wrong, with which value, and what to do. Never holds a customer's text.

    `page` is what of docs/ tells more, as `shikyu docs` takes it, where the place knows better than error_pages.py.
    """

    exit_code: ClassVar[int] = 1
    class_page: ClassVar[str] = "operations#exit-codes"

    def __init__(self, message: str = "", *, page: str | None = None) -> None:
        super().__init__(message)
        self.page = page
        self.is_logged = False  # as the event `failed`


class RecordError(ShikyuError):
    """
    One record cannot be classified, and never will be.

    `code` is stable and documented (docs/dead-letters.md); `stage` is one of Beam RunInference's.
    The message is a fixed template: a library's own words could carry the customer's.
    """

    def __init__(self, code: str, stage: Stage, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.stage = stage
        self.message = message


class PassingFault(ShikyuError):
    """A service did not answer this time. The window waits; nothing is dead-lettered for it."""

    exit_code = 3


class UnknownSchema(PassingFault):
    """The registry answers, but does not know a schema yet. Other records of the window may still be asked about."""


class SettingsError(ShikyuError):
    exit_code = 2
    class_page = "configuration"


class UnreadableTopic(SettingsError):
    """So many records are unreadable that the settings must be wrong, not the records."""

    class_page = "formats#where-the-message-stands-in-an-event"


class SurroundingsError(ShikyuError):
    exit_code = 3
    class_page = "doctor"


class BackendError(SurroundingsError):
    """The model fails on a known-good text too, or there is no memory for it or for a text: no record is to blame."""


class ToldToLeave(ShikyuError):
    """Told to leave while the start waited for something. Nothing had begun, so the service just leaves."""


class ArtifactError(ShikyuError):
    exit_code = 4
    class_page = "artifact"


class LimitError(ShikyuError):
    exit_code = 5
