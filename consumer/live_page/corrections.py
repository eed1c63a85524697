"""Corrections that people give on the page, written as `shikyu correct` writes them."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from consumer.corrections import given
from consumer.corrections.write import Encoder, write
from consumer.errors import SettingsError
from consumer.schema_store import open_store
from consumer.settings import Settings

FIELDS = ("event_id", "decision", "role", "satisfaction")

Correct = Callable[[Mapping[str, Any]], None]


def corrector(settings: Settings, writer: str) -> Correct:
    """
    Takes the fields of the event, and returns once Kafka has it.

    That raises SettingsError for what is no correction, SurroundingsError or PassingFault where Kafka or the registry
    does not take it.
    """
    one_at_a_time = threading.Lock()  # for the store's sake

    def correct(fields: Mapping[str, Any]) -> None:
        if unknown := sorted(set(fields) - set(FIELDS)):
            raise SettingsError(f"a correction here has {', '.join(FIELDS)}, and {len(unknown)} more were given")
        wanted = given.one(**{name: value for name, value in fields.items() if value not in (None, "")})
        registry = settings.registry
        with one_at_a_time, open_store(registry.url, registry.options, ()) as store:
            write(settings, [Encoder(settings, store, writer).encode(wanted)], lambda _: None)

    return correct
