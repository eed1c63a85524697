"""Texts out of files, one at a time."""

import builtins
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from consumer import text_files
from consumer.errors import SettingsError
from consumer.text_files import joined, read, rows

TEXTS = ["plain", "", 'two\nlines, a comma and "quotes"', "😡 返金", " spaces "]


def write(path: Path, texts: list[str | None]) -> Path:
    lines = "".join(json.dumps({"stars": 1, "text": text}) + "\n" for text in texts)
    if ".csv" in path.suffixes:
        quoted = ['"' + (text or "").replace('"', '""') + '"' for text in texts]
        lines = "﻿stars,text\r\n" + "".join(f"1,{text}\r\n" for text in quoted)
    if path.suffix == ".parquet":
        pa = pytest.importorskip("pyarrow")
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"stars": [1] * len(texts), "text": pa.array(texts, pa.string())}), path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(lines.encode()))
    else:
        path.write_bytes(lines.encode())
    return path


def ignore(done: int) -> None:
    pass


@pytest.mark.parametrize("name", ["a.jsonl", "a.NDJSON", "a.jsonl.gz", "a.csv", "a.csv.gz", "a.b.parquet"])
def test_every_kind_gives_the_same_texts(tmp_path, name):
    """Character for character and row for row, and the whole file is told of in the end."""
    path = write(tmp_path / name, TEXTS)
    told = []

    assert list(read(path, "text", told.append)) == TEXTS
    assert told[-1] == path.stat().st_size


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_null_is_an_empty_text(tmp_path, name):
    """So that every row has its answer."""
    assert list(read(write(tmp_path / name, ["a", None]), "text", ignore)) == ["a", ""]


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_a_missing_field_is_named_with_those_there_are(tmp_path, name):
    """And nothing of what stands in them."""
    path = write(tmp_path / name, ["secret"])

    with pytest.raises(SettingsError, match=r"no 'body' in .*; name one of stars, text") as caught:
        list(read(path, "body", ignore))
    assert "secret" not in str(caught.value)


def test_a_field_that_is_named_like_no_field_is_not_shown(tmp_path):
    """A map keyed by customers' addresses holds no names."""
    (tmp_path / "a.jsonl").write_text('{"stars": 1, "secret@example.org": "a"}')

    with pytest.raises(SettingsError, match=r"no 'text' in line 1; name one of stars$"):
        list(read(tmp_path / "a.jsonl", "text", ignore))


def test_the_first_line_of_a_csv_file_is_not_shown(tmp_path):
    """Without a header it is the first customer's text; only what is nearly the wanted name is one surely."""
    (tmp_path / "a.csv").write_text("secret words,5\nmore,1\n")
    (tmp_path / "b.csv").write_text("stars,Text\n5,secret\n")

    with pytest.raises(SettingsError, match="no 'text' among the 2 columns of its first line; a CSV") as caught:
        list(read(tmp_path / "a.csv", "text", ignore))
    assert "secret" not in str(caught.value)
    with pytest.raises(SettingsError, match=r"did you mean Text\?"):
        list(read(tmp_path / "b.csv", "text", ignore))


def test_json_lines_are_read_as_the_stream_reads_them(tmp_path):
    """A byte order mark is none of the text, and half an emoji, left where a text was cut, is U+FFFD."""
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "a"}\n{"text": "b\\ud83d"}\n{"text": "c"}\n')

    assert list(read(tmp_path / "a.jsonl", "text", ignore)) == ["a", "b\ufffd", "c"]


def test_several_fields_come_with_the_place_they_stand_at(tmp_path):
    """Of a row of several lines, its first; of Parquet, the row."""
    found = {name: list(rows(write(tmp_path / name, TEXTS[:3]), ("text", "stars"))) for name in ("a.csv", "a.parquet")}

    assert [where for where, _ in found["a.csv"]] == ["line 2", "line 3", "line 4"]
    assert [where for where, _ in found["a.parquet"]] == ["row 1", "row 2", "row 3"]
    assert [values for _, values in found["a.csv"]] == [(text, "1") for text in TEXTS[:3]]


@pytest.mark.parametrize("mark", [";", "\t"])
def test_what_spreadsheets_write_in_a_comma_s_place_is_read(tmp_path, mark):
    """A semicolon or a tab, with a byte order mark or not; commas in texts are then commas, with no quotes around."""
    content = f'text{mark}stars\r\nAway, and no answer{mark}1\r\n"Two{mark} lines\nof it"{mark}5\r\n'
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + content.encode())

    assert list(rows(tmp_path / "a.csv", ("text", "stars"))) == [
        ("line 2", ("Away, and no answer", "1")),
        ("line 3", (f"Two{mark} lines\nof it", "5")),
    ]
    with pytest.raises(SettingsError, match=r"no 'body' among the 2 columns"):
        list(read(tmp_path / "a.csv", "body", ignore))


def test_a_lone_column_may_hold_semicolons(tmp_path):
    """Where the first line has none, or is the very column, they are the texts' own."""
    (tmp_path / "a.csv").write_text("text\nWell; where is it?\n")
    (tmp_path / "b.csv").write_text("a;b\nWell; where is it?\n")

    assert list(read(tmp_path / "a.csv", "text", ignore)) == ["Well; where is it?"]
    assert list(read(tmp_path / "b.csv", "a;b", ignore)) == ["Well; where is it?"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", b'{"text": "a"}\nsecret', "line 2: the value is not valid JSON"),
        ("a.jsonl", b"[1]", "no JSON object in line 1"),
        ("a.jsonl", b'{"text": 5}', "a int in 'text' of line 1"),
        ("a.jsonl", b'{"text": "\xff secret"}', "line 1: a text in the value is not valid UTF-8"),
        ("a.csv", b'text\n"secret', r"a\.csv, line 2 is no CSV \(unexpected end of data\): .*or a quote is not closed"),
        (
            "a.csv",
            b'text\n"a\nb"\n"secret "no" way"\n',
            r"line 4 is no CSV .*: a quote inside quotes is written twice",
        ),
        (
            "a.csv",
            b'text\n\n\n"a\nb"\n\nsecret\n\n"secret "no" way"\n',
            r"line 9 is no CSV .*: a quote inside quotes is written twice",
        ),
        ("a.csv", b'text\r\n\r\na\r\n\r\n"secret\r\n', r"line 5 is no CSV .*or a quote is not closed"),
        ("a.csv", b"stars,text\n\n1,secret\n\nwords\n", "line 5: fewer fields than columns; put quotes"),
        ("a.csv", b'"text "a" b"\nsecret\n', "line 1 is no CSV .*: a quote inside quotes is written twice"),
        ("a.csv", b"", "no 'text' among the 0 columns"),
        ("a.csv", b"stars,text\n1,secret, words", "line 2: more fields than columns"),
        ("a.csv", b"stars;text\n1;secret; words", "line 2: more fields than columns"),
        ("a.csv", b"\xff secret", "not UTF-8 at or after line 1"),
        ("a.csv", b"stars,text\n1,secret\nwords\n", "line 3: fewer fields than columns; put quotes"),
        ("a.csv", b"text,stars,text\nsecret,1,secret\n", "'text' twice in its first line"),
        ("a.jsonl", b'{"a": {"text": 1}, "text": "a"}\n{"text": "secret", "text": ""}', "'text' twice in line 2"),
        ("a.csv", b"text\nsecret \xff", "not UTF-8 at or after line 1; save it as UTF-8"),
        ("a.jsonl.gz", b"secret", "cannot be read: it is no whole gzip file"),
        ("a.jsonl.gz", gzip.compress(b"secret" * 99, mtime=0)[:-9], "no whole gzip"),
        ("a.csv.gz", gzip.compress(b"secret" * 99, mtime=0)[:10] + b"\xff" * 99, "no whole gzip"),
        ("a.parquet", b"secret", "cannot be read as Parquet"),
        ("a.xlsx", b"secret", "named like none of the files"),
        ("a.parquet.gz", b"secret", "named like none of the files"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_not_what(tmp_path, name, content, says):
    """The row, never its content."""
    (tmp_path / name).write_bytes(content)

    with pytest.raises(SettingsError, match=says) as caught:
        list(read(tmp_path / name, "text", ignore))
    assert "secret" not in str(caught.value)


def test_a_parquet_file_is_never_in_memory_whole(tmp_path):
    """
    20 MB that do not compress, in many row groups and in one, by a process of its own: Arrow never held 8.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = pa.table({"text": [os.urandom(500).hex() for _ in range(20_000)]})
    for rows_in_group in (1000, 20_000):
        pq.write_table(texts, tmp_path / f"{rows_in_group}.parquet", row_group_size=rows_in_group, use_dictionary=False)
    code = """
import sys
from pathlib import Path
import pyarrow as pa
from consumer.text_files import rows
print(sum(1 for _ in rows(Path(sys.argv[1]), ("text",))), pa.default_memory_pool().max_memory())
"""
    for path in tmp_path.glob("*.parquet"):
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
        count, most = map(int, done.stdout.split())

        assert count == 20_000
        assert most < 8_000_000, path.name


def parquet(path: Path, *columns: tuple[str, object]) -> Path:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table([column for _, column in columns], names=[name for name, _ in columns]), path)
    return path


def test_a_parquet_value_that_is_none_is_refused_and_not_shown(tmp_path):
    """A string that is not UTF-8, and times that Python's have no year for."""
    pa = pytest.importorskip("pyarrow")
    secret = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\7\0\0\0"), pa.py_buffer(b"secret\xff")]
    )
    beyond = (pa.array([2**30], pa.date32()), pa.array([2**62], pa.timestamp("us")))

    for column in (secret, *beyond):
        path = parquet(tmp_path / "a.parquet", ("text", column))
        with pytest.raises(SettingsError, match="rows 1 to 1: 'text' holds what is not UTF-8, a time") as caught:
            list(read(path, "text", ignore))
        assert "secret" not in str(caught.value)


def test_two_columns_of_parquet_with_the_name_that_is_asked_for_are_refused(tmp_path):
    """Nobody can tell which of them is meant; two others do no harm."""
    path = parquet(tmp_path / "a.parquet", ("a", ["1"]), ("a", ["2"]), ("text", ["b"]))

    assert list(read(path, "text", ignore)) == ["b"]
    with pytest.raises(SettingsError, match="'a' twice in its schema"):
        list(read(path, "a", ignore))


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.gz", "a.csv"])
def test_a_line_without_an_end_is_not_read_whole(tmp_path, monkeypatch, name):
    """A few kilobytes of gzip may hold more than the memory does."""
    monkeypatch.setattr(text_files, "MAX_LINE", 1000)
    content = b"text\n" + b"secret" * 1000 if ".csv" in name else b'{"text": "a"}\n' + b" " * 1001
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)

    with pytest.raises(SettingsError, match="line 2: longer than 1,000") as caught:
        list(read(tmp_path / name, "text", ignore))
    assert "secret" not in str(caught.value)


def test_blank_lines_between_are_no_rows(tmp_path):
    """A last line break, above all."""
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a"}\n\n{"text": "b"}\n\n')

    assert list(read(tmp_path / "a.jsonl", "text", ignore)) == ["a", "b"]


def test_a_row_after_blank_lines_is_named_by_where_it_begins(tmp_path):
    """Blank lines are no rows, and lines all the same."""
    (tmp_path / "a.csv").write_bytes(b'text,stars\n\n"a\n\nb",1\n\n\nc,2\n')

    assert list(rows(tmp_path / "a.csv", ("text",))) == [("line 3", ("a\n\nb",)), ("line 8", ("c",))]


def test_several_fields_are_one_text(tmp_path):
    """As the stream and training join them: by a blank line, what is empty or null left out."""
    (tmp_path / "a.csv").write_text('title,body\nLate,Where is it?\n,"Hello\n"\nThanks,\n,\n')
    texts = [("Late", "Where is it?"), (None, "Hello\n"), ("Thanks", ""), (None, None)]
    lines = [json.dumps({"title": title, "body": body}) for title, body in texts]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))

    for name in ("a.csv", "a.jsonl"):
        found = list(joined(tmp_path / name, ("title", "body"), ignore))
        assert found == ["Late\n\nWhere is it?", "Hello\n", "Thanks", ""]


def test_a_file_is_read_as_it_is_asked_for(tmp_path):
    """The first text is there before the second line is looked at."""
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a"}\nno JSON')

    assert next(read(tmp_path / "a.jsonl", "text", ignore)) == "a"


def test_parquet_without_its_extra_says_how_to_get_it(tmp_path, monkeypatch):
    """It is optional, for it is large."""
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsError, match=r"pip install '\.\[parquet\]'"):
        list(read(tmp_path / "a.parquet", "text", ignore))
