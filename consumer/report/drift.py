"""The one place where the report asks whether the messages are still like those that the model was measured on."""

from datetime import timedelta
from typing import Any

from consumer.drift import report, told
from consumer.errors import ArtifactError, SettingsError
from consumer.settings import Settings

# What `shikyu drift` calls features, as whoever reads the page would.
WORDS = {
    "satisfaction": "how satisfied their writers seem",
    "urgency": "how urgent they seem",
    "token_length": "how long they are",
    "unknown_share": "how many words the model does not know",
}


def drift(settings: Settings, since: timedelta) -> dict[str, Any] | None:
    """
    `verdict` and `why`, sentences for the page; `more`, what names settings and commands.

    None without model.artifact, which nothing can be held against.
    """
    if settings.model.artifact is None:
        return None
    try:
        found = report.figures(settings, since, lambda *_: None)
    except (ArtifactError, SettingsError) as problem:  # no reference, or too few answers: the page says so
        return {"verdict": "Not measured.", "why": [], "more": [str(problem)]}
    drifted = ", ".join(WORDS[name] for name in found["drifted"])
    _, *lines = told.lines(found)
    return {
        "verdict": f"Other messages than before: {drifted}." if drifted else "No drift.",
        "why": [each.replace("_", " ") for each in lines[: len(lines) - len(found["notes"])]],
        "more": list(found["notes"]),
    }
