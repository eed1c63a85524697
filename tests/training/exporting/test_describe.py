import numpy as np
import pytest

from consumer.manifest import ClassShares
from tests.training.made_up_run import recipe
from training.exporting.describe import class_shares
from training.scoring.crossfit import Calibration

pytestmark = pytest.mark.train

LIVE = (0.05, 0.10, 0.20, 0.30, 0.35)


def test_what_the_recipe_says_of_live_traffic_and_of_two_stars_is_told():
    """
    Beside the shares of the calibration messages, which the logits speak for.
    """
    calibration = Calibration(np.arange(10) % 5, {})
    declared = {"live_shares": LIVE, "unsatisfied_weight": 0.1}

    found = class_shares(recipe(promise={"recall": 0.8, **declared}), calibration)

    assert found == ClassShares(training=(0.2,) * 5, live=LIVE, unsatisfied_weight=0.1)


def test_two_stars_that_count_in_full_are_not_told():
    """
    So that consumers which do not know the weight yet take the artifact.
    """
    full, less = (ClassShares(training=LIVE, live=LIVE, unsatisfied_weight=weight) for weight in (1, 0.5))

    assert set(full.model_dump(mode="json")) == {"training", "live"}
    assert less.model_dump(mode="json")["unsatisfied_weight"] == 0.5
