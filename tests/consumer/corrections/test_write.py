"""Corrections to their topic, and what is said where Kafka does not take them."""

import pytest

from consumer.corrections import write
from consumer.errors import SurroundingsError
from consumer.records import OutputRecord
from consumer.settings import Settings


class Dying:
    """A client that died: confluent-kafka 2.16 forgets the fatal error behind a delivery report."""

    def __init__(self, *_):
        pass

    def produce(self, *_, **__):
        pass

    def poll(self, _):
        pass

    def flush(self, _):
        raise SystemError("returned NULL without setting an exception")


def test_a_client_that_died_is_told_with_what_was_taken(monkeypatch):
    """And not as a bug of ours."""
    monkeypatch.setattr(write, "Producer", Dying)
    monkeypatch.setattr(write, "partitions", lambda *_: None)

    with pytest.raises(SurroundingsError, match=r"corrections took 0 of 1 corrections \(_FATAL\)"):
        write.write(Settings(), [OutputRecord("corrections", b"a", b"{}", ())], lambda _: None)
