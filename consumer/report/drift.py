"""The one place where the report asks whether the messages are still like those that the model was measured on."""

from datetime import timedelta
from typing import Any

from consumer.drift import report, told
from consumer.errors import ArtifactError, SettingsError
from consumer.settings import Settings


def drift(settings: Settings, since: timedelta) -> dict[str, Any] | None:
    """`verdict` and `why`, sentences for the page; None without model.artifact, which nothing can be held against."""
    if settings.model.artifact is None:
        return None
    try:
        found = report.figures(settings, since, lambda *_: None)
    except (ArtifactError, SettingsError) as problem:  # no reference, or too few answers: the page says so
        return {"verdict": "Not measured.", "why": [str(problem)]}
    verdict = f"Other messages than before: {', '.join(found['drifted'])}." if found["drifted"] else "No drift."
    return {"verdict": verdict, "why": told.lines(found)[1:]}
