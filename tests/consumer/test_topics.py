"""A topic is missing when Kafka says so, twice; a Kafka that is silent says nothing."""

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from consumer import topics
from consumer.errors import SurroundingsError
from consumer.topics import how_to_create, missing, misspelt, must_be_there


def listing(**codes: int | None) -> SimpleNamespace:
    errors = {name: None if code is None else KafkaError(code) for name, code in codes.items()}
    return SimpleNamespace(
        topics={name: SimpleNamespace(error=error) for name, error in errors.items()},
        brokers={1: SimpleNamespace(host="b", port=9)},
    )


class Client:
    """Gives these listings in turn; None is no answer."""

    def __init__(self, *listings: SimpleNamespace | None) -> None:
        self.listings = list(listings)

    def list_topics(self, *, timeout):
        if (told := self.listings.pop(0)) is None:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return told


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(topics, "CONFIRM_S", 0.0)


def test_what_is_not_listed_or_listed_as_unknown_is_missing():
    """Brokers differ in how they say it; another error is another matter."""
    told = listing(a=None, b=KafkaError.UNKNOWN_TOPIC_OR_PART, c=KafkaError.TOPIC_AUTHORIZATION_FAILED)

    assert missing(told, ["d", "c", "b", "a"]) == ["b", "d"]


def test_topic_that_is_gone_twice_is_told_with_what_creates_it():
    """And on which brokers it was looked for."""
    client = Client(listing(a=None), listing(a=None))

    with pytest.raises(SurroundingsError, match=r"topic b is missing on b:9, .*`shikyu topics create` does"):
        must_be_there(client, {"a", "b"})


@pytest.mark.parametrize("second", [listing(a=None), None])
def test_one_answer_is_not_enough(second):
    """A broker that has just started may not know every topic yet, and one that is away knows nothing."""
    client = Client(listing(), second)

    must_be_there(client, {"a"})

    assert client.listings == []


def test_silence_says_nothing():
    """Whether the topics are there is asked when Kafka takes nothing, which it also does while a broker is away."""
    must_be_there(Client(None), {"a"})


def test_a_slip_is_told_before_a_topic_is_made_of_it():
    """And no other topic is taken for one."""
    there = ["customer-messages", "customer-messages.dead-letter", "urgent"]

    assert misspelt(["custmer-messages"], there).startswith("did you mean customer-messages, which is there,")
    assert misspelt(["messages", "urgent.replay"], there) == ""


def test_several_topics_are_told_in_the_plural():
    """Kafka's own tool does it too, with the input's number of partitions, which is not ours to guess."""
    told = how_to_create(["a", "b"], "s:1", " --inputs")

    assert told.startswith("topics a, b are missing on s:1, or this client may not DESCRIBE them. ")
    assert "`shikyu topics create --inputs`" in told
    assert "`kafka-topics.sh --bootstrap-server s:1 --create --partitions N --topic NAME`, with as many" in told
