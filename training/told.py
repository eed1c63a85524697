"""Figures as lines for a terminal."""

from collections.abc import Mapping

from training.evaluate import Answered, Evaluation
from training.measure import Results


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
