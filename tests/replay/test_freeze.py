"""A window is asked for again while what Kafka says passes by itself."""

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from consumer.errors import SurroundingsError
from consumer.replay import freeze
from consumer.replay.window import Asked

LISTING = SimpleNamespace(topics={"in": SimpleNamespace(partitions={0: None})})
CONFIG = {"bootstrap.servers": "127.0.0.1:1"}


def answers(monkeypatch, *codes):
    """Errors of these codes, one after the other, and then an empty partition."""
    told = iter(codes)

    def held(consumer, place):
        if (code := next(told, None)) is not None:
            raise KafkaException(KafkaError(code))
        return (0, 0)

    monkeypatch.setattr(freeze, "_held", held)


def test_a_leader_that_has_just_changed_is_asked_again(monkeypatch):
    answers(monkeypatch, KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)

    assert freeze.freeze(CONFIG, ["in"], LISTING, Asked()) == ((), [])


def test_what_does_not_pass_is_told_at_once(monkeypatch):
    answers(monkeypatch, KafkaError.TOPIC_AUTHORIZATION_FAILED)

    with pytest.raises(SurroundingsError, match=r"TOPIC_AUTHORIZATION_FAILED.*READ and DESCRIBE on in"):
        freeze.freeze(CONFIG, ["in"], LISTING, Asked())


def test_what_passes_too_late_is_told_too(monkeypatch):
    monkeypatch.setattr(freeze, "ANSWER_S", 0)
    answers(monkeypatch, KafkaError.NOT_LEADER_FOR_PARTITION)

    with pytest.raises(SurroundingsError, match="NOT_LEADER_FOR_PARTITION"):
        freeze.freeze(CONFIG, ["in"], LISTING, Asked())
