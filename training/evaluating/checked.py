"""What an artifact promises, and whether its answers to other messages keep it: for `check`, and for a run's report."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from consumer.artifact import read_manifest
from consumer.errors import ArtifactError, SettingsError
from consumer.manifest import Promise
from training.data import Labelled
from training.evaluating.answers import Answers, answer
from training.operating.kept import Verdict, verdicts


def promises(artifact: Path, precision: str | None = None) -> dict[str, Promise]:
    """By one precision, or by each that may be served. ArtifactError where one promises nothing."""
    found = {}
    for name, served in read_manifest(artifact).precisions.items():
        if name == precision or (precision is None and served.servable):
            if served.promise is None:
                raise ArtifactError(
                    f"{artifact} promises nothing in {name}, so there is nothing to check: calibrate it anew."
                )
            found[str(name)] = served.promise
    if not found:
        raise ArtifactError(f"{artifact} has no {precision or 'precision that may be served'}: export it anew.")
    return found


def checked(
    artifact: Path, messages: Labelled, promised: Mapping[str, Promise], slices: str | None = None
) -> dict[str, tuple[Promise, dict[str, Verdict]]]:
    """Each promise with its verdicts by slice, worst first; `slices` is a column of the messages."""
    values = messages.columns[slices] if slices else None
    found = {}
    for name, promise in promised.items():
        urgent = answer(artifact, messages, name)[0][name].urgent
        found[name] = (promise, _judged(promise, urgent, messages.labels, values, len(promised)))
    return found


def kept_on(
    answers: Mapping[str, Answers],
    labels: NDArray[np.int64],
    columns: Mapping[str, Sequence[str]],
    promised: Mapping[str, Promise],
) -> dict[str, dict[str, Verdict]]:
    """
    The verdicts of `check` on answers that are there, by precision and slice, each in the slices that it promises.

    Empty where the messages have too many slices to be judged: no run has to end for that.
    """
    try:
        return {
            name: _judged(
                promise,
                answers[name].urgent,
                labels,
                columns[promise.slices] if promise.slices else None,
                len(promised),
            )
            for name, promise in promised.items()
        }
    except SettingsError:
        return {}


def _judged(
    promise: Promise,
    urgent: NDArray[np.bool_],
    labels: NDArray[np.int64],
    slices: Sequence[str] | None,
    precisions: int,
) -> dict[str, Verdict]:
    return verdicts(urgent, labels, promise.target, promise.confidence, slices, precisions)
