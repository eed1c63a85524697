"""How many decisions flip between two versions, of texts that nobody wrote."""

from types import SimpleNamespace

import pytest

from consumer.errors import LimitError, SettingsError
from consumer.lifecycle import canary


def decisions(letters: str) -> list:
    return [SimpleNamespace(urgent=letter == "u") for letter in letters]


def test_flips_are_counted_by_where_they_lead_to():
    found = canary.flips(decisions("uuurr"), decisions("uurru"))

    assert (found.texts, found.to_urgent, found.to_routine, found.share) == (5, 1, 1, 0.4)


def test_the_limit_itself_is_met_and_what_is_beyond_says_what_to_do():
    found = canary.flips(decisions("uuuuu"), decisions("uuuur"))

    found.require(0.2)
    with pytest.raises(LimitError, match=r"20\.0% of 5 canary decisions flip \(0 to urgent, 1 to routine\)"):
        found.require(0.19)


def test_there_are_made_up_texts_and_a_users_own(tmp_path):
    own = tmp_path / "own.csv"
    own.write_text("text,more\nhello,1\n")

    assert len(canary.texts(None)) == 60
    assert canary.texts(own) == ["hello"]
    (tmp_path / "none.jsonl").touch()
    with pytest.raises(SettingsError, match="holds no text"):
        canary.texts(tmp_path / "none.jsonl")
