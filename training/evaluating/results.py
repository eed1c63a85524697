"""What an evaluation hands on to the files, the card and the terminal."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.evaluating.answers import Answers
from training.evaluating.evaluate import Evaluation
from training.evaluating.paired import Paired


@dataclass(frozen=True, slots=True)
class Results:
    """
    On the test messages; empty without any. `agreement` and `largest_difference` are each other precision's with fp32.

    `gain` is what the precision that is `served` is ahead of the baseline; `tokens` are each text's.
    """

    precisions: Mapping[str, Evaluation]
    baseline: Evaluation | None
    agreement: Mapping[str, float]
    largest_difference: Mapping[str, float]
    answers: Mapping[str, Answers] = field(default_factory=dict)
    beside: Answers | None = None
    served: str | None = None
    gain: Paired | None = None
    tokens: NDArray[np.int64] | None = None
