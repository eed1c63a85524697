"""`shikyu backfill --to FOLDER`: every row of the files in one part, whatever is killed, and on a Ray cluster too."""

import json
import signal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer import load
from consumer.backfill.answering import Guards
from consumer.backfill.parts import Part
from consumer.dead_letters import MISSING_TEXT
from consumer.errors import UnreadableTopic
from consumer.records import Dead
from consumer.settings import Settings
from tests.backfill.answers import MODEL, answers, dead, written_at
from tests.backfill.archive import BLANK, FATES, line, spoilt, text, written
from tests.replay.conftest import killed_in, signalled_in
from tests.service.process import TINY, shikyu


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
    """In the tenth part, when its dead letters are written and the classified messages are not."""
    archive = written(tmp_path / "a.jsonl", [b"{\n" if row == 905 else line(row) for row in range(1, 3001)])
    options = (str(archive), "--to", str(tmp_path / "out"), *MODEL, "--part-rows", "100")
    killed_in("consumer.backfill.parts.put", "backfill", *options, call=20)
    before = written_at(tmp_path / "out")
    assert len(before) == 9
    assert not (tmp_path / "out" / "complete.json").exists()
    other = shikyu("backfill", *options, "--no-output-include-text")
    assert (other.returncode, "was begun with output.include_text = True" in other.stderr) == (2, True)

    again = shikyu("backfill", *options)

    assert again.returncode == 0, again.stderr
    assert set(answers(tmp_path / "out")) == {("a.jsonl", 0, row) for row in range(1, 3001) if row != 905}
    assert [row["row"] for row in dead(tmp_path / "out")] == [905]
    after = written_at(tmp_path / "out")
    assert before.items() <= after.items()
    assert len(after) == 30


def test_told_to_leave_it_leaves_no_half_part_and_says_how_many_are_left(tmp_path):
    archive = written(tmp_path / "a.jsonl", map(line, range(1, 3001)))
    options = (archive, "--to", tmp_path / "out", *MODEL, "--part-rows", "100")

    done = signalled_in("consumer.answer:Steps.answer", signal.SIGTERM, "backfill", *options, call=3)

    assert done.returncode == 5, done.stderr
    assert "is not done, for it was told to leave (SIGTERM): 2,700 of 3,000 lines are left" in done.stderr
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


def test_small_parts_of_a_file_are_judged_together():
    """And each file by its own beginning; one that is gone on with in its middle is not judged by its first rows."""
    guards = Guards(Settings())
    bad = [Dead(MISSING_TEXT.error(), ("body",), 1)] * 10
    guards.of(Part(0, 1, 10)).committed(bad)
    guards.of(Part(1, 1, 10)).check(bad)
    guards.of(Part(2, 11, 20)).committed(bad)
    guards.of(Part(2, 21, 30)).check(bad)

    with pytest.raises(UnreadableTopic, match="none of the first 20"):
        guards.of(Part(0, 11, 20)).check(bad)


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    archive = written(tmp_path / "a.jsonl", [line(1)])

    done = shikyu("backfill", str(archive), "--to", str(tmp_path), *MODEL)

    assert (done.returncode, "holds something else than a backfill" in done.stderr) == (2, True)


_MAP = pa.map_(pa.string(), pa.string())
