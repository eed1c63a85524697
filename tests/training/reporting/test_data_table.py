import io

import pytest
from rich.console import Console

from tests.training.reporting.made_up_inspection import inspection, of_a_fit
from training.reporting.data_table import data_tables

pytestmark = pytest.mark.train


def told(found: dict, width: int = 80) -> str:
    written = io.StringIO()
    Console(file=written, width=width, markup=False, highlight=False).print(data_tables(found))
    return written.getvalue()


def test_everything_is_told_within_eighty_columns():
    """
    Balance, sources, lengths, what cannot be used, copies, limits; no figure is cut off.
    """
    words = told(inspection())

    assert max(map(len, words.splitlines())) <= 80
    assert "…" not in words
    for line in (
        "train 1,000 200 200 200 200 200",
        "train: own 100 100 100 100 100 50.0% 3 75.0%",
        "train 30 60 90 300 25.0%",
        "tokens: by a tokenizer learned from train's messages",
        "train: 1 of 1,003 rows without a text, 2 with a label that is no star",
        "in train more than once: 20 word for word, 10 nearly; 3 of them with other stars; 5 are not learned from",
        "of test in train, too: 2 word for word, 0 nearly; 4 training messages are",
        "public: only learned from, none is drawn for validation or calibration",
        "6 of validation or calibration are dropped, since the test holds them too, or calibration what",
    ):
        assert line in " ".join(words.split()), line
    assert [line for line in words.splitlines() if line.endswith("not met")] == [
        next(line for line in words.splitlines() if line.startswith("train: without a text"))
    ]


def test_one_source_needs_no_table_of_sources():
    """
    It would say again what the balance says.
    """
    found = inspection()
    for split in found["splits"].values():
        split["sources"] = {"messages": split["sources"]["own"]}

    assert "by source" not in told(found)


def test_what_the_fit_reads_of_train_is_told_where_it_is_less():
    """
    Beside the share of train that is longer; the others are held against what is served.
    """
    shares = {line.split()[0]: line.split("300")[1].strip() for line in told(of_a_fit()).splitlines() if "300" in line}

    assert shares == {"train": "25.0% (over 128)", "test": "25.0%"}
    assert "over 512" in told(of_a_fit())


def test_without_a_tokenizer_it_says_why():
    """
    In the place of lengths.
    """
    found = inspection(unmeasured="The base model 'x' was not reached.")

    assert "lengths in tokens are not measured: The base model 'x' was not reached." in told(found)
    assert "in tokens  " not in told(found)
