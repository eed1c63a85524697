"""`shikyu backfill` to topics of a real Kafka: every row of the files once, whatever is killed."""

import time
from collections import Counter

import pytest

from consumer import load
from tests.backfill.archive import BLANK, FATES, line, spoilt, text, written
from tests.replay.conftest import killed_in
from tests.service.process import TINY, shikyu

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]


def test_rows_become_events_and_bad_ones_dead_letters_with_their_line(past, backfill, tmp_path):
    """With the decisions of `shikyu classify`; nothing is said of a blank line; other files are another run."""
    archive = written(tmp_path / "May 2024.jsonl", [*map(spoilt, range(1, 41)), b'{"id": "41", "te'])

    run = backfill(archive, "--run", "may")

    assert run.ended() == 0, run.log
    dead = {
        int(headers["__connect.errors.offset"]): (headers["shikyu.error.code"], headers["__connect.errors.topic"])
        for record in past.read([past.topics["dead"] + ".replay.may"])
        for headers in [{name: value.decode() for name, value in record.headers}]
    }
    assert dead == {row: (code, "May_2024.jsonl") for row, code in {**FATES, 41: "invalid-json"}.items()}
    events = past.events(".replay.may")
    numbers = [number for number in range(1, 41) if number not in (*FATES, BLANK)]
    assert sorted(events) == [("May_2024.jsonl", 0, number) for number in numbers]
    decided = load(TINY, threads=1).classify([text(number) for number in numbers])
    assert [events["May_2024.jsonl", 0, number]["urgency"] for number in numbers] == [each.urgency for each in decided]
    assert [events["May_2024.jsonl", 0, number]["role"] for number in numbers] == [each.decision for each in decided]
    assert "run may is done" in run.log
    assert "of 41 records (FILES 1 (SHA-256" in shikyu("replay", "list", *_kafka(past)).stdout
    written(archive, map(line, range(1, 42)))
    other = backfill(archive, "--run", "may")
    assert other.ended() == 2
    assert "give the same files in the same order" in other.log


def lines_of(tmp_path, rows: int) -> tuple[list, dict]:
    """Two files of so many, and each of their rows once."""
    files = [written(tmp_path / f"{name}.jsonl", map(line, range(1, rows + 1))) for name in ("a", "b")]
    wanted = {(f"{file.name}", number, row): 1 for number, file in enumerate(files) for row in range(1, rows + 1)}
    return files, wanted


def test_killed_at_any_moment_it_goes_on_and_every_row_is_answered_once(past, backfill, tmp_path):
    """Also by a process that had waited for the place, and in the second file."""
    files, wanted = lines_of(tmp_path, 4000)
    small = ("--batching-max-window-records", "100")
    first = backfill(*files, "--run", "killed", *small)
    first.until('"event":"committed"')
    other = backfill(*files, "--run", "killed", *small)
    first.kill()
    other.until('"event":"committed"')
    time.sleep(0.3)
    other.kill()
    stopped = past.answered("killed")
    assert 0 < len(stopped) < len(wanted)
    assert set(stopped.values()) == {1}

    last = backfill(*files, "--run", "killed", *small)

    assert last.ended(90) == 0, last.log
    assert past.answered("killed") == Counter(wanted)
    assert backfill(*files, "--run", "killed").ended() == 0
    assert past.answered("killed") == Counter(wanted)


def test_killed_at_least_once_it_loses_nothing(past, backfill, options, tmp_path):
    """Before a window's outputs are acknowledged, and between that and its commit, which alone is answered twice."""
    files, wanted = lines_of(tmp_path, 150)
    small = ("--run", "killed", "--batching-max-window-records", "40", "--delivery-guarantee", "at-least-once")
    for place in ("_flush", "_commit_patiently"):
        killed_in(f"consumer.at_least_once:AtLeastOnce.{place}", "backfill", *files, *small, *options, call=2)

    last = backfill(*files, *small)

    assert last.ended(90) == 0, last.log
    answered = past.answered("killed")
    assert set(answered) == set(wanted)
    assert 0 < sum(answered.values()) - len(wanted) <= 40


def _kafka(past) -> list[str]:
    topic = past.group + ".runs"
    return ["--kafka", f"bootstrap.servers={past.bootstrap}", "--replay-runs-topic", topic,
            "--delivery-group-id", past.group]  # fmt: skip
