"""What the topics take decides how large a batch is, and what is warned of."""

import pytest
from structlog.testing import capture_logs

from consumer.topic_configs import BATCH_SIZE_BYTES, TopicConfig, dead_letter_bytes, fitted, warn

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


def test_dead_letter_topic_has_to_take_what_the_inputs_take_and_the_reasons():
    """The advice names the value to set."""
    assert dead_letter_bytes({}) is None
    assert dead_letter_bytes({"a": SMALL, "b": LARGE}) == 1_048_588 + 65_536

    with capture_logs() as told:
        warn({"in": SMALL}, {"dead": TopicConfig(2000 + 65_536, False)}, "dead")
        warn({}, {"dead": SMALL}, "dead")
        warn({"in": SMALL}, {}, "dead")
        warn({"in": SMALL}, {"urgent": SMALL, "dead": TopicConfig(2000 + 65_535, False)}, "dead")

    assert [(line["event"], line["topic"]) for line in told] == [("dead-letter-topic-too-small", "dead")]
    assert "67536" in told[0]["advice"]


def test_compacted_output_is_warned_of():
    """It forgets a customer's older messages."""
    with capture_logs() as told:
        warn({"in": TopicConfig(10, True)}, {"urgent": TopicConfig(LARGE.max_message_bytes, True)}, "dead")

    assert [(line["event"], line["topic"]) for line in told] == [("output-topic-compacted", "urgent")]
