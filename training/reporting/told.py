"""Figures as lines for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.manifest import Description
from consumer.pages.in_words import at_least
from consumer.visible import visible
from training import recipe as recipes
from training.evaluating.evaluate import Answered, Evaluation, answered
from training.evaluating.paired import Paired
from training.evaluating.results import Results
from training.evaluating.slices import Slice
from training.measures.intervals import Estimate
from training.operating.operate import Operated

SHOWN_CHARACTERS = 40
MOST_NEEDLESS = 0.5  # of three to five stars: beyond it, nobody is spared much by the model
HOW = {
    "wilks": "an order statistic chosen by their number alone",
    "clopper-pearson": "by messages that the threshold was not chosen on",
    "massart": "for whatever threshold might have been chosen on the same messages",
}
NEARLY = ", nearly: the temperature was fitted on the same messages"


def chosen_lines(points: Mapping[str, Operated], labels: NDArray[np.int64]) -> list[str]:
    """
    For a terminal: what each precision's threshold promises by which bound, what it answers of two stars, which are no
    part of that, and the slices that hold it down. `labels` are those of all messages that were scored.
    """
    lines = []
    for name, each in points.items():
        point = each.point
        lines.append(
            f"{name}: threshold {point.threshold:.4f}, temperature {each.temperature:.3f}; at least "
            f"{at_least(point.promised, '%')} of 1 star with {at_least(point.confidence, '%')} confidence "
            f"({HOW[point.bound]}{'' if each.apart else NEARLY}), from {point.size} of them; "
            f"{answered(each.urgent, labels).unsatisfied:.1%} of 2 stars answered"
        )
        lines += [
            f"  slice {visible(one.value, SHOWN_CHARACTERS)} alone: threshold {one.threshold:.4f}, "
            f"from {one.size} of 1 star"
            for one in each.slices[:5]
        ]
    return lines


def saves_little_lines(chosen: Mapping[str, Any]) -> list[str]:
    """Of operating_point.json's `chosen`: that a threshold by cost lies at an end, or nearly; else nothing."""
    each = {name: point["saved"] for name, point in chosen["precisions"].items() if point["saved"]}
    return [f"warning: {name}: {saved['warning']}" for name, saved in each.items() if saved["warning"]]


def counting(weight: float, was: float) -> str:
    """What goes with a promise whose price two stars pay; nothing where they count in full, and did before."""
    if weight == was == 1:
        return ""
    before = "" if weight == was else f" (was {was:g})"
    return f"; in urgency, two stars count {'in full' if weight == 1 else f'{weight:g} times'}{before}"


def promise_line(promise: recipes.Promise, weight_was: float) -> str:
    """What is about to be promised, and in which slices; how much two stars count, and did before."""
    sliced = f" in every slice of {visible(promise.slices, SHOWN_CHARACTERS)}" if promise.slices else ""
    mean = ' (--slices "" promises the mean)' if promise.slices else ""
    return (
        f"to promise: {at_least(promise.recall, '%')} of 1 star with {at_least(promise.confidence, '%')} confidence"
        f"{sliced}{mean}{counting(promise.unsatisfied_weight, weight_was)}"
    )


def made_lines(manifest: Description, results: Results) -> list[str]:
    """What was promised, what was measured, and which precision may not be served."""
    return [*_promise_lines(manifest), *results_lines(results)]


def _promise_lines(manifest: Description) -> list[str]:
    lines = []
    for name, served in manifest.precisions.items():
        if promise := served.promise:
            lines.append(
                f"{name} promises {at_least(promise.target, '%')} of 1 star with "
                f"{at_least(promise.confidence, '%')} confidence, {promise.needless:.1%} of 3 to 5 needlessly in "
                f"calibration (threshold {served.threshold:.4f})"
            )
        if not served.servable and (gate := served.gate):
            agreed, least = (at_least(gate[each], "%") for each in ("label_agreement", "min_agreement"))
            lines.append(
                f"{name} may not be served: {agreed} of its labels are fp32's (at least {least} by the recipe's "
                f"[gate]), {gate['more_needless']:+.2%} needless answers (at most {gate['max_more_needless']:+.2%})"
            )
    return lines


def results_lines(results: Results) -> list[str]:
    """The test figures of each precision, with the baseline's below."""
    beside = {} if results.baseline is None else {"TF-IDF + logistic regression": results.baseline}
    lines = evaluation_lines({**results.precisions, **beside})
    if results.gain is not None:
        lines += gain_lines(f"{results.served} less TF-IDF + logistic regression", results.gain)
    return lines + [
        f"{name} and fp32: {at_least(share, '%')} the same answers, probabilities at most "
        f"{results.largest_difference[name]:.4f} apart"
        for name, share in results.agreement.items()
    ]


def evaluation_lines(evaluations: Mapping[str, Evaluation]) -> list[str]:
    return [line for name, measured in evaluations.items() for line in _lines(name, measured)]


def _lines(name: str, measured: Evaluation) -> list[str]:
    return [
        f"{name}: {measured.rows} messages, accuracy {measured.accuracy:.3f}, loss {measured.loss:.3f}",
        f"  operating point: {_shares(measured.operating_point)}",
        f"  argmax:          {_shares(measured.argmax)}",
    ]


def _shares(answered: Answered) -> str:
    return (
        f"{answered.recall:.1%} of 1 star answered, {answered.unsatisfied:.1%} of 2, "
        f"{answered.needless:.1%} of 3 to 5 needlessly"
    )


def gain_lines(title: str, gain: Paired) -> list[str]:
    """What one model is ahead of another, with what chance leaves of it."""
    return [
        f"{title}: accuracy {points(gain.accuracy)} points (95 % intervals)",
        f"  by their own thresholds:    needless {points(gain.needless)}, recall {points(gain.recall)}",
        f"  both at {gain.at_recall:.1%} of 1 star:   needless {points(gain.needless_at_recall)}: {_verdict(gain)}",
    ]


def behind_lines(gain: Mapping[str, Any] | None, served: str, *, scratch: bool) -> list[str]:
    """
    For the end of a run, where nobody overlooks it: that TF-IDF is better beyond chance, and what to try; else nothing.

    `gain` is what evaluation.json keeps of a Paired.
    """
    if not gain or (gain["needless_at_recall"]["low"] <= 0 and gain["accuracy"]["high"] >= 0):
        return []
    more, needless = -100 * gain["accuracy"]["value"], 100 * gain["needless_at_recall"]["value"]
    epochs = "more epochs (num_train_epochs under [fit.arguments]"
    tries = f"{epochs} and [pretrain.arguments]), a pretrained base" if scratch else f"{epochs}), another learning_rate"
    ahead = f"accuracy {more:+.1f} points, needless {-needless:+.1f} points at {gain['at_recall']:.1%} of 1 star"
    return [
        f"warning: TF-IDF + logistic regression is better than {served} on the test messages, beyond chance: {ahead}",
        f"warning: this model is not worth its time yet; try {tries}, or more messages (docs/training.md, A recipe)",
    ]


def answers_nearly_all_lines(needless: Mapping[str, float]) -> list[str]:
    """For the end of a calibration, by precision: that its threshold is of no use, and what is; else nothing."""
    worst = max(needless.values(), default=0.0)
    if worst <= MOST_NEEDLESS:
        return []
    why = f"this keeps its promise by answering nearly everything ({worst:.1%} of 3 to 5 stars needlessly)"
    return [
        f"warning: {why}: the model cannot tell these messages apart; train on them (docs/training.md, Your messages)"
    ]


def worst_slice_lines(slices: Sequence[Slice], most: int) -> list[str]:
    """The first of them, which are the worst, as far as they hold very unsatisfied messages."""
    return [
        f"  {each.column} {visible(each.value, SHOWN_CHARACTERS)}: {each.recall.value:.1%} of {each.very_unsatisfied} "
        f"with 1 star answered ({each.recall.low:.1%} to {each.recall.high:.1%})"
        for each in slices[:most]
        if each.recall
    ]


def points(figure: Estimate) -> str:
    """A difference of shares in percentage points, with its interval."""
    return f"{100 * figure.value:+.1f} ({100 * figure.low:+.1f} to {100 * figure.high:+.1f})"


def _verdict(gain: Paired) -> str:
    if gain.needless_at_recall.high < 0:
        return "ahead beyond chance"
    if gain.needless_at_recall.low > 0:
        return "behind beyond chance"
    return "not told apart by these messages"
