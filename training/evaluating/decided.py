"""How often a model decides as people did, on messages of which they have judged the decision alone."""

from pathlib import Path
from typing import Any

from consumer.intervals import wilson
from training.data.labelled import Labelled
from training.data.labels import DECISIONS
from training.evaluating.answers import answer_as_served


def agreed(artifact: Path, messages: Labelled) -> dict[str, Any]:
    """Of each decision that people took: how many, how many the model takes too, and the share with its interval."""
    _, answers = answer_as_served(artifact, messages)
    found: dict[str, Any] = {}
    for decision, label in DECISIONS.items():
        theirs = messages.labels == label
        rows, same = int(theirs.sum()), int((answers.urgent[theirs] == (decision == "urgent")).sum())
        bounds = {"share": same / rows, "interval": list(wilson(same, rows))} if rows else {}
        found[decision] = {"rows": rows, "agreed": same, **bounds}
    return found


def line(found: dict[str, Any]) -> str:
    """For people."""
    told = [
        f"{each['agreed']} of {each['rows']} that are {decision} ({each['share']:.1%}, {each['interval'][0]:.1%} to "
        f"{each['interval'][1]:.1%})"
        for decision, each in found.items()
        if each["rows"]
    ]
    return f"evaluate: decided as people did: {', '.join(told)}"
