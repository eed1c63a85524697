import json
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from consumer.cli import main
from consumer.errors import LimitError, PassingFault, RecordError, SurroundingsError
from consumer.preview import require_readable, told
from consumer.records import Dead, Decoded, Message, Record, Skipped, SkipReason


def record(offset: int) -> Record:
    return Record("in", 0, offset, None, None, b"")


def test_each_event_is_told_with_its_fate() -> None:
    """Coordinates, what was read, and why not; texts cannot move the cursor."""
    dead = RecordError("missing-text", "preprocess", "the expression found nothing")
    fates: list[Decoded] = [
        Message("Help\x1b[2J", id="m-1", attributes={"plan": "gold"}, urgent_rule="legal"),
        Skipped(SkipReason.WHERE),
        Dead(dead, ("body", "sub\x1bject")),
    ]

    page = "\n".join(told([record(n) for n in range(3)], lambda record: fates[record.offset], Counter()))

    assert "in/0 offset 0: a message" in page
    assert '"Help\\u{1b}[2J"' in page
    assert '"gold"' in page
    assert "in/0 offset 1: skipped (where)" in page
    assert "in/0 offset 2: dead (missing-text at preprocess): the expression found nothing" in page
    assert "body, sub\\u{1b}ject" in page
    assert page.endswith("3 events: 1 messages, 1 skipped, 1 dead")
    assert "\x1b" not in page


def test_a_registry_that_is_away_decides_nothing() -> None:
    """The event is told as undecided, not as dead."""

    def decode(_: Record) -> Decoded:
        raise PassingFault("the registry did not answer")

    fates: Counter[str] = Counter()

    assert "not decided" in next(told([record(0)], decode, fates))
    with pytest.raises(SurroundingsError, match="none of these events could be decided"):
        require_readable(fates)


def test_settings_that_read_nothing_are_a_limit_not_met() -> None:
    """One that was read is enough, one that was skipped is not, and without an event nothing is known."""
    require_readable(Counter(messages=1, dead=9))
    require_readable(Counter())
    for fates in (Counter(dead=1, undecided=1), Counter(dead=1, skipped=9)):
        with pytest.raises(LimitError, match="none of these events could be read"):
            require_readable(fates)
    with pytest.raises(LimitError, match=r"no event was a message, .*is input\.where right"):
        require_readable(Counter(skipped=9))


@pytest.mark.kafka
def test_real_events_are_shown_and_nothing_is_committed(cluster, topics, name, capsys) -> None:
    """The newest N over all partitions, or the oldest; the group does not come into being."""
    topic = topics(partitions=2)["input"]
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    for n in range(10):
        producer.produce(topic, json.dumps({"body": f"event {n}"}), partition=n % 2, timestamp=1_700_000_000_000 + n)
    producer.flush(10)
    flags = ["--input-format", "json", "--input-text", "body", "--delivery-group-id", name]
    flags += ["--kafka", f"bootstrap.servers={cluster.bootstrap_servers}"]

    assert main(["config", "test", "--from-topic", "3", *flags, "--input-topics", topic]) == 0
    newest = capsys.readouterr().out
    assert main(["config", "test", "--from-topic", "3", "--first", *flags, "--input-topics", f"^{topic}$"]) == 0
    oldest = capsys.readouterr().out

    assert [f"event {n}" in newest for n in range(10)] == [False] * 7 + [True] * 3
    assert [f"event {n}" in oldest for n in range(10)] == [True] * 3 + [False] * 7
    asked = Consumer({"bootstrap.servers": cluster.bootstrap_servers, "group.id": name})
    committed = asked.committed([TopicPartition(topic, partition) for partition in (0, 1)], timeout=20)
    asked.close()
    assert [partition.offset for partition in committed] == [-1001, -1001]


def test_a_wait_for_the_broker_is_told_and_ends_by_ctrl_c() -> None:
    """Within a slice of it."""
    flags = ["--from-topic", "1", "--input-format", "json", "--kafka", "bootstrap.servers=127.0.0.1:1"]
    command = [sys.executable, "-m", "consumer.cli", "config", "test", *flags]
    # What runs in a shell's background ignores Ctrl-C, and so do its children unless told.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as waiting:
        assert waiting.stderr is not None
        assert "no broker answered at " in waiting.stderr.readline()
        began = time.monotonic()
        waiting.send_signal(signal.SIGINT)

        assert waiting.wait(20) == 130
    assert time.monotonic() - began < 4


def test_no_broker_is_told_with_what_to_check(monkeypatch, capsys) -> None:
    """Exit 3."""
    monkeypatch.setattr("consumer.surroundings.ANSWER_S", 0.5)
    flags = ["--input-format", "json", "--kafka", "bootstrap.servers=127.0.0.1:1"]

    assert main(["config", "test", "--from-topic", "1", *flags]) == 3
    assert "no broker answered at 127.0.0.1:1 within" in capsys.readouterr().err


@pytest.mark.kafka
def test_the_exit_code_says_whether_anything_could_be_read(cluster, topics, name, capsys) -> None:
    """5 when no event could, as a limit not met; 0 when there is none yet; 3 when Kafka gave none in time."""
    roles = topics(partitions=1)
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    producer.produce(roles["input"], b"no JSON")
    producer.flush(10)
    flags = ["--from-topic", "3", "--input-format", "json", "--delivery-group-id", name]
    flags += ["--kafka", f"bootstrap.servers={cluster.bootstrap_servers}"]

    assert main(["config", "test", *flags, "--input-topics", roles["input"]]) == 5
    assert "none of these events could be read" in capsys.readouterr().err
    assert main(["config", "test", *flags, "--input-topics", roles["dead"]]) == 0
    assert capsys.readouterr().out == "there is no event to read yet: the topics are empty\n"
    slow = ["--kafka", "fetch.error.backoff.ms=5000", "--timeout-s", "1", "--kafka", "fetch.min.bytes=100000"]
    slow += ["--kafka", "fetch.wait.max.ms=5000", "--kafka", "socket.timeout.ms=10000"]
    assert main(["config", "test", *flags, *slow, "--input-topics", roles["dead"]]) == 3
    assert "wait longer by --timeout-s" in capsys.readouterr().err
