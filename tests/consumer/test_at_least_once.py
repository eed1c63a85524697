"""At-least-once's reply to each error: what was acknowledged is committed, and as little as may be is written twice."""

from collections import Counter

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from consumer import at_least_once
from consumer.at_least_once import AtLeastOnce
from consumer.errors import SurroundingsError
from consumer.publish import Dropped, Rejected
from consumer.records import OutputRecord, Record
from consumer.window import Fence, Window
from tests.mock_cluster import INIT_PRODUCER_ID, PRODUCE, Connected, MockCluster

TOO_LARGE = KafkaError.MSG_SIZE_TOO_LARGE


def window() -> Window:
    return Window([Record("in", 0, 7, 0, b"k", b"v")], Fence(None, 0), 0.0)


def outputs(*keys: str) -> list[OutputRecord]:
    return [OutputRecord("urgent", key.encode(), key.encode(), ()) for key in keys]


def values(cluster: MockCluster, topic: str) -> Counter[bytes]:
    return Counter(value for _, value in cluster.read(topic))


class Commit:
    """Keeps the windows that were committed; `replies` are error codes for the first tries, 0 meaning success."""

    def __init__(self) -> None:
        self.replies, self.committed, self.tries = [], [], 0

    def __call__(self, window: Window) -> None:
        self.tries += 1
        if self.replies and (code := self.replies.pop(0)):
            raise KafkaException(KafkaError(code))
        self.committed.append(window)


@pytest.fixture
def cluster():
    mock = MockCluster()
    yield mock
    mock.close()


@pytest.fixture
def commit() -> Commit:
    return Commit()


@pytest.fixture
def start(cluster, commit, monkeypatch):
    """Starts a publisher; the producer's options are given by keyword, with _ for a dot."""
    monkeypatch.setattr(at_least_once, "FIRST_RETRY_S", 0.01)
    monkeypatch.setattr(at_least_once, "Producer", Connected)
    started = []

    def start(stopping=lambda: False, moved=lambda: None, **options) -> AtLeastOnce:
        config = {
            "bootstrap.servers": cluster.bootstrap_servers,
            "enable.idempotence": True,
            "linger.ms": 100,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 100,
            "partitioner": "murmur2_random",
            "log_level": 0,
            **{name.replace("_", "."): value for name, value in options.items()},
        }
        started.append(AtLeastOnce(config, commit, stopping, moved=moved))
        return started[-1]

    yield start
    for publisher in started:
        publisher.close()


def test_acknowledged_window_is_committed(cluster, commit, start):
    """First the outputs, then the offsets."""
    one = window()

    start().publish(outputs("a", "b"), one)

    assert commit.committed == [one]
    assert values(cluster, "urgent") == {b"a": 1, b"b": 1}


@pytest.mark.parametrize(
    "code", [KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError._TRANSPORT]
)
def test_commit_is_tried_again_while_the_coordinator_is_away(cluster, commit, start, code):
    """The outputs stand already: a dropped window would write them again, for as long as the coordinator is away."""
    commit.replies = [code] * 3
    rounds: list[int] = []

    start(moved=lambda: rounds.append(1)).publish(outputs("a"), window())

    assert (commit.tries, len(commit.committed)) == (4, 1)
    assert len(rounds) >= 4, "a coordinator that is away looks like a loop that hangs"


def test_commit_is_not_tried_for_ever(commit, start, monkeypatch):
    """Nothing polls meanwhile, so that the group would give the partitions to others."""
    monkeypatch.setattr(at_least_once, "COMMIT_S", 0.1)
    commit.replies = [KafkaError.NOT_COORDINATOR] * 100

    with pytest.raises(Dropped, match="not committed"):
        start().publish(outputs("a"), window())

    assert 1 < commit.tries < 100


@pytest.mark.parametrize("code", [KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID])
def test_commit_of_a_former_member_is_dropped(commit, start, code):
    """The group went on without us: its new owner answers the window."""
    commit.replies = [code] * 2

    with pytest.raises(Dropped, match="not committed"):
        start().publish(outputs("a"), window())

    assert commit.tries == 1


@pytest.mark.parametrize("code", [KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED])
def test_forbidden_commit_stops(commit, start, code):
    """Else each window would be written over and over."""
    commit.replies = [code]

    with pytest.raises(SurroundingsError, match="grant READ on the group"):
        start().publish(outputs("a"), window())


def test_commit_gives_way_to_a_stop(commit, start):
    """Told to leave, it does not wait for the coordinator."""
    commit.replies = [KafkaError.NOT_COORDINATOR] * 100

    with pytest.raises(Dropped):
        start(stopping=lambda: commit.tries > 0).publish(outputs("a"), window())

    assert commit.tries == 1


def test_dead_producer_is_replaced(cluster, commit, start):
    """A fatal error is no crash and no window that is dropped for ever: a new producer writes it."""
    publisher = start()
    publisher.publish(outputs("a"), window())
    cluster.fail(PRODUCE, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)

    with pytest.raises(Dropped, match="died"):
        publisher.publish(outputs("a"), window())
    publisher.publish(outputs("a"), window())

    assert len(commit.committed) == 2


def test_lost_fatal_error_is_a_fatal_error(commit, start, monkeypatch):
    """confluent-kafka forgets it when delivery reports are served behind it, and leaves a SystemError."""

    class Forgetful(Producer):
        def flush(self, timeout):
            raise SystemError("returned NULL without setting an exception")

    monkeypatch.setattr(at_least_once, "Producer", Forgetful)

    with pytest.raises(Dropped, match="died"):
        start().publish(outputs("a"), window())

    assert commit.tries == 0


def test_producer_that_may_not_write_stops(cluster, start):
    """Without IDEMPOTENT_WRITE no successor would fare better."""
    cluster.fail(INIT_PRODUCER_ID, *[KafkaError.CLUSTER_AUTHORIZATION_FAILED] * 3)

    with pytest.raises(SurroundingsError, match="IDEMPOTENT_WRITE"):
        start().publish(outputs("a"), window())


def test_topic_that_may_not_be_written_stops(cluster, commit, start):
    """The message says what to grant, and nothing is committed."""
    cluster.fail(PRODUCE, KafkaError.TOPIC_AUTHORIZATION_FAILED)

    with pytest.raises(SurroundingsError, match="grant WRITE"):
        start().publish(outputs("a"), window())

    assert commit.tries == 0


def test_unacknowledged_window_is_not_committed(cluster, commit, start):
    """An output that Kafka did not take in time is not there."""
    publisher = start(message_timeout_ms=300)
    cluster.down()

    with pytest.raises(Dropped, match="acknowledged"):
        publisher.publish(outputs("a"), window())

    assert commit.tries == 0


def test_refused_output_does_not_write_its_neighbours_again(cluster, commit, start):
    """What was acknowledged stands, and only what was refused is written in another form."""
    publisher, one, first = start(), window(), outputs("a", "huge", "b", "c")
    cluster.fail(PRODUCE, 0, TOO_LARGE)

    with pytest.raises(Rejected) as refused:
        publisher.publish(first, one, flush_before=range(4))
    dead = OutputRecord("dead", b"huge", b"huge", ())
    publisher.publish([first[0], dead, *first[2:]], one)

    assert refused.value.errors == {1: "MSG_SIZE_TOO_LARGE"}
    assert values(cluster, "urgent") == {b"a": 1, b"b": 1, b"c": 1}
    assert values(cluster, "dead") == {b"huge": 1}


def test_order_within_a_key_goes_before_economy(cluster, commit, start):
    """What stood behind an output that comes later than it should is written again, behind it."""
    publisher, one = start(), window()
    batch = [OutputRecord("urgent", b"k", value, ()) for value in (b"1", b"2", b"3")]
    cluster.fail(PRODUCE, 0, TOO_LARGE)

    with pytest.raises(Rejected):
        publisher.publish(batch, one, flush_before=range(3))
    publisher.publish(batch, one)

    assert [value for _, value in cluster.read("urgent")] == [b"1", b"3", b"2", b"3"]


def test_window_that_is_read_again_is_written_again(cluster, start, commit):
    """What stands of a window that was dropped is not known to be the same any more."""
    publisher, same = start(), outputs("a")
    commit.replies = [KafkaError.ILLEGAL_GENERATION]

    with pytest.raises(Dropped):
        publisher.publish(same, window())
    publisher.publish(same, window())

    assert values(cluster, "urgent") == {b"a": 2}
