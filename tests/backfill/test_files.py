"""What is read of files, row by row."""

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer.backfill import files
from consumer.backfill import rows as reading_rows
from consumer.backfill.parts import of_file
from consumer.backfill.rows import Reading, rows, windows
from consumer.errors import SettingsError
from consumer.strict_json import loads
from tests.backfill.archive import line, written


def counted(path: Path, part_rows: int) -> files.File:
    return files.counted(files.found([path])[0], part_rows)


@pytest.mark.parametrize("ending", [b"", b"\n", b"{", b"\n\n"])
@pytest.mark.parametrize("part_rows", [1, 2, 3, 7, 100])
def test_every_part_begins_where_its_first_row_does(tmp_path, monkeypatch, ending, part_rows):
    """However the file falls into pieces when it is counted, and however it ends."""
    content = b"".join(b"x" * (number * 7 % 23) + b"\n" for number in range(40)) + ending
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    lines = content.splitlines(keepends=True)
    for chunk in (1, 5, 64, 10_000):
        monkeypatch.setattr(files, "CHUNK", chunk)
        file = counted(path, part_rows)
        assert file.rows == len(lines)
        assert file.starts == tuple(len(b"".join(lines[:first])) for first in range(0, len(lines), part_rows))


def test_lines_have_their_numbers_from_wherever_they_are_read(tmp_path):
    """By their byte or by counting, zipped or not; blank ones have a number and are no rows."""
    lines = [line(number) if number % 5 else b" \r\n" for number in range(1, 50)]
    plain = written(tmp_path / "a.jsonl", lines)
    zipped = tmp_path / "a.jsonl.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    wanted = [(number, lines[number - 1].rstrip()) for number in range(12, 50) if number % 5]

    for path in (plain, zipped):
        for at in (0, len(b"".join(lines[:11]))):
            assert [(row.number, row.value) for row in rows(path, 12, at)] == wanted


def test_a_line_of_any_length_takes_no_more_than_is_looked_at(tmp_path):
    path = written(tmp_path / "a.jsonl", [b"x" * 100 + b"\n", line(2), b"y" * 100])

    found = list(rows(path, longest=30))

    assert [(row.number, len(row.value)) for row in found] == [(1, 31), (2, 31), (3, 31)]


def test_windows_end_at_the_last_row_of_a_part_and_hold_no_more_than_they_may(tmp_path):
    path = written(tmp_path / "a.jsonl", map(line, range(1, 30)))

    found = list(windows(rows(path, 3), last=20, most_rows=5, most_bytes=10**6))

    assert [[row.number for row in window] for window in found] == [
        [3, 4, 5, 6, 7], [8, 9, 10, 11, 12], [13, 14, 15, 16, 17], [18, 19, 20],
    ]  # fmt: skip
    assert {len(window) for window in windows(rows(path), 9, 100, most_bytes=1)} == {1}


def test_part_after_part_reads_a_file_once(tmp_path, monkeypatch):
    """Also a zipped one, and a group of Parquet, whose parts begin nowhere that could be gone to."""
    lines = [line(number) if number % 10 else b"\n" for number in range(1, 101)]
    plain = written(tmp_path / "a.jsonl", lines)
    zipped = written(tmp_path / "b.jsonl.gz", [gzip.compress(plain.read_bytes())])
    pq.write_table(pa.table({"id": list(range(1, 101))}), tmp_path / "c.parquet")
    read = []
    cut, opened = reading_rows._cut_line, []
    monkeypatch.setattr(reading_rows, "_cut_line", lambda *given: read.append(1) or cut(*given))
    monkeypatch.setattr(reading_rows, "rows", lambda *given: opened.append(given) or rows(*given))

    for path, numbers in (
        (plain, [number for number in range(1, 101) if number % 10]),
        (zipped, [number for number in range(1, 101) if number % 10]),
        (tmp_path / "c.parquet", list(range(1, 101))),
    ):
        file, reading = counted(path, 7), Reading(1000)
        read.clear()
        opened.clear()
        parts = [[row.number for row in reading.part(path, p.first, p.last, p.at)] for p in of_file(file, 7)]
        assert parts == [[n for n in numbers if first <= n < first + 7] for first in range(1, 101, 7)]
        assert len(read) <= 101
        assert len(opened) == 1


def test_parts_that_are_done_are_passed_over_and_one_that_was_not_ended_is_begun_again(tmp_path):
    """By reading past them where it is zipped, and in other files by going to where the next begins."""
    plain = written(tmp_path / "a.jsonl", map(line, range(1, 41)))
    zipped = written(tmp_path / "b.jsonl.gz", [gzip.compress(plain.read_bytes())])
    for path in (plain, zipped):
        parts, reading = list(of_file(counted(path, 10), 10)), Reading(1000)

        def read(place, parts=parts, reading=reading, path=path):
            part = parts[place]
            return reading.part(path, part.first, part.last, part.at)

        dropped = read(0)
        assert next(dropped).number == 1
        for place in (0, 1, 3, 2):
            assert [row.number for row in read(place)] == list(range(10 * place + 1, 10 * place + 11))


def test_parquet_becomes_json(tmp_path):
    """Maps as objects, times as ISO 8601, whatever is no number as null."""
    moment = datetime(2024, 5, 1, 12, tzinfo=UTC)
    table = pa.table(
        {
            "text": ["a", None],
            "attributes": pa.array([[("plan", "x")], None], pa.map_(pa.string(), pa.string())),
            "at": pa.array([moment, None], pa.timestamp("ns", "UTC")),
            "price": pa.array([Decimal("1.50"), None], pa.decimal128(9, 2)),
            "score": [float("nan"), 1.5],
            "raw": [b"caf\xc3\xa9", b"\xff\xfe"],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")

    first, second = (loads(row.value) for row in rows(tmp_path / "a.parquet"))

    assert first == {
        "text": "a", "attributes": {"plan": "x"}, "at": "2024-05-01T12:00:00+00:00", "price": "1.50", "score": None,
        "raw": "café",
    }  # fmt: skip
    assert second == {"text": None, "attributes": None, "at": None, "price": None, "score": 1.5, "raw": None}


def test_one_text_that_is_not_utf8_spoils_its_own_row_alone(tmp_path):
    texts = pa.array([b"good", b"caf\xe9", b"good too"], pa.binary()).view(pa.string())
    nested = pa.StructArray.from_arrays([texts], ["body"])
    pq.write_table(pa.table({"text": texts, "n": [1, 2, 3]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"mail": nested}), tmp_path / "b.parquet")

    assert [row.value for row in rows(tmp_path / "a.parquet")][1] == b'{"text": "caf\xe9", "n": 2}'
    for name in ("a", "b"):
        readable = [_is_utf8(row.value) for row in rows(tmp_path / f"{name}.parquet")]
        assert readable == [True, False, True]


def test_parquet_is_read_from_any_row_on(tmp_path):
    pq.write_table(pa.table({"id": list(range(1, 5001))}), tmp_path / "a.parquet", row_group_size=700)

    for first in (1, 700, 701, 2500, 5000):
        found = list(rows(tmp_path / "a.parquet", first))
        assert [row.number for row in found] == list(range(first, 5001))
        assert [json.loads(row.value)["id"] for row in found] == list(range(first, 5001))
    assert counted(tmp_path / "a.parquet", 10).rows == 5000


def test_a_link_is_read_by_its_own_name(tmp_path):
    """Stores of large files link to objects whose names tell no kind."""
    blob = tmp_path / "3fa9"
    blob.write_bytes(b"{}")
    (tmp_path / "may.jsonl.gz").symlink_to(blob)

    [file] = files.found([tmp_path / "may.jsonl.gz"])

    assert file.path.endswith("/may.jsonl.gz")


def test_a_files_name_is_its_rows_topic_safe_and_bounded():
    assert files.topic_of(Path("x/May 2024 (ü).jsonl")) == "May_2024____.jsonl"
    assert len(files.topic_of(Path("y" * 250 + ".jsonl"))) == 200


def test_folders_are_read_sorted_and_equal_names_told_by_their_number(tmp_path):
    for folder in ("b", "a"):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder / "part-0.jsonl", [line(1)])
        (tmp_path / folder / "notes.txt").write_text("no archive")

    found = files.found([tmp_path])

    assert [(Path(file.path).parent.name, file.topic, file.partition) for file in found] == [
        ("a", "part-0.jsonl", 0), ("b", "part-0.jsonl", 1),
    ]  # fmt: skip


def test_what_cannot_be_read_is_refused(tmp_path):
    twice = written(tmp_path / "a.jsonl", [line(1)])
    cut = tmp_path / "b.jsonl.gz"
    cut.write_bytes(gzip.compress(line(1) * 1000)[:60])
    none = written(tmp_path / "c.parquet", [b"no parquet"])
    (tmp_path / "empty").mkdir()

    with pytest.raises(SettingsError, match=r"a\.jsonl is given twice"):
        files.found([twice, tmp_path / "empty" / ".." / "a.jsonl"])
    with pytest.raises(SettingsError, match="no whole gzip file"):
        counted(cut, 10)
    with pytest.raises(SettingsError, match="cannot be read as Parquet"):
        counted(none, 10)
    with pytest.raises(SettingsError, match="no file there ends in"):
        files.found([tmp_path / "empty"])
    with pytest.raises(SettingsError, match="named like none of the files"):
        files.found([written(tmp_path / "d.csv", [b""])])


def test_a_file_that_was_written_to_is_another(tmp_path):
    path = written(tmp_path / "a.jsonl", map(line, range(1, 30)))
    before = files.digest_of(files.found([path]))
    assert files.digest_of(files.found([path])) == before

    written(path, map(line, [*range(1, 29), 30]))

    assert files.digest_of(files.found([path])) != before


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
