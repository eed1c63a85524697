"""Figures of answers whose flips were planted."""

import pytest

from consumer.errors import LimitError, SurroundingsError
from consumer.flips import table
from consumer.flips.answers import DEAD
from consumer.flips.count import MOST_VALUES
from consumer.flips.limits import Limits, require_met
from consumer.flips.topics import Wanted
from consumer.intervals import wilson
from tests.consumer.flips.made_up import HOUR_MS, answer, counted

# Of 48 messages, one an hour, the even ones are routine and the odd ones urgent.
BEFORE = [answer(offset, 0.6 if offset % 2 else 0.4) for offset in range(48)]


def now(flipped: dict[int, float]) -> list:
    return [answer(offset, flipped.get(offset, before.urgency), run="new") for offset, before in enumerate(BEFORE)]


NOW = now({0: 0.55, 2: 0.9, 4: 0.7, 1: 0.1, 47: 0.45})


def test_flips_are_counted_with_their_intervals():
    """Three became urgent and two routine."""
    found = counted(NOW, BEFORE)

    assert found["compared"] == 48
    low, high = wilson(3, 48)
    assert found["flips"]["to_urgent"] == {"messages": 3, "of": 48, "value": 3 / 48, "low": low, "high": high}
    assert found["flips"]["to_routine"]["messages"] == 2
    assert found["flips"]["all"]["messages"] == 5
    assert (found["urgent"]["was"]["messages"], found["urgent"]["is"]["messages"]) == (24, 25)
    assert found["net"]["messages"] == 1
    assert found["net"]["low"] < 1 / 48 < found["net"]["high"]


def test_flips_are_counted_by_class_slice_and_reason():
    """Classes as they were before; attributes that were named."""
    found = counted(NOW, BEFORE)

    of = {group["value"]: (group["compared"], group["to_urgent"]["messages"], group["to_routine"]["messages"])
          for name in ("channel", "plan") for group in found["slices"][name]}  # fmt: skip
    assert of == {"chat": (24, 3, 0), "email": (24, 0, 2), "gold": (10, 3, 1), "basic": (38, 0, 1)}
    by_class = {group["value"]: group["compared"] for group in found["classes"]}
    assert sum(by_class.values()) == 48
    assert found["reasons"] == [{"was": "model", "is": "model", "to_urgent": 3, "to_routine": 2}]
    assert sum(change["messages"] for change in found["class_changes"]) == 48


def test_the_largest_changes_are_listed_first_and_only_so_many():
    """Each with what there is to know of it."""
    found = counted(NOW, BEFORE, listed=2)

    assert [each["source"] for each in found["listed"]["to_urgent"]] == ["in/0/2", "in/0/4"]
    [first, second] = found["listed"]["to_routine"]
    assert (first["id"], first["urgency_was"], first["urgency_is"], first["text"]) == ("id-1", 0.6, 0.1, "text 1")
    assert second["attributes"] == {"plan": "basic"}
    assert second["at"] == "2026-09-23T13:13:20.000Z"


def test_no_text_is_kept_unless_asked_for():
    """Not even in the table."""
    assert "text 1" not in str(counted(NOW, BEFORE, with_text=False))
    assert "text 1" in str(counted(NOW, BEFORE))


def test_an_answer_given_twice_counts_once_and_the_newest_counts():
    """And how many were, and how many of them otherwise, is said."""
    again = [answer(3, 0.6, run="new"), answer(5, 0.1, run="new", written_ms=1), answer(7, 0.1, run="new")]
    again[2] = answer(7, 0.1, run="new", written_ms=again[2].written_ms + 1)

    found = counted([*now({}), *again], BEFORE)

    side = found["sides"]["is"]
    assert (side["messages"], side["again"], side["again_otherwise"]) == (48, 3, 2)
    assert [each["source"] for each in found["listed"]["to_routine"]] == ["in/0/7"]
    assert any("3 messages were answered more than once in new" in note for note in found["notes"])


def test_what_only_one_side_has_is_counted_and_no_flip():
    """What the replay lacks between its first and last may have been forgotten; what lies outside was not asked."""
    found = counted([each for each in now({}) if 10 <= each.source[2] < 20 and each.source[2] != 15], BEFORE[:18])

    assert found["compared"] == 7
    assert found["flips"]["all"]["messages"] == 0
    assert (found["sides"]["was"]["alone"], found["sides"]["is"]["alone"]) == (11, 2)
    assert (found["sides"]["is"]["missing"], found["sides"]["was"]["missing"]) == (1, 0)


def test_a_slice_that_no_answer_has_is_known_as_such():
    """So that a slip is not taken for a slice without flips."""
    with table.Table(("plan", "paln")) as kept:
        for each in BEFORE:
            kept.add("was", each, with_text=False)
        kept.join()
        assert kept.unknown() == ["paln"]


def test_messages_that_became_dead_letters_are_told_apart():
    """And those that rose from the dead, and those that stayed there."""
    dead = {"fate": DEAD, "satisfaction": None, "labels": ()}
    before = [*BEFORE[:8], answer(8, 0.6, **dead), answer(9, 0.6, **dead)]
    after = [answer(0, 0.4, **dead), *now({})[1:9], answer(9, 0.6, **dead)]

    found = counted(after, before)

    assert found["compared"] == 7
    assert found["dead"]["became"]["messages"] == 1
    assert found["dead"]["became"]["of"] == 8
    assert (found["dead"]["rose"], found["dead"]["stayed"]) == (1, 1)
    assert found["sides"]["is"]["dead_letters"] == 2


def test_a_day_is_of_the_volume_that_was_seen_or_stated():
    """48 messages in 47 hours; of an hour or less no day is guessed."""
    day = counted(NOW, BEFORE)["day"]

    assert day["messages"] == pytest.approx(48 * 24 / 47)
    assert day["more"]["value"] == pytest.approx(day["messages"] / 48)
    assert day["looks_is"] - day["looks_was"] == pytest.approx(day["more"]["value"])
    assert counted(NOW, BEFORE, messages_per_day=4800)["day"]["more"]["value"] == pytest.approx(100)
    short = counted(NOW[:1], BEFORE[:1])["day"]
    assert short["messages"] is None
    assert "more" not in short


def test_bins_hold_every_message_once_and_empty_bins_are_there():
    """Their width follows from the time seen."""
    before = [*BEFORE[:3], answer(200, 0.4), answer(300, 0.4, at_ms=None)]
    after = [*now({0: 0.9})[:3], answer(200, 0.9), answer(300, 0.4, at_ms=None)]

    times = counted(after, before)["times"]

    assert times["untimed"] == 1
    assert sum(each["compared"] for each in times["bins"]) == 4
    assert sum(each["to_urgent"] for each in times["bins"]) == 2
    assert any(each["compared"] == 0 for each in times["bins"])
    assert len(times["bins"]) <= 43


@pytest.mark.parametrize("span_ms", [0, 1, 59_000, 40 * HOUR_MS, 400 * 24 * HOUR_MS, 90_000 * 24 * HOUR_MS])
def test_there_are_never_too_many_bins(span_ms):
    """A minute or two centuries."""
    both = [answer(0, 0.4), answer(1, 0.4, at_ms=answer(0, 0.4).at_ms + span_ms)]

    bins = counted(both, both)["times"]["bins"]

    assert 1 <= len(bins) <= 43
    assert sum(each["compared"] for each in bins) == 2


def test_values_beyond_the_most_frequent_are_told_together():
    """So that an attribute with a value a message does not swamp the page."""
    both = [answer(offset, 0.4, attributes={"plan": f"p{offset}"}) for offset in range(MOST_VALUES + 7)]

    groups = counted(both, both)["slices"]["plan"]

    assert len(groups) == MOST_VALUES + 1
    assert (groups[-1]["value"], groups[-1]["together"], groups[-1]["compared"]) == (None, 7, 7)


def test_several_models_on_a_side_and_other_labels_are_said():
    """Thresholds and precisions too."""
    after = [*now({})[:40], *(answer(offset, 0.4, threshold=0.3, labels=("bad", "good")) for offset in range(40, 48))]

    found = counted(after, BEFORE)

    assert [(model["threshold"], model["answers"]) for model in found["sides"]["is"]["models"]] == [(0.5, 40), (0.3, 8)]
    assert found["notes"][0].startswith("THE LABELS DIFFER: new knows bad, good or neutral")
    assert any("answered by 2 models" in note for note in found["notes"])


def test_a_class_that_nobody_knows_is_said():
    """An older reader's `unknown`, say."""
    found = counted([answer(0, 0.4, satisfaction="furious")], [answer(0, 0.4)])

    assert found["notes"][0].startswith("THE LABELS DIFFER from shikyu's five classes: furious")


def test_dead_letters_that_cannot_be_told_apart_are_said():
    """Of a replay that wrote to the live topics."""
    found = counted(NOW, BEFORE, wanted=Wanted(("urgent",), {"dead": "live"}, ("new",)))

    assert any("dead letters of new could not be told" in note for note in found["notes"])


def test_limits_are_about_the_shares_themselves():
    """One that is just met is met."""
    met = Limits(max_flip_share=5 / 48, max_became_routine_share=2 / 48, min_compared=48, max_missing=0)
    require_met(counted(NOW, BEFORE, limits=met)["limits"])

    unmet = Limits(max_flip_share=0.1, max_became_urgent_share=0.05, max_became_dead_share=0, min_compared=49)
    with pytest.raises(LimitError) as raised:
        require_met(counted(NOW, BEFORE, limits=unmet)["limits"])

    assert str(raised.value).splitlines() == [
        "--max-flip-share is 0.1, and found was 0.104167",
        "--max-became-urgent-share is 0.05, and found was 0.0625",
        "--min-compared is 49, and found was 48",
    ]


def test_a_join_in_many_parts_comes_to_the_same(monkeypatch):
    """Memory stays bounded by joining so many answers at once."""
    again = [answer(7, 0.1, run="new", written_ms=answer(7, 0.1).written_ms + 1)]
    whole = counted([*NOW, *again], BEFORE)

    monkeypatch.setattr(table, "PART_ROWS", 5)

    assert counted([*NOW, *again], BEFORE) == whole


def test_memory_that_is_too_little_is_no_bug(monkeypatch):
    """It is said what to do, and nothing of what was being joined."""
    monkeypatch.setattr(table, "MEMORY", "1MB")
    many = [answer(offset, 0.4, text="canary " * 100) for offset in range(30_000)]

    with pytest.raises(SurroundingsError, match="could not be kept or joined in 1MB") as raised:
        counted(many, many)

    assert "canary" not in str(raised.value)
