import pytest

from consumer import librdkafka
from consumer.errors import SettingsError
from consumer.kafka_options import OWNED, client_config, consumer_config, problems, producer_config, servers, verify
from consumer.names import option_name, option_variable
from consumer.settings import Batching, Kafka, Settings


def settings(**rooms: dict[str, str]) -> Settings:
    return Settings(kafka=Kafka(**rooms))


def test_the_defaults_are_those_that_delivery_needs() -> None:
    """Nothing commits by itself, nothing uncommitted is read, and outputs are partitioned like Java's."""
    consumer, producer = consumer_config(Settings()), producer_config(Settings(), "shikyu-shikyu-0")

    assert consumer["enable.auto.commit"] is False
    assert consumer["isolation.level"] == "read_committed"
    assert consumer["partition.assignment.strategy"] == "cooperative-sticky"
    assert consumer["allow.auto.create.topics"] is False
    assert producer["transactional.id"] == "shikyu-shikyu-0"
    assert producer["transaction.timeout.ms"] == 15_000
    assert producer["metadata.recovery.strategy"] == "none"
    assert producer["partitioner"] == "murmur2_random"
    assert producer["acks"] == "all"


def test_at_least_once_has_no_transaction() -> None:
    """Without an id there is nothing transactional in the producer's configuration."""
    assert not [name for name in producer_config(Settings(), None) if name.startswith("transaction")]


def test_users_options_beat_defaults_and_own_sections_beat_common_ones() -> None:
    """[kafka.consumer] is nearer to the consumer than [kafka]."""
    given = settings(options={"client.id": "a", "auto.offset.reset": "latest"}, consumer={"client.id": "b"})

    assert consumer_config(given)["client.id"] == "b"
    assert consumer_config(given)["auto.offset.reset"] == "latest"
    assert producer_config(given, None)["client.id"] == "a"


def test_a_login_in_an_address_is_refused_and_not_shown() -> None:
    """librdkafka would write it into each of its log lines."""
    [problem] = problems(settings(options={"bootstrap.servers": "user:hunter2@b:9092"}))

    assert "set sasl.username" in problem.message
    assert "hunter2" not in str(problem)


def test_a_common_option_goes_only_to_the_client_that_has_it() -> None:
    """librdkafka would warn at every start otherwise."""
    given = settings(options={"linger.ms": "9", "session.timeout.ms": "7000"})

    assert "linger.ms" not in consumer_config(given)
    assert producer_config(given, None)["linger.ms"] == "9"
    assert "session.timeout.ms" not in producer_config(given, None)


def test_the_default_configurations_are_librdkafkas_to_accept() -> None:
    """Both are built, without connecting; so are the widest windows."""
    verify(Settings())
    verify(Settings(batching=Batching(max_window_s=600)))


def test_a_wrong_value_is_refused_in_librdkafkas_words() -> None:
    """The library is the judge of its own options."""
    with pytest.raises(
        SettingsError, match=r'the consumer.*Invalid value for configuration property "fetch.wait.max.ms"'
    ):
        verify(settings(consumer={"fetch.wait.max.ms": "soon"}))


@pytest.mark.parametrize(
    "option",
    ["partition.assignment.strategy", "session.timeout.ms", "heartbeat.interval.ms", "group.instance.id"],
)
def test_the_new_group_protocol_refuses_the_old_ones_options(option: str) -> None:
    """They would be ignored, or lock a killed member out."""
    wrong = problems(settings(options={"group.protocol": "consumer"}, consumer={option: "6000"}))

    assert [problem.path for problem in wrong] == [f"kafka.consumer.{option}"]
    assert problems(settings(consumer={option: "6000"})) == []
    assert "partition.assignment.strategy" not in consumer_config(settings(options={"group.protocol": "consumer"}))


def test_the_poll_interval_holds_four_windows() -> None:
    """A slow window must not cost its partitions."""
    assert problems(settings(consumer={"max.poll.interval.ms": "59999"}))
    assert problems(settings(consumer={"max.poll.interval.ms": "60000"})) == []
    assert consumer_config(Settings(batching=Batching(max_window_s=300)))["max.poll.interval.ms"] == 1_200_000


def test_an_option_in_the_other_clients_section_is_refused() -> None:
    """linger.ms under the consumer would do nothing."""
    assert "set it under kafka.producer" in problems(settings(consumer={"linger.ms": "5"}))[0].message


def test_librdkafka_is_asked_for_its_names() -> None:
    """The bundled library lists them, aliases included; each is spelt as a variable and back."""
    known = librdkafka.properties()

    assert known["linger.ms"] == "producer"
    assert known["session.timeout.ms"] == "consumer"
    assert known["bootstrap.servers"] == "both"
    assert all(option_name(option_variable("", name)) == name for name in known)


def test_owned_options_are_real_ones() -> None:
    """A refusal of a name that librdkafka does not have would refuse nothing."""
    python_only = {"logger", "on_commit", "on_delivery", "default.topic.config"}

    assert set(OWNED) - python_only <= set(librdkafka.properties())


def test_without_the_table_librdkafkas_own_refusal_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library cannot be asked, unknown names are left to the client's constructor."""
    monkeypatch.setattr(librdkafka, "properties", dict)
    wrong = settings(options={"linger.mss": "5"})

    assert problems(wrong) == []
    with pytest.raises(SettingsError, match=r"No such configuration property"):
        verify(wrong)


def test_other_clients_have_no_option_that_only_the_producer_has() -> None:
    """But they log in as it does, wherever that stands."""
    given = settings(
        options={"client.id": "a", "batch.size": "9", "session.timeout.ms": "7000"},
        producer={"queue.buffering.max.ms": "9", "compression.type": "gzip", "sasl.username": "writer"},
    )
    known = librdkafka.properties()

    assert {known[name] for name in client_config(given)} == {"both"}
    assert client_config(given)["client.id"] == "a"
    assert client_config(given)["sasl.username"] == "writer"
    assert client_config(given)["bootstrap.servers"] == "localhost:9092"


def test_address_is_shown_without_its_password() -> None:
    """Under either of its names; librdkafka's own default is shown for none."""
    assert servers({"bootstrap.servers": "a:1,user:hunter2@b:2"}) == "[redacted]@b:2"
    assert servers({"bootstrap.servers": "", "metadata.broker.list": "b:2"}) == "b:2"
    assert servers({}) == "localhost:9092"
