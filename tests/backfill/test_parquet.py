"""`shikyu backfill --to FOLDER`: every row of the files in one part, whatever is killed, and on a Ray cluster too."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer import load
from tests.backfill.archive import BLANK, FATES, line, spoilt, text, written
from tests.replay.conftest import Replay
from tests.service.process import ROOT, TINY, environment, shikyu

MODEL = ("--model-artifact", str(TINY), "--model-threads", "1", "--log-format", "json")


def answers(folder: Path) -> dict[tuple[str, int, int], dict]:
    """By source; each stands once, or this fails."""
    rows = [
        row for path in sorted((folder / "classified-messages").iterdir()) for row in pq.read_table(path).to_pylist()
    ]
    found = {(row["source"]["topic"], row["source"]["partition"], row["source"]["offset"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def dead(folder: Path) -> list[dict]:
    return [row for path in sorted((folder / "dead-letters").iterdir()) for row in pq.read_table(path).to_pylist()]


def _written_at(folder: Path) -> dict[str, int]:
    """When each part was, but for what is not one yet."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / "classified-messages").glob("0*")}


def told(folder: Path) -> dict[tuple[str, int, int], tuple[str, float]]:
    return {place: (row["decision"], row["urgency"]) for place, row in answers(folder).items()}


def test_rows_become_events_and_bad_ones_dead_letters_with_their_file_and_line(tmp_path):
    """From JSON lines and Parquet alike, with the decisions of `shikyu classify`."""
    lines = written(tmp_path / "a.jsonl", [*map(spoilt, range(1, 41)), b'{"id": "41", "te'])
    table = pa.table({"text": [text(1), None, text(3)], "attributes": pa.array([[("plan", "x")], [], None], _MAP)})
    pq.write_table(table, tmp_path / "b.parquet")
    out = tmp_path / "out"

    done = shikyu("backfill", str(lines), str(tmp_path / "b.parquet"), "--to", str(out), *MODEL, "--part-rows", "8")

    assert done.returncode == 0, done.stderr
    assert {(row["topic"], row["row"]): row["code"] for row in dead(out)} == {
        **{("a.jsonl", row): code for row, code in FATES.items()},
        ("a.jsonl", 41): "invalid-json",
        ("b.parquet", 2): "missing-text",
    }
    assert {row["file"] for row in dead(out)} == {str(lines), str(tmp_path / "b.parquet")}
    assert next(row["value"] for row in dead(out) if row["row"] == 41) == b'{"id": "41", "te'
    numbers = [number for number in range(1, 41) if number not in (*FATES, BLANK)]
    found = answers(out)
    assert sorted(found) == [*(("a.jsonl", 0, n) for n in numbers), ("b.parquet", 1, 1), ("b.parquet", 1, 3)]
    decided = load(TINY, threads=1).classify([text(number) for number in numbers])
    assert [found["a.jsonl", 0, number]["urgency"] for number in numbers] == [each.urgency for each in decided]
    assert found["b.parquet", 1, 1]["attributes"] == [("plan", "x")]
    complete = json.loads((out / "complete.json").read_text())
    assert (complete["lines"], complete["dead_lettered"]) == (44, 6)
    assert complete["urgent"] + complete["routine"] == len(found)
    assert shikyu("backfill", str(lines), str(tmp_path / "b.parquet"), "--to", str(out), *MODEL).returncode == 0
    assert answers(out) == found


def test_killed_half_way_it_goes_on_and_every_row_stands_once(tmp_path):
    archive = written(tmp_path / "a.jsonl", map(line, range(1, 6001)))
    options = (str(archive), "--to", str(tmp_path / "out"), *MODEL, "--part-rows", "100")
    run = Replay(tmp_path, *options, command=("backfill",))
    run.until('"part-written"')
    time.sleep(0.05)
    run.kill()
    before = _written_at(tmp_path / "out")
    assert 0 < len(before) < 60
    assert not (tmp_path / "out" / "complete.json").exists()
    other = shikyu("backfill", *options, "--no-output-include-text")
    assert (other.returncode, "was begun with output.include_text = True" in other.stderr) == (2, True)

    again = shikyu("backfill", *options)

    assert again.returncode == 0, again.stderr
    assert set(answers(tmp_path / "out")) == {("a.jsonl", 0, row) for row in range(1, 6001)}
    after = _written_at(tmp_path / "out")
    assert before.items() <= after.items()
    assert len(after) == 60


def test_told_to_leave_it_leaves_no_half_part_and_says_how_many_are_left(tmp_path):
    archive = written(tmp_path / "a.jsonl", map(line, range(1, 6001)))
    run = Replay(
        tmp_path, str(archive), "--to", str(tmp_path / "out"), *MODEL, "--part-rows", "100", command=("backfill",)
    )
    run.until('"part-written"')

    run.process.send_signal(signal.SIGTERM)

    assert run.ended() == 5
    assert "is not done, for it was told to leave (SIGTERM)" in run.log
    assert [path.name for path in (tmp_path / "out").rglob(".part-*")] == []


def test_settings_that_fit_no_row_dead_letter_nothing(tmp_path):
    """A misspelt column, of which twenty rows are enough to see."""
    pq.write_table(pa.table({"body": [text(number) for number in range(50)]}), tmp_path / "a.parquet")

    done = shikyu("backfill", str(tmp_path / "a.parquet"), "--to", str(tmp_path / "out"), *MODEL)

    assert done.returncode == 2
    assert "none of the first 20 records could be read" in done.stderr
    assert 'Fields of that record: "body"' in done.stderr
    assert list((tmp_path / "out" / "dead-letters").iterdir()) == []
    read = ("--input-text", "body", "--to", str(tmp_path / "other"))
    assert shikyu("backfill", str(tmp_path / "a.parquet"), *read, *MODEL).returncode == 0


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    archive = written(tmp_path / "a.jsonl", [line(1)])

    done = shikyu("backfill", str(archive), "--to", str(tmp_path), *MODEL)

    assert (done.returncode, "holds something else than a backfill" in done.stderr) == (2, True)


@pytest.mark.timeout(300)
def test_on_ray_a_worker_dies_half_way_and_every_row_stands_once_as_without_ray(tmp_path):
    """Two machines' worth of Ray, one killed −9 with all that it runs."""
    if not os.environ.get("CI"):
        pytest.importorskip("ray", reason="the ray extra is not installed")
    archive = written(tmp_path / "a.jsonl", map(spoilt, range(1, 4001)))
    part = ("--part-rows", "50")
    assert shikyu("backfill", str(archive), "--to", str(tmp_path / "plain"), *MODEL, *part).returncode == 0
    out = tmp_path / "out"
    with _ray() as cluster:
        run = Replay(
            tmp_path, str(archive), "--to", str(out), *MODEL, *part, "--ray", cluster.stdout.readline().strip(),
            "--ray-workers", "2", command=("backfill",),
        )  # fmt: skip
        until = time.monotonic() + 90
        while len(list(out.glob("classified-messages/0*"))) < 10:
            assert run.process.poll() is None, run.log
            assert time.monotonic() < until, run.log
            time.sleep(0.02)
        cluster.stdin.write("kill\n")
        cluster.stdin.flush()
        assert cluster.stdout.readline() == "killed\n"
        half = len(list(out.glob("classified-messages/0*")))

        assert run.ended(120) == 0, run.log
    assert half < 80
    assert told(out) == told(tmp_path / "plain")
    assert [(row["row"], row["code"]) for row in dead(out)] == [
        (row["row"], row["code"]) for row in dead(tmp_path / "plain")
    ]


@contextmanager
def _ray() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.backfill.ray_cluster"],
        cwd=ROOT, env=environment() | {"RAY_USAGE_STATS_ENABLED": "0"}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait(60)


_MAP = pa.map_(pa.string(), pa.string())
