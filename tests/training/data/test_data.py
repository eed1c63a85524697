import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from consumer.errors import SettingsError
from consumer.text_files import joined
from training import data
from training.data.labelled import balanced_rows
from training.preparing import splits
from training.preparing.prepare import Prepared
from training.run_folder import RunFolder

pytestmark = pytest.mark.train


def labelled(texts: tuple[str, ...], labels: np.ndarray) -> data.Labelled:
    return data.Labelled(texts, labels, np.zeros_like(labels))


def write(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_jsonl_csv_and_their_gzips_give_the_same_messages(tmp_path):
    """
    The format of a file changes nothing of what is read, line breaks and commas in texts included.
    """
    jsonl = write(tmp_path / "a.jsonl", {"text": "Late,\nagain\u2028!", "stars": 1}, {"text": "Fine", "stars": "5"})
    csv_file = tmp_path / "a.csv"  # spreadsheets begin it with a mark
    csv_file.write_text('\ufeffstars,text\n1,"Late,\nagain\u2028!"\n5.0,Fine\n', encoding="utf-8")
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(jsonl.read_bytes()))

    read = [data.read([path]) for path in (jsonl, csv_file, packed)]

    assert [each.texts for each in read] == [("Late,\nagain\u2028!", "Fine")] * 3
    assert [each.labels.tolist() for each in read] == [[0, 4]] * 3
    assert len({each.fingerprint() for each in read}) == 1


def test_columns_may_have_other_names(tmp_path):
    """
    The recipe says which columns hold text and stars.
    """
    path = write(tmp_path / "a.jsonl", {"body": "Fine", "rating": 4})

    assert data.read([path], "body", "rating").labels.tolist() == [3]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"body": "secret words", "stars": 1}, "no 'text' in line 2; name one of body, stars"),
        ({"text": "secret words", "stars": 0}, "'stars' is 0: stars are whole numbers from 1 to 5"),
        ({"text": "secret words", "stars": 4.5}, "'stars' is 4.5"),
        ({"text": "secret words", "stars": True}, "stars are whole numbers"),
        ({"text": "secret words", "stars": "secret words"}, "is no number of stars"),
        ({"text": "secret words", "stars": 4917212345678}, "is no number of stars"),
        ({"text": "secret words", "stars": 10**4000}, "is no number of stars"),
        ({"text": None, "stars": 1}, "the text in 'text' is null"),
        ({"text": "  ", "stars": 1}, "is empty"),
        (["secret words"], "no JSON object in line 2"),
    ],
)
def test_a_row_that_does_not_fit_is_named_without_its_text(tmp_path, row, message):
    """
    File and line are named, and no customer's words.
    """
    path = write(tmp_path / "a.jsonl", {"text": "Fine", "stars": 5}, row)

    with pytest.raises(SettingsError, match=r"a\.jsonl.* line 2") as caught:
        data.read([path])

    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"", "nothing to learn from"),
        ("a.jsonl", b'{"text": "secret', "line 1: the value is not valid JSON"),
        ("a.jsonl", b'{"text": "caf\xe9"}', "not valid UTF-8"),
        ("a.jsonl", b"[" * 100_000, "nested deeper"),
        ("a.jsonl", b'{"text": "secret", "stars": ' + b"1" * 5000 + b"}", "is no number of stars"),
        ("a.csv", b"text,stars\nsecret," + b"1" * 5000, "is no number of stars"),
        ("a.csv", b"my secret words,1\nmore secrets,2", "no 'text' among the 2 columns"),
        ("a.csv.gz", gzip.compress(b"text,stars\nsecret,1\n" * 99, mtime=0)[:12], "no whole gzip"),
        ("a.csv.gz", gzip.compress(b"text,stars\n", mtime=0)[:10] + b"\xff" * 99, "no whole gzip"),
        ("a.jsonl.gz", b"plain", "no whole gzip"),
        ("a.xlsx", b"PK", "none of the files that can be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path, name, content, message):
    """
    Each kind of broken file has its own words, and none shows the content.
    """
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(SettingsError) as caught:
        data.read([path])

    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_several_columns_are_the_text_that_shikyu_classify_reads(tmp_path):
    """
    The same one, character for character: else a model were asked for what it has not learned.
    """
    rows = [("Late", "Where is it?\n"), ("", " Hello "), ("Thanks", "")]
    (tmp_path / "a.csv").write_text("title,body,stars\n" + "".join(f'"{one}","{two}",3\n' for one, two in rows))
    lines = [{"title": one or None, "body": two, "stars": 3} for one, two in rows]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))

    for name in ("a.csv", "a.jsonl"):
        expected = list(joined(tmp_path / name, ("title", "body"), lambda _: None))
        assert list(data.read([tmp_path / name], ["title", "body"]).texts) == expected
        assert expected[0] == "Late\n\nWhere is it?\n"


def test_half_an_emoji_is_read_as_the_stream_reads_it(tmp_path):
    """
    Texts that were cut end in one; it has no bytes in UTF-8, and so no place in a fingerprint.
    """
    (tmp_path / "a.jsonl").write_text('{"text": "so angry \\ud83d", "stars": 1}')

    read = data.read([tmp_path / "a.jsonl"])

    assert read.texts == ("so angry \ufffd",)
    assert read.fingerprint()


@pytest.mark.parametrize("pattern", [".", "/", "**a", ""])
def test_what_is_no_pattern_is_an_error(tmp_path, pattern):
    """
    By its name, where Python's glob would raise of its own.
    """
    with pytest.raises(SettingsError, match="is no pattern of files"):
        data.find(tmp_path, [pattern])


def test_a_pattern_that_no_file_can_be_named_like_is_an_error(tmp_path):
    """
    A name of more characters than a file system takes.
    """
    with pytest.raises(SettingsError, match=r"cannot be looked for \(File name too long\)|No file matches"):
        data.find(tmp_path, ["n" * 300])


def test_a_pattern_that_finds_no_file_is_an_error(tmp_path):
    """
    A misspelt pattern must not train on less than was meant.
    """
    write(tmp_path / "train-1.jsonl", {"text": "Fine", "stars": 5})

    assert data.find(tmp_path, ["train-*.jsonl"]) == [tmp_path / "train-1.jsonl"]
    with pytest.raises(SettingsError, match="No file matches 'trian"):
        data.find(tmp_path, ["trian-*.jsonl"])


def test_the_fingerprint_sees_every_text_and_label_but_not_their_order():
    """
    One changed letter or star is another fingerprint; files may be sorted and split at will.
    """
    messages = labelled(("one", "two", "two"), np.array([0, 4, 4]))

    assert messages.fingerprint() == messages.take([2, 0, 1]).fingerprint()
    assert messages.fingerprint() != labelled(("one", "twO", "two"), messages.labels).fingerprint()
    assert messages.fingerprint() != labelled(messages.texts, np.array([0, 4, 3])).fingerprint()
    assert messages.fingerprint() != messages.take([0, 1]).fingerprint()


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"labels": np.array([0, 4, 3])},
        {"columns": {"shop": ("a", "b", "c")}},
        {"sources": np.array([0, 0, 1], dtype=np.int16), "source_weights": {"": 1.0, "public": 1.0}},
        {"source_weights": {"": 0.5}},
    ],
)
def test_a_run_s_messages_are_others_in_another_order(tmp_path, other):
    """
    Its scores are kept by place alone. Other columns, sources or weights make others of them, too.
    """
    messages = labelled(("one", "two", "two"), np.array([0, 4, 4]))
    folders = [RunFolder(tmp_path / name) for name in ("one", "same", "other")]
    changed = replace(messages, **other) if other else messages.take([1, 0, 2])

    for folder, some in zip(folders, (messages, messages, changed), strict=True):
        splits.write(Prepared(some, some, some, None, 0, []), folder)

    one, same, another = (folder.messages() for folder in folders)
    assert one == same != another


def test_a_split_takes_its_share_of_every_class_and_nothing_twice():
    """
    The two parts are disjoint, whole, stratified, and the same for the same seed.
    """
    labels = np.repeat(np.arange(5), [50, 10, 10, 20, 10])

    rest, taken = data.split(labels, 0.2, seed=3)

    assert sorted([*rest, *taken]) == list(range(100))
    assert np.bincount(labels[taken]).tolist() == [10, 2, 2, 4, 2]
    assert taken.tolist() == data.split(labels, 0.2, seed=3)[1].tolist()


def test_balancing_caps_the_large_classes_and_keeps_the_small():
    """
    Of the rows that are asked for alone.
    """
    labels = np.array([0, 0, 0, 0, 1, 2, 3, 4, 4])

    rows = balanced_rows(labels, np.arange(1, 9), 2, seed=0)

    assert np.bincount(labels[rows]).tolist() == [2, 1, 1, 1, 2]
    assert len(set(rows) - {0}) == 7


def test_an_absent_class_is_named():
    """
    Five classes are promised downstream, so four are refused here.
    """
    with pytest.raises(SettingsError, match="none with 4 stars"):
        data.require_every_class(labelled(("a", "b", "c", "d"), np.array([0, 1, 2, 4])), "training")


def test_further_columns_are_kept_as_text_and_stay_with_their_rows(tmp_path):
    """
    Slices are told by what stands there: a number, a word, or nothing.
    """
    rows = [{"text": "Fine", "stars": 5, "shop": 7}, {"text": "Bad", "stars": 1, "shop": None}]
    write(tmp_path / "a.jsonl", *rows)

    messages = data.read([tmp_path / "a.jsonl"], columns=["shop"])

    assert messages.columns == {"shop": ("7", "")}
    assert messages.take([1]).columns == {"shop": ("",)}
    with pytest.raises(SettingsError, match="has no 'shops' in line 1"):
        data.read([tmp_path / "a.jsonl"], columns=["shops"])
