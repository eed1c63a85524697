"""Which topics are created, how large, and how a refusal is told; Kafka itself is asked in commands/test_topics.py."""

import pytest
from confluent_kafka import KafkaError

from consumer.errors import SettingsError, SurroundingsError
from consumer.settings import DeadLetters, Input, Output, Settings
from consumer.topic_creation import BROKERS_DEFAULT, Outcome, Wanted, co_partitioned, needed, refusal, wanted


def settings(*inputs: str) -> Settings:
    return Settings(
        input=Input(topics=inputs), output=Output(urgent="u", routine="r"), dead_letters=DeadLetters(topic="d")
    )


def refused(code: int, *topics: str) -> list[Outcome]:
    return [Outcome(Wanted(topic, 1), "refused", KafkaError(code, "its words")) for topic in topics]


def test_inputs_are_created_only_when_asked_for():
    """They mostly are somebody else's; a pattern names none."""
    assert needed(settings("in"), inputs=False) == ["u", "r", "d"]
    assert needed(settings("in", "too"), inputs=True) == ["in", "too", "u", "r", "d"]
    assert needed(settings("^in"), inputs=True) == ["u", "r", "d"]


def test_one_topic_for_both_decisions_is_created_once():
    both = Settings(output=Output(urgent="u", routine="u"), dead_letters=DeadLetters(topic="d"))

    assert needed(both, inputs=False) == ["u", "d"]


def test_outputs_have_as_many_partitions_as_the_inputs():
    """Where these differ, or are not there, somebody has to say a number."""
    assert co_partitioned({"a": 6, "b": 6}) == 6
    with pytest.raises(SettingsError, match=r"differ in theirs \(a: 6, b: 3\): give --partitions"):
        co_partitioned({"b": 3, "a": 6})
    with pytest.raises(SettingsError, match="give --partitions"):
        co_partitioned({})


def test_only_the_dead_letter_topic_needs_more_room():
    """Where nothing is known of the inputs, more than Kafka's default."""
    assert wanted(settings("in"), ["u", "d"], 6, 5000) == [
        Wanted("u", 6),
        Wanted("d", 6, {"max.message.bytes": "5000"}),
    ]
    assert wanted(settings("in"), ["d"], 6, None)[0].config == {"max.message.bytes": str(1_048_588 + 65_536)}


def test_nothing_refused_is_no_error():
    assert refusal([Outcome(Wanted("u", 1), "created"), Outcome(Wanted("r", 1), "exists")], BROKERS_DEFAULT) is None


@pytest.mark.parametrize("code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED])
def test_who_may_not_create_is_told_what_to_grant(code):
    """For all topics at once."""
    told = refusal(refused(code, "u", "r"), BROKERS_DEFAULT)

    assert isinstance(told, SurroundingsError)
    assert "create u, r (" in str(told)
    assert "grant CREATE" in str(told)


@pytest.mark.parametrize(("factor", "named"), [(3, "factor of 3"), (BROKERS_DEFAULT, "the brokers' default")])
def test_wrong_replication_factor_is_a_settings_matter(factor, named):
    """Another flag mends it."""
    told = refusal(refused(KafkaError.INVALID_REPLICATION_FACTOR, "u"), factor)

    assert isinstance(told, SettingsError)
    assert named in str(told)
    assert "its words" in str(told)


def test_another_refusal_is_told_in_kafkas_words():
    told = refusal(refused(KafkaError.POLICY_VIOLATION, "u"), BROKERS_DEFAULT)

    assert isinstance(told, SurroundingsError)
    assert "POLICY_VIOLATION: its words" in str(told)
