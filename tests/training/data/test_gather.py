import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer.errors import SettingsError
from training.data.gather import MOST_PLACES, LeftOut, gather
from training.data.rows import Part
from training.data.sources import Source

pytestmark = pytest.mark.train

OWN = [
    {"subject": "Refund", "body": "<b>Where is it?</b>", "mood": "bad", "language": "en", "shop": 7},
    {"subject": None, "body": "Danke!", "mood": "good", "language": "de", "shop": 7},
    {"subject": "Thanks", "body": "", "mood": "good", "language": "en", "shop": None},
]
PUBLIC = [{"text": f"review {stars}", "stars": stars} for stars in (5, 1)]
MOODS = {"bad": 1, "good": 5}


def part(folder, name: str, rows: list) -> Part:
    (folder / name).write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return Part(name, folder / name)


def own(**given) -> Source:
    return Source(name="own", train=["x"], text=["subject", "body"], stars="mood", **{"labels": MOODS, **given})


def public(**given) -> Source:
    return Source(name="public", train=["x"], **given)


def test_sources_are_joined_with_their_own_columns_labels_and_weights(tmp_path):
    """
    Rows in the order of the sources; what only one of them keeps is empty for the other.
    """
    given = [
        (own(weight=3, columns=["shop"]), [part(tmp_path, "own.jsonl", OWN)]),
        (public(), [part(tmp_path, "p1.jsonl", PUBLIC[:1]), part(tmp_path, "p2.jsonl", PUBLIC[1:])]),
    ]

    messages = gather(given, tmp_path)

    assert list(messages.texts) == ["Refund\n\n<b>Where is it?</b>", "Danke!", "Thanks", "review 5", "review 1"]
    assert messages.labels.tolist() == [0, 4, 4, 4, 0]
    assert messages.sources.tolist() == [0, 0, 0, 1, 1]
    assert messages.source_counts() == {"own": 3, "public": 2}
    assert messages.weights.tolist() == [3, 3, 3, 1, 1]
    assert list(messages.columns["shop"]) == ["7", "7", "", "", ""]
    assert messages.files.tolist() == [0, 0, 0, 1, 2]
    assert [messages.where(row) for row in (2, 4)] == ["own.jsonl, line 3", "p2.jsonl, line 1"]


@pytest.mark.parametrize(
    ("where", "texts"),
    [
        ({"language": "de"}, ["Danke!"]),
        ({"language": ["en", "fr"], "shop": 7}, ["Refund\n\n<b>Where is it?</b>"]),
        ({"shop": ""}, ["Thanks"]),
    ],
)
def test_filters_take_only_rows_with_these_values(tmp_path, where, texts):
    """
    All of them; a list is any of its values, and the empty text is null, too.
    """
    assert list(gather([(own(where=where), [part(tmp_path, "a.jsonl", OWN)])], tmp_path).texts) == texts


def test_a_filter_by_a_column_that_is_not_there_is_an_error(tmp_path):
    """
    It would take nothing, or everything.
    """
    with pytest.raises(SettingsError, match="'lang' in line 1"):
        gather([(own(where={"lang": "en"}), [part(tmp_path, "a.jsonl", OWN)])], tmp_path)


def test_texts_are_cleaned_as_they_are_served_and_kept_as_they_came(tmp_path):
    """
    The model learns from the former, the consumer is given the latter.
    """
    messages = gather([(own(), [part(tmp_path, "a.jsonl", OWN[:1])])], tmp_path, ["html", "whitespace"])

    assert list(messages.texts) == ["Refund\n\nWhere is it?"]
    assert list(messages.raw) == ["Refund\n\n<b>Where is it?</b>"]


UNFIT = [{"text": None, "stars": 1}, {"text": " ", "stars": 1}, {"text": "secret", "stars": 9}, *PUBLIC]


def test_rows_that_do_not_fit_are_left_out_and_counted_where_they_stand(tmp_path):
    """
    By kind; of what a filter took away nothing is counted.
    """
    left_out = LeftOut()

    messages = gather([(public(), [part(tmp_path, "a.jsonl", UNFIT)])], tmp_path, left_out=left_out)

    assert list(messages.texts) == ["review 5", "review 1"]
    assert messages.lines.tolist() == [4, 5]
    assert (left_out.seen, left_out.counts) == (5, {"empty": 2, "outside": 1})
    assert left_out.places == {"empty": ["a.jsonl, line 1", "a.jsonl, line 2"], "outside": ["a.jsonl, line 3"]}
    assert left_out.share("empty") == 0.4
    assert left_out.instead == {"9": 1}
    gather([(own(where={"shop": 7}), [part(tmp_path, "b.jsonl", OWN)])], tmp_path, left_out=(filtered := LeftOut()))
    assert filtered.seen == 2


def test_files_have_lines_and_parquet_has_rows(tmp_path):
    """
    Nobody finds line 3 of a Parquet file.
    """
    pq.write_table(pa.table({"text": ["a", "b"], "stars": [1, 9]}), tmp_path / "a.parquet")

    with pytest.raises(SettingsError, match=r"a\.parquet, row 2: "):
        gather([(public(), [Part("a.parquet", tmp_path / "a.parquet")])], tmp_path)


def test_the_first_places_are_told_of_a_million(tmp_path):
    """
    The count is of all.
    """
    left_out = LeftOut()

    gather([(public(), [part(tmp_path, "a.jsonl", [*UNFIT[:1] * 50, *PUBLIC])])], tmp_path, left_out=left_out)

    assert left_out.counts["empty"] == 50
    assert len(left_out.places["empty"]) == MOST_PLACES


def test_without_anywhere_to_count_them_the_first_is_an_error(tmp_path):
    """
    File and line, and no text.
    """
    with pytest.raises(SettingsError, match=r"a\.jsonl, line 1: the text in 'text' is null: fill it"):
        gather([(public(), [part(tmp_path, "a.jsonl", UNFIT)])], tmp_path)


def test_labels_as_text_end_the_reading_though_rows_may_be_left_out(tmp_path):
    """
    The column is meant otherwise, and nobody wants to train on what is left.
    """
    rows = [{"text": "secret words", "stars": "happy"}]

    with pytest.raises(SettingsError, match=r"a\.jsonl, line 1: .* say what each label means") as caught:
        gather([(public(), [part(tmp_path, "a.jsonl", rows)])], tmp_path, left_out=LeftOut())

    assert "secret" not in str(caught.value)
    assert "happy" not in str(caught.value)


def test_when_no_row_fits_it_says_why(tmp_path):
    """
    A file of nothing else looks as if it were empty.
    """
    parts = [(public(), [part(tmp_path, "a.jsonl", UNFIT[:3])])]

    with pytest.raises(SettingsError, match=r"No messages in a\.jsonl, of 3 rows 2 without a text and 1 with a label"):
        gather(parts, tmp_path, left_out=LeftOut())


def test_mixed_encodings_are_named_by_file_and_line(tmp_path):
    """
    One file of several that is not UTF-8, as spreadsheets write them.
    """
    (tmp_path / "a.csv").write_bytes("text,stars\nschön,5\n".encode())
    (tmp_path / "b.csv").write_bytes("text,stars\ngut,5\nschön,5\n".encode("cp1252"))
    some = [Part(name, tmp_path / name) for name in ("a.csv", "b.csv")]

    with pytest.raises(SettingsError, match=r"b\.csv is not UTF-8 at or after line \d; save it as UTF-8"):
        gather([(public(), some)], tmp_path, left_out=LeftOut())


def test_batches_of_any_size_make_the_same_messages(tmp_path, monkeypatch):
    """
    By rows or by characters; and the file with the texts has no name, so that none is left.
    """
    rows = [{"text": f"message {number}", "stars": 1 + number % 5} for number in range(11)]
    given = [(public(), [part(tmp_path, "a.jsonl", rows)])]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    whole = gather(given, tmp_path, scratch=scratch)

    module = sys.modules["training.data.gather"]  # the package has a function of that name
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 3)
    by_rows = gather(given, tmp_path, scratch=scratch)
    monkeypatch.setattr(module, "CHARACTERS_AT_ONCE", 10)
    by_characters = gather(given, tmp_path, scratch=scratch)

    assert list(by_rows.texts) == list(by_characters.texts) == list(whole.texts) == [row["text"] for row in rows]
    assert whole.fingerprint() == by_rows.fingerprint()
    assert np.array_equal(whole.labels, by_characters.labels)
    assert list(scratch.iterdir()) == []
