"""What gives way to everybody else, and only where somebody asked for it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from consumer import priority
from consumer.priority import SESSION
from consumer.replay import serve
from consumer.settings import Settings
from consumer.stop import Stop
from tests.consumer.lifecycle.made_up import TINY

pytestmark = pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="SCHED_IDLE is Linux's")

SHIKYU = Path(sys.executable).with_name("shikyu")
TELL = """
import json, os, threading
from consumer.priority import SESSION, as_asked
as_asked()
later = []
thread = threading.Thread(target=lambda: later.append(os.sched_getscheduler(0)))
thread.start()
thread.join()
session = SESSION.read_text().split()[-1:] if SESSION.exists() else []
print(json.dumps([os.sched_getscheduler(0), *later, os.getpriority(os.PRIO_PROCESS, 0), *session]))
"""
sessions = pytest.mark.skipif(not SESSION.exists(), reason="this kernel does not share by sessions")


def told(*before: str, own_session: bool = True) -> list[object]:
    """Its policy, that of a thread it starts, its nice value and, where it has one, its session's."""
    command = [*before, sys.executable, "-c", TELL]
    found = subprocess.run(command, check=True, capture_output=True, start_new_session=own_session, timeout=60)
    return json.loads(found.stdout)


def test_who_starts_it_at_nice_19_gets_the_lowest_there_is():
    """Threads that come later, as an engine's do, included."""
    assert told("nice", "-n", "19")[:3] == [os.SCHED_IDLE, os.SCHED_IDLE, 19]


def test_any_other_nice_value_is_left_as_it_is():
    assert told("nice", "-n", "5")[:3] == [os.SCHED_OTHER, os.SCHED_OTHER, 5]


@sessions
def test_a_session_of_its_own_is_as_patient():
    assert told("nice", "-n", "19")[3:] == ["19"]


@sessions
def test_a_session_that_others_are_in_is_left_alone():
    ours = SESSION.read_text().split()[-1:]  # nothing, where a container's processes are in none

    assert told("nice", "-n", "19", own_session=False)[3:] == ours
    assert SESSION.read_text().split()[-1:] == ours


def test_a_wish_that_comes_too_soon_after_anothers_is_made_again(monkeypatch):
    """The kernel puts users other than root off."""
    refusals, written = [BlockingIOError, BlockingIOError], []

    def write(_session: int, nice: bytes) -> None:
        if refusals:
            raise refusals.pop()
        written.append(nice)

    with monkeypatch.context() as patch:
        patch.setattr(priority, "SESSION", Path(os.devnull))
        patch.setattr(priority, "TRY_AGAIN_S", 0)
        patch.setattr(os, "write", write)
        priority._lower_session()

    assert written == [b"19"]


def test_a_sandbox_that_knows_no_such_policy_is_no_reason_to_end(monkeypatch):
    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refused)
    monkeypatch.setattr(os, "sched_setscheduler", refused)

    assert priority.lowest() is None


@pytest.mark.timeout(90)
def test_a_backfill_to_parquet_asks_for_it(tmp_path):
    """The real command, before its model is loaded."""
    (tmp_path / "messages.jsonl").write_text('{"id": "1", "text": "Where is my refund?"}\n')
    command = ["nice", "-n", "19", SHIKYU, "backfill", "messages.jsonl", "--to", "answers", "--model-artifact", TINY]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while (policy := os.sched_getscheduler(process.pid)) != os.SCHED_IDLE and process.poll() is None:
                time.sleep(0.02)
            assert policy == os.SCHED_IDLE
        finally:
            process.kill()


@pytest.mark.parametrize(("urgent", "asks"), [("urgent.replay.mine", True), ("urgent", False)])
def test_a_replay_asks_for_it_where_its_topics_are_its_own(monkeypatch, urgent, asks):
    """In the live ones whoever reads would wait for its transactions."""
    asked = []
    monkeypatch.setattr(priority, "as_asked", lambda: asked.append(True))
    monkeypatch.setattr(serve.start, "runs_of", lambda _: None)  # and goes no further
    run = SimpleNamespace(topics=SimpleNamespace(urgent=urgent), run="mine")

    with pytest.raises(AttributeError, match="read"):
        serve.finished(Settings(), run, Stop(), None, is_shown=False)

    assert asked == [True] * asks
