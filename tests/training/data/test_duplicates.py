import numpy as np
import pytest

from training.data import duplicates as duplicates_module
from training.data.duplicates import between, duplicates, sketches, within

pytestmark = pytest.mark.train

THERE = (
    "My parcel 4711 never came and nobody answers the phone. I want my money back.",
    "What are your opening hours on Sundays?",
    "ok",
)


def test_copies_are_found_whatever_their_case_digits_and_spaces():
    """
    A renumbered copy is still a copy, and so is one too short to compare by its parts.
    """
    copies = ("MY parcel 0815 never came  and nobody answers the phone. I want my money back.", "Ok")

    found = duplicates(copies, THERE)

    assert [(each.row, each.other) for each in found] == [(0, 0), (1, 2)]
    assert found[0].similarity == pytest.approx(1.0)


def test_near_copies_are_found_and_messages_of_the_same_matter_are_not():
    """
    One changed word is near; the same complaint in other words is not.
    """
    near = "My parcel 4711 never came and nobody picks up the phone. I want my money back."
    other = "Nothing was delivered, and the hotline just rings. Refund me please, all of it."

    assert [each.row for each in duplicates((other, near), THERE)] == [1]


def test_nothing_has_no_duplicates():
    """
    Empty sets are compared without complaint.
    """
    assert duplicates((), THERE) == []
    assert duplicates(THERE, ()) == []


def test_within_a_set_each_copy_is_told_with_one_above_it():
    """
    The first of them is nobody's copy, however many there are.
    """
    near = "My parcel 4711 never came and nobody picks up the phone. I want my money back."

    found = within(sketches(("ok", THERE[0], "OK", near, "Ok")))

    assert [(each.row, each.other) for each in found] == [(2, 0), (3, 1), (4, 0)]
    assert [each.similarity == 1 for each in found] == [True, False, True]


def test_many_rows_are_sorted_in_parts_and_found_as_in_one(monkeypatch):
    """
    Copies, near copies and short texts among 400, in parts of 20 rows: the same rows with the same others.
    """
    generator = np.random.default_rng(0)
    words = [f"word{number}" for number in range(300)]
    texts = [" ".join(generator.choice(words, 12)) for _ in range(300)]
    texts += [texts[row] for row in range(0, 90, 3)] + [f"{texts[row]} again" for row in range(70)]
    own, others = sketches(texts), sketches([*texts[5:60], "hm", ""])
    in_one = within(own), between(own, others), between(others, own)

    monkeypatch.setattr(duplicates_module, "AT_ONCE", 20)

    assert (within(own), between(own, others), between(others, own)) == in_one
    assert len(in_one[0]) >= 95


def test_sketches_in_a_folder_are_those_in_memory(tmp_path):
    """
    Of a million, memory holds none; and the files have no name, so that none is left.
    """
    kept, held = sketches(THERE, tmp_path), sketches(THERE)

    assert isinstance(kept.bands, np.memmap)
    assert np.array_equal(kept.bands, held.bands)
    assert np.array_equal(kept.whole, held.whole)
    assert list(tmp_path.iterdir()) == []
    assert len(sketches((), tmp_path).whole) == 0
