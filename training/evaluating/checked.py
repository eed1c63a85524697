"""What an artifact promises, and whether its answers to other messages keep it."""

from collections.abc import Mapping
from pathlib import Path

from consumer.artifact import read_manifest
from consumer.errors import ArtifactError
from consumer.manifest import Promise
from training.data import Labelled
from training.evaluating.answers import answer
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
        asked = urgent, messages.labels, promise.target, promise.confidence, values, len(promised)
        found[name] = (promise, verdicts(*asked))
    return found
