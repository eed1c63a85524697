import numpy as np
import pytest

from training.operating.calibrate import loss, temperature

pytestmark = pytest.mark.train


def sampled(seed: int, rows: int = 4000, skew: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels that were drawn from just their probabilities; later classes more often by `skew`."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 2, (rows, 5)) + skew * np.arange(5)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (shares.cumsum(axis=1) < generator.random((rows, 1))).sum(axis=1)
    return logits, labels


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_a_known_overconfidence_is_found_again(factor):
    """
    Logits that were blown up by a factor have that factor for their temperature.
    """
    logits, labels = sampled(0)

    assert temperature((logits * factor).astype(np.float32), labels) == pytest.approx(factor, rel=0.05)


def test_of_a_few_that_are_all_told_right_no_temperature_is_made():
    """The surer the better, by them alone: urgencies would be 0 and 1, and thresholds 1e-30."""
    labels = np.arange(60) % 5
    logits = np.eye(5, dtype=np.float32)[labels] * 4

    assert temperature(logits[:49], labels[:49]) == 1
    assert temperature(logits, labels) < 0.2


def test_messages_of_other_class_shares_have_the_same_temperature():
    """
    When the logits are taken to their shares, as they must be: else the temperature makes up for the shares.
    """
    logits, labels = sampled(0, 40_000, skew=1.0)
    blown = (logits * 2).astype(np.float32)
    kept = np.random.default_rng(1).random(len(labels)) < np.array([1, 0.02, 0.02, 0.02, 0.02])[labels]
    own, other = (np.bincount(some, minlength=5) / len(some) for some in (labels, labels[kept]))
    shift = np.log(other / own).tolist()

    assert temperature(blown[kept], labels[kept], shift) == pytest.approx(2, rel=0.07)
    assert temperature(blown[kept], labels[kept]) != pytest.approx(2, rel=0.1)


def test_the_loss_is_the_mean_negative_log_probability():
    """
    Even logits give log(5) nats, whatever the temperature.
    """
    assert loss(np.zeros((3, 5), dtype=np.float32), np.array([0, 2, 4]), 7.0) == pytest.approx(np.log(5))
