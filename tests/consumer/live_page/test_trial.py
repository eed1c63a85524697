"""A text tried, and the words that its answer leaned on."""

from dataclasses import replace

import pytest

from consumer.live_page.trial import MOST_PIECES, pieces, tried
from consumer.records import Satisfaction
from tests.consumer.live_page.asking import Words


def test_the_words_that_mattered_are_those_without_which_the_answer_is_another():
    """The rest of the text stands between them, to the last character."""
    found = tried(Words(), "please  help me,\nhelp!", with_words=True)

    assert [(each["text"], round(each["weight"], 3)) for each in found["words"]] == [("help", 0.1), ("help!", 0.1)]
    assert "".join(each["text"] for each in found["text"]) == "please  help me,\nhelp!"
    assert (found["decision"], found["urgency"], found["threshold"]) == ("urgent", 0.2, 0.15)
    assert [each["name"] for each in found["probabilities"]] == list(Satisfaction)


def test_the_cost_is_told_and_is_a_run_a_piece():
    classifier = Words()

    found = tried(classifier, "a b c", with_words=True)

    assert (found["runs"], classifier.asked) == (4, ["a b c", " b c", "a  c", "a b "])
    assert found["took_s"] > 0
    assert tried(Words(), "a b c", with_words=False)["runs"] == 1


def test_a_long_text_costs_no_more():
    """Of its words several are left out at a time."""
    text = " ".join(f"w{number}" for number in range(1000))

    assert tried(Words(), text, with_words=True)["runs"] == 1 + MOST_PIECES


@pytest.mark.parametrize("count", [0, 1, 2, 47, 48, 49, 95, 500])
def test_pieces_hold_every_word_once(count):
    words = [f"w{number}" for number in range(count)]
    text = "  ".join(words)

    found = [text[start:end] for start, end in pieces(text, 48)]

    assert " ".join(found).split() == words
    assert len(found) == min(48, count)
    sizes = [len(each.split()) for each in found]
    assert max(sizes, default=0) - min(sizes, default=0) <= 1


def test_what_the_model_did_not_decide_has_no_words():
    class Fallback(Words):
        def _decision(self, urgency):
            return replace(super()._decision(urgency), reason="fallback:unknown-tokens")

    found = tried(Fallback(), "help help", with_words=True)

    assert (found["runs"], found["words"], found["reason"]) == (1, [], "fallback:unknown-tokens")
