"""The checker turns red for each consumer that is wrong on purpose, by its own schedule; a right one stays green."""

import os
import signal
import time

import pytest

from tests.delivery.checker import Verdict, check, committed
from tests.delivery.consumers import produce
from tests.delivery.variants import VARIANTS

pytestmark = pytest.mark.kafka

QUIET_S = 2.0
LIMIT_S = 15


def at_rest(plan: dict, **options) -> Verdict:
    """The verdict once nothing was committed for a while: a wrong consumer may never come to the input's end."""
    last, since, until = None, time.monotonic(), time.monotonic() + LIMIT_S
    while time.monotonic() < min(since + QUIET_S, until):
        now = committed(plan["bootstrap"], plan["group"], plan["topics"]["input"])
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.1)
    return check(plan["bootstrap"], plan["group"], plan["topics"], **options)


def alone(start, **plan) -> Verdict:
    """Nothing goes wrong but the consumer."""
    produce(start.plan, range(300))
    start(**plan).been("committed", 1)
    return at_rest(start.plan)


def frozen(start, **plan) -> Verdict:
    """Asleep in its transaction for longer than that may last, and not for as long as its session."""
    produce(start.plan, range(300))
    worker = start(stop=["flushed", 2], transaction_timeout_s=1, session_ms=10_000, **plan)
    worker.been("flushed", 2)
    time.sleep(3.5)
    os.kill(worker.process.pid, signal.SIGCONT)
    return at_rest(start.plan)


def killed(start, place: str, **plan) -> Verdict:
    """Killed at a place of the window, and followed by another."""
    produce(start.plan, range(300))
    start(kill=[place, 3], guarantee="at-least-once", options={"linger.ms": "300"}, **plan).killed()
    start(guarantee="at-least-once", **plan).been("committed", 1)
    return at_rest(start.plan)


def joined(start, **plan) -> Verdict:
    """A right one joins while a window of all partitions is in hand, and takes some of them over."""
    produce(start.plan, range(400))
    first = start(records=350, **plan)
    first.been("answered")
    start(slot=1)  # one: another's rebalance would fence the first
    first.been("committed")
    return at_rest(start.plan)


def rebalanced(start, **plan) -> Verdict:
    """Two right ones join while a window of all partitions is in hand, and leave."""
    produce(start.plan, range(400))
    first = start(records=350, **plan)
    first.been("assigned")
    others = [start(slot=slot) for slot in (1, 2)]
    for each in others:
        each.been("assigned")
    first.been("committed")
    produce(start.plan, range(400, 500))
    for each in others:
        each.stop()
    return at_rest(start.plan)


SCHEDULES = {
    "offset_without_one_more": (alone, {}, "committed"),
    "full_queue_ignored": (alone, {"records": 100, "options": {"queue.buffering.max.messages": "20"}}, "lost"),
    "no_rewind": (frozen, {}, "lost"),
    "offsets_before_outputs": (killed, {"place": "committed-early"}, "lost"),
    "nothing_waited_for": (killed, {"place": "committed"}, "lost"),
    "dead_letters_dropped": (alone, {}, "lost"),
    "backwards": (alone, {}, "disordered"),
    "late_fence": (joined, {}, "twice"),
}


def test_every_variant_has_a_schedule():
    assert set(SCHEDULES) == set(VARIANTS)


@pytest.mark.parametrize("variant", sorted(SCHEDULES))
def test_a_wrong_consumer_is_found_out(start, variant):
    schedule, plan, red = SCHEDULES[variant]

    verdict = schedule(start, variant=variant, **plan)

    assert getattr(verdict, red), verdict


@pytest.mark.parametrize("schedule", [alone, frozen, rebalanced])
def test_the_right_consumer_is_not(start, schedule):
    verdict = schedule(start)

    assert verdict.exactly_once(), verdict


def test_a_checker_that_reads_what_is_not_committed_is_wrong(start):
    """It takes what a killed consumer left behind for an answer, and the successor's for a second one."""
    produce(start.plan, range(300))
    start(kill=["flushed", 3]).killed()
    start().been("committed", 1)

    assert at_rest(start.plan, isolation="read_uncommitted").twice
    assert at_rest(start.plan).exactly_once()
