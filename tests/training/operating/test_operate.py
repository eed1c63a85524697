from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from consumer.decide import prior_shift
from consumer.manifest import ClassShares
from tests.training.made_up_run import of_no_texts
from training import recipe as recipes
from training.measures.binomial import share_at_least, share_wherever_cut
from training.operating.basis import Basis
from training.operating.gate import measured
from training.operating.operate import decided, operate, operated
from training.operating.operating_point import needless_of
from training.operating.served import served
from training.scoring.crossfit import Calibration

pytestmark = pytest.mark.train

FIFTHS = (0.2, 0.2, 0.2, 0.2, 0.2)
SHARES = ClassShares(training=FIFTHS, live=FIFTHS)
COST = {"by": "cost", "cost_missed": 5, "cost_needless": 1}
CAPACITY = {"by": "capacity", "looks_per_day": 300, "messages_per_day": 1000}


def scored(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = np.arange(rows) % 5
    logits = generator.normal(0, 1, (rows, 5)) + 2 * np.exp(-((np.arange(5) - labels[:, None]) ** 2))
    return logits.astype(np.float32), labels


def halves(rows: int) -> Basis:
    return Basis(np.arange(rows // 2), np.arange(rows // 2, rows))


def test_what_the_promise_rests_on_never_touches_the_temperature():
    """
    Other messages there, the same temperature; other messages for the temperature, another.
    """
    logits, labels = scored(1000)
    others, _ = scored(1000, seed=1)
    promise = recipes.Promise(recall=0.9)
    here = operate(logits, labels, SHARES, promise, halves(1000))

    below = operate(np.concatenate([logits[:500], others[500:]]), labels, SHARES, promise, halves(1000))
    above = operate(np.concatenate([others[:500], logits[500:]]), labels, SHARES, promise, halves(1000))

    assert below.temperature == here.temperature != above.temperature
    assert here.point.size == 100
    assert here.point.promised >= 0.9


@pytest.mark.parametrize("section", [COST, CAPACITY])
def test_a_threshold_by_cost_or_capacity_carries_a_bound_that_says_where_from(section):
    """
    Of messages it was not chosen on; of the same ones only the wider bound, which allows for the choice.
    """
    logits, labels = scored(1000)
    promise = recipes.Promise.model_validate(section)

    apart = operate(logits, labels, SHARES, promise, halves(1000)).point
    same = operate(logits, labels, SHARES, promise).point

    assert (apart.bound, same.bound) == ("clopper-pearson", "massart")
    for point in (apart, same):
        assert 0 < point.promised < 1 - point.allowed / point.size
    assert apart.promised == share_at_least(100 - apart.allowed, 100, 0.95)
    assert same.promised == share_wherever_cut(200 - same.allowed, 200, 0.95)


@pytest.mark.parametrize("section", [COST, CAPACITY])
def test_the_bound_of_a_tradeoff_holds_as_often_as_it_says(section):
    """
    Against the recall of 20,000 other messages, in 200 draws: at least 95 of 100, less three standard errors.
    """
    logits, labels = scored(20_000, seed=9)
    promise = recipes.Promise.model_validate(section)
    kept = 0
    for draw in range(200):
        own, theirs = scored(200, seed=100 + draw)
        both = np.concatenate([own, logits[labels == 0]])
        found = operate(both, np.concatenate([theirs, np.zeros(4000, dtype=np.int64)]), SHARES, promise, halves(200))
        kept += (found.urgency[200:] >= found.point.threshold).mean() >= found.point.promised

    assert kept / 200 >= 0.95 - 3 * (0.05 * 0.95 / 200) ** 0.5


def test_slices_hold_the_threshold_down():
    """
    A slice whose very unsatisfied messages look happier lowers it for all.
    """
    logits, labels = scored(1000)
    harder = np.arange(1000) % 10 >= 5
    logits[harder & (labels == 0), 4] += 3
    rows = np.arange(1000)
    promise = recipes.Promise(recall=0.9)

    mean = operate(logits, labels, SHARES, promise, Basis(rows, rows))
    worst = operate(logits, labels, SHARES, promise, Basis(rows, rows, tuple(np.where(harder, "hard", "easy"))))

    assert worst.point.threshold < mean.point.threshold
    assert [each.value for each in worst.slices] == ["hard", "easy"]


def test_the_manifest_says_of_which_slices_it_promises_and_by_which_bound():
    """
    So that the card, and whoever has the artifact alone, takes it for no more than it is.
    """
    logits, labels = scored(1000)
    calibration = Calibration(labels, {"fp32": of_no_texts(logits)})
    basis = Basis(np.arange(1000), np.arange(1000), ("en", "de") * 500)

    def promised(basis, **section):
        promise = recipes.Promise.model_validate(section)
        points = operated(calibration, SHARES, promise, basis)
        return served(points, decided(calibration.scored, points, SHARES), labels, recipes.Gate())["fp32"].promise

    sliced = promised(basis, recall=0.9, slices="tongue")
    plain, cost = promised(None, recall=0.9), promised(None, **COST)
    assert (sliced.slices, sliced.bound) == ("tongue", "wilks")
    assert (plain.slices, plain.bound) == (None, "wilks")
    assert (cost.slices, cost.bound) == (None, "massart")


@pytest.mark.parametrize("section", [COST, CAPACITY])
def test_a_tradeoff_is_not_chosen_on_what_bounds_it(section):
    """
    Other messages there, the same threshold; other ones for the temperature, another.
    """
    logits, labels = scored(1000)
    others, _ = scored(1000, seed=1)
    promise = recipes.Promise.model_validate(section)

    def threshold(first, second):
        joined = np.concatenate([first[:500], second[500:]])
        return operate(joined, labels, SHARES, promise, halves(1000)).point.threshold

    assert threshold(logits, others) == threshold(logits, logits) != threshold(others, logits)


def test_a_capacity_is_used_and_not_passed():
    """
    300 looks of 1,000 messages: as many as that, or a few less, on the messages that chose.
    """
    logits, labels = scored(1000)

    found = operate(logits, labels, SHARES, recipes.Promise.model_validate(CAPACITY), halves(1000))

    assert 0.28 <= found.urgent[:500].mean() <= 0.3
    very = found.urgent[500:][labels[500:] == 0]
    assert found.point.allowed == (~very).sum() < very.sum()


def test_a_message_at_the_threshold_is_answered():
    """
    As the consumer does.
    """
    found = operate(*scored(1000), SHARES, recipes.Promise(recall=0.9))
    at = np.array([found.point.threshold, np.nextafter(found.point.threshold, 0)])

    assert replace(found, urgency=at).urgent.tolist() == [True, False]


def test_live_shares_move_urgency_from_those_of_training():
    """
    Rarer out there than in the messages, less probable: the logarithm of live by training.
    """
    shares = ClassShares(training=(0.4, 0.3, 0.1, 0.1, 0.1), live=FIFTHS)

    assert prior_shift(shares) == pytest.approx(np.log([1 / 2, 2 / 3, 2, 2, 2]))


def test_what_is_served_says_what_its_own_messages_promise():
    """
    Size and needless answers are of the messages that the promise rests on; a precision beyond its limits is no choice.
    """
    logits, labels = scored(1000)
    calibration = Calibration(labels, {"fp32": of_no_texts(logits), "int8": of_no_texts(logits.round())})
    points = operated(calibration, SHARES, recipes.Promise(recall=0.9), halves(1000))

    by = decided(calibration.scored, points, SHARES)
    made = served(points, by, labels, recipes.Gate())

    assert (made["fp32"].gate, made["fp32"].servable, made["int8"].servable) == (None, True, False)
    assert made["int8"].gate == measured(by["int8"], by["fp32"], labels, recipes.Gate())
    for name, each in made.items():
        promise, point = each.promise, points[name]
        assert (promise.target, promise.recall, promise.calibration_size) == (0.9, point.point.promised, 500)
        assert promise.needless == needless_of(point.urgent[500:], labels[500:]) != needless_of(point.urgent, labels)
    loose = recipes.Gate(min_agreement=0, max_more_needless=1)
    assert served(points, by, labels, loose)["int8"].servable


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"by": "cost", "cost_missed": 5}, "needs cost_missed and cost_needless"),
        ({"by": "capacity", "looks_per_day": 5}, "needs messages_per_day"),
        ({"cost_missed": 5}, 'cost_missed is for by = "cost", and this is by = "recall"'),
        ({**COST, "looks_per_day": 5}, 'looks_per_day is for by = "capacity"'),
        ({**COST, "slices": "language"}, 'slices are promised by = "recall"'),
    ],
)
def test_a_setting_that_would_do_nothing_is_refused(section, message):
    """
    Nobody finds out from the threshold that a cost was not counted.
    """
    with pytest.raises(ValidationError, match=message):
        recipes.Promise.model_validate(section)
