import gzip
import json

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer.errors import SettingsError
from training.data import rows as module
from training.data.rows import Part, parts, rows
from training.data.sources import Source

pytestmark = pytest.mark.train

ROWS = [{"text": "Late,\nagain", "stars": 1, "shop": "north"}, {"text": None, "stars": 5, "shop": None}]
TABLE = pa.Table.from_pylist(ROWS)
BROKEN = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\4\0\0\0"), pa.py_buffer(b"caf\xe9"))


def arrow_stream(path, table=TABLE):
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table)


def arrow_file(path, table=TABLE):
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=1)


def jsonl(path):
    content = "\n".join(map(json.dumps, ROWS)).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


WRITERS = {
    "a.jsonl": jsonl,
    "a.ndjson": jsonl,
    "a.jsonl.gz": jsonl,
    "a.parquet": lambda path: pq.write_table(TABLE, path),
    "stream.arrow": arrow_stream,
    "file.arrow": arrow_file,
    "a.feather": arrow_file,
}


def source(**given) -> Source:
    return Source(name="s", train=["*"], **given)


def read(folder, name: str, fields=("shop", "text", "stars")) -> list:
    [part] = parts(Source(name="s", train=[name]), "train", folder)
    return list(rows(source(), part, fields, folder))


@pytest.mark.parametrize("name", WRITERS)
def test_each_format_gives_the_same_rows(tmp_path, name):
    """
    Numbered from one, the values in the order that was asked for, nulls as such.
    """
    WRITERS[name](tmp_path / name)

    assert read(tmp_path, name) == [(1, ("north", "Late,\nagain", 1)), (2, (None, None, 5))]


def test_csv_and_its_gzip_number_a_row_by_its_first_line(tmp_path):
    """
    So that an editor leads there, though a text holds line breaks.
    """
    content = b'stars,text\n1,"Late,\nagain"\n5,Fine\n'
    (tmp_path / "a.csv").write_bytes(content)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(content))

    for name in ("a.csv", "b.csv.gz"):
        assert read(tmp_path, name, ["text", "stars"]) == [(2, ("Late,\nagain", "1")), (4, ("Fine", "5"))]


def test_a_large_batch_is_read_in_small_ones(tmp_path, monkeypatch):
    """
    Some writers make one batch of the whole file; rows keep their numbers.
    """
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 3)
    arrow_stream(tmp_path / "a.arrow", pa.table({"text": [str(number) for number in range(8)]}))

    assert read(tmp_path, "a.arrow", ["text"]) == [(number + 1, (str(number),)) for number in range(8)]


@pytest.mark.parametrize("name", ["a.parquet", "stream.arrow", "file.arrow"])
def test_a_missing_column_is_named_with_those_that_are_there(tmp_path, name):
    """
    And with the nearest of them.
    """
    WRITERS[name](tmp_path / name)

    with pytest.raises(SettingsError, match=r"no .*'txet'.*") as caught:
        read(tmp_path, name, ["txet"])

    assert "name one of text, stars, shop" in str(caught.value)


@pytest.mark.parametrize("write", [arrow_stream, arrow_file])
def test_what_is_not_utf8_in_arrow_is_named_by_its_rows(tmp_path, write):
    """
    Arrow takes any bytes for a string; they are no part of the error.
    """
    write(tmp_path / "a.arrow", pa.table({"text": BROKEN}))

    with pytest.raises(SettingsError, match=r"rows 1 to 1: 'text' holds what is not UTF-8.*write the column again"):
        read(tmp_path, "a.arrow", ["text"])


def test_a_column_that_is_there_twice_is_named(tmp_path):
    """
    Which of the two was meant, nobody knows.
    """
    arrow_stream(tmp_path / "a.arrow", pa.table([["a"], ["b"]], names=["text", "text"]))

    with pytest.raises(SettingsError, match="has the column 'text' twice; leave one of the two out"):
        read(tmp_path, "a.arrow", ["text"])


@pytest.mark.parametrize("content", [b"", b"ARROW1 and then nothing", b"text,stars\n"])
def test_what_is_no_arrow_file_says_so(tmp_path, content):
    """
    With what to do about it.
    """
    (tmp_path / "a.arrow").write_bytes(content)

    with pytest.raises(SettingsError, match=r"a\.arrow cannot be read as Arrow \(.*\): write it again"):
        read(tmp_path, "a.arrow")


def test_files_are_told_by_their_names_within_the_folder(tmp_path):
    """
    No path of the machine stands in what is told; patterns go down into folders.
    """
    (tmp_path / "june").mkdir()
    for name in ("june/b.jsonl", "june/a.jsonl"):
        jsonl(tmp_path / name)

    found = parts(Source(name="s", train=["june/*.jsonl"]), "train", tmp_path)

    assert [part.name for part in found] == ["june/a.jsonl", "june/b.jsonl"]
    assert parts(Source(name="s", train=["june/*.jsonl"]), "test", tmp_path) == []


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A folder as of a data set on the Hub, in two configurations, and a cache that goes with the test."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "reviews"
    for name in ("en", "de"):
        (folder / name).mkdir(parents=True)
        pq.write_table(TABLE, folder / name / "train.parquet")
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: en\n  data_files:\n  - split: train\n    path: en/train.parquet\n"
        "- config_name: de\n  data_files:\n  - split: train\n    path: de/train.parquet\n---\n"
    )
    return tmp_path


def hub_rows(folder, configuration: str, split: str = "train", fields=("text", "stars")) -> list:
    named = Source(name="s", hub="reviews", configuration=configuration, train=[split])
    [part] = parts(named, "train", folder)
    return list(rows(named, part, fields, folder))


def test_a_data_set_in_a_folder_is_read_like_the_hubs(hub):
    """
    By configuration and split.
    """
    assert hub_rows(hub, "en") == [(1, ("Late,\nagain", 1)), (2, (None, 5))]


@pytest.mark.parametrize(
    ("configuration", "split", "fields", "message"),
    [
        ("en", "trian", ("text",), r"source 's', split 'trian'\) cannot be had"),
        ("fr", "train", ("text",), "look at its name, configuration, revision and splits"),
        ("en", "train", ("txet",), "has no column 'txet'; did you mean text"),
    ],
)
def test_what_a_data_set_lacks_is_named(hub, configuration, split, fields, message):
    """
    A split, a configuration, a column.
    """
    with pytest.raises(SettingsError, match=message):
        hub_rows(hub, configuration, split, fields)


def test_a_data_set_that_needs_code_of_its_own_is_never_loaded(hub):
    """
    What to name instead is told.
    """
    (hub / "scripted").mkdir()
    (hub / "scripted" / "scripted.py").write_text("raise SystemExit('this must not run')")
    named = Source(name="s", hub="scripted", train=["train"])

    with pytest.raises(SettingsError, match="never loaded, so name its Parquet files instead"):
        list(rows(named, Part("scripted train", None, "train"), ["text"], hub))
