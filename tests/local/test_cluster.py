import socket

import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from consumer.errors import SurroundingsError
from local.cluster import Cluster
from local.reader import Reader

pytestmark = pytest.mark.kafka


def write(cluster, topic, *values):
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30) == 0


def read_all(cluster, topic):
    records = []
    with Reader(cluster.bootstrap_servers, [topic]) as reader:
        while not reader.is_at_end:
            records += reader.read(0.2)
    return sorted(record.value for record in records)


def test_a_killed_broker_comes_back_with_its_data(cluster, name):
    """kill -9, then the same port and the same records."""
    address = cluster.bootstrap_servers
    cluster.create_topic(name, 2)
    write(cluster, name, b"one", b"two")
    cluster.kill_broker()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(address.split(":"), 1):
        pass
    cluster.start_broker()
    assert cluster.bootstrap_servers == address
    assert read_all(cluster, name) == [b"one", b"two"]


def test_the_registry_speaks_confluents_language_and_keeps_what_it_was_told(cluster, name):
    """The usual client registers a schema; after a kill -9 of the registry its id still stands."""
    schema = Schema('{"type": "record", "name": "a", "fields": []}', "AVRO")
    with SchemaRegistryClient({"url": cluster.registry_url, "timeout": 5}) as client:
        number = client.register_schema(f"{name}-value", schema)
    cluster.kill_registry()
    cluster.start_registry()
    with SchemaRegistryClient({"url": cluster.registry_url, "timeout": 5}) as client:
        assert client.get_latest_version(f"{name}-value").schema_id == number


def test_topics_are_never_made_by_accident(cluster, name):
    """Writing to a topic that does not exist creates none."""
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "message.timeout.ms": 500, "log_level": 0})
    producer.produce(name, b"lost")
    producer.flush(5)
    with pytest.raises(SurroundingsError, match=f"there is no topic {name}"):
        Reader(cluster.bootstrap_servers, [name])


def test_a_topic_takes_its_settings(cluster, name):
    """`config` is Kafka's own."""
    cluster.create_topic(name, 1, {"max.message.bytes": "1000"})
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    refused = []
    producer.produce(name, b"x" * 2000, on_delivery=lambda error, _: refused.append(error))
    producer.flush(10)
    assert refused[0].name() == "MSG_SIZE_TOO_LARGE"


def test_a_taken_port_is_refused_before_anything_starts(cluster, tmp_path):
    """A second cluster on the first one's port is told so; on ports of its own it is welcome."""
    taken = int(cluster.bootstrap_servers.split(":")[1])
    with pytest.raises(SurroundingsError, match=f"port {taken} for the broker is taken"):
        Cluster(tmp_path, broker_port=taken)


def test_a_broker_that_does_not_start_shows_its_last_words(tmp_path):
    """The error holds the end of its log, and nothing is left running."""
    cluster = Cluster(tmp_path, registry=False, broker_settings={"log.segment.bytes": "none"})
    with pytest.raises(SurroundingsError, match=r"could not format its storage(.|\n)*log\.segment\.bytes"):
        cluster.__enter__()
    assert cluster.children == []
