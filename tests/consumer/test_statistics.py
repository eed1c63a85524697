"""What is read out of librdkafka's statistics, in its form of 2.16, and from librdkafka itself."""

import json
import math
import time
from contextlib import closing

from confluent_kafka import Consumer, Producer, TopicPartition

from consumer.statistics import Statistics
from tests.mock_cluster import MockCluster

PLACE = ("in", 0)


def told(brokers: dict[str, tuple[int, str]], **partition: int) -> str:
    return json.dumps(
        {
            "brokers": {name: {"nodeid": number, "state": state} for name, (number, state) in brokers.items()},
            "topics": {"in": {"topic": "in", "partitions": {"0": {"partition": 0, **partition}}}},
        }
    )


UP = {"a:9092/1": (1, "UP"), "a:9092/bootstrap": (-1, "UP"), "GroupCoordinator": (-1, "UP")}


def test_connected_brokers_are_counted_once():
    """Not again as a seed or as the group's coordinator; and not those that are away or were never asked for."""
    statistics = Statistics()
    assert statistics.brokers_up is None

    statistics.told(told({**UP, "b:9092/2": (2, "TRY_CONNECT"), "c:9092/3": (3, "INIT")}, next_offset=0, fetchq_cnt=0))

    assert statistics.brokers_up == 1


def test_brokers_that_were_told_of_long_ago_are_not_known():
    """While nobody polls, as in a model that hangs, none that was told may be long back, and the other way round."""
    now = [0.0]
    statistics = Statistics(5.0, clock=lambda: now[0])
    assert math.isnan(statistics.brokers_now())

    statistics.told(told({}, next_offset=0, fetchq_cnt=0))
    now[0] += 59
    assert statistics.brokers_now() == 0
    now[0] += 2
    assert math.isnan(statistics.brokers_now())
    statistics.told(told(UP, next_offset=0, fetchq_cnt=0))
    assert statistics.brokers_now() == 1


def test_statistics_that_seldom_come_are_old_later():
    now = [0.0]
    statistics = Statistics(60.0, clock=lambda: now[0])
    statistics.told(told(UP, next_offset=0, fetchq_cnt=0))

    now[0] += 170

    assert statistics.brokers_now() == 1


def test_what_was_read_to_is_past_the_markers():
    """librdkafka's next offset to fetch, once nothing that it fetched waits."""
    statistics = Statistics()

    statistics.told(told(UP, next_offset=11, fetchq_cnt=2))
    assert statistics.read_to(PLACE) is None
    statistics.told(told(UP, next_offset=-1001, fetchq_cnt=0))
    assert statistics.read_to(PLACE) is None
    statistics.told(told(UP, next_offset=11, fetchq_cnt=0))
    assert statistics.read_to(PLACE) == 11


def test_what_is_in_hand_again_is_not_read_to():
    """It may be dropped, and read again."""
    statistics = Statistics()
    statistics.told(told(UP, next_offset=11, fetchq_cnt=0))

    statistics.forget([PLACE, ("other", 1)])

    assert statistics.read_to(PLACE) is None


def test_librdkafka_tells_of_a_broker_that_comes_and_goes():
    """And of how far it has read, under the names that are looked for: another version may have others."""
    with closing(MockCluster()) as kafka:
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
        for _ in range(7):
            producer.produce("in", b"text", partition=0)
        assert producer.flush(10) == 0
        statistics = Statistics()
        config = {"bootstrap.servers": kafka.bootstrap_servers, "group.id": "g", "auto.offset.reset": "earliest"}
        config["enable.auto.commit"] = False  # closing would wait for the broker that is gone
        reader = Consumer(
            {**config, "statistics.interval.ms": 100, "stats_cb": statistics.told, "error_cb": lambda _: None}
        )
        reader.assign([TopicPartition("in", 0)])

        def comes_true(condition) -> bool:
            until = time.monotonic() + 15
            while not condition() and time.monotonic() < until:
                reader.poll(0.05)
            return condition()

        assert comes_true(lambda: statistics.read_to(PLACE) == 7)
        assert statistics.brokers_up == 1
        kafka.down()
        assert comes_true(lambda: statistics.brokers_up == 0)
        reader.close()
