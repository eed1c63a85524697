"""The token budget that a model is measured to be fastest with."""

from types import SimpleNamespace

import pytest

from consumer import batch_budget
from consumer.batch_budget import MOST_LOOKS, fastest


class Engine:
    """Tokens a second by budget, and by the look at it; counts the looks."""

    def __init__(self, rates, disturbed=()):
        self.rates, self.disturbed = rates, set(disturbed)
        self.looks = []

    def rate(self, budget):
        look = (budget, self.looks.count(budget))
        self.looks.append(budget)
        if (found := self.rates[budget]) is None:
            raise RuntimeError("allocation failed")
        return found * (0.86 if look in self.disturbed else 1)


@pytest.mark.parametrize(
    ("rates", "tokens"),
    [
        ({256: 100, 512: 150, 1024: 152, 2048: 151}, 512),
        ({256: 100, 512: 150, 1024: 200, 2048: 250, 4096: 300}, 4096),
        ({256: 100, 512: 80, 1024: 80, 2048: 200}, 256),
        ({256: 100, 512: 80, 1024: 130, 2048: 120, 4096: 140}, 4096),
        ({256: 100, 512: 200, 1024: None, 2048: 300}, 512),
    ],
)
def test_the_fewest_tokens_that_are_as_fast_as_any(rates, tokens):
    """Two per cent are noise. One that falls behind may be chance, two end the search, as does one that fails."""
    assert fastest(Engine(rates).rate, list(rates)) == (tokens, rates[tokens])


def test_a_neighbour_who_takes_the_cores_for_one_look_decides_nothing():
    """Whichever look it is."""
    for look in range(MOST_LOOKS):
        engine = Engine({256: 100, 512: 110, 1024: 100}, disturbed=[(512, look)])

        assert fastest(engine.rate, [256, 512, 1024]) == (512, 110)


def test_what_is_far_behind_gets_no_second_look():
    """It costs most of the time."""
    engine = Engine({256: 50, 512: 100, 1024: 100})

    fastest(engine.rate, [256, 512, 1024])

    assert [engine.looks.count(budget) for budget in (256, 512, 1024)] == [1, MOST_LOOKS, MOST_LOOKS]


def test_looks_end_when_their_time_is_over(monkeypatch):
    """A slow machine shall start, too: half of it for looking at larger ones, the rest for a second look."""
    clock = iter([0.0, 1.0, 4.5, 9.0])
    monkeypatch.setattr(batch_budget, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    engine = Engine({256: 100, 512: 100, 1024: 100})

    fastest(engine.rate, [256, 512, 1024])

    assert engine.looks == [256, 512, 256, 512]


def test_a_budget_that_is_given_is_measured_for_its_rate():
    """The first look lays out memory, and does not count."""
    engine = Engine({300: 70}, disturbed=[(300, 0)])

    assert fastest(engine.rate, [300]) == (300, 70)
    assert engine.looks == [300, 300]


def test_memory_that_is_taken_meanwhile_leaves_the_smaller_ones():
    """By a neighbour on the same GPU."""
    engine = Engine({256: 100, 512: 200})
    rate = lambda budget: engine.rate(budget if engine.looks.count(512) < 1 or budget == 256 else 0)  # noqa: E731
    engine.rates[0] = None

    assert fastest(rate, [256, 512]) == (256, 100)


def test_an_engine_that_fails_at_once_has_no_rate():
    """What it answers with is what the messages will show."""
    assert fastest(Engine({300: None}).rate, [300]) == (300, 0.0)
