"""`shikyu replay` on a real Kafka: the window exactly once, and nothing else of the live stream touched."""

import json
import random
import signal
import time

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.cli import main
from tests.delivery.checker import committed
from tests.replay.conftest import Replay, killed_in, newer_protocol
from tests.service.process import shikyu

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

DAY_MS = 24 * 3600 * 1000


def test_the_whole_topic_is_answered_once_beside_the_live_group(past, replay):
    """Also where its end holds no record: an aborted transaction and its marker."""
    past.produce(range(120))
    past.produce(range(30), **{"transactional.id": past.group})
    past.commit_live()
    before = past.live_offsets()

    run = replay("--run", "first")

    assert run.ended() == 0, run.log
    assert past.answered("first") == dict.fromkeys(past.input(), 1)
    assert past.live_offsets() == before
    assert "run first is done" in run.log
    created = [json.loads(line)["topic"] for line in run.log.splitlines() if '"topic-created"' in line]
    assert sorted(created) == sorted(f"{past.topics[role]}.replay.first" for role in ("urgent", "routine", "dead"))


def test_what_is_written_later_is_not_in_the_window(past, replay):
    past.produce(range(60))
    window = past.input()
    run = replay("--run", "frozen", "--max-rate", "20")
    run.until("at most 60 records of 3 partitions")
    past.produce(range(60, 90))

    assert run.ended() == 0, run.log
    assert past.answered("frozen") == dict.fromkeys(window, 1)


def test_a_window_of_time_is_bound_by_offsets_and_sorted_out_by_time(past, replay):
    """Every seventh came late, and carries a time before the window."""
    start = round(time.time() * 1000) - DAY_MS

    def at_ms(number: int) -> int:
        return start - DAY_MS if number % 7 == 0 else start + number * 1000

    past.produce(range(90), at_ms=at_ms)
    since, until = (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime((start + s * 1000) / 1000)) for s in (30, 61))
    first_ms = (start + 30_000) // 1000 * 1000
    inside = [n for n in range(90) if n % 7 and first_ms <= at_ms(n) < first_ms + 31_000]

    run = replay("--run", "hour", "--from-datetime", since, "--to-datetime", until)

    assert run.ended() == 0, run.log
    assert past.answered("hour") == {(past.topics["input"], n % 3, n // 3): 1 for n in inside}
    assert len(inside) > 20


def test_offsets_and_partitions(past, replay):
    past.produce(range(90))
    topic = past.topics["input"]

    assert replay("--run", "offsets", "--from-offsets", "0:10-15,2:28").ended() == 0
    assert replay("--run", "one", "--partitions", "1").ended() == 0

    expected = [*((topic, 0, n) for n in range(10, 15)), (topic, 2, 28), (topic, 2, 29)]
    assert past.answered("offsets") == dict.fromkeys(expected, 1)
    assert past.answered("one") == {(topic, 1, n): 1 for n in range(30)}


AT_LEAST_ONCE = ("--delivery-guarantee", "at-least-once")


def test_killed_at_any_moment_it_goes_on_and_the_window_is_answered_once(past, replay):
    past.produce(range(900))
    window = past.input()
    for pause_s in (0.0, 0.3, 0.6, 1.1):
        run = replay("--run", "killed", "--max-rate", "150")
        run.until("partitions-assigned")
        time.sleep(pause_s)
        run.kill()
    assert len(past.answered("killed")) < len(window)

    last = replay("--run", "killed")

    assert last.ended(90) == 0, last.log
    assert "run killed is done" in last.log
    assert past.answered("killed") == dict.fromkeys(window, 1)
    again = replay("--run", "killed")
    assert again.ended() == 0
    assert past.answered("killed") == dict.fromkeys(window, 1)


def test_killed_at_least_once_it_loses_nothing(past, replay, options):
    """Before a window's outputs are acknowledged, and between that and its commit, which alone is answered twice."""
    past.produce(range(90))
    window = past.input()
    small = ("--run", "killed", "--batching-max-window-records", "20", *AT_LEAST_ONCE)
    for place in ("_flush", "_commit_patiently"):
        killed_in(f"consumer.at_least_once:AtLeastOnce.{place}", "replay", *small, *options, call=2)

    last = replay(*small)

    assert last.ended(90) == 0, last.log
    answered = past.answered("killed")
    assert set(answered) == window
    assert 0 < sum(answered.values()) - len(window) <= 20


def test_the_newer_group_protocol_answers_a_window_too(past, options, tmp_path):
    """KIP-848's, for which the run's group begins as offsets of no member; killed half-way, it goes on."""
    past.produce(range(200))
    window, newer = past.input(), newer_protocol(options)
    # In the middle of a partition, of which a window might have all.
    run = Replay(tmp_path, *newer, "--run", "newer", "--max-rate", "100", "--batching-max-window-records", "20")
    run.until('"committed"')
    run.kill()
    assert 0 < len(past.answered("newer")) < len(window)
    at_least = Replay(tmp_path, *newer, "--run", "at-least", *AT_LEAST_ONCE)

    last = Replay(tmp_path, *newer, "--run", "newer")

    assert [each.ended(90) for each in (at_least, last)] == [0, 0], last.log
    assert past.answered("newer") == dict.fromkeys(window, 1)
    assert set(past.answered("at-least")) == window


def test_killed_while_it_is_begun_it_is_begun_by_the_next_start(past, replay, options):
    """Before its record is written, and between that and the window's starts: nobody finds half a run."""
    past.produce(range(30))
    for place in ("_write", "_send_starts"):
        own = ("replay", "--run", "half", *options, "--delivery-transaction-timeout-s", "2")
        killed_in(f"consumer.replay.begin.{place}", *own)
        past.produce(range(30))

    run = replay("--run", "half")

    assert run.ended() == 0, run.log
    assert past.answered("half") == dict.fromkeys(past.input(), 1)
    assert len(past.input()) == 90


def test_processes_share_a_run_and_finish_for_one_that_is_killed(past, replay):
    past.produce(range(900))
    window = past.input()
    all_of_it = [replay("--run", "shared", "--max-rate", "100") for _ in range(3)]
    for each in all_of_it:
        each.until("partitions-assigned")
    time.sleep(1)
    all_of_it[0].kill()

    assert [each.ended(90) for each in all_of_it[1:]] == [0, 0], all_of_it[1].log
    assert past.answered("shared") == dict.fromkeys(window, 1)


def test_it_is_done_when_no_transaction_holds_its_answers_back(past, replay):
    """As one does that a killed process has left open; told to leave meanwhile, it is not done."""
    past.produce(range(90))
    run = replay("--run", "held", "--max-rate", "30")
    run.until('"committed"')
    left_open = Producer({"bootstrap.servers": past.bootstrap, "transactional.id": past.group})
    left_open.init_transactions(20)
    left_open.begin_transaction()
    for role in ("urgent", "routine", "dead"):
        left_open.produce(f"{past.topics[role]}.replay.held", b"never committed", partition=0)
    assert left_open.flush(20) == 0

    run.until('"answers-held-back"')
    run.process.send_signal(signal.SIGTERM)

    assert run.ended() == 5
    assert "told to leave before it was seen that all of it can be read" in run.log
    last = replay("--run", "held")
    last.until('"answers-held-back"')
    left_open.abort_transaction(20)
    assert last.ended() == 0, last.log
    assert past.answered("held") == dict.fromkeys(past.input(), 1)


def test_told_to_leave_it_says_that_it_is_not_done(past, replay, options, cluster, capsys):
    """And goes on neither without the answers that it has given, nor over other records than those."""
    past.produce(range(300))
    run = replay("--run", "stopped", "--max-rate", "30")
    run.until('"committed"')
    run.process.send_signal(signal.SIGTERM)

    assert run.ended() == 5
    assert "run stopped is not done, for it was told to leave (SIGTERM)" in run.log
    assert "of 300 are left" in run.log
    again, own = ["replay", "--run", "stopped", *options], f"{past.topics['urgent']}.replay.stopped"
    delete(past, own)
    assert main(again) == 3
    assert f"a part of its window, and {own}, where these answers stood, is gone" in capsys.readouterr().err
    assert own not in AdminClient({"bootstrap.servers": past.bootstrap}).list_topics(timeout=10).topics
    delete(past, past.topics["input"])
    cluster.create_topic(past.topics["input"], 3)
    past.produce(range(300))
    assert main(again) == 3
    assert f"topic {past.topics['input']} was deleted and made anew since run stopped" in capsys.readouterr().err


def delete(past, topic: str) -> None:
    """Until Kafka no longer lists it."""
    admin = AdminClient({"bootstrap.servers": past.bootstrap})
    admin.delete_topics([topic])[topic].result(20)
    until = time.monotonic() + 60
    while topic in admin.list_topics(timeout=10).topics:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_cancelled_it_leaves_and_nobody_goes_on(past, replay, options):
    past.produce(range(300))
    kafka = ["--kafka", f"bootstrap.servers={past.bootstrap}", *options[-2:], "--delivery-group-id", past.group]
    run = replay("--run", "cancelled", "--max-rate", "10")
    run.until("partitions-assigned")
    assert "left  of 300 records (all), by tiny" in shikyu("replay", "list", *kafka).stdout

    assert shikyu("replay", "cancel", "cancelled", *kafka).returncode == 0

    assert run.ended() == 5
    assert "run cancelled was cancelled; its window is not done" in run.log
    again = replay("--run", "cancelled")
    assert again.ended() == 5
    assert "was cancelled" in again.log
    twice = shikyu("replay", "cancel", "cancelled", *kafka)
    assert (twice.returncode, "is cancelled already" in twice.stderr) == (2, True)
    unknown = shikyu("replay", "cancel", "nobody", *kafka)
    assert (unknown.returncode, "there is no run 'nobody'" in unknown.stderr) == (2, True)
    assert "cancelled 20" in shikyu("replay", "list", *kafka).stdout


def test_a_run_is_gone_on_with_as_it_was_begun(past, replay):
    """Another window, model, output or expression would mix two kinds of answers."""
    past.produce(range(30))
    assert replay("--run", "same", "--partitions", "0").ended() == 0

    for more, told in (
        (("--partitions", "1"), "run same was begun with --partitions 0, and now is given --partitions 1"),
        (("--to-live",), "run same was begun with topics.urgent = "),
        (("--model-truncate", "head-tail"), "run same was begun with model.truncate = 'head', and now it is"),
        (("--model-precision", "fp32"), "run same was begun with model.precision = 'int8', and now it is 'fp32'"),
        (("--input-text", "body"), "run same was begun with input.text = ['text'], and now it is ['body']"),
    ):
        run = replay("--run", "same", *more)
        assert run.ended() == 2, run.log
        assert told in run.log
    assert past.answered("same") == {(past.topics["input"], 0, n): 1 for n in range(10)}


def test_a_run_whose_offsets_have_expired_is_refused(past, replay):
    """As the broker does after offsets.retention.minutes."""
    past.produce(range(300))
    run = replay("--run", "old", "--max-rate", "30")
    run.until("partitions-assigned")
    run.process.send_signal(signal.SIGTERM)
    assert run.ended() == 5
    admin = AdminClient({"bootstrap.servers": past.bootstrap})
    admin.delete_consumer_groups([f"{past.group}.replay.old"])[f"{past.group}.replay.old"].result(20)

    again = replay("--run", "old")

    assert again.ended() == 3
    assert "run old has no offset in" in again.log


def test_a_run_that_is_done_stays_done_when_its_offsets_have_expired(past, replay, options, capsys):
    """Nor are topics of it made anew, once somebody has cleared them away."""
    past.produce(range(30))
    assert replay("--run", "old").ended() == 0
    admin = AdminClient({"bootstrap.servers": past.bootstrap})
    admin.delete_consumer_groups([f"{past.group}.replay.old"])[f"{past.group}.replay.old"].result(20)
    delete(past, own := f"{past.topics['urgent']}.replay.old")

    assert main(["replay", "--run", "old", *options]) == 0

    assert "run old is done" in capsys.readouterr().out
    assert own not in admin.list_topics(timeout=10).topics
    assert main(["replay", "--run", "old", "--dry-run", *options]) == 0
    assert "there is nothing left to read" in capsys.readouterr().out


def test_a_partition_that_is_answered_may_be_taken_by_retention(past, replay):
    """While the others are not: nothing of it is to be read again."""
    past.produce(range(300))
    topic = past.topics["input"]
    run = replay("--run", "uneven", "--from-offsets", "0:0-5,1:0-100", "--max-rate", "20")
    until = time.monotonic() + 60
    while committed(past.bootstrap, f"{past.group}.replay.uneven", topic)[0] < 5:
        assert time.monotonic() < until, run.log
        time.sleep(0.05)
    run.process.send_signal(signal.SIGTERM)
    assert run.ended() == 5, run.log
    admin = AdminClient({"bootstrap.servers": past.bootstrap})
    for each in admin.delete_records([TopicPartition(topic, 0, 90)]).values():
        each.result(20)

    again = replay("--run", "uneven")

    assert again.ended() == 0, again.log
    assert past.answered("uneven") == {
        (topic, partition, offset): 1 for partition, end in ((0, 5), (1, 100)) for offset in range(end)
    }


def test_a_run_is_found_behind_a_transaction_that_somebody_left_open(past, replay, name):
    """Not seen, it would be begun anew, and answered twice."""
    past.produce(range(60))
    assert replay("--run", "first").ended() == 0
    left_open = Producer(
        {"bootstrap.servers": past.bootstrap, "transactional.id": name, "transaction.timeout.ms": 6000}
    )
    left_open.init_transactions(20)
    left_open.begin_transaction()
    left_open.produce(f"{name}.runs", b"no run")
    left_open.flush(10)
    runs = [replay("--run", "second", "--max-rate", "60") for _ in range(2)]

    assert [run.ended() for run in runs] == [0, 0], runs[0].log
    assert replay("--run", "second").ended() == 0
    assert past.answered("second") == dict.fromkeys(past.input(), 1)


def test_what_retention_took_is_said(past, replay):
    past.produce(range(60))
    admin = AdminClient({"bootstrap.servers": past.bootstrap})
    place = TopicPartition(past.topics["input"], 1, 7)
    for each in admin.delete_records([place]).values():
        each.result(20)

    run = replay("--run", "short")

    assert run.ended() == 0, run.log
    assert f"{past.topics['input']}/1: Kafka no longer holds what stood before offset 7" in run.log
    assert ", written 20" in run.log
    assert past.answered("short") == dict.fromkeys(past.input(), 1)


def test_a_partition_that_retention_has_emptied_is_said(past, replay):
    past.produce(range(60))
    admin = AdminClient({"bootstrap.servers": past.bootstrap})
    for each in admin.delete_records([TopicPartition(past.topics["input"], 1, 20)]).values():
        each.result(20)

    run = replay("--run", "emptied", "--from-offsets", "0:3,1:0-7")

    assert run.ended() == 0, run.log
    assert f"{past.topics['input']}/1: Kafka no longer holds what stood before offset 20" in run.log
    assert past.answered("emptied") == {(past.topics["input"], 0, n): 1 for n in range(3, 20)}


def test_what_retention_takes_meanwhile_stops_it(past, replay):
    past.produce(range(300))
    run = replay("--run", "overtaken", "--max-rate", "30")
    run.until("partitions-assigned")
    run.process.send_signal(signal.SIGTERM)
    assert run.ended() == 5
    admin = AdminClient({"bootstrap.servers": past.bootstrap})
    for each in admin.delete_records([TopicPartition(past.topics["input"], 2, 99)]).values():
        each.result(20)

    again = replay("--run", "overtaken")

    assert again.ended() == 3, again.log
    assert f"Kafka no longer holds {past.topics['input']}/2 where this run has to go on" in again.log


WORDS = "where is my refund it has been three weeks and nobody answers the heater smokes thanks all good"


def test_it_says_what_the_live_run_said_bit_for_bit(past, replay, start_live):
    """With other windows and batches, on the same artifact in int8."""
    chosen = random.Random(7)
    texts = [" ".join(chosen.choices(WORDS.split(), k=chosen.randint(0, 60))) for _ in range(300)]
    past.produce_values([json.dumps({"id": str(n), "text": text}) for n, text in enumerate(texts)])
    start_live(300, "--batching-max-window-records", "7")

    assert replay("--run", "again", "--batching-max-batch-tokens", "64").ended() == 0

    live, again = past.events(""), past.events(".replay.again")
    assert len(live) == 300
    assert live == again


def test_to_live_topics_with_the_runs_id(past, replay):
    past.produce(range(30))

    assert replay("--run", "back", "--to-live").ended() == 0

    assert past.answered("back", live=True) == dict.fromkeys(past.input(), 1)


def test_a_dry_run_writes_nothing(past, replay, cluster):
    past.produce(range(90))
    before = set(AdminClient({"bootstrap.servers": past.bootstrap}).list_topics(timeout=10).topics)

    run = replay("--run", "dry", "--dry-run", "--max-rate", "3")

    assert run.ended() == 0, run.log
    assert "at most 90 records" in run.log
    assert "about 30 s at 3 records a second, by --max-rate, where this machine does " in run.log
    assert "nothing was written" in run.log
    assert set(AdminClient({"bootstrap.servers": past.bootstrap}).list_topics(timeout=10).topics) == before


def test_an_empty_window_is_said_and_begins_no_run(past, replay):
    run = replay("--run", "none")

    assert run.ended() == 0
    assert "there is nothing to read in this window; no run was begun" in run.log


def test_a_topic_of_runs_that_forgets_is_refused(past, replay, cluster, name):
    """A run that is forgotten would be begun anew, and answered twice."""
    cluster.create_topic(f"{name}.runs", 1, {"retention.ms": "86400000"})
    past.produce(range(9))

    run = replay("--run", "short-lived")

    assert run.ended() == 3, run.log
    assert f"{name}.runs keeps the runs, and would forget them (retention.ms=86400000)" in run.log
    assert f"--entity-name {name}.runs --add-config retention.ms=-1" in run.log


def test_an_input_topic_that_is_missing_is_told(past, replay):
    run = replay("--run", "wrong", "--input-topics", "nowhere")

    assert run.ended() == 3, run.log
    assert "input.topics names nowhere, which is missing" in run.log


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--partitions", "3"), "--partitions names partition 3, and"),
        (("--from-offsets", "9:0"), "--from-offsets names partition 9, and"),
        (("--from-offsets", "other/0:0"), "--from-offsets names topic other, which is none of input.topics"),
        (("--run", "live"), "is no run id"),
        (("--from-offsets", "0:5-600"), "goes beyond the partition's end, which is 0 now"),
    ],
)
def test_what_the_topic_does_not_have_is_told(past, replay, more, told):
    run = replay("--run", "wrong", *more)

    assert run.ended() == 2, run.log
    assert told in run.log
