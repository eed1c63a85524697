"""The reply to each error of a transaction (docs/delivery.md), as far as librdkafka's mock cluster can cause it."""

import threading
import time
from contextlib import suppress

import pytest
from confluent_kafka import Consumer, KafkaError
from structlog.testing import capture_logs

from consumer import exactly_once
from consumer.errors import SurroundingsError
from consumer.exactly_once import ExactlyOnce
from consumer.publish import Dropped, Rejected
from consumer.records import OutputRecord, Record
from consumer.watchdog import Watchdog
from consumer.window import Fence, Window
from tests.mock_cluster import (
    ADD_OFFSETS_TO_TXN,
    ADD_PARTITIONS_TO_TXN,
    END_TXN,
    INIT_PRODUCER_ID,
    PRODUCE,
    TXN_OFFSET_COMMIT,
    Connected,
    MockCluster,
)

TOO_LARGE, INVALID = KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD


@pytest.fixture
def cluster():
    mock = MockCluster()
    yield mock
    mock.close()


@pytest.fixture(scope="module")
def window() -> Window:
    """The mock asks for no membership, so that a token of nobody's will do."""
    stranger = Consumer({"bootstrap.servers": "127.0.0.1:1", "group.id": "group", "log_level": 0})
    return Window([Record("in", 0, 7, 0, b"k", b"v")], Fence(stranger.consumer_group_metadata(), 0), 0.0)


class Places:
    """Does something of the test's own when the transaction comes by."""

    def __init__(self) -> None:
        self.been, self.at = [], {}

    def __call__(self, place: str) -> None:
        self.been.append(place)
        self.at.get(place, lambda: None)()


@pytest.fixture
def places() -> Places:
    return Places()


@pytest.fixture
def start(cluster, places, monkeypatch):
    """Starts a publisher; the producer's options are given by keyword, with _ for a dot."""
    started = []

    monkeypatch.setattr(exactly_once, "Producer", Connected)

    def start(stopping=lambda: False, moved=lambda: None, **options) -> ExactlyOnce:
        config = {
            "bootstrap.servers": cluster.bootstrap_servers,
            "transactional.id": "shikyu-group-0",
            "transaction.timeout.ms": 5000,
            "linger.ms": 100,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 100,
            "partitioner": "murmur2_random",
            "log_level": 0,
            **{name.replace("_", "."): value for name, value in options.items()},
        }
        started.append(ExactlyOnce(config, Watchdog(), stopping, moved=moved, visit=places))
        return started[-1]

    yield start
    for publisher in started:
        publisher.close()


def outputs(*keys: str, topic: str = "urgent", size: int = 10) -> list[OutputRecord]:
    return [OutputRecord(topic, key.encode(), b"x" * size, ()) for key in keys]


def test_outputs_and_offsets_are_committed_together(cluster, window, start, places):
    """Begin, produce, flush, offsets, commit; nothing is aborted, and the producer is kept."""
    publisher = start()

    with cluster.counted() as requests:
        publisher.publish(outputs("a", "b"), window)
        publisher.publish(outputs("c"), window)

    assert places.been[:6] == ["begun", "produced", "flushed", "offsets-sent", "committed", "begun"]
    assert (requests.count(END_TXN), requests.count(INIT_PRODUCER_ID)) == (2, 0)


def test_each_refused_output_is_named_sooner_or_later(cluster, window, start):
    """The first refusal ends the transaction, and what comes behind it shows in the next one: no bare Dropped."""
    publisher, window_outputs = start(), outputs(*"abcdefgh")
    cluster.fail(PRODUCE, TOO_LARGE, 0, TOO_LARGE, 0, 0, TOO_LARGE)

    named: list[dict[int, str]] = []
    for _ in range(3):
        with pytest.raises(Rejected) as refused:
            publisher.publish(window_outputs, window, flush_before=range(8))
        named.append(refused.value.errors)
    publisher.publish(window_outputs, window)

    assert named == [{index: "MSG_SIZE_TOO_LARGE"} for index in range(3)]


def test_refused_batch_is_halved(cluster, window, start):
    """Whoever of one batch is to blame shows after log2 of its size more transactions, each with few flushes."""
    publisher, batch, cuts = start(), outputs(*["one"] * 8), frozenset()

    for lets_pass in (0, 1, 2):
        cluster.fail(PRODUCE, *[0] * lets_pass, TOO_LARGE)
        with pytest.raises(Rejected) as refused:
            publisher.publish(batch, window, flush_before=cuts)
        assert refused.value.errors == {}
        cuts |= refused.value.cuts
    cluster.fail(PRODUCE, 0, 0, 0, TOO_LARGE)
    with pytest.raises(Rejected) as refused:
        publisher.publish(batch, window, flush_before=cuts)

    assert cuts == {4, 6, 7}
    assert refused.value.errors == {7: "MSG_SIZE_TOO_LARGE"}


def test_invalid_records_are_named_at_once(cluster, window, start):
    """The broker says which records of a batch it calls invalid; a slow machine may have sent the first one alone."""
    cluster.fail(PRODUCE, INVALID)

    with pytest.raises(Rejected) as refused:
        start().publish(outputs("one", "one", "one"), window)

    named = refused.value.errors
    assert named == dict.fromkeys(range(len(named)), "INVALID_RECORD")
    assert named
    assert not refused.value.cuts


def test_refusal_is_not_waited_out(cluster, window, start, monkeypatch):
    """
    What is in flight behind a refused batch waits for the abort (seen with Kafka 4.4 and librdkafka 2.16).

    Waited for until the transaction times out, it would have each window with a refusal end in a fence.
    """

    class NeverDone(Connected):
        def flush(self, timeout):
            super().flush(timeout)
            return 1

    monkeypatch.setattr(exactly_once, "Producer", NeverDone)
    rounds: list[int] = []
    publisher = start(stopping=lambda: len(rounds) > 50, moved=lambda: rounds.append(1))
    cluster.fail(PRODUCE, TOO_LARGE)

    with pytest.raises(Rejected):
        publisher.publish(outputs("k"), window)

    assert len(rounds) < 10


def test_refusal_does_not_fail_the_next_transaction(cluster, window, start):
    """A refused batch leaves a gap in the producer's sequence, which the broker would hold against what follows."""
    publisher = start()
    publisher.publish(outputs("a"), window)

    for _ in range(2):
        cluster.fail(PRODUCE, TOO_LARGE)
        with pytest.raises(Rejected):
            publisher.publish(outputs("a"), window)
        publisher.publish(outputs("a"), window)


def test_output_that_the_client_refuses_is_not_forgotten(cluster, window, start, places):
    """librdkafka's own refusal leaves the transaction whole, so that committing it would lose the record."""
    publisher = start(message_max_bytes=1000)

    with pytest.raises(Rejected) as refused:
        publisher.publish([*outputs("a"), *outputs("b", "c", size=5000), *outputs("d")], window)

    assert refused.value.errors == dict.fromkeys([1, 2], "MSG_SIZE_TOO_LARGE")
    assert "committed" not in places.been


def test_full_queue_loses_nothing(cluster, window, start):
    """BufferError is waited out: what stands in the topic is what was given."""
    start(queue_buffering_max_messages=5).publish(outputs(*map(str, range(100))), window)

    assert sorted(int(key) for key, _ in cluster.read("urgent")) == list(range(100))


def test_full_queue_can_be_left(cluster, window, start, places):
    """Told to leave while the queue is full and the broker away, the window is dropped."""
    leaving = threading.Event()
    publisher = start(stopping=leaving.is_set, queue_buffering_max_messages=5)
    places.at["begun"] = lambda: (cluster.down(), threading.Timer(0.3, leaving.set).start())
    cluster.up_in(0.8)

    with pytest.raises(Dropped):
        publisher.publish(outputs(*map(str, range(20))), window)


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.STALE_MEMBER_EPOCH,
    ],
)
def test_window_of_a_former_member_is_aborted(cluster, window, start, code):
    """The group went on without us: aborted, dropped, and the next window goes through the same producer."""
    publisher = start()
    cluster.fail(TXN_OFFSET_COMMIT, code)

    with cluster.counted() as requests:
        with pytest.raises(Dropped):
            publisher.publish(outputs("a"), window)
        publisher.publish(outputs("a"), window)

    assert (requests.count(END_TXN), requests.count(INIT_PRODUCER_ID)) == (2, 0)


def test_second_abort_in_a_row_takes_a_new_producer(cluster, window, start):
    """What two transactions in a row could not do, this producer may never do."""
    publisher = start()
    cluster.fail(TXN_OFFSET_COMMIT, *[KafkaError.ILLEGAL_GENERATION] * 2)

    with cluster.counted() as requests:
        for _ in range(2):
            with pytest.raises(Dropped):
                publisher.publish(outputs("a"), window)
        publisher.publish(outputs("a"), window)

    assert requests.count(INIT_PRODUCER_ID) == 1


@pytest.mark.parametrize("request_kind", [ADD_OFFSETS_TO_TXN, TXN_OFFSET_COMMIT, END_TXN])
def test_coordinator_that_moves_is_followed(cluster, window, start, places, request_kind):
    """librdkafka asks the new one itself; nothing is aborted for it."""
    cluster.fail(request_kind, KafkaError.NOT_COORDINATOR)

    start().publish(outputs("a"), window)

    assert places.been[-1] == "committed"


def test_commit_in_doubt_is_finished_and_the_producer_replaced(cluster, window, start, places, monkeypatch):
    """A commit that timed out is called again, never aborted; what it left behind goes with its producer."""
    monkeypatch.setattr(exactly_once, "CALL_S", 0.3)
    publisher = start()
    places.at["offsets-sent"] = lambda: cluster.slow(700)
    places.at["committed"] = lambda: cluster.slow(0)

    publisher.publish(outputs("a"), window)

    places.at.clear()
    with cluster.counted() as requests:
        publisher.publish(outputs("b"), window)
    assert requests.count(INIT_PRODUCER_ID) == 1


def test_commit_waits_for_its_broker_and_says_that_it_moves(cluster, window, start, places, monkeypatch):
    """While the broker is away each new call is told, so that /livez stays green."""
    monkeypatch.setattr(exactly_once, "CALL_S", 0.3)
    rounds: list[int] = []
    publisher = start(moved=lambda: rounds.append(1))
    places.at["offsets-sent"] = cluster.down
    cluster.up_in(1.0)
    before = len(rounds)

    publisher.publish(outputs("a"), window)

    assert places.been[-1] == "committed"
    assert len(rounds) - before > 4


def test_offsets_that_time_out_cost_the_producer_and_no_more(cluster, window, start, places, monkeypatch):
    """librdkafka may never get them sent again: the transaction is given up, and a new producer ends it."""
    monkeypatch.setattr(exactly_once, "CALL_S", 0.3)
    publisher = start()
    places.at["flushed"] = lambda: cluster.slow(700)

    with cluster.counted() as requests, capture_logs() as logs, pytest.raises(Dropped):
        publisher.publish(outputs("a"), window)

    assert [each.get("call") for each in logs].count("send_offsets_to_transaction") == 1
    assert requests.count(INIT_PRODUCER_ID) == 1
    assert END_TXN not in requests
    assert "offsets-sent" not in places.been
    cluster.slow(0)
    places.at.clear()
    publisher.publish(outputs("a"), window)
    assert places.been[-1] == "committed"


def test_commit_that_stays_in_doubt_is_settled_by_a_new_producer(cluster, window, start, places, monkeypatch):
    """It is asked for again for a while, and not for ever: the group waits for us meanwhile."""
    monkeypatch.setattr(exactly_once, "CALL_S", 0.3)
    monkeypatch.setattr(exactly_once, "STUCK_S", 1.0)
    publisher = start()
    places.at["offsets-sent"] = lambda: cluster.slow(20_000)
    healing = threading.Timer(2.0, cluster.slow, [0])
    healing.start()

    with pytest.raises(Dropped):
        publisher.publish(outputs("a"), window)

    healing.join()
    places.at.clear()
    publisher.publish(outputs("b"), window)
    assert places.been[-1] == "committed"


def test_flush_says_that_it_moves(cluster, window, start, places):
    """While the broker is away each round of waiting is told, so that /livez stays green."""
    rounds: list[int] = []
    publisher = start(moved=lambda: rounds.append(1))
    places.at["produced"] = lambda: (cluster.down(), rounds.clear())
    cluster.up_in(1.3)

    with suppress(Dropped):
        publisher.publish(outputs("a"), window)

    assert len(rounds) > 1


@pytest.mark.parametrize(
    ("request_kind", "code"),
    [
        (ADD_PARTITIONS_TO_TXN, KafkaError.TOPIC_AUTHORIZATION_FAILED),
        (PRODUCE, KafkaError.TOPIC_AUTHORIZATION_FAILED),
        (ADD_OFFSETS_TO_TXN, KafkaError.GROUP_AUTHORIZATION_FAILED),
        (TXN_OFFSET_COMMIT, KafkaError.GROUP_AUTHORIZATION_FAILED),
    ],
)
def test_authorization_aborts_and_stops(cluster, window, start, request_kind, code):
    """Nobody waits for the time-out of a transaction whose owner leaves."""
    publisher = start()
    cluster.fail(request_kind, code)

    with cluster.counted() as requests, pytest.raises(SurroundingsError, match="grant"):
        publisher.publish(outputs("a", "b", "c"), window)

    assert requests.count(END_TXN) == 1


def test_coordinator_that_is_not_up_is_not_waited_for_when_told_to_leave(cluster, start):
    """At the start nothing has begun, and nothing is lost by leaving at once."""
    cluster.fail(INIT_PRODUCER_ID, *[KafkaError.COORDINATOR_LOAD_IN_PROGRESS] * 1000)
    leaving = threading.Event()
    threading.Timer(0.3, leaving.set).start()
    began = time.monotonic()

    with pytest.raises(Dropped):
        start(stopping=leaving.is_set)

    assert time.monotonic() - began < 2.5


def test_authorization_of_the_transactional_id_stops_the_start(cluster, start):
    """The message names the id that needs the grant."""
    cluster.fail(INIT_PRODUCER_ID, KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)

    with pytest.raises(SurroundingsError, match="'shikyu-group-0'"):
        start()


@pytest.mark.parametrize("request_kind", [ADD_PARTITIONS_TO_TXN, TXN_OFFSET_COMMIT, END_TXN])
def test_fenced_producer_is_replaced(cluster, window, start, request_kind):
    """The window is dropped, and a producer with a new epoch publishes it."""
    publisher = start()
    cluster.fail(request_kind, KafkaError.INVALID_PRODUCER_EPOCH)

    with cluster.counted() as requests:
        with pytest.raises(Dropped):
            publisher.publish(outputs("a"), window)
        publisher.publish(outputs("a"), window)

    assert requests.count(INIT_PRODUCER_ID) == 1


def test_fourth_fence_stops_the_stream(cluster, window, start):
    """Two processes in one slot would fence each other for ever, or each transaction takes longer than it may."""
    publisher = start()
    cluster.fail(TXN_OFFSET_COMMIT, *[KafkaError.INVALID_PRODUCER_EPOCH] * 4)

    for _ in range(3):
        with pytest.raises(Dropped):
            publisher.publish(outputs("a"), window)
    with pytest.raises(SurroundingsError, match=r"a slot of its own.*transaction_timeout_s"):
        publisher.publish(outputs("a"), window)


@pytest.mark.parametrize("dies_of", [(TXN_OFFSET_COMMIT, 47), (END_TXN, 47)])
def test_broker_that_goes_away_is_no_fence(cluster, window, start, places, dies_of):
    """Whether the transaction dies of it or its abort: nobody took the slot, however often it happens."""
    publisher = start()
    places.at["flushed"] = lambda: publisher._on_error(KafkaError(KafkaError._TRANSPORT))
    request_kind, code = dies_of

    for _ in range(5):
        if request_kind == END_TXN:
            cluster.fail(TXN_OFFSET_COMMIT, KafkaError.ILLEGAL_GENERATION)
        cluster.fail(request_kind, code)
        with pytest.raises(Dropped):
            publisher.publish(outputs("a"), window)
