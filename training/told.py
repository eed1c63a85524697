"""Figures as lines for a terminal."""

from collections.abc import Mapping

from consumer.manifest import Description
from training.evaluate import Answered, Evaluation
from training.measure import Results


def made_lines(manifest: Description, results: Results) -> list[str]:
    """What was promised, what was measured, and which precision may not be served."""
    return [*_promise_lines(manifest), *results_lines(results)]


def _promise_lines(manifest: Description) -> list[str]:
    lines = []
    for name, served in manifest.precisions.items():
        if promise := served.promise:
            lines.append(
                f"{name} promises {promise.target:.1%} of 1 star with {promise.confidence:.0%} confidence, "
                f"{promise.needless:.1%} of 3 to 5 needlessly in calibration (threshold {served.threshold:.4f})"
            )
        if not served.servable and served.gate:
            lines.append(
                f"{name} may not be served: {served.gate['label_agreement']:.1%} of its labels are fp32's (at least "
                f"{served.gate['min_agreement']:.1%} by the recipe's [gate]), {served.gate['more_needless']:+.1%} "
                f"needless answers (at most {served.gate['max_more_needless']:+.1%})"
            )
    return lines


def results_lines(results: Results) -> list[str]:
    """The test figures of each precision, with the baseline's below."""
    beside = {} if results.baseline is None else {"TF-IDF + logistic regression": results.baseline}
    lines = evaluation_lines({**results.precisions, **beside})
    if results.agreement is not None:
        lines.append(
            f"int8 and fp32: {results.agreement:.1%} the same answers, probabilities at most "
            f"{results.largest_difference:.4f} apart"
        )
    return lines


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
