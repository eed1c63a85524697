from dataclasses import replace

import pytest

from training.data.sources import Limits
from training.preparing.inspection import Alike, Inspection, Split, Unused
from training.preparing.lengths import Lengths
from training.preparing.limits import checks

pytestmark = pytest.mark.train

LENGTHS = Lengths(100, 128, 30, 60, 90, 300, 0.25, (0, 64, 128, 512), (60, 15, 25))
CLEAN = Inspection(
    splits={"train": Split(100, (20,) * 5, {}, LENGTHS), "test": Split(10, (2,) * 5, {}, None)},
    unused={"train": Unused(100, 0, 0, (), ())},
    copies=Alike(0, 100, 0, 0, 0, ()),
    test_in_train=Alike(0, 10, 0, 0, 0, ()),
    dropped=0,
    held_out=0,
    dropped_held_out=0,
    not_calibrating=(),
    max_length=128,
    tokenizer="a tokenizer",
    unmeasured=None,
)


def unmet(found: Inspection, **limits) -> list[str]:
    return [check.line for check in checks(found, Limits(**limits)) if not check.met]


def test_messages_with_nothing_wrong_meet_every_limit():
    """
    One check for each limit and split that it speaks of.
    """
    told = [(check.split, check.setting) for check in checks(CLEAN, Limits())]

    assert unmet(CLEAN) == []
    assert told == [
        ("train", "max_empty"),
        ("train", "max_outside"),
        ("train", "min_per_class"),
        ("test", None),
        ("train", "max_copies"),
        ("test", "max_test_in_train"),
        ("train", "max_cut"),
    ]


TWO = (("a.csv, line 2", "a.csv, line 1", 1.0), ("a.csv, line 9", "a.csv, line 4", 0.8))


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (
            {"unused": {"train": Unused(4000, 5, 0, ("a.csv, line 3",) * 5, ())}},
            (
                "train: 5 of 4,000 rows (0.1 %) without a text (a.csv, line 3; a.csv, line 3; a.csv, line 3 …); at "
                "most 0 % ([data.limits] max_empty): fill or remove them, or raise max_empty, and they are left out"
            ),
        ),
        (
            {"unused": {"train": Unused(100_000, 0, 1, (), ("a.csv, line 7",))}},
            (
                "train: 1 of 100,000 rows (0.001 %) with a label outside the mapping (a.csv, line 7); at most 0 % "
                '([data.limits] max_outside): say what each label means, in a recipe by labels = {"furious" = 1, '
                '"upset" = 2, "neutral" = 3, "pleased" = 4, "delighted" = 5}, with FILES by --label furious=1 and so '
                "on, or raise max_outside, and they are left out"
            ),
        ),
        (
            {
                "unused": {
                    "train": Unused(100, 0, 4, (), ("a.csv, line 7", "a.csv, line 8"), False, (("7", 3), ("empty", 1)))
                }
            },
            (
                "train: 4 of 100 rows (4.0 %) with a label that is no star from 1 to 5: 7 (3 times), empty (once) "
                "(a.csv, line 7; a.csv, line 8 …); at most 0 % ([data.limits] max_outside): correct or remove these "
                "rows, or raise max_outside, and they are left out"
            ),
        ),
        (
            {"splits": {"train": Split(46, (20, 9, 1, 12, 5), {}, None)}},
            (
                "train: too few messages with 2, 3, 5 stars (there are [20, 9, 1, 12, 5] with 1 to 5); at least 10 "
                "([data.limits] min_per_class): label more, or give other files or a larger share, or lower the limit"
            ),
        ),
        (
            {"splits": {"train": Split(60, (20, 0, 20, 0, 20), {}, None)}},
            (
                "train: too few messages with 2, 4 stars (there are [20, 0, 20, 0, 20] with 1 to 5); at least 10 "
                "([data.limits] min_per_class): label more, or give other files or a larger share; each of the five "
                "stars has to be there (docs/training.md, Your messages)"
            ),
        ),
        (
            {"splits": {"test": Split(46, (20, 9, 0, 12, 5), {}, None)}},
            (
                "test: too few messages with 3 stars (there are [20, 9, 0, 12, 5] with 1 to 5); at least 1: label "
                "more, or give other files or a larger share; each of the five stars has to be there "
                "(docs/training.md, Your messages)"
            ),
        ),
        (
            {"copies": Alike(30, 100, 20, 10, 3, TWO)},
            (
                "train: 30 of 100 messages (30.0 %) are like one above (the first: a.csv, line 2 and a.csv, line 1; "
                "a.csv, line 9 and a.csv, line 4 …), 20 of them word for word but for case, digits and spaces; at most "
                "20 % ([data.limits] max_copies): remove "
                "what was written by no customer or exported twice, or raise the limit"
            ),
        ),
        (
            {"test_in_train": Alike(2, 10, 1, 1, 0, TWO)},
            (
                "test: 2 of 10 messages (20.0 %) stand in train, too (the first: a.csv, line 2 and a.csv, line 1; "
                "a.csv, line 9 and a.csv, line 4), 1 of them word for word but for case, digits and spaces; at most "
                "10 % ([data.limits] max_test_in_train): "
                "name test messages of their own; what is allowed is taken out of train"
            ),
        ),
        (
            {"splits": {"train": Split(500, (100,) * 5, {}, replace(LENGTHS, cut=0.6))}},
            (
                "train: 60.0 % of the messages (of 100 drawn at random) are longer than max_length, 128 tokens; at "
                "most 50 % ([data.limits] max_cut): raise [model] max_length, clean the texts ([data] cleaning), or "
                "raise the limit"
            ),
        ),
        (
            {"max_length": 512, "splits": {"train": Split(100, (20,) * 5, {}, replace(LENGTHS, cut=0.6))}},
            (
                "train: 60.0 % of the messages are longer than [fit] max_length, 128 tokens; at most 50 % "
                "([data.limits] max_cut): raise [fit] max_length, clean the texts ([data] cleaning), or raise the limit"
            ),
        ),
    ],
)
def test_what_is_not_met_is_told_with_how_much_the_limit_and_what_to_do(changed, line):
    """
    In one line, with the first places.
    """
    assert unmet(replace(CLEAN, **changed)) == [line]


@pytest.mark.parametrize(
    ("changed", "limits"),
    [
        ({"unused": {"train": Unused(100, 5, 5, (), ())}}, {"max_empty": 0.05, "max_outside": 0.05}),
        ({"splits": {"train": Split(5, (1,) * 5, {}, None)}}, {"min_per_class": 1}),
        ({"copies": Alike(30, 100, 20, 10, 3, ())}, {"max_copies": 0.3}),
        ({"test_in_train": Alike(10, 10, 1, 9, 0, ())}, {"max_test_in_train": 1}),
        ({"splits": {"train": Split(100, (20,) * 5, {}, replace(LENGTHS, cut=0.6))}}, {"max_cut": 0.6}),
    ],
)
def test_the_recipe_may_allow_it(changed, limits):
    """
    Just as much as was found is within the limit.
    """
    assert unmet(replace(CLEAN, **changed)) != []
    assert unmet(replace(CLEAN, **changed), **limits) == []


def test_a_check_is_kept_with_its_verdict():
    """
    For data.json, and for the page.
    """
    kept = checks(CLEAN, Limits())[2].as_json()

    assert (kept["found"], kept["allowed"], kept["least"], kept["met"]) == (20, 10, True, True)
    assert kept["line"].startswith("train: 20 messages at least of each class; at least 10")
