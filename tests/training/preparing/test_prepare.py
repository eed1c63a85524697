import json
import shutil

import pytest

from consumer.errors import SettingsError
from training import recipe as recipes
from training.preparing import splits
from training.preparing.prepare import Reading, prepare
from training.run_folder import RunFolder

pytestmark = pytest.mark.train

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def messages(folder, name: str, words: str, count: int) -> None:
    rows = [
        {"text": f"{words} {NUMBERS[number]} {stars * words}", "stars": stars}
        for number in range(count)
        for stars in range(1, 6)
    ]
    (folder / name).write_text("\n".join(json.dumps(row) for row in rows))


def recipe(**sections) -> recipes.Recipe:
    return recipes.Recipe.model_validate({"name": "a", "output": "out", **sections})


def test_training_messages_that_stand_in_the_test_are_dropped(tmp_path):
    """
    The test set stays whole; its copies go from training, and are counted.
    """
    messages(tmp_path, "train-1.jsonl", "apple", 10)
    messages(tmp_path, "train-2.jsonl", "pear", 2)
    messages(tmp_path, "test.jsonl", "pear", 2)

    prepared = prepare(recipe(data={"train": ["train-*.jsonl"], "test": ["test.jsonl"]}), tmp_path)

    assert prepared.dropped == 10
    assert len(prepared.everything) == 50
    assert prepared.test is not None
    assert len(prepared.test) == 10


def test_calibration_is_kept_from_training(tmp_path):
    """
    A share of every class by default; none when it is scored in folds; files of its own when named.
    """
    messages(tmp_path, "train.jsonl", "apple", 10)
    messages(tmp_path, "other.jsonl", "pear", 3)
    train = {"train": ["train.jsonl"]}

    held = prepare(recipe(data=train, calibration={"share": 0.3}), tmp_path)
    folds = prepare(recipe(data=train, calibration={"folds": 5}), tmp_path)
    named = prepare(recipe(data={**train, "calibration": ["other.jsonl"]}), tmp_path)

    assert held.calibration is not None
    assert named.calibration is not None
    assert (len(held.train), held.calibration.class_counts()) == (35, [3] * 5)
    assert not set(held.train.texts) & set(held.calibration.texts)
    assert (len(folds.train), folds.calibration) == (50, None)
    assert (len(named.train), len(named.calibration)) == (50, 15)


def test_what_is_held_out_is_not_learned_by_heart(tmp_path):
    """
    Word for word, in validation or calibration; the same message twice in one file is on both sides of the draw.
    """
    messages(tmp_path, "train.jsonl", "apple", 10)
    twice = {"train": ["train.jsonl", "again.jsonl"]}
    shutil.copy(tmp_path / "train.jsonl", tmp_path / "again.jsonl")
    messages(tmp_path, "other.jsonl", "apple", 3)

    drawn = prepare(recipe(data=twice, calibration={"share": 0.3}), tmp_path)
    named = prepare(recipe(data={"train": ["train.jsonl"], "validation": ["other.jsonl"]}), tmp_path)

    for made in (drawn, named):
        assert made.calibration is not None
        assert not set(made.train.texts) & set(made.calibration.texts)
    assert (len(named.train), named.held_out) == (35, 15)
    assert drawn.held_out == len(set(drawn.calibration.texts)) * 2 - len(drawn.calibration)


def test_a_message_stands_in_one_split_alone(tmp_path):
    """
    Word for word: the test has it before calibration, calibration before validation, and validation before train.
    """
    for name, count in (("train", 10), ("validation", 8), ("calibration", 6), ("test", 3)):
        messages(tmp_path, f"{name}.jsonl", "apple", count)
    messages(tmp_path, "train-2.jsonl", "pear", 4)
    files = {name: [f"{name}.jsonl"] for name in ("validation", "calibration", "test")}

    made = prepare(recipe(data={"train": ["train*.jsonl"], **files}), tmp_path)

    assert (len(made.test), len(made.calibration), len(made.validation)) == (15, 15, 10)
    assert made.dropped_held_out == 30 + 15
    texts = [set(some.texts) for some in (made.train, made.validation, made.calibration, made.test)]
    assert len(set.union(*texts)) == sum(map(len, texts))


def test_copies_on_both_sides_of_a_draw_calibrate(tmp_path):
    """
    No choice of a checkpoint sees them, whether validation has files or is a share of train.
    """
    messages(tmp_path, "train.jsonl", "apple", 10)
    messages(tmp_path, "again.jsonl", "apple", 10)
    messages(tmp_path, "other.jsonl", "pear", 10)
    twice = ["train.jsonl", "again.jsonl"]

    shared = prepare(recipe(data={"train": twice, "validation_share": 0.4}), tmp_path)
    named = prepare(recipe(data={"train": ["other.jsonl"], "validation": twice}), tmp_path)

    for made in (shared, named):
        assert not set(made.validation.texts) & set(made.calibration.texts)
        assert made.dropped_held_out == {id(shared): 20, id(named): 50}[id(made)] - len(made.validation)


def test_a_split_that_holds_another_one_s_messages_alone_is_refused(tmp_path):
    """
    As where one file is another's copy.
    """
    for name, words in (("train", "apple"), ("own", "apple"), ("other", "pear"), ("again", "pear")):
        messages(tmp_path, f"{name}.jsonl", words, 3)
    train, own, other, again = ([f"{name}.jsonl"] for name in ("train", "own", "other", "again"))

    for name, files in (
        ("validation", {"train": train, "validation": other, "test": again}),
        ("calibration", {"train": train, "calibration": other, "test": again}),
        ("validation", {"train": train, "validation": other, "calibration": again}),
        ("training", {"train": train, "validation": own, "calibration": other}),
    ):
        with pytest.raises(SettingsError, match=f"All 15 {name} messages stand"):
            prepare(recipe(data=files), tmp_path, Reading(scratch=tmp_path))


def test_what_validation_files_hold_is_not_learned_in_folds_either(tmp_path):
    """
    The fold's models and the shipped one are chosen by it.
    """
    messages(tmp_path, "train.jsonl", "apple", 10)
    messages(tmp_path, "other.jsonl", "apple", 3)
    files = {"train": ["train.jsonl"], "validation": ["other.jsonl"]}

    made = prepare(recipe(data=files, calibration={"folds": 2}), tmp_path)

    assert (len(made.train), made.held_out) == (35, 15)
    assert not set(made.train.texts) & set(made.validation.texts)
    assert sorted(row for _, rows in made.folds for row in rows) == list(range(35))


def test_a_class_in_one_file_alone_ends_it_before_any_fit(tmp_path):
    """
    In the data step, with a reading and without one.
    """
    rows = [{"text": f"{words} {stars}", "stars": stars} for words in NUMBERS for stars in range(1, 6)]
    for stars in range(1, 6):
        own = [json.dumps(row) for row in rows if row["stars"] == stars]
        (tmp_path / f"{stars}.jsonl").write_text("\n".join(own))
    asked = recipe(data={"train": ["*.jsonl"]}, calibration={"folds": 5, "whole_files": True})

    for reading in (None, Reading(scratch=tmp_path)):
        with pytest.raises(SettingsError, match="Without fold 1 of 5, no message with 1 stars"):
            prepare(asked, tmp_path, reading)


def test_folds_come_back_with_what_they_do_not_learn_from(tmp_path):
    """
    A copy in another fold's file; whoever fits reads the folds where `data` left them.
    """
    messages(tmp_path, "a.jsonl", "apple", 10)
    messages(tmp_path, "b.jsonl", "pear", 10)
    with (tmp_path / "b.jsonl").open("a") as file:
        file.write("\n" + (tmp_path / "a.jsonl").read_text().splitlines()[7])
    folder = RunFolder(tmp_path / "run")
    asked = recipe(data={"train": ["?.jsonl"]}, calibration={"folds": 2, "whole_files": True})
    written = prepare(asked, tmp_path)

    splits.write(written, folder)

    found = splits.read(folder).folds
    assert [(rest.tolist(), rows.tolist()) for rest, rows in found] == [
        ([*range(50, 100)], [*range(50)]),
        ([row for row in range(50) if row != 7], [*range(50, 101)]),
    ]


def test_a_calibration_share_too_small_for_every_class_is_refused(tmp_path):
    """
    Without one-star messages there is nothing to promise about.
    """
    messages(tmp_path, "train.jsonl", "apple", 3)

    with pytest.raises(SettingsError, match="calibration messages hold none with 1, 2, 3, 4, 5 stars"):
        prepare(recipe(data={"train": ["train.jsonl"]}, calibration={"share": 0.1}), tmp_path)


def test_calibration_is_half_of_validation_and_neither_is_fitted_on(tmp_path):
    """
    By class, whether validation has files or is a share of train; calibration's own files leave it whole.
    """
    messages(tmp_path, "train.jsonl", "apple", 10)
    messages(tmp_path, "validation.jsonl", "pear", 4)
    messages(tmp_path, "other.jsonl", "plum", 3)
    files = {"train": ["train.jsonl"], "validation": ["validation.jsonl"]}

    halved = prepare(recipe(data=files), tmp_path)
    shared = prepare(recipe(data={"train": ["train.jsonl"], "validation_share": 0.4}), tmp_path)
    quarter = prepare(recipe(data=files, calibration={"share": 0.25}), tmp_path)
    named = prepare(recipe(data={**files, "calibration": ["other.jsonl"]}), tmp_path)
    folds = prepare(recipe(data=files, calibration={"folds": 2}), tmp_path)

    assert counts(halved) == ([10] * 5, [2] * 5, [2] * 5)
    assert counts(shared) == ([6] * 5, [2] * 5, [2] * 5)
    assert counts(quarter) == ([10] * 5, [3] * 5, [1] * 5)
    assert counts(named) == ([10] * 5, [4] * 5, [3] * 5)
    assert counts(folds) == ([10] * 5, [4] * 5, None)
    for one in (halved, shared, quarter, named):
        assert not set(one.validation.texts) & set(one.calibration.texts)
        assert not set(one.train.texts) & {*one.validation.texts, *one.calibration.texts}


def counts(prepared) -> tuple:
    parts = (prepared.train, prepared.validation, prepared.calibration)
    return tuple(None if part is None else part.class_counts() for part in parts)


def test_validation_in_files_and_as_a_share_is_refused(tmp_path):
    """
    One of the two would be silently left out.
    """
    with pytest.raises(ValueError, match="drop one"):
        recipe(data={"train": ["a"], "validation": ["b"], "validation_share": 0.1})


def two_sources(folder, **own) -> dict:
    """Ten messages of a class of one's own, and five times as many that are not."""
    messages(folder, "own.jsonl", "apple", 10)
    for number in range(5):
        messages(folder, f"public-{number}.jsonl", f"pear {number}", 10)
    public = {"name": "public", "train": ["public-*.jsonl"], "calibrates": False}
    return {"sources": [public, {"name": "own", "train": ["own.jsonl"], **own}]}


def test_of_a_source_that_does_not_calibrate_none_is_drawn(tmp_path):
    """
    Shares are of the other sources' messages: else the promise would be about public reviews.
    """
    data = two_sources(tmp_path)

    both = prepare(recipe(data={**data, "validation_share": 0.4}), tmp_path)
    alone = prepare(recipe(data=data, calibration={"share": 0.3}), tmp_path)

    for part, rows in ((both.validation, 10), (both.calibration, 10), (alone.calibration, 15)):
        assert part.source_counts() == {"own": rows}
        assert len(set(part.class_counts())) == 1
    assert both.train.source_counts() == {"public": 250, "own": 30}
    assert alone.train.source_counts() == {"public": 250, "own": 35}


def test_where_no_message_could_be_drawn_it_says_so(tmp_path):
    """
    The source that calibrates has no training messages.
    """
    messages(tmp_path, "other.jsonl", "plum", 3)
    data = two_sources(tmp_path, train=[], calibration=["other.jsonl"])

    with pytest.raises(SettingsError, match="no source that calibrates has messages in train"):
        prepare(recipe(data={**data, "validation_share": 0.4}), tmp_path)


def test_splits_come_back_as_they_were_written(tmp_path):
    """
    Validation among them: the fit reads it where `data` left it.
    """
    messages(tmp_path, "train.jsonl", "apple", 10)
    folder = RunFolder(tmp_path / "run")
    written = prepare(recipe(data={"train": ["train.jsonl"], "validation_share": 0.4}), tmp_path)

    splits.write(written, folder)

    found = splits.read(folder)
    assert counts(found) == counts(written)
    assert found.validation.texts == written.validation.texts


def test_a_file_that_a_pattern_of_another_split_takes_in_is_refused(tmp_path):
    """
    It would be learned from and measured on; two sources may share a file, of which each takes other rows.
    """
    messages(tmp_path, "tickets-1.jsonl", "own", 10)
    messages(tmp_path, "tickets-test.jsonl", "test", 10)

    with pytest.raises(SettingsError, match=r"tickets-test\.jsonl is named for train and for test"):
        prepare(recipe(data={"train": ["tickets-*.jsonl"], "test": ["tickets-test.jsonl"]}), tmp_path)

    own = {"name": "own", "train": ["tickets-1.jsonl"]}
    other = {"name": "other", "calibration": ["tickets-1.jsonl"], "text": ["text", "stars"]}
    with pytest.raises(SettingsError, match=r"tickets-1\.jsonl is named for train and for calibration"):
        prepare(recipe(data={"sources": [own, other]}), tmp_path)


def test_when_every_training_message_stands_in_the_test_it_says_so(tmp_path):
    """
    As where one file is another's copy.
    """
    for name in ("all.jsonl", "again.jsonl"):
        messages(tmp_path, name, "apple", 3)

    with pytest.raises(SettingsError, match="All 15 training messages stand among the test messages, too"):
        prepare(recipe(data={"train": ["all.jsonl"], "test": ["again.jsonl"]}), tmp_path)


def test_a_reading_sees_what_is_left_out_and_judges_nothing(tmp_path):
    """
    Whoever asked for one does: rows without a text, an absent class, copies, and test messages that stand in train.
    """
    rows = [
        {"text": text, "stars": 1 + number % 4} for number, text in enumerate(["apple", "pear", "Apple", "", "plum"])
    ]
    (tmp_path / "train.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (tmp_path / "test.jsonl").write_text("\n".join(json.dumps(row) for row in rows[4:] * 2))
    reading = Reading(scratch=tmp_path)

    found = prepare(recipe(data={"train": ["train.jsonl"], "test": ["test.jsonl"]}), tmp_path, reading)

    assert reading.left_out["train"].places == {"empty": ["train.jsonl, line 4"]}
    assert [(each.row, each.other) for each in reading.copies] == [(2, 0)]
    assert [(each.row, each.other) for each in reading.in_train] == [(0, 3), (1, 3)]
    assert reading.read.texts[3] == "plum"
    assert found.dropped == 1
    assert found.everything.class_counts() == [1, 1, 1, 0, 0]
