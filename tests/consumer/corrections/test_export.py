import json
import stat
from dataclasses import replace

import pytest

from consumer.corrections.export import COLUMNS, of_messages, require_kind, rows, write
from consumer.corrections.settle import Rules, settle
from consumer.corrections.told import conflict_lines, held_lines, line
from consumer.errors import SettingsError
from consumer.flips.answers import Answer
from consumer.records import Satisfaction
from consumer.text_files import rows as read_rows
from tests.consumer.corrections.made_up import made

LIVE = Answer(("in", 0, 1), "live", "routine", 1, text="water", model=("demo", "2", "int8"))
REPLAY = Answer(("in", 0, 1), "new", "urgent", 2, text=None)


def test_a_message_that_two_runs_answered_is_one_row():
    """By the correction that weighs most, whichever run's answer it is of."""
    standing = {"in/0/1/live": made(0, role="quality"), "in/0/1/new": made(1, "in/0/1/new", decision="routine")}

    found = of_messages(standing, {"in/0/1/live": LIVE, "in/0/1/new": REPLAY})

    assert found == {("in", 0, 1): (standing["in/0/1/live"], LIVE)}


def test_a_row_has_stars_only_where_they_were_judged():
    """And what had been answered."""
    [row] = rows([(made(0, satisfaction=Satisfaction.UNSATISFIED), LIVE)], {})
    [plain] = rows([(made(0), LIVE)], {})

    assert list(row) == list(COLUMNS)
    assert (row["stars"], row["decision"], row["answered"], row["text"]) == (2, "urgent", "routine", "water")
    assert plain["stars"] is None


def test_an_empty_text_is_left_out_where_texts_are_asked_for():
    """Nothing is learned from it, and training refuses it."""
    assert list(rows([(made(0), replace(LIVE, text=" \n"))], {})) == []
    assert len(list(rows([(made(0), replace(LIVE, text=" \n"))], None))) == 1


def test_texts_are_written_only_when_they_are_asked_for():
    """Then a message without one is left out; else none has one."""
    both = [(made(0), LIVE), (made(1, "in/0/1/new"), REPLAY)]

    assert [row.get("text", "none") for row in rows(both, None)] == ["none", "none"]
    assert [row["text"] for row in rows(both, {})] == ["water"]
    assert [row["text"] for row in rows([both[1]], {("in", 0, 1): "back"})] == ["back"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_training_reads_what_was_written(tmp_path, name):
    """Null where nobody has judged; by nobody else on the machine."""
    file = tmp_path / name
    write(file, list(rows([(made(0), LIVE), (made(1, satisfaction=Satisfaction.NEUTRAL), LIVE)], {})))

    found = [values for _, values in read_rows(file, ("text", "stars", "decision"))]

    assert found == [("water", None, "urgent"), ("water", 3, "urgent")]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_where_it_cannot_go_is_told_before_anything_is_read(tmp_path):
    """A folder that is not there, a name of another kind."""
    with pytest.raises(SettingsError, match=r"ends in none of \.jsonl and \.parquet"):
        require_kind(tmp_path / "a.csv")
    with pytest.raises(SettingsError, match="no folder"):
        require_kind(tmp_path / "none" / "a.jsonl")


def test_what_somebody_wrote_steers_no_terminal():
    """Names and ids come from whoever may write to the topic."""
    evil = made(0, event_id="in/0/1/\x1b[31m", writer="a\nb\u202e")

    told = "\n".join([line(evil), *held_lines(settle([evil], set(), Rules(frozenset(), 9)).held)])

    assert not {"\x1b", "\u202e"} & set(told)
    assert len(told.splitlines()) == 3


def test_a_burst_is_told_by_the_name_that_releases_it():
    """Once, however many there are in it."""
    flood = [made(number, f"in/0/{number}/live", written_ms=1_790_000_000_000 + number) for number in range(5)]
    rules = Rules(frozenset({"ticketing"}), floor=3)

    told = list(held_lines(settle(flood, {"in/0/1/live"}, rules).held))

    assert len(told) == 6
    assert "add ticketing@2026-09-21T14 to corrections.released" in told[-1]


def test_a_conflict_begins_with_what_stands():
    """The others stand below it."""
    both = [made(0), made(1, decision="routine", role="quality")]
    [conflict] = settle(both, {"in/0/1/live"}, Rules(frozenset({"ticketing"}), 9)).conflicts

    told = list(conflict_lines(conflict))

    assert [each.split()[0] for each in told] == ["stands", "not"]
    assert "routine  by quality" in told[0]
    assert json.dumps(told)
