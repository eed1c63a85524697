import math

import numpy as np
import pytest
import torch

from tests.training.interrupted import LABELS, SIZES, TEXTS
from training.data.labelled import Labelled
from training.data.labels import DECISIONS
from training.fitting import allowed
from training.fitting.fit import predict, soft_targets
from training.fitting.learn import learn, start
from training.fitting.loss import cross_entropy
from training.recipe import Recipe

pytestmark = pytest.mark.train

URGENT, ROUTINE = DECISIONS["urgent"], DECISIONS["routine"]


def judged(*labels: int, weight: float = 1.0) -> Labelled:
    texts = tuple(f"judged {row}" for row in range(len(labels)))
    files = np.zeros(len(labels), dtype=np.int32)
    return Labelled(texts, np.array(labels), files, source_weights={"corrections": weight})


def of(logits: torch.Tensor) -> object:
    return type("Outputs", (), {"logits": logits})()


# Whose probabilities are 1, 2, 3, 4 and 6 sixteenths.
SIXTEENTHS = torch.log(torch.tensor([1.0, 2.0, 3.0, 4.0, 6.0]))


def targets(messages: Labelled, soft: np.ndarray | None = None) -> torch.Tensor:
    spread = allowed.spread(messages, np.full(5, 0.2))
    rows = spread if soft is None else np.concatenate([soft, spread])
    return torch.from_numpy(allowed.wide(rows.astype(np.float32), messages))


def test_a_decision_costs_the_logarithm_of_what_its_classes_have_together():
    """
    By hand: urgent are one and two stars, 3 of 16; routine the others, 13 of 16.
    """
    logits = SIXTEENTHS.expand(2, 5)

    loss = cross_entropy()(of(logits), targets(judged(URGENT, ROUTINE)))

    assert loss.item() == pytest.approx((-math.log(3 / 16) - math.log(13 / 16)) / 2, abs=1e-6)


def test_the_gradient_moves_the_classes_that_are_allowed_together():
    """
    Of a softmax: p less the share of the allowed, so that how they stand to one another stays as it is.
    """
    logits = SIXTEENTHS.clone().requires_grad_()

    cross_entropy()(of(logits[None]), targets(judged(URGENT))).backward()

    by_hand = [1 / 16 - 1 / 3, 2 / 16 - 2 / 3, 3 / 16, 4 / 16, 6 / 16]
    np.testing.assert_allclose(logits.grad.numpy(), by_hand, atol=1e-6)


def test_rows_with_stars_and_with_decisions_are_one_batch():
    """
    Each by its own loss and weight; nothing of a row without decision turns into no number.
    """
    soft, decided = soft_targets(np.array([4, 0]), 0.0), judged(URGENT, weight=2.0)
    logits = SIXTEENTHS.repeat(3, 1).requires_grad_()
    both = targets(decided, soft)

    loss = cross_entropy()(of(logits), both)
    loss.backward()

    by_hand = [-math.log(6 / 16), -math.log(1 / 16), -2 * math.log(3 / 16)]
    assert loss.item() == pytest.approx(sum(by_hand) / 3, abs=1e-6)
    assert torch.isfinite(logits.grad).all()
    # The Trainer counts all targets of a step, of which this may be a part.
    of_six = cross_entropy()(of(logits), both, torch.tensor(6 * 10))
    assert of_six.item() == pytest.approx(sum(by_hand) / 6, abs=1e-6)


def test_a_decision_counts_for_its_classes_as_the_others_are_shared_out():
    """
    For balance and for what the head speaks for; its weight is its source's.
    """
    shares = np.array([0.3, 0.1, 0.2, 0.2, 0.2])

    spread = allowed.spread(judged(URGENT, ROUTINE, weight=2.0), shares)

    np.testing.assert_allclose(spread, [[1.5, 0.5, 0, 0, 0], [0, 0, 2 / 3, 2 / 3, 2 / 3]], atol=1e-6)


def test_a_model_learns_of_decisions_what_no_star_has_told_it(tmp_path):
    """
    A word that stands in no message with stars: it becomes urgent, or routine, by the decisions alone.
    """
    recipe = Recipe.model_validate(
        {
            "name": "a",
            "output": "o",
            "data": {"train": ["x"]},
            "model": {"vocab_size": 80, "max_length": 16, "config": SIZES},
            "fit": {
                "precision": "fp32",
                "arguments": {
                    "num_train_epochs": 12,
                    "per_device_train_batch_size": 10,
                    "learning_rate": 1e-2,
                    "save_strategy": "no",
                    "use_cpu": True,
                },
            },
        }
    )
    stars = Labelled(tuple(TEXTS), LABELS, LABELS.astype(np.int32) * 0)
    words = [f"{word} item {number}" for number in range(10) for word in ("smoke", "invoice")]
    decided = Labelled(tuple(words), np.array([URGENT, ROUTINE] * 10), np.zeros(20, dtype=np.int32))
    begin = start(recipe, [*TEXTS, *words], tmp_path / "start")

    fitted = learn(recipe, begin, stars, tmp_path / "model", stars, decided=decided)

    logits = predict(fitted, begin.tokenizer(["smoke item 99", "invoice item 99"])["input_ids"])
    urgent = np.exp(logits)[:, :2].sum(axis=1) / np.exp(logits).sum(axis=1)
    assert urgent[0] > 0.8
    assert urgent[1] < 0.2
