import json

import numpy as np
import pytest
from transformers import EvalPrediction

from training.fitting import fit
from training.fitting.metrics_of_fit import NEEDLESS, judge

pytestmark = pytest.mark.train

EVEN = (0.2,) * 5


def prediction(logits: list[list[float]], labels: list[int]) -> EvalPrediction:
    return EvalPrediction(np.array(logits, dtype=np.float32), fit.soft_targets(np.array(labels), 0.0))


def test_needless_answers_are_counted_where_the_promised_recall_is():
    """
    At 100 % the less urgent of two very unsatisfied decides, at 50 % the more urgent.
    """
    logits = [[9, 0, 0, 0, 0], [1, 0, 0, 0, 0], [2, 0, 0, 0, 0], [0, 0, 0, 0, 3], [0, 0, 0, 0, 0]]
    asked = prediction(logits, [0, 0, 2, 3, 4])

    assert judge(1.0, EVEN, EVEN, EVEN)(asked)[NEEDLESS] == pytest.approx(1 / 3)
    assert judge(0.5, EVEN, EVEN, EVEN)(asked) == {NEEDLESS: 0.0, "accuracy": pytest.approx(0.4)}


def test_urgency_is_for_live_shares():
    """
    Where two stars are frequent, their probability counts for more in it.
    """
    asked = prediction([[2, 0, 0, 2, 0], [0, 2, 0, 0, 2.1]], [0, 3])

    assert judge(1.0, EVEN, EVEN, EVEN)(asked)[NEEDLESS] == 0.0
    assert judge(1.0, EVEN, EVEN, (0.01, 0.96, 0.01, 0.01, 0.01))(asked)[NEEDLESS] == 1.0


def test_the_unsatisfied_count_in_urgency_by_their_weight():
    """
    Who is surely unsatisfied, and perhaps very, comes before who may be neutral: or not, where two stars count in full.
    """
    asked = prediction([[1, 1, 0, -9, -9], [-2, 3, 0.5, -9, -9]], [0, 2])

    assert judge(1.0, EVEN, EVEN, EVEN)(asked)[NEEDLESS] == 1.0
    assert judge(1.0, EVEN, EVEN, EVEN, 0.01)(asked)[NEEDLESS] == 0.0


def test_accuracy_is_for_the_messages_own_shares():
    """
    A fit that saw few of a class says so less often than a split has it.
    """
    asked = prediction([[0, 1, 0, 0, 0], [0, 1, 0, 0, 0], [3, 0, 0, 0, 0]], [4, 4, 0])
    skewed = (0.2, 0.38, 0.2, 0.2, 0.02)

    assert judge(1.0, skewed, skewed, EVEN)(asked)["accuracy"] == pytest.approx(1 / 3)
    assert judge(1.0, skewed, EVEN, EVEN)(asked)["accuracy"] == 1.0


def test_the_best_checkpoint_is_kept_and_patience_ends(tmp_path):
    """
    By needless answers, under the Trainer's names; a rate that ruins the model is not waited out.
    """
    from tests.training.interrupted import LABELS, OPTIONS, SIZES, TEXTS
    from training.fitting import tokenizer
    from training.fitting.model import classifier, config_from_scratch

    words = tokenizer.train(TEXTS, 60)
    ids, targets = words(TEXTS)["input_ids"], fit.soft_targets(LABELS, 0.0)
    model = classifier(config_from_scratch(SIZES, len(words)), None)
    figures = iter([0.5, 0.2, 0.3, 0.4, 0.1])
    validation = fit.Validation(fit.Examples(ids, targets), lambda _: {NEEDLESS: next(figures), "accuracy": 0.0})
    options = {name: value for name, value in OPTIONS.items() if not name.startswith("save_")}

    fit.fit(
        model,
        words,
        fit.Examples(ids, targets),
        tmp_path,
        {**options, "eval_steps": 3, "gradient_accumulation_steps": 1},
        fit.Ways(patience=2),
        validation,
    )

    state = json.loads((tmp_path / "trainer_state.json").read_text())
    assert (state["best_metric"], state["best_global_step"], state["global_step"]) == (0.2, 6, 12)


@pytest.mark.parametrize(("reached", "taken"), [(0.1, True), (0.3, False)])
def test_averaged_weights_are_taken_if_validation_likes_them_better(tmp_path, reached, taken):
    """
    Than the best checkpoint's.
    """
    from safetensors.torch import load_file

    from tests.training.interrupted import LABELS, SIZES, TEXTS
    from training.fitting import tokenizer
    from training.fitting.model import classifier, config_from_scratch

    words = tokenizer.train(TEXTS, 60)
    ids, targets = words(TEXTS)["input_ids"], fit.soft_targets(LABELS, 0.0)
    model = classifier(config_from_scratch(SIZES, len(words)), None)
    figures = iter([0.5, 0.2, reached])
    validation = fit.Validation(fit.Examples(ids, targets), lambda _: {NEEDLESS: next(figures), "accuracy": 0.0})

    options = {"max_steps": 4, "eval_steps": 2, "learning_rate": 1e-2, "seed": 3}
    fit.fit(model, words, fit.Examples(ids, targets), tmp_path, options, fit.Ways(average_last=0.5), validation)

    best = load_file(tmp_path / "checkpoint-4" / "model.safetensors")
    assert any(not weight.equal(best[name]) for name, weight in model.state_dict().items()) == taken
