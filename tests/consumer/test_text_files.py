"""Texts out of files, one at a time."""

import builtins
import gzip
import json
from pathlib import Path

import pytest

from consumer.errors import SettingsError
from consumer.text_files import read

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


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_a_missing_field_is_named_with_those_there_are(tmp_path, name):
    """And nothing of what stands in them."""
    path = write(tmp_path / name, ["secret"])

    with pytest.raises(SettingsError, match=r"no 'body' in .*--text-field names one of stars, text") as caught:
        list(read(path, "body", ignore))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", b'{"text": "a"}\nsecret', "no JSON in line 2"),
        ("a.jsonl", b"[1]", "no JSON object in line 1"),
        ("a.jsonl", b'{"text": 5}', "a int in 'text' of row 1"),
        ("a.csv", b'text\n"secret', "no CSV beyond line 1: unexpected end of data"),
        ("a.csv", b"", "no 'text' in the header"),
        ("a.jsonl.gz", b"secret", "cannot be read"),
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


def test_blank_lines_between_are_no_rows(tmp_path):
    """A last line break, above all."""
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a"}\n\n{"text": "b"}\n\n')

    assert list(read(tmp_path / "a.jsonl", "text", ignore)) == ["a", "b"]


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
    with pytest.raises(SettingsError, match=r"pip install 'shikyu\[parquet\]'"):
        list(read(tmp_path / "a.parquet", "text", ignore))
