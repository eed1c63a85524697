"""The applications that shikyu is measured beside."""

import time

import pytest

pytest.importorskip("torch")

from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from benchmarks import apps
from benchmarks.answers import Review
from benchmarks.checkpoint import checkpoint
from benchmarks.place import Place
from benchmarks.through_kafka import MARKED_S, everything, produce, wait_for
from local import service

pytestmark = [pytest.mark.train, pytest.mark.kafka, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def made_by_optimum(optimum, tmp_path_factory):
    """A tiny checkpoint, with optimum's int8 of it."""
    folder = tmp_path_factory.mktemp("checkpoint")
    checkpoint(folder, "tiny", with_optimum=True)
    return folder


def test_an_application_is_there_when_it_has_its_partitions(cluster, name, tmp_path):
    """As a consumer of ours is: what it takes to start is in the figures of neither."""
    checkpoint(tmp_path, "tiny", with_optimum=False)
    cluster.create_topic(f"{name}.in", 2)

    with apps.poll_loop(cluster, tmp_path, Place(tmp_path, tmp_path, f"{name}.in", name)):
        admin = AdminClient({"bootstrap.servers": cluster.bootstrap_servers})
        found = admin.describe_consumer_groups([name])[name].result()

    assert [len(each.assignment.topic_partitions) for each in found.members] == [2]


@pytest.mark.usefixtures("quix")
@pytest.mark.parametrize("app", [apps.quix, apps.quix_each, apps.quix_at_once])
def test_quix_streams_answers_each_message_once(cluster, name, tmp_path, made_by_optimum, app):
    """In the environment of its own lock: in batches, one at a time, and without a model."""
    source, count = f"{name}.in", 2 * apps.PARTITIONS * 32  # whole batches in each partition
    cluster.create_topic(source, apps.PARTITIONS)
    service.register_schemas(cluster, options=["--input-topics", source])
    reviews = [Review(str(number), "The parcel arrived.", 1) for number in range(count)]
    produce(cluster, reviews, source, keyed_by_partition=app is apps.quix)
    place = Place(tmp_path, made_by_optimum, source, name)

    with app(cluster, tmp_path, place) as child:
        wait_for(cluster, child, name, source, count)
        time.sleep(MARKED_S)

    with SchemaRegistryClient({"url": cluster.registry_url, "timeout": 5}) as registry:
        event = AvroDeserializer(registry)
        answered = [
            event(each.value, SerializationContext(each.topic, MessageField.VALUE))["id"]
            for each in everything(cluster, place.outputs)
        ]
    assert sorted(answered) == sorted(each.id for each in reviews)
