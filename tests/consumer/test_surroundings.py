"""What is wrong with Kafka is told before the group is joined; the broker's listing is a fake's here."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AclOperation
from structlog.testing import capture_logs

from consumer import surroundings
from consumer.errors import SurroundingsError, ToldToLeave
from consumer.repeats import Repeats

OPERATIONS: dict[str, list[AclOperation] | None] = {"allowed": None}


def answered(code: int | None) -> Future:
    """Of a question about one topic."""
    future: Future = Future()
    if code is None:
        future.set_result(SimpleNamespace(authorized_operations=OPERATIONS["allowed"]))
    else:
        future.set_exception(KafkaException(KafkaError(code)))
    return future


@pytest.fixture
def listing(monkeypatch):
    """Topics of the listing, each with its error's code."""
    topics: dict[str, int | None] = {}

    class Admin:
        def __init__(self, config, error_cb=None) -> None: ...

        def describe_topics(self, names, **_):
            return {name: answered(topics.get(name)) for name in names.topic_names}

        def list_topics(self, timeout):
            errors = {name: None if code is None else KafkaError(code) for name, code in topics.items()}
            return SimpleNamespace(topics={name: SimpleNamespace(error=error) for name, error in errors.items()})

    monkeypatch.setattr(surroundings, "admin_client", Admin)
    return topics


def test_a_topic_that_is_not_listed_may_be_missing_or_hidden(listing):
    """A broker leaves out of its listing what this client may not DESCRIBE, so nobody can tell the two apart."""
    listing["in"] = None

    with pytest.raises(SurroundingsError, match=r"topic urgent .* missing on b:1, or this client may not DESCRIBE it"):
        surroundings.look({"bootstrap.servers": "b:1"}, ("in",), ("urgent",))


def test_what_is_forbidden_is_named_with_what_to_grant(listing):
    """Reading inputs, writing outputs."""
    hidden = KafkaError.TOPIC_AUTHORIZATION_FAILED
    listing |= {"in": hidden, "urgent": hidden, "routine": None}

    with pytest.raises(SurroundingsError, match="grant WRITE on topic urgent, READ on topic in, then start again"):
        surroundings.look({"bootstrap.servers": "b:1"}, ("in",), ("urgent", "routine"))


def test_what_is_seen_and_may_not_be_used_is_named_too(listing, monkeypatch):
    """DESCRIBE alone is not enough; a service that tells no operations is believed to allow them."""
    listing |= {"in": None, "urgent": None}
    monkeypatch.setitem(OPERATIONS, "allowed", [AclOperation.DESCRIBE, AclOperation.READ])

    with pytest.raises(SurroundingsError, match="grant WRITE on topic urgent, then"):
        surroundings.look({"bootstrap.servers": "b:1"}, ("in",), ("urgent",))
    monkeypatch.setitem(OPERATIONS, "allowed", None)
    assert surroundings.look({"bootstrap.servers": "b:1"}, ("in",), ("urgent",)) == ["in"]


def test_missing_input_is_created_by_a_command_that_is_named(listing):
    """Inputs are created only when asked for; one that is there tells how many partitions they have."""
    listing["urgent"] = None

    with pytest.raises(SurroundingsError, match="`shikyu topics create --inputs --partitions 6`"):
        surroundings.look({"bootstrap.servers": "b:1"}, ("in",), ("urgent",))
    with pytest.raises(SurroundingsError, match="`shikyu topics create --inputs`"):
        surroundings.look({"bootstrap.servers": "b:1"}, ("in", "urgent"), ())


def test_input_topics_that_are_there_are_told(listing):
    """Those of a pattern too; one that matches nothing yet is no error."""
    listing |= {"in": None, "mail-b": None, "mail-a": None, "urgent": None}

    assert surroundings.look({"bootstrap.servers": "b:1"}, ("in",), ("urgent",)) == ["in"]
    assert surroundings.look({"bootstrap.servers": "b:1"}, ("^mail-",), ("urgent",)) == ["mail-a", "mail-b"]
    with capture_logs() as told:
        assert surroundings.look({"bootstrap.servers": "b:1"}, ("^post-",), ("urgent",)) == []
    assert [line["event"] for line in told] == ["pattern-matches-no-topic"]


def test_no_broker_is_not_waited_for_when_told_to_leave(monkeypatch):
    """Nothing has begun: that is no error."""
    monkeypatch.setattr(surroundings, "LISTING_S", 0.1)
    rounds: list[int] = []

    with pytest.raises(ToldToLeave):
        surroundings.listed({"bootstrap.servers": "127.0.0.1:1"}, lambda: rounds.append(1) or len(rounds) > 1)

    assert len(rounds) == 2


@pytest.mark.parametrize("name", ["bootstrap.servers", "metadata.broker.list"])
def test_password_in_the_address_is_told_nowhere(monkeypatch, name):
    """Neither while a broker is waited for, nor at the end; librdkafka's own words would repeat it."""
    monkeypatch.setattr(surroundings, "LISTING_S", 0.3)
    monkeypatch.setattr(surroundings, "ANSWER_S", 0.4)
    monkeypatch.setattr(surroundings, "_waiting", Repeats(60.0))  # others may have waited for the same address

    with capture_logs() as told, pytest.raises(SurroundingsError) as stopped:
        surroundings.listed({name: "user:hunter2@127.0.0.1:1"})

    assert {line["event"] for line in told} == {"waiting"}
    assert "hunter2" not in f"{told}{stopped.value}"
    assert "[redacted]@127.0.0.1:1" in str(stopped.value)


def test_reason_of_an_address_without_a_user_is_told(monkeypatch):
    """In librdkafka's words: they say what is wrong with a certificate, or that nobody listens."""
    monkeypatch.setattr(surroundings, "LISTING_S", 0.3)
    monkeypatch.setattr(surroundings, "ANSWER_S", 0.0)

    with pytest.raises(SurroundingsError, match="Connect"):
        surroundings.listed({"bootstrap.servers": "127.0.0.1:1"})


def test_password_in_the_address_is_not_in_what_creates_topics(listing):
    listing["in"] = None

    with pytest.raises(SurroundingsError, match=r"missing on \[redacted\]@b:1") as stopped:
        surroundings.look({"bootstrap.servers": "user:hunter2@b:1"}, ("in",), ("urgent",))

    assert "hunter2" not in str(stopped.value)
