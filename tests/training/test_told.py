from pathlib import Path

import pytest

from consumer.artifact import read_manifest
from training.evaluate import Answered, Evaluation
from training.measure import Results
from training.told import made_lines

pytestmark = pytest.mark.train

EVALUATION = Evaluation(300, 0.82, 0.49, Answered(0.98, 0.83, 0.11), Answered(0.97, 0.78, 0.10))


def test_a_precision_that_may_not_be_served_says_why():
    """
    Who finds int8 refused by the consumer was told so when it was made.
    """
    manifest = read_manifest(Path(__file__).parents[2] / "artifacts" / "sample")
    gate = {"label_agreement": 0.93, "min_agreement": 0.99, "more_needless": 0.02, "max_more_needless": 0.01}
    refused = manifest.precisions["int8"].model_copy(update={"servable": False, "gate": gate})
    changed = manifest.model_copy(update={"precisions": {**manifest.precisions, "int8": refused}})

    lines = "\n".join(made_lines(changed, Results({"fp32": EVALUATION}, EVALUATION, {}, {})))

    assert "int8 may not be served: 93.0% of its labels are fp32's (at least 99.0%" in lines
    assert "+2.0% needless answers (at most +1.0%)" in lines
    assert "operating point: 98.0% of 1 star answered, 83.0% of 2, 11.0% of 3 to 5 needlessly" in lines
    assert "argmax:          97.0%" in lines
