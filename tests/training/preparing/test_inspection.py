import json

import pytest

from tests.training.data.made_up_messages import MOODS, SECRET, recipe, text, write, written
from training.preparing.inspection import Inspection, inspected
from training.preparing.prepare import Reading, prepare

pytestmark = pytest.mark.train


def found(folder, **changed) -> Inspection:
    written(folder)
    reading, asked = Reading(), recipe(**changed)
    return inspected(asked, prepare(asked, folder, reading), reading)


@pytest.fixture(scope="module")
def inspection(tmp_path_factory) -> Inspection:
    return found(tmp_path_factory.mktemp("inspection"))


def test_each_split_is_counted_by_class_and_source(inspection):
    """
    With the shares of rows and of what they weigh.
    """
    train = inspection.splits["train"]

    assert (train.rows, sum(train.class_counts)) == (81, 81)
    assert set(inspection.splits) == {"train", "calibration", "test"}
    assert {name: part.weight for name, part in train.sources.items()} == {"own": 3.0, "public": 1.0}
    assert sum(part.share for part in train.sources.values()) == pytest.approx(1)
    own = train.sources["own"]
    assert own.weight_share == pytest.approx(3 * own.rows / (3 * own.rows + (train.rows - own.rows)))
    assert tuple(map(sum, zip(*(part.class_counts for part in train.sources.values()), strict=True))) == (
        train.class_counts
    )


def test_rows_that_cannot_be_used_are_counted_with_their_places(inspection):
    """
    Of those that were read for a split; file and line.
    """
    unused = inspection.unused["train"]

    assert (unused.seen, unused.empty, unused.outside) == (107, 2, 1)
    assert unused.empty_places == ("own.jsonl, line 51", "own.jsonl, line 52")
    assert unused.outside_places == ("own.jsonl, line 53",)


def test_what_stands_in_the_place_of_stars_is_kept_where_there_is_no_mapping(inspection, tmp_path):
    """
    The most frequent first; where a label may be any word, it could be a customer's, and is not.
    """
    rows = [{"text": text("own", number, stars), "stars": stars} for number in range(10) for stars in MOODS]
    wrong = [{"text": text("wrong", number, 1), "stars": stars} for number, stars in enumerate(("", 7, 7))]
    write(tmp_path / "a.jsonl", rows + wrong)
    asked = recipe(data={"train": ["a.jsonl"]})

    reading = Reading()
    found = inspected(asked, prepare(asked, tmp_path, reading), reading).unused["train"]

    assert (found.outside, found.mapped, found.instead) == (3, False, (("7", 2), ("empty", 1)))
    assert (inspection.unused["train"].mapped, inspection.unused["train"].instead) == (True, ())


def test_copies_are_counted_and_told_in_pairs(inspection):
    """
    Word for word and nearly; with other stars, one of the two labels is wrong.
    """
    copies = inspection.copies

    assert (copies.rows, copies.exact, copies.near, copies.other_stars, copies.of) == (2, 1, 1, 1, 104)
    assert copies.places[0] == ("own.jsonl, line 54", "own.jsonl, line 1", 1.0)
    assert copies.places[1][:2] == ("own.jsonl, line 55", "own.jsonl, line 2")
    assert 0.66 < copies.places[1][2] < 1


def test_test_messages_that_stand_in_train_are_counted_on_both_sides(inspection):
    """
    Shares are of the test messages; what is dropped are the training messages.
    """
    assert inspection.test_in_train.rows == 2
    assert inspection.test_in_train.of == 12
    assert inspection.test_in_train.exact == 2
    assert inspection.dropped == 2
    assert inspection.test_in_train.places[0][:2] == ("test.jsonl, line 1", "public.jsonl, line 1")


def test_lengths_are_those_of_the_tokenizer_that_the_fit_would_learn(inspection):
    """
    Of every split, and it is told whose tokens they are.
    """
    assert inspection.unmeasured is None
    assert inspection.tokenizer == "a tokenizer learned from train's messages, as the fit learns its own"
    assert all(split.lengths.rows == split.rows for split in inspection.splits.values())


def test_of_train_as_much_is_cut_off_as_the_fit_does_not_read(tmp_path):
    """
    Of the other splits, what the model does not read where it is served.
    """
    first = {"arguments": {"num_train_epochs": 1}}

    inspection = found(tmp_path, fit={"max_length": 8}, pretrain=first)

    read = {name: split.lengths.max_length for name, split in inspection.splits.items()}
    assert read == {"train": 8, "calibration": 128, "test": 128}
    assert inspection.splits["train"].lengths.cut > inspection.splits["test"].lengths.cut
    assert inspection.max_length == 128


def test_without_a_base_model_lengths_are_not_measured_and_it_says_why(tmp_path):
    """
    All else is; the fit itself would refuse.
    """
    inspection = found(tmp_path, model={"base": str(tmp_path / "nowhere")})

    assert "cannot be loaded" in inspection.unmeasured
    assert all(split.lengths is None for split in inspection.splits.values())
    assert inspection.splits["train"].rows == 81


def test_no_text_is_kept(inspection):
    """
    What becomes data.json may be passed on.
    """
    assert SECRET not in json.dumps(inspection.as_json())
