"""Live recall: no bias, and intervals that hold what they promise, also with few judged and with many not judged."""

from functools import cache

import numpy as np
import pytest
from scipy import stats

from consumer.audit.draw import probability
from consumer.audit.estimate import (
    BANDS,
    URGENT,
    Sample,
    Sums,
    days_until,
    found,
    precision,
    recall,
    recall_of,
)
from consumer.audit.weighted import gamma_quantile, share_limits, sum_limits
from consumer.settings import Audit

A_DAY = 10_000
AUDIT = Audit(share=0.01, share_at_threshold=0.07, key="k" * 16)  # some 2 % of all messages
TRUE_RECALL = 0.93
DRAWS = 600


class Messages:
    """A window as it really was: 5 % very unsatisfied, scores of a model that are as good as its recall says."""

    def __init__(self, days: int, *, calibrated: bool = True) -> None:
        rng = np.random.default_rng(11)
        count, apart = A_DAY * days, 2.7
        self.hit = np.arange(count) < count // 20
        score = rng.normal(apart * self.hit, 1)
        threshold = np.quantile(score[self.hit], 1 - TRUE_RECALL)
        self.urgent = score >= threshold
        if not calibrated:  # half of the missed ones look as far from the threshold as any other
            missed = np.flatnonzero(self.hit & ~self.urgent)
            score[missed[::2]] = rng.normal(0, 1, missed[::2].size).clip(max=threshold - 0.01)
        odds = np.exp(np.log(0.05 / 0.95) + apart * score - apart**2 / 2)
        urgency, at = odds / (1 + odds), np.exp(np.log(0.05 / 0.95) + apart * threshold - apart**2 / 2)
        nearness = np.minimum(1, urgency / (at / (1 + at)))
        self.stratum = np.where(self.urgent, URGENT, 1 + np.minimum(BANDS - 1, (BANDS * nearness).astype(int)))
        self.probability = np.array(
            [probability(AUDIT, u, 1.0, urgent=g) for u, g in zip(nearness.tolist(), self.urgent.tolist(), strict=True)]
        )
        self.held = np.bincount(self.stratum, minlength=BANDS + 1).tolist()

    @property
    def recall(self) -> float:
        return float((self.hit & self.urgent).sum() / self.hit.sum())

    def draw(self, rng: np.random.Generator, response: np.ndarray | float = 1.0) -> Sample:
        """`response` is the share of the marked ones that were judged, by stratum where it is an array."""
        marked = np.flatnonzero(rng.random(self.hit.size) < self.probability)
        judged = rng.random(marked.size) < np.broadcast_to(response, (BANDS + 1,))[self.stratum[marked]]
        return Sample(self.stratum[marked], 1 / self.probability[marked], judged, self.hit[marked])


@cache
def window(days: int, *, calibrated: bool = True) -> Messages:
    return Messages(days, calibrated=calibrated)


def stacked(each: list[Sums]) -> Sums:
    return Sums(*(np.array([getattr(one, name) for one in each]) for name in ("total", "squares", "largest")))


def drawn(of: Messages, response: np.ndarray | float = 1.0, draws: int = DRAWS) -> tuple:
    rng = np.random.default_rng(5)
    pairs = [found(of.draw(rng, response), of.held) for _ in range(draws)]
    return recall(stacked([a for a, _ in pairs]), stacked([b for _, b in pairs]))


@pytest.mark.parametrize(
    ("days", "response", "calibrated"),
    [
        (1, 1.0, True),
        (7, 1.0, True),
        (7, 1.0, False),
        (7, np.array([0.9, 0.4, 0.6, 0.8, 0.8]), True),  # people judge those near the threshold first
    ],
)
def test_recall_has_no_bias_and_its_interval_holds_what_it_promises(days, response, calibrated):
    """Over many draws of one window; 93 % of the 95 % intervals at least hold what was really so."""
    messages = window(days, calibrated=calibrated)

    value, low, high = drawn(messages, response)

    there = ~np.isnan(value)
    error = value[there].std() / np.sqrt(there.sum())
    # The share of two estimated sums is a little too low where few were found; 7 days' is not to be told from none.
    assert abs(value[there].mean() - messages.recall) < 3.5 * error + (0.02 if days == 1 else 0.002)
    assert ((low <= messages.recall) & (messages.recall <= high))[there].mean() >= 0.93
    assert (low <= value)[there].all()
    assert (value <= high)[there].all()
    assert there.mean() > 0.98


def test_the_sums_themselves_have_no_bias():
    """Horvitz and Thompson's, before any ratio: within Monte Carlo error of what was really missed and found."""
    messages = window(7)
    rng = np.random.default_rng(2)
    pairs = [found(messages.draw(rng), messages.held) for _ in range(DRAWS)]

    for side, real in enumerate((messages.hit & messages.urgent, messages.hit & ~messages.urgent)):
        totals = np.array([pair[side].total for pair in pairs])
        assert abs(totals.mean() - real.sum()) < 3.5 * totals.std() / np.sqrt(DRAWS)


def test_what_nobody_marked_would_bend_it():
    """As a check of the check: counted by plain shares of the judged ones, recall is far from what it was."""
    messages = window(7)
    sample = messages.draw(np.random.default_rng(2))
    hits = sample.hit
    plain = (hits & (sample.stratum == URGENT)).sum() / hits.sum()

    assert abs(plain - messages.recall) > 0.1


def test_the_interval_is_nearly_as_narrow_as_the_draws_allow():
    """Honest, but not for being useless: at most a third wider than the estimates really spread."""
    value, low, high = drawn(window(30), draws=200)

    assert (high - low).mean() / 2 < 1.96 * value.std() * 1.33


def test_precision_has_no_bias_and_covers():
    messages = window(7)
    rng = np.random.default_rng(9)
    real = float((messages.hit & messages.urgent).sum() / messages.urgent.sum())

    each = [precision(messages.draw(rng, 0.7), messages.held) for _ in range(DRAWS)]

    values = np.array([one.value for one in each])
    assert abs(values.mean() - real) < 3.5 * values.std() / np.sqrt(DRAWS)
    assert np.mean([one.low <= real <= one.high for one in each]) >= 0.93


def test_days_until_says_when_it_will_be_known():
    """The middle of what a dozen weeks say is about what it takes; a week alone may say half or twice that."""
    week, month = window(7), window(30)
    weeks = [found(week.draw(np.random.default_rng(seed)), week.held) for seed in range(12)]
    days = [days_until(*each, 7, 0.02) for each in weeks]
    halves = [recall_of(*found(month.draw(np.random.default_rng(seed)), month.held)).half_width for seed in range(10)]
    expected = 30 * (np.mean(halves) / 0.02) ** 2
    assert 0.7 * expected < np.median(days) < 1.4 * expected

    sums, known = weeks[0], recall_of(*weeks[0])
    assert days_until(*sums, 7, 0.01) > 3 * days[0]
    assert days_until(*sums, 7, 0.3) < 7, "it is known already"
    assert days_until(*sums, 7, known.half_width) == pytest.approx(7, rel=0.04)


def test_with_next_to_nothing_it_says_so():
    """No missed one found is no recall of 100 %; nobody's judgement is no estimate at all."""
    rows = {"stratum": np.array([0, 0, 0, 1, 4]), "weight": np.array([50.0, 50, 50, 50, 10])}
    held = [150, 900, 40, 30, 20]
    none = Sample(**rows, judged=np.zeros(5, dtype=bool), hit=np.zeros(5, dtype=bool))
    assert recall_of(*found(none, held)) is None
    assert precision(none, held) is None

    one_side = Sample(**rows, judged=np.arange(5) < 3, hit=np.arange(5) < 2)
    assert recall_of(*found(one_side, held)) is None, "of the routine ones nobody has judged any"
    assert precision(one_side, held).value == pytest.approx(2 / 3)

    right = Sample(**rows, judged=np.ones(5, dtype=bool), hit=np.array([True, True, True, False, False]))
    estimate = recall_of(*found(right, held))
    assert estimate.value == estimate.high == 1
    assert estimate.low < 0.3
    assert days_until(*found(right, held), 1) > 100

    wrong = Sample(**rows, judged=np.ones(5, dtype=bool), hit=np.array([False, False, False, True, False]))
    estimate = recall_of(*found(wrong, held))
    assert estimate.value == 0
    assert 0.1 < estimate.high < 1
    nothing = Sample(**rows, judged=np.ones(5, dtype=bool), hit=np.zeros(5, dtype=bool))
    assert recall_of(*found(nothing, held)) is None


def test_a_side_that_had_no_message_misses_nothing():
    sample = Sample(np.array([0]), np.array([2.0]), np.array([True]), np.array([True]))

    assert recall_of(*found(sample, [2, 0, 0, 0, 0])).value == 1


@pytest.mark.parametrize("tail", [0.025, 0.5, 0.975])
def test_gamma_quantiles_are_scipys(tail):
    shapes = np.array([0.3, 1, 1.7, 2, 5, 33, 400, 1999, 2001, 50_000])

    assert np.allclose(gamma_quantile(shapes, tail), stats.gamma.ppf(tail, shapes), rtol=2e-6)
    assert gamma_quantile(np.array([0.0]), tail)[0] == 0


def test_of_plain_counts_the_limits_are_garwoods():
    """With all weights 1, Fay and Feuer's are the exact limits of a Poisson count."""
    count = np.array([0.0, 1, 7, 40])

    low, high = sum_limits(count, count, np.ones(4), 0.95)

    assert np.allclose(low[1:], stats.chi2.ppf(0.025, 2 * count[1:]) / 2, rtol=1e-6)
    assert np.allclose(high, stats.chi2.ppf(0.975, 2 * count + 2) / 2, rtol=1e-6)


def test_of_two_plain_counts_the_share_is_that_of_clopper_and_pearson_nearly():
    """Given their sum, the share of two Poisson counts is binomial."""
    for hits, rest in ((93, 7), (465, 35), (10, 10)):
        sides = []
        for count in (hits, rest):
            one = np.array([float(count)])
            sides.append((one, *sum_limits(one, one, np.ones(1), 0.95)))
        _, low, high = share_limits(*sides)
        exact = stats.binomtest(hits, hits + rest).proportion_ci()
        assert abs(low[0] - exact.low) < 0.01 + 0.1 * (1 - exact.low)
        assert abs(high[0] - exact.high) < 0.02
