"""`shikyu top` on a real Kafka, and in a terminal."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from consumer import cli, surroundings
from consumer.top import live
from tests.service.process import ROOT, environment, free_port, shikyu
from tests.service.watched import groups, made, measured

pytestmark = pytest.mark.kafka

PATIENCE_S = 60


@pytest.fixture(scope="module")
def scene(cluster):
    scene = made(cluster, f"top-{os.getpid()}")
    scene.wait_in_line(9, 5)
    scene.answer(["canary \x1b[2J one", "canary two"], urgent=True)
    scene.answer(["canary three"], urgent=False)
    scene.die()
    return scene


def test_one_frame_tells_what_there_is(cluster, scene):
    """By a consumer's /metrics and the topics; for another program, and without a text unless asked."""
    with measured(scene.topic("in")) as one:
        one.metrics.group(scene.prefix, "another")
        done = shikyu("top", *scene.flags, "--metrics", one.url, "--once", "--json", "--every", "0.5", timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    assert found["lag"] == [{"topic": scene.topic("in"), "partition": 0, "records": 4, "seconds": 3.5}]
    [told] = found["problems"]
    assert f"{one.url} is a consumer of another Kafka" in told
    assert (found["from"], found["dead_letters"]["by_code"]) == ("metrics", {"invalid-json": 1})
    assert sorted(each["decision"] for each in found["answers"]) == ["dead-lettered", "routine", "urgent", "urgent"]
    assert "canary" not in done.stdout + done.stderr
    assert "shikyu-watching" not in groups(cluster)


def in_a_terminal(*arguments: str) -> tuple[subprocess.Popen, int]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "consumer.cli", "top", *arguments],
        cwd=ROOT, env=environment() | {"TERM": "xterm", "COLUMNS": "140", "LINES": "40"},
        stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    return process, ours


def read(ours: int, words: str | None) -> str:
    """Until these are there, or until the end."""
    found, until = "", time.monotonic() + PATIENCE_S
    while words is None or words not in found:
        assert time.monotonic() < until, found
        if select.select([ours], [], [], 0.5)[0]:
            try:
                new = os.read(ours, 65536)
            except OSError:  # so a terminal ends whose last program has left
                new = b""
            if not new:
                assert words is None, found
                return found
            found += new.decode("utf-8", "replace")
    return found


@pytest.mark.parametrize("how", ["q", "a signal"])
def test_it_runs_until_somebody_leaves(scene, how):
    """What stands in a text steers no terminal; the terminal is as it was."""
    process, ours = in_a_terminal(*scene.flags, "--metrics", "", "--with-text", "--every", "0.2")
    try:
        words = read(ours, "canary three")
        words += read(ours, "canary \\u{1b}[2J one") if "canary \\u{1b}[2J one" not in words else ""
        if how == "q":
            os.write(ours, b"\x1bq\x1b[A?")  # Alt with q, an arrow, and another key
            os.write(ours, b"q")
        else:
            process.send_signal(signal.SIGINT)
        words += read(ours, None)

        assert process.wait(PATIENCE_S) == 0
        assert "\x1b[2J one" not in words
        assert words.rstrip().endswith(("\x1b[?1049l", "\x1b[?25h"))
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.parametrize(
    ("words", "says"), [([], "--once"), (["--once"], "set registry.url"), (["--once", "--metrics", "a"], "--metrics")]
)
def test_what_cannot_be_shown_is_told_at_once(words, says, capsys):
    """Where there is no terminal, where answers need a registry, and where an address is none."""
    code = cli.main(["top", *words, *(["--output-format", "json"] if says == "--metrics" else [])])

    assert (code, says in capsys.readouterr().err) == (2, True)


def test_where_nothing_answers_it_is_told_once_and_ends_so(monkeypatch, capsys):
    """Tail and lag ask the same Kafka, and the log says no more than the error does."""
    monkeypatch.setattr(surroundings, "ANSWER_S", 0.1)
    monkeypatch.setattr(surroundings, "LISTING_S", 0.1)
    monkeypatch.setattr(live, "READY_S", 0.1)
    flags = ["--kafka", f"bootstrap.servers=127.0.0.1:{free_port()}", "--output-format", "json"]

    code = cli.main(["top", "--once", "--every", "0.5", "--metrics", "", *flags])

    told = capsys.readouterr()
    assert (code, told.out, told.err.count("no broker answered")) == (3, "", 1)
    assert "check kafka bootstrap.servers" in told.err
