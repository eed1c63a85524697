"""A correction to its topic, and what is said where Kafka does not take it."""

import pytest

from examples.ticketing import corrections
from examples.ticketing.errors import WrongSurroundings


class Dying:
    """A client that died: confluent-kafka 2.16 forgets the fatal error behind a delivery report."""

    def __init__(self, *_):
        pass

    def produce(self, *_, **__):
        pass

    def flush(self, _):
        raise SystemError("returned NULL without setting an exception")


def test_a_client_that_died_is_told(monkeypatch):
    """And not as a bug of ours."""
    monkeypatch.setattr(corrections, "Producer", Dying)
    made = corrections.Correction("in/0/1/live", "urgent", "agent", None, corrections.now())

    with pytest.raises(WrongSurroundings, match=r"did not take the correction \(_FATAL\)"):
        corrections.write({}, "corrections", corrections.Encoder("json", "corrections", None), made)
