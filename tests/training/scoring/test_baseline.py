import numpy as np
import pytest

from tests.training.made_up_run import answers, scored, usual
from training.data import Labelled
from training.data.labelled import at_most
from training.evaluating.evaluate import evaluate
from training.evaluating.figures import TFIDF, eval_results
from training.evaluating.results import Results
from training.preparing.prepare import Prepared
from training.scoring import baseline

pytestmark = pytest.mark.train

LABELS = np.repeat(np.arange(5), (20, 40, 60, 80, 100))
MESSAGES = Labelled([f"word{row} word{row}" for row in range(300)], LABELS, np.zeros(300, dtype=np.int64))


def test_of_a_million_messages_it_learns_from_some(monkeypatch):
    """
    Of each class its share; fewer are all learned from. The memory that its pairs of words take has an end.
    """
    monkeypatch.setattr(baseline, "MOST_ROWS", 30)

    model = baseline.fit_baseline(MESSAGES)

    assert len(model[0].vocabulary_) == 2 * 30  # each message's own word, and that word twice
    assert baseline.learned(MESSAGES).class_counts() == [2, 4, 6, 8, 10]
    assert len(baseline.learned(MESSAGES.take(np.arange(30)))) == 30


def test_it_speaks_for_the_class_shares_that_are_asked_for():
    """
    As the transformer does: learned from skewed messages and measured on even ones, it would else be beaten by that
    alone. No message's likelihoods move against one another.
    """
    plain, even = baseline.fit_baseline(MESSAGES), baseline.fit_baseline(MESSAGES, [0.2] * 5)

    moved = baseline.log_probabilities(even, MESSAGES.texts) - baseline.log_probabilities(plain, MESSAGES.texts)

    shift = moved - moved.mean(axis=1, keepdims=True)
    expected = -np.log(np.array(MESSAGES.class_shares()))
    np.testing.assert_allclose(shift, np.tile(expected - expected.mean(), (300, 1)), atol=1e-4)


def test_how_many_it_learned_from_is_told_with_its_figures(monkeypatch):
    """
    Who reads that the transformer is ahead knows of what.
    """
    monkeypatch.setattr(baseline, "MOST_ROWS", 30)
    description, (logits, labels) = usual()[1], scored(50)
    beside = evaluate(answers(description, logits), labels)

    told = eval_results(description, Prepared(MESSAGES, MESSAGES, None, None, 0, []), Results({}, beside, {}, {}), {})

    assert told[TFIDF] == {**beside.as_json(), "train_rows": 30}


def test_a_class_of_two_among_millions_is_learned_from_too():
    """
    Its share of what is taken rounds to none, and four classes have no fifth probability.
    """
    labels = np.repeat(np.arange(5), (2, 500, 500, 500, 500))
    many = Labelled([f"word{row}" for row in range(2002)], labels, np.zeros(2002, dtype=np.int32))

    assert at_most(many, 400, seed=0).class_counts() == [1, 100, 100, 100, 100]
