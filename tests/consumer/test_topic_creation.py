"""Which topics are created, how large, and how a refusal is told; Kafka itself is asked in commands/test_topics.py."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.cimpl import NewTopic

from consumer import topic_creation
from consumer.errors import SettingsError, SurroundingsError
from consumer.settings import DeadLetters, Input, Output, Settings
from consumer.topic_creation import BROKERS_DEFAULT, Outcome, co_partitioned, create, new_topics, refusal, topic_names


def settings(*inputs: str) -> Settings:
    return Settings(
        input=Input(topics=inputs), output=Output(urgent="u", routine="r"), dead_letters=DeadLetters(topic="d")
    )


def refused(code: int, *topics: str, factor: int = BROKERS_DEFAULT) -> list[Outcome]:
    return [Outcome(NewTopic(topic, 1, factor), KafkaError(code, "its words")) for topic in topics]


def test_inputs_are_created_only_when_asked_for():
    """They mostly are somebody else's; a pattern names none."""
    assert topic_names(settings("in"), inputs=False) == ["u", "r", "d"]
    assert topic_names(settings("in", "too"), inputs=True) == ["in", "too", "u", "r", "d"]
    assert topic_names(settings("^in"), inputs=True) == ["u", "r", "d"]


def test_one_topic_for_both_decisions_is_created_once():
    both = Settings(output=Output(urgent="u", routine="u"), dead_letters=DeadLetters(topic="d"))

    assert topic_names(both, inputs=False) == ["u", "d"]


def test_outputs_have_as_many_partitions_as_the_inputs():
    """Where these differ, or are not there, somebody has to say a number."""
    assert co_partitioned({"a": 6, "b": 6}) == 6
    with pytest.raises(SettingsError, match=r"differ in theirs \(a: 6, b: 3\): give --partitions"):
        co_partitioned({"b": 3, "a": 6})
    with pytest.raises(SettingsError, match="give --partitions"):
        co_partitioned({})


def test_only_the_dead_letter_topic_needs_more_room():
    new = new_topics(settings("in"), ["u", "d"], 6, 3, 5000)

    assert [(each.topic, each.num_partitions, each.replication_factor, each.config) for each in new] == [
        ("u", 6, 3, {}),
        ("d", 6, 3, {"max.message.bytes": "5000"}),
    ]


def test_what_is_there_by_now_is_no_refusal(monkeypatch):
    """Two that create at once both end with the topics that they need, once those are listed."""
    answers = {"u": Future(), "r": Future()}
    answers["u"].set_result(None)
    answers["r"].set_exception(KafkaException(KafkaError(KafkaError.TOPIC_ALREADY_EXISTS)))
    listings = iter([SimpleNamespace(topics={}), SimpleNamespace(topics={"u": SimpleNamespace(error=None)})])
    admin = SimpleNamespace(create_topics=lambda new, **_: answers, list_topics=lambda timeout: next(listings))
    monkeypatch.setattr(topic_creation, "admin_client", lambda config: admin)

    outcomes = create({}, [NewTopic("u", 1), NewTopic("r", 1)], dry_run=False)

    assert next(listings, None) is None
    assert [outcome.exists for outcome in outcomes] == [False, True]
    assert refusal(outcomes) is None
    assert "POLICY" in str(refusal([*outcomes, *refused(KafkaError.POLICY_VIOLATION, "d")]))


@pytest.mark.parametrize("code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED])
def test_who_may_not_create_is_told_what_to_grant(code):
    """For all topics at once."""
    told = refusal(refused(code, "u", "r"))

    assert isinstance(told, SurroundingsError)
    assert "create u, r (" in str(told)
    assert "grant CREATE" in str(told)


@pytest.mark.parametrize(("factor", "named"), [(3, "factor of 3"), (BROKERS_DEFAULT, "the brokers' default")])
def test_wrong_replication_factor_is_a_settings_matter(factor, named):
    """Another flag mends it."""
    told = refusal(refused(KafkaError.INVALID_REPLICATION_FACTOR, "u", factor=factor))

    assert isinstance(told, SettingsError)
    assert named in str(told)
    assert "its words" in str(told)


def test_another_refusal_is_told_in_kafkas_words():
    told = refusal(refused(KafkaError.POLICY_VIOLATION, "u"))

    assert isinstance(told, SurroundingsError)
    assert "POLICY_VIOLATION: its words" in str(told)
