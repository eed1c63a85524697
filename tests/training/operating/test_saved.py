import json

import numpy as np
import pytest

from consumer.manifest import ClassShares
from tests.training.made_up_run import run
from training import recipe as recipes
from training.operating.basis import Basis
from training.operating.chosen import chosen
from training.operating.operate import operate
from training.operating.saved import Saved, saved
from training.reporting.report import report
from training.reporting.told import saves_little_lines

pytestmark = pytest.mark.train

FIFTHS, LIVE = (0.2, 0.2, 0.2, 0.2, 0.2), (0.1, 0.1, 0.2, 0.3, 0.3)
SHARES = ClassShares(training=FIFTHS, live=LIVE)


def found(missed: float, *, rows: int = 1000, knows: float = 2.0) -> tuple[Saved, dict]:
    """Half of the messages choose; `knows` is how far the model's scores part the classes."""
    labels = np.arange(rows) % 5
    likely = knows * np.exp(-((np.arange(5) - labels[:, None]) ** 2))
    logits = (np.random.default_rng(0).normal(0, 1, (rows, 5)) + likely).astype(np.float32)
    promise = recipes.Promise(by="cost", cost_missed=missed, cost_needless=1.0)
    basis = Basis(np.arange(rows // 2), np.arange(rows // 2, rows))
    point = operate(logits, labels, SHARES, promise, basis)
    told = saved(point, labels, SHARES, promise)
    assert told is not None
    return told, json.loads(json.dumps(chosen({"fp32": point}, labels, SHARES, promise, basis)))


def test_a_threshold_that_is_worth_it_is_told_with_what_it_saves():
    """
    Against the cheaper of answering all and none, for live traffic, on the messages that did not choose it.
    """
    told, kept = found(5.0)

    assert (told.all_answered, told.none_answered) == pytest.approx((0.8, 0.5))
    assert (told.messages, told.very_unsatisfied) == (500, 100)
    assert 0.1 < told.share == 1 - told.by_threshold / told.none_answered < 1
    assert told.warning is None
    assert kept["precisions"]["fp32"]["saved"]["share"] == told.share
    assert saves_little_lines(kept) == []


@pytest.mark.parametrize(("missed", "knows", "otherwise"), [(1e6, 0.5, "all"), (1e-6, 0.5, "none"), (8.0, 0.0, "")])
def test_a_threshold_at_an_end_is_warned_of(missed, knows, otherwise):
    """
    One that answers all or next to none, and one of a model that knows nothing; with what to do.
    """
    told, kept = found(missed, knows=knows)

    [line] = saves_little_lines(kept)
    assert told.share < 0.1
    assert line.startswith("warning: fp32: the threshold by cost is worth little: a live message costs ")
    assert f"if {otherwise}" in line
    assert "were answered (on 500 messages, 100 with 1 star)" in line
    assert "cost_missed and cost_needless, label more for calibration, or promise a recall" in line


def test_few_messages_put_the_threshold_anywhere():
    """
    Of twenty, half choose: what the others say of it may be worse than no model at all, and is told so.
    """
    told, kept = found(100.0, rows=20, knows=1.0)

    assert told.share < 0.1
    assert "(on 10 messages, 2 with 1 star)" in saves_little_lines(kept)[0]


def test_the_report_warns_too():
    """
    Beside the promise, in the words of the terminal; a promised recall has no such costs.
    """
    recipe, description, of = run(promise={"by": "cost", "cost_missed": 8.0, "cost_needless": 1.0, "live_shares": LIVE})
    assert "Beware" not in report(recipe, description, of)

    for each in of.operating_point["chosen"]["precisions"].values():
        each["saved"]["warning"] = "worth <little>"

    assert "Beware:</span> worth &lt;little&gt;." in report(recipe, description, of)
    assert saves_little_lines(run()[2].operating_point["chosen"]) == []
