"""Where a partition's first record is not the one behind what is committed, on a real Kafka."""

import time

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from consumer.quarantine import Quarantine
from consumer.receive import Source
from consumer.sizing import Limits

pytestmark = pytest.mark.kafka


class Beginning(Source):
    """Begins to read where it is told to, and not at what is committed."""

    def __init__(self, config: dict, at: int) -> None:
        super().__init__(config, Quarantine(100))
        self._at = at

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        super()._on_assign(consumer, partitions)
        consumer.assign([TopicPartition(each.topic, each.partition, self._at) for each in partitions])


class Ten:
    """Windows of ten records."""

    def limits(self, _age_s: float) -> Limits:
        return Limits(10, 1 << 20, 1 << 20)

    def at_most_tokens(self, value_bytes: int) -> int:
        return value_bytes


@pytest.fixture
def config(cluster, name) -> dict:
    """Of a group that has committed 3 of a partition whose offset 3 holds a transaction's marker, with records to 9."""
    cluster.create_topic(name, 1)
    servers = {"bootstrap.servers": cluster.bootstrap_servers}
    producer = Producer({**servers, "transactional.id": name})
    producer.init_transactions(30)
    for numbers in (range(3), range(3, 8)):
        producer.begin_transaction()
        for number in numbers:
            producer.produce(name, f"{number}")
        producer.commit_transaction(30)
    group = {**servers, "group.id": name, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    before = Consumer(group)
    before.commit(offsets=[TopicPartition(name, 0, 3)], asynchronous=False)
    before.close()
    return group


@pytest.mark.parametrize("at", [0, 3, 4, 6])
def test_reading_goes_on_behind_what_is_committed(config, name, at):
    """Wherever librdkafka begins; and once only, where no record stands there."""
    source, found = Beginning(config, at), []
    source.join([name])
    until = time.monotonic() + 60
    while len(found) < 5 and time.monotonic() < until:
        found += [record.offset for record in source.receive(Ten()).records]
    source.close()

    assert found == [4, 5, 6, 7, 8]
