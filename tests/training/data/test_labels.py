from decimal import Decimal

import pytest

from training.data.labels import EMPTY, OUTSIDE, Unfit, cleaned, joined, label, spelled

pytestmark = pytest.mark.train

MOODS = {"bad": 1, "fine": 5, "4": 4, "true": 5}


def test_texts_are_joined_as_the_consumer_joins_them():
    """
    By a blank line; a null or an empty one leaves no gap.
    """
    assert joined(["Late", None, "", "Again late"], ["a", "b", "c", "d"]) == "Late\n\nAgain late"


@pytest.mark.parametrize(("values", "word"), [([None, None], "null"), (["", None], "empty"), ([" \n"], "empty")])
def test_a_row_without_a_text_may_be_left_out(values, word):
    """
    It says which columns, and what to do.
    """
    with pytest.raises(Unfit, match=f"the text in .* is {word}: fill it or remove the row") as caught:
        joined(values, ["subject", "body"][: len(values)])

    assert caught.value.kind == EMPTY


def test_a_column_that_holds_no_texts_is_the_wrong_column():
    """
    No row of it can be meant, so it is never one to leave out.
    """
    with pytest.raises(Unfit, match="the text in 'order' is a int: name a column of texts") as caught:
        joined(["Late", 4917212345678], ["text", "order"])

    assert caught.value.kind is None
    assert "4917" not in str(caught.value)


def test_a_text_of_which_cleaning_leaves_nothing_is_empty():
    """
    The model would be given nothing but special tokens.
    """
    assert cleaned("<p>Late!</p>", ["html", "whitespace"]) == "Late!"
    with pytest.raises(Unfit, match="html, whitespace leaves nothing of the text") as caught:
        cleaned("<br> <br>", ["html", "whitespace"])
    assert caught.value.kind == EMPTY


@pytest.mark.parametrize(("value", "stars"), [(1, 1), ("5", 5), (4.0, 4), ("3.0", 3), (" 2 ", 2)])
def test_stars_are_whole_numbers_however_they_are_written(value, stars):
    """
    A spreadsheet writes 4.0, JSON a number, CSV a text.
    """
    assert label(value, "stars", {}) == stars - 1


@pytest.mark.parametrize("value", [0, 6, "-1", 4.5, None, "", True, float("nan"), 10**400])
def test_what_is_no_star_may_be_left_out(value):
    """
    Told with what stars are, and how other labels are named; beyond ten it may be a customer's number.
    """
    with pytest.raises(Unfit, match=r"stars are whole numbers from 1 to 5; else say what each") as caught:
        label(value, "stars", {})

    assert caught.value.kind == OUTSIDE


def test_labels_as_text_need_a_mapping():
    """
    The whole column is meant otherwise, so the first row ends it; the word is not told, and how to name it is.
    """
    with pytest.raises(Unfit, match=r"'mood' is no number of stars.* labels = \{\"furious\" = 1, ") as caught:
        label("canary-7f3a", "mood", {})

    assert caught.value.kind is None
    assert "canary" not in str(caught.value)


def test_a_mapping_says_how_many_stars_a_label_means():
    """
    Numbers and booleans by the words a recipe has for them.
    """
    assert [label(value, "mood", MOODS) for value in ("bad", "fine", 4, 4.0, "4", True)] == [0, 4, 3, 3, 3, 4]
    with pytest.raises(Unfit, match=r"is none of the labels \"bad\", \"fine\", .*--label with FILES") as caught:
        label("canary-7f3a", "mood", MOODS)
    assert caught.value.kind == OUTSIDE


def test_values_are_spelled_as_recipes_spell_them():
    """
    What filters and mappings compare by.
    """
    assert [spelled(value) for value in (4.0, 4.5, True, None, "web", Decimal("5.00"))] == [
        *("4", "4.5", "true", "", "web", "5")
    ]
