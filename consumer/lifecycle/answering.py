"""The model that answers now, in the one place from which another can take over."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from consumer.ahead import Finish
from consumer.classify import Classifier
from consumer.records import Decision, ModelVersion, Tokens


class Answering:
    """
    Hands on what the loop asks of a model. `swap` is the loop's own thread's to call, between two windows: so a window
    is answered by one version from its first record to its last.
    """

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier

    def swap(self, newcomer: Classifier) -> Classifier:
        """The newcomer answers from now on. Returns the one that did."""
        before, self.classifier = self.classifier, newcomer
        return before

    @property
    def model(self) -> ModelVersion:
        return self.classifier.model

    @property
    def max_length(self) -> int:
        return self.classifier.max_length

    @property
    def tokens_per_s(self) -> float:
        return self.classifier.tokens_per_s

    @property
    def at_once(self) -> int:
        return self.classifier.at_once

    @property
    def portion(self) -> int | None:
        return self.classifier.portion

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        return self.classifier.tokenize(texts)

    def batches(self, tokens: Sequence[Tokens]) -> list[list[int]]:
        return self.classifier.batches(tokens)

    def infer(self, tokens: Sequence[Tokens]) -> NDArray[np.float32]:
        return self.classifier.infer(tokens)

    def start(self, tokens: Sequence[Tokens]) -> Finish:
        return self.classifier.start(tokens)

    def decide(
        self, logits: NDArray[np.float32], tokens: Sequence[Tokens], urgent_rules: Sequence[str | None]
    ) -> list[Decision]:
        return self.classifier.decide(logits, tokens, urgent_rules)

    def healthy(self) -> bool:
        return self.classifier.healthy()
