from dataclasses import asdict
from pathlib import Path

import pytest

from consumer.artifact import read_manifest
from training.evaluating.evaluate import Answered, Evaluation
from training.evaluating.paired import Paired
from training.evaluating.results import Results
from training.evaluating.slices import Slice
from training.measures.intervals import Estimate
from training.reporting.told import answers_nearly_all_lines, behind_lines, gain_lines, made_lines, worst_slice_lines

pytestmark = pytest.mark.train

EVALUATION = Evaluation(300, 0.82, 0.49, Answered(0.98, 0.83, 0.11), Answered(0.97, 0.78, 0.10))


def test_a_precision_that_may_not_be_served_says_why():
    """
    Who finds int8 refused by the consumer was told so when it was made.
    """
    manifest = read_manifest(Path(__file__).parents[3] / "artifacts" / "sample")
    gate = {"label_agreement": 0.98996, "min_agreement": 0.99, "more_needless": 0.02, "max_more_needless": 0.01}
    refused = manifest.precisions["int8"].model_copy(update={"servable": False, "gate": gate})
    changed = manifest.model_copy(update={"precisions": {**manifest.precisions, "int8": refused}})

    lines = "\n".join(made_lines(changed, Results({"fp32": EVALUATION}, EVALUATION, {}, {})))

    assert "int8 may not be served: 98.9% of its labels are fp32's (at least 99%" in lines
    assert "+2.00% needless answers (at most +1.00%)" in lines
    assert "operating point: 98.0% of 1 star answered, 83.0% of 2, 11.0% of 3 to 5 needlessly" in lines
    assert "argmax:          97.0%" in lines


def paired(low: float, high: float) -> Paired:
    figure = Estimate((low + high) / 2, low, high)
    return Paired(figure, figure, figure, 0.95, figure)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.06, -0.02, "ahead beyond chance"),
        (0.02, 0.06, "behind beyond chance"),
        (-0.02, 0.01, "not told apart by these messages"),
    ],
)
def test_a_gain_is_called_one_only_beyond_chance(low, high, verdict):
    """
    Fewer needless answers at the same recall, with an interval that leaves zero out.
    """
    *_, last = gain_lines("int8 less TF-IDF", paired(low, high))

    assert last.endswith(f"({100 * low:+.1f} to {100 * high:+.1f}): {verdict}")


@pytest.mark.parametrize(("low", "high"), [(-0.06, -0.02), (-0.02, 0.01)])
def test_a_run_ends_without_a_word_on_a_model_that_is_not_behind(low, high):
    """
    Ahead, or not told apart: needless answers are the fewer the better, accuracy is not.
    """
    gain = {**paired(low, high).as_json(), "accuracy": asdict(Estimate(-0.01, -0.03, 0.01))}

    assert behind_lines(gain, "int8", scratch=True) == []
    assert behind_lines(None, "int8", scratch=True) == []


@pytest.mark.parametrize(("scratch", "tries"), [(True, "a pretrained base"), (False, "another learning_rate")])
def test_a_run_ends_with_what_to_try_where_tfidf_is_better(scratch, tries):
    """
    By needless answers, or by accuracy.
    """
    worse = {**paired(0.02, 0.06).as_json(), "accuracy": asdict(Estimate(-0.03, -0.05, -0.01))}

    first, last = behind_lines(worse, "int8", scratch=scratch)

    assert first.endswith(
        "better than int8 on the test messages, beyond chance: accuracy +3.0 points, needless -4.0 "
        "points at 95.0% of 1 star"
    )
    assert "not worth its time yet; try more epochs (num_train_epochs under [fit.arguments]" in last
    assert tries in last
    assert behind_lines({**worse, "needless_at_recall": asdict(Estimate(0, -0.1, 0.1))}, "int8", scratch=scratch)


def test_a_slice_is_told_with_its_size_and_interval():
    """
    As customers wrote it, but without what moves a cursor; those without very unsatisfied messages have no recall.
    """
    recall = Estimate(0.5, 0.2, 0.8)
    bad = Slice("shop", "a\x1b[31m", 20, 10, recall, None, None)

    assert worst_slice_lines([bad, Slice("shop", "quiet", 20, 0, None, None, None)], 5) == [
        '  shop "a\\u{1b}[31m": 50.0% of 10 with 1 star answered (20.0% to 80.0%)'
    ]
    assert len(worst_slice_lines([bad] * 3, 2)) == 2


def test_a_threshold_that_answers_nearly_everything_is_warned_of():
    """
    From half of three to five stars on; the worst precision is told.
    """
    assert answers_nearly_all_lines({"fp32": 0.5, "int8": 0.2}) == []
    (line,) = answers_nearly_all_lines({"fp32": 0.8, "int8": 0.926})
    assert "answering nearly everything (92.6% of 3 to 5 stars needlessly)" in line
    assert "train on them" in line
