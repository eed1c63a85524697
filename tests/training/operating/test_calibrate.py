import numpy as np
import pytest

from training.operating.calibrate import loss, temperature

pytestmark = pytest.mark.train


def sampled(seed: int, rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels that were drawn from just their probabilities."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 2, (rows, 5))
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


def test_the_loss_is_the_mean_negative_log_probability():
    """
    Even logits give log(5) nats, whatever the temperature.
    """
    assert loss(np.zeros((3, 5), dtype=np.float32), np.array([0, 2, 4]), 7.0) == pytest.approx(np.log(5))
