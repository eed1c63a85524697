"""Logits to decisions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.decide import Policy, decide, prior_shift, probabilities, urgencies
from consumer.manifest import ClassShares
from consumer.records import ModelVersion, Satisfaction, Tokens

EVEN = (0.0,) * 5
LOGITS = np.array([[2.0, 1.0, 0.0, -1.0, 0.5]], dtype=np.float32)

rows = st.lists(st.floats(-60, 60, width=32), min_size=5, max_size=5)


def policy(**changes: object) -> Policy:
    plain = {
        "model": ModelVersion("tiny", "1", "fp32"),
        "temperature": 1.0,
        "threshold": 0.5,
        "prior_shift": EVEN,
        "special_tokens": 2,
    }
    return Policy(**{**plain, **changes})


def tokens(length: int = 10, unknown_share: float = 0.0) -> Tokens:
    return Tokens(np.arange(length), False, unknown_share)


def one(logits=LOGITS, text=None, rule=None, **changes):
    (decision,) = decide(policy(**changes), logits, [text or tokens()], [rule])
    return decision


@given(st.lists(rows, min_size=1, max_size=6), st.floats(0.05, 20))
def test_probabilities_are_a_distribution_and_urgency_one_of_them(logits, temperature):
    """However far apart the logits: they sum to 1, and urgency stays within [0, 1]."""
    shift = np.log([3.0, 1.5, 1.0, 0.5, 0.2])
    scores = np.array(logits, dtype=np.float32)

    calibrated, urgency = probabilities(scores, temperature), urgencies(scores, temperature, shift)

    assert calibrated.sum(axis=1) == pytest.approx(1.0)
    assert ((urgency >= 0) & (urgency <= 1)).all()


@given(st.lists(rows, min_size=2, max_size=6))
def test_a_row_s_neighbours_change_nothing(logits):
    """Alone and in a batch, to the last bit."""
    scores = np.array(logits, dtype=np.float32)

    together = urgencies(scores, 1.3, EVEN)

    assert [urgencies(scores[[row]], 1.3, EVEN)[0] for row in range(len(scores))] == together.tolist()


def test_urgency_is_the_two_unsatisfied_classes():
    """Under even shares, those of the published probabilities."""
    decision = one()

    assert decision.urgency == pytest.approx(decision.probabilities[0] + decision.probabilities[1])


def test_urgency_is_corrected_to_live_shares_and_probabilities_are_not():
    """By Bayes: each class's probability times live over training share, to a sum of 1."""
    training, live = np.array([0.2] * 5), np.array([0.05, 0.05, 0.1, 0.3, 0.5])
    by_hand = probabilities(LOGITS, 1.0)[0] * live / training
    by_hand /= by_hand.sum()

    decision = one(prior_shift=tuple(np.log(live / training)))

    assert decision.urgency == pytest.approx(by_hand[0] + by_hand[1])
    assert decision.probabilities == one().probabilities
    assert decision.satisfaction is Satisfaction.VERY_UNSATISFIED


def test_the_unsatisfied_count_in_urgency_by_the_weight_that_the_artifact_says():
    """As if so much fewer of them were live; with the least weight, only the very unsatisfied against the others."""
    shares = ClassShares(training=(0.2,) * 5, live=(0.05, 0.05, 0.1, 0.3, 0.5), unsatisfied_weight=0.1)
    first, second, *others = probabilities(LOGITS, 1.0)[0] * [0.05, 0.005, 0.1, 0.3, 0.5]

    decision = one(prior_shift=prior_shift(shares))

    assert decision.urgency == pytest.approx((first + second) / (first + second + sum(others)))
    assert decision.probabilities == one().probabilities


def test_temperature_divides_the_logits():
    """And spreads the probabilities."""
    assert one(temperature=2.0).probabilities == one(logits=LOGITS / 2).probabilities
    assert max(one(temperature=2.0).probabilities) < max(one().probabilities)


def test_the_satisfaction_is_the_most_probable_class():
    """Of the probabilities that are published."""
    for place, label in enumerate(Satisfaction):
        assert one(logits=np.eye(5, dtype=np.float32)[[place]]).satisfaction is label


def test_urgent_is_at_least_the_threshold_as_doubles():
    """The score itself is urgent, and the next double above it would not be; in fp32 they would be the same."""
    urgency = one().urgency

    assert one(threshold=urgency).urgent
    assert not one(threshold=float(np.nextafter(urgency, 1))).urgent
    assert one(threshold=urgency).reason == "model"


def test_a_rule_goes_before_everything():
    """Also for an empty text of a contented customer; the urgency stays the model's."""
    decision = one(text=tokens(2, 1.0), rule="legal", threshold=1.0, when_unsure="routine")

    assert (decision.decision, decision.reason) == ("urgent", "rule:legal")
    assert decision.urgency == one().urgency


@pytest.mark.parametrize("when_unsure", ["urgent", "routine"])
@pytest.mark.parametrize(
    ("text", "reason"),
    [(tokens(2, 1.0), "fallback:empty-text"), (tokens(10, 0.51), "fallback:unknown-tokens")],
)
def test_when_unsure_decides_what_the_model_cannot_read(text, reason, when_unsure):
    """Whatever the score says."""
    for threshold in (0.0, 1.0):
        decision = one(text=text, threshold=threshold, when_unsure=when_unsure)
        assert (decision.decision, decision.reason) == (when_unsure, reason)


def test_half_unknown_is_still_the_model_s():
    """Mostly means more than the setting says, not as much."""
    assert one(text=tokens(10, 0.5)).reason == "model"


def test_what_is_not_finite_decides_nothing():
    """Such rows are dead letters, and whoever lets one through has a bug."""
    with pytest.raises(ValueError, match="This is a bug"):
        one(logits=np.full((1, 5), np.nan, dtype=np.float32))
