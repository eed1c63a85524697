"""What the topics take decides how large a batch is, and what is warned of."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from consumer import topic_configs
from consumer.errors import SurroundingsError
from consumer.topic_configs import BATCH_SIZE_BYTES, TopicConfig, dead_letter_bytes, fitted, read, warn

LARGE, SMALL = TopicConfig(1_048_588, False), TopicConfig(2000, False)


def test_batches_fit_the_smallest_output_topic():
    """Else it refuses whole batches of small records, each of which is halved again and again."""
    with capture_logs() as told:
        assert fitted({"acks": "all"}, {"urgent": LARGE, "dead": SMALL}) == {"acks": "all", "batch.size": 2000}

    assert [(line["event"], line["topic"], line["max_message_bytes"]) for line in told] == [
        ("batch-size-lowered", "dead", 2000)
    ]


@pytest.mark.parametrize("outputs", [{}, {"urgent": LARGE}, {"urgent": TopicConfig(BATCH_SIZE_BYTES, False)}])
def test_topics_that_take_a_batch_change_nothing(outputs):
    """Nor do those that Kafka told nothing of."""
    with capture_logs() as told:
        assert fitted({"acks": "all"}, outputs) == {"acks": "all"}

    assert told == []


def test_users_own_batch_size_is_kept_and_warned_of():
    """Somebody may have a reason for it."""
    with capture_logs() as told:
        assert fitted({"batch.size": "5000"}, {"urgent": SMALL}) == {"batch.size": "5000"}
        assert fitted({"batch.size": "1000"}, {"urgent": SMALL}) == {"batch.size": "1000"}

    assert [(line["event"], line["log_level"], line["topic"], line["batch_size"]) for line in told] == [
        ("batch-size-too-large", "warning", "urgent", "5000")
    ]


@pytest.mark.parametrize(("written", "larger"), [("0x1000", True), ("5e3", False), ("03720", False), ("03721", True)])
def test_users_batch_size_is_read_as_librdkafka_reads_it(written, larger):
    """By C's rules: 0x1000 is 4096, 5e3 is 5, and 03720 is 2000."""
    with capture_logs() as told:
        fitted({"batch.size": written}, {"urgent": SMALL})

    assert bool(told) is larger


def test_output_topic_that_takes_no_record_is_named():
    """A batch.size of 0 is none, and each output would be refused."""
    with pytest.raises(SurroundingsError, match=r"urgent takes no record, for its max\.message\.bytes is 0"):
        fitted({}, {"urgent": TopicConfig(0, False), "routine": SMALL})


def test_room_for_reasons_ends_where_kafkas_numbers_do():
    """A topic is refused a larger limit."""
    assert dead_letter_bytes(["a"], {"a": TopicConfig(2**31 - 1, False)}) == 2**31 - 1


def test_dead_letter_topic_has_to_take_what_the_inputs_take_and_the_reasons():
    """An input that Kafka tells nothing of is taken to have Kafka's default, and so is one that is not there yet."""
    assert dead_letter_bytes(["a"], {"a": SMALL, "u": LARGE}) == 2000 + 65_536
    assert dead_letter_bytes(["a", "b"], {"a": SMALL}) == 1_048_588 + 65_536
    assert dead_letter_bytes([], {}) == 1_048_588 + 65_536


@pytest.mark.parametrize(
    ("known", "levels"),
    [
        ({"in": SMALL, "dead": TopicConfig(2000 + 65_536, False)}, []),
        ({"in": SMALL, "dead": TopicConfig(2000 + 65_535, False)}, ["warning"]),
        ({"in": SMALL, "urgent": SMALL}, []),
        ({"in": LARGE, "dead": LARGE}, ["info"]),
        ({"dead": LARGE}, ["info"]),
        ({"in": LARGE, "dead": SMALL}, ["warning"]),
        ({"in": TopicConfig(5_000_000, False), "dead": LARGE}, ["warning"]),
    ],
)
def test_dead_letter_topic_that_takes_less_is_told(known, levels):
    """The advice names the value to set; where nobody has set a limit yet, it is no warning."""
    with capture_logs() as told:
        warn(["in"], "dead", known)

    assert [(line["event"], line["log_level"]) for line in told] == [
        ("dead-letter-topic-too-small", level) for level in levels
    ]
    assert all(str(dead_letter_bytes(["in"], known)) in line["advice"] for line in told)


def test_compacted_output_is_warned_of():
    """It forgets a customer's older messages; what the input forgets is its owner's."""
    with capture_logs() as told:
        warn(["in"], "dead", {"in": TopicConfig(10, True), "urgent": TopicConfig(10, True)})

    assert [(line["event"], line["topic"]) for line in told] == [("output-topic-compacted", "urgent")]


class Admin:
    """Answers with these settings of a topic, or with an error."""

    def __init__(self, answers: dict[str, dict[str, str | None] | KafkaError]) -> None:
        self.answers = answers

    def describe_configs(self, resources, request_timeout):
        told = {resource: Future() for resource in resources}
        for resource, future in told.items():
            answer = self.answers[resource.name]
            if isinstance(answer, KafkaError):
                future.set_exception(KafkaException(answer))
            else:
                future.set_result({name: SimpleNamespace(value=value) for name, value in answer.items()})
        return told


@pytest.mark.parametrize(
    "answer",
    [
        KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED),
        {},
        {"max.message.bytes": "10"},
        {"cleanup.policy": "delete"},
        {"max.message.bytes": None, "cleanup.policy": "delete"},
        {"max.message.bytes": "10", "cleanup.policy": None},
    ],
)
def test_topic_that_kafka_tells_too_little_of_is_left_out(monkeypatch, answer):
    """Serving does not need to know; the other topics' settings are read all the same, each once."""
    whole = {"max.message.bytes": "10", "cleanup.policy": "compact,delete"}
    monkeypatch.setattr(topic_configs, "admin_client", lambda config: Admin({"a": answer, "b": whole}))

    with capture_logs() as told:
        assert read({}, ["a", "b", "b"]) == {"b": TopicConfig(10, True)}

    assert [(line["event"], line["log_level"], line["topic"]) for line in told] == [
        ("topic-config-unknown", "debug", "a")
    ]
