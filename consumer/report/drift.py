"""The one place where the report asks whether the messages are still like those that the model was measured on."""

from datetime import timedelta
from typing import Any

from consumer.settings import Settings


def drift(_settings: Settings, _since: timedelta) -> dict[str, Any] | None:
    """`verdict` and `why`, sentences for the page; None while it is not measured, which the page then says."""
    return None
