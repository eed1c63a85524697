"""Logits to decisions: temperature, live class shares, threshold, and who decides when the model should not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from consumer.artifact import Artifact
from consumer.manifest import ClassShares
from consumer.records import Decision, ModelVersion, Satisfaction, Tokens

WhenUnsure = Literal["urgent", "routine"]

LABELS = tuple(Satisfaction)
UNSATISFIED = [LABELS.index(Satisfaction.VERY_UNSATISFIED), LABELS.index(Satisfaction.UNSATISFIED)]

EMPTY_TEXT = "fallback:empty-text"
UNKNOWN_TOKENS = "fallback:unknown-tokens"
BY_MODEL = "model"


@dataclass(frozen=True, slots=True)
class Policy:
    """
    What turns logits into decisions. `prior_shift` is what the function of that name gives.

    A text of `special_tokens` tokens is empty.
    """

    model: ModelVersion
    temperature: float
    threshold: float
    prior_shift: tuple[float, ...]
    special_tokens: int
    when_unsure: WhenUnsure = "urgent"
    max_unknown_share: float = 0.5

    @classmethod
    def of(
        cls, artifact: Artifact, special_tokens: int, when_unsure: WhenUnsure = "urgent", max_unknown_share: float = 0.5
    ) -> "Policy":
        served = artifact.served
        return cls(
            artifact.version,
            served.temperature,
            served.threshold,
            prior_shift(artifact.manifest.class_shares),
            special_tokens,
            when_unsure,
            max_unknown_share,
        )


def probabilities(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """Calibrated to the class shares of training: softmax of logits / temperature; (B, 5) to (B, 5)."""
    return _softmax(logits.astype(np.float64) / temperature)


def prior_shift(shares: ClassShares) -> tuple[float, ...]:
    """For `urgencies`: log(live share, as urgency counts it / training share) per class."""
    shift = np.log(np.array(shares.in_urgency)) - np.log(np.array(shares.training))
    return tuple(shift.tolist())


def urgencies(logits: NDArray[np.float32], temperature: float, shift: Sequence[float]) -> NDArray[np.float64]:
    """
    P(very unsatisfied) + P(unsatisfied) among live traffic; (B, 5) to (B,), in [0, 1].

    Multiplies each class's odds by how much more often it occurs there than in training (Saerens et al. 2002); the
    unsatisfied by less where the artifact counts them less. `shift` is `prior_shift`'s.
    """
    live = _softmax(logits.astype(np.float64) / temperature + np.asarray(shift))
    urgency: NDArray[np.float64] = np.minimum(live[:, UNSATISFIED].sum(axis=1), 1.0)
    return urgency


def decide(
    policy: Policy, logits: NDArray[np.float32], tokens: Sequence[Tokens], urgent_rules: Sequence[str | None]
) -> list[Decision]:
    """
    One decision per row of logits (B, 5), which must be finite. A row's neighbours change nothing.

    A rule of the user's goes first, then what the model cannot judge (`when_unsure`), then the model: urgent when the
    urgency is at least the threshold, both as doubles.
    """
    if not np.isfinite(logits).all():
        raise ValueError("logits that are not finite decide nothing; take those rows out first. This is a bug.")
    calibrated = probabilities(logits, policy.temperature)
    urgency = urgencies(logits, policy.temperature, policy.prior_shift)
    best = calibrated.argmax(axis=1)
    return [
        _decision(policy, calibrated[row].tolist(), float(urgency[row]), LABELS[best[row]], text, rule)
        for row, (text, rule) in enumerate(zip(tokens, urgent_rules, strict=True))
    ]


def _decision(
    policy: Policy,
    calibrated: list[float],
    urgency: float,
    satisfaction: Satisfaction,
    tokens: Tokens,
    rule: str | None,
) -> Decision:
    urgent, reason = _judge(policy, urgency, tokens, rule)
    first, second, third, fourth, fifth = calibrated
    return Decision(
        satisfaction=satisfaction,
        probabilities=(first, second, third, fourth, fifth),
        urgency=urgency,
        urgent=urgent,
        threshold=policy.threshold,
        reason=reason,
        truncated=tokens.truncated,
        model=policy.model,
    )


def _judge(policy: Policy, urgency: float, tokens: Tokens, rule: str | None) -> tuple[bool, str]:
    if rule is not None:
        return True, f"rule:{rule}"
    if len(tokens.ids) <= policy.special_tokens:
        return policy.when_unsure == "urgent", EMPTY_TEXT
    if tokens.unknown_share > policy.max_unknown_share:
        return policy.when_unsure == "urgent", UNKNOWN_TOKENS
    return urgency >= policy.threshold, BY_MODEL


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
