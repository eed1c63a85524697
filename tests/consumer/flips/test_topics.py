"""Which topics are read for which runs."""

import pytest

from consumer.errors import SettingsError, SurroundingsError
from consumer.flips.topics import wanted
from consumer.settings import Settings

LIVE = ["urgent", "routine", "customer-messages.dead-letter"]
OWN = ["urgent.replay.a", "routine.replay.a", "customer-messages.dead-letter.replay.a"]


def test_a_replay_is_read_from_its_own_topics_and_live_from_the_live_ones():
    """Its dead letters too."""
    found = wanted(Settings(), ["a", "live"], [], [*LIVE, *OWN, "other"])

    assert set(found.answers) == {*LIVE[:2], *OWN[:2]}
    assert found.dead_letters == {LIVE[2]: "live", OWN[2]: "a"}
    assert found.unread == ()


def test_a_replay_without_topics_was_written_to_the_live_ones():
    """Whose dead letters say by themselves which run's they are."""
    found = wanted(Settings(), ["a", "b"], [], [*LIVE, *OWN])

    assert set(found.answers) == {*LIVE[:2], *OWN[:2]}
    assert found.dead_letters == {LIVE[2]: "live", OWN[2]: "a"}
    assert found.unread == ()


def test_dead_letters_that_have_no_topic_are_told():
    assert wanted(Settings(), ["a", "b"], [], [*LIVE[:2], *OWN]).unread == ("b",)


def test_named_topics_are_read_in_place_of_the_live_ones():
    """A replay that was written elsewhere."""
    found = wanted(Settings(), ["a", "b"], ["elsewhere"], [*OWN, "elsewhere"])

    assert set(found.answers) == {"elsewhere", *OWN[:2]}


def test_topics_that_are_missing_are_named():
    """Ours by their settings, the user's by their flag."""
    with pytest.raises(SurroundingsError, match=r"topic routine is missing.*output\.urgent"):
        wanted(Settings(), ["a", "live"], [], [*OWN, "urgent"])
    with pytest.raises(SettingsError, match="--topic names typo"):
        wanted(Settings(), ["a", "live"], ["typo"], [*LIVE, *OWN])
