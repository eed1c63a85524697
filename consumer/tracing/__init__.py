"""
What a window's way looks like as spans: nothing, unless tracing.enabled says so.

Only spans.py and export.py import OpenTelemetry, which the otel extra brings; serving without traces never loads it.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from consumer.errors import SettingsError
from consumer.publish import Publisher
from consumer.settings import Settings
from consumer.window import Window


class Tracing(Protocol):
    """Told where a window's processing begins and ends. Never raises, never waits, never holds a text."""

    def process(self, window: Window) -> AbstractContextManager[None]:
        """Around all that becomes of a window; what is raised inside is told and passed on."""

    def publishing(self, publisher: Publisher) -> Publisher:
        """The same publisher, whose publishing is told."""


class _Untraced:
    _NOTHING = nullcontext()

    def process(self, _: Window) -> AbstractContextManager[None]:
        return self._NOTHING

    def publishing(self, publisher: Publisher) -> Publisher:
        return publisher


UNTRACED: Tracing = _Untraced()


@contextmanager
def tracing(settings: Settings, within: Callable[[float], float]) -> Iterator[Tracing]:
    """
    As the settings and OpenTelemetry's own OTEL_* variables say. Raises SettingsError.

    At its end the last spans have as many seconds to go as `within` makes of those that they would like.
    """
    if not settings.tracing.enabled:
        yield UNTRACED
        return
    try:
        from consumer.tracing.export import exported
        from consumer.tracing.spans import Spans
    except ImportError as missing:
        raise SettingsError(
            f"tracing.enabled needs the otel extra ({missing}): pip install '.[otel]', or switch it off"
        ) from missing
    most_links = settings.batching.max_window_records
    with exported(settings.delivery.application, most_links=most_links, within=within) as provider:
        yield Spans(provider, settings.delivery.group_id)
