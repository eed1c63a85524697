"""README.md of an artifact that was calibrated anew: what changed, and nothing of what was measured before."""

from collections.abc import Mapping

from huggingface_hub import ModelCard, ModelCardData

from consumer.manifest import Description, Manifest
from consumer.pages.in_words import at_least, percent
from training.data import Labelled
from training.evaluating.evaluate import Answered
from training.reporting.card import counted, whatever

MEASURED = "model-index"


def recalibrated_card(
    card: str,
    was: Manifest,
    now: Description,
    messages: Labelled,
    before: Mapping[str, Answered],
    after: Mapping[str, Answered],
) -> str:
    """From the old artifact's `card` only its metadata for the Hub, less the figures in it."""
    counts = ", ".join(map(str, messages.class_counts()))
    return "\n".join(
        [
            *_metadata(card),
            f"# {now.name} {now.version}",
            "",
            f"The model of {was.name} {was.version}, calibrated anew on {len(messages)} labelled messages ({counts}",
            "with 1 to 5 stars). Its weights are the same; temperature, threshold and promise are new.",
            "",
            "## What it promises",
            "",
            *_promises(now, before, after),
            *counted(now, was.class_shares.unsatisfied_weight),
            "",
            "## Limits",
            "",
            "The promise speaks of messages like those it was calibrated on. Nothing else was measured on them: label",
            "others, and ask `shikyu-train check` and `shikyu-train evaluate`.",
            "",
        ]
    )


def _metadata(card: str) -> list[str]:
    data = ModelCard(card, ignore_metadata_errors=True).data.to_dict()  # type: ignore[no-untyped-call]
    data.pop(MEASURED, None)
    return ["---", ModelCardData(ignore_metadata_errors=True, **data).to_yaml(), "---", ""] if data else []


def _promises(now: Description, before: Mapping[str, Answered], after: Mapping[str, Answered]) -> list[str]:
    lines = []
    for name, served in now.precisions.items():
        if promise := served.promise:
            lines.append(
                f"- {name}: at least {at_least(promise.target)} of the very unsatisfied are answered"
                f"{whatever(promise)}, with {at_least(promise.confidence)} confidence; of the messages with 3 to 5 "
                f"stars {percent(promise.needless)} were answered needlessly. The old threshold answered "
                f"{percent(before[name].recall)} and {percent(before[name].needless)}; of those with 2 stars it "
                f"answered {percent(before[name].unsatisfied)}, and the new one answers "
                f"{percent(after[name].unsatisfied)}"
                f"{'' if served.servable else ' (not servable: see the gate in manifest.json)'}."
            )
    return lines
