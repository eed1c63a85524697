"""What is wrong with Kafka is told before the group is joined; the broker's listing is a fake's here."""

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError

from consumer import surroundings
from consumer.errors import SurroundingsError


@pytest.fixture
def listing(monkeypatch):
    """Topics of the listing, each with its error's code."""
    topics: dict[str, int | None] = {}

    class Admin:
        def __init__(self, config) -> None: ...

        def list_topics(self, timeout):
            errors = {name: None if code is None else KafkaError(code) for name, code in topics.items()}
            return SimpleNamespace(topics={name: SimpleNamespace(error=error) for name, error in errors.items()})

    monkeypatch.setattr(surroundings, "AdminClient", Admin)
    return topics


def test_a_topic_that_is_not_listed_may_be_missing_or_hidden(listing):
    """A broker leaves out of its listing what this client may not DESCRIBE, so nobody can tell the two apart."""
    listing["in"] = None

    with pytest.raises(SurroundingsError, match=r"topic urgent .* missing on b:1, or this client may not DESCRIBE it"):
        surroundings.look({"bootstrap.servers": "b:1"}, ("in",), ("urgent",))


def test_a_topic_that_is_forbidden_is_told_as_such(listing):
    listing |= {"in": None, "urgent": KafkaError.TOPIC_AUTHORIZATION_FAILED}

    with pytest.raises(SurroundingsError, match="forbids topic urgent: grant READ on inputs and WRITE on outputs"):
        surroundings.look({"bootstrap.servers": "b:1"}, ("in",), ("urgent",))


def test_what_is_there_is_right(listing):
    """A pattern that matches nothing yet too."""
    listing |= {"in": None, "urgent": None}

    surroundings.look({"bootstrap.servers": "b:1"}, ("in", "^mail-"), ("urgent",))
