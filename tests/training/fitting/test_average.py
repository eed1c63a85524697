import pytest
import torch

from training.fitting.average import WeightAverage

pytestmark = pytest.mark.train


def test_weights_are_the_mean_of_the_last_steps():
    """
    Of four steps, half are averaged: the third and the fourth.
    """
    model = torch.nn.Linear(1, 1, bias=False)
    average = WeightAverage(0.5)
    state = type("State", (), {"global_step": 0, "max_steps": 4})()
    for step, weight in enumerate((1.0, 2.0, 3.0, 5.0), start=1):
        model.weight.data.fill_(weight)
        state.global_step = step
        average.on_step_end(None, state, None, model=model)

    average.apply(model)

    assert model.weight.item() == pytest.approx(4.0)
