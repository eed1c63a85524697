"""README.md of an artifact: what the model is for, what it was measured to do, and what it is not. It holds no text."""

from collections.abc import Mapping
from typing import Any

from consumer.manifest import Description, Promise
from consumer.pages.in_words import at_least, percent
from training.evaluating.figures import TFIDF
from training.recipe import SCRATCH, Recipe
from training.reporting.card_metadata import OnTheHub, metadata

Json = Mapping[str, Any]

INTENDED_USE = (
    "To sort customers' messages by how soon somebody should read them: what it calls urgent comes first. It is not "
    "meant to answer without a person, nor to judge customers or staff."
)
LIMITS = (
    "The promise speaks of messages like those it was calibrated on, and of {whom}: with other products, channels or "
    "customers, in another season, or where one event is on everybody's mind, it may not hold. Label some of the new "
    "messages, measure, and calibrate anew."
)
TRANSFORMERS = (
    'transformers loads the checkpoint too, and `pipeline("text-classification")` gives the five classes\' '
    "probabilities, without temperature and threshold: these are in `manifest.json`."
)


def card(
    recipe: Recipe,
    description: Description,
    figures: Json,
    evaluation: Json | None = None,
    hub: OnTheHub | None = None,
) -> str:
    """Markdown with the Hub's metadata on top. `figures` is eval_results.json, `evaluation` evaluation.json."""
    top = metadata(recipe, figures, evaluation, hub or OnTheHub())
    return "\n".join(
        [
            "---",
            top.to_yaml(),
            "---",
            "",
            f"# {recipe.name} {recipe.version}",
            "",
            recipe.description.strip() or "Tells how satisfied the writer of a customer message is, in five classes.",
            "",
            "## Intended use",
            "",
            recipe.card.intended_use.strip() or INTENDED_USE,
            "",
            *_how(description),
            *_data(recipe, description, figures),
            *_promises(description),
            *_figures(figures),
            *_limits(recipe, description),
        ]
    )


def _how(description: Description) -> list[str]:
    return [
        "```python",
        "from consumer import load  # pip install . in a clone of shikyu",
        "",
        f'decisions = load("{description.name}").classify(["Where is my refund?!"])',
        "```",
        "",
        TRANSFORMERS,
        "",
    ]


def _data(recipe: Recipe, description: Description, figures: Json) -> list[str]:
    counts = ", ".join(map(str, description.training_data.class_counts))
    scratch = description.base_model == SCRATCH
    pinned = f" at `{description.base_revision}`" if description.base_revision else ""
    origin = "Built from scratch" if scratch else f"Fine-tuned from `{description.base_model}`{pinned}"
    served = description.max_length
    fitted = recipe.fit.max_length or served
    more = f", and {served} where it is calibrated and served" if fitted < served else ""
    size = figures.get("eval_samples")
    calibrated = (
        "by models fitted on the other folds of the same messages"
        if recipe.calibration.folds is not None
        else f"on {size} messages kept from the fit"
    )
    return [
        "## What it was made from",
        "",
        (
            f"{origin}; {description.training_data.rows} messages ({counts} with 1 to 5 stars), "
            f"at most {fitted} tokens of each{more}. Temperature and threshold were chosen {calibrated}."
        ),
        "",
    ]


def _promises(description: Description) -> list[str]:
    lines = ["## What it promises", ""]
    for name, served in description.precisions.items():
        if promise := served.promise:
            lines.append(
                f"- {name}: at least {at_least(promise.target)} of the very unsatisfied are answered"
                f"{whatever(promise)}, with {at_least(promise.confidence)} confidence, on messages like the "
                f"{promise.calibration_size} it was calibrated on, of whose 3 to 5 stars {percent(promise.needless)} "
                f"were answered needlessly"
                f"{'' if served.servable else ' (not servable: see the gate in manifest.json)'}."
            )
    return [*lines, *counted(description), ""]


def counted(description: Description, was: float | None = None) -> list[str]:
    """What the promise costs those of two stars; nothing where they count in full, unless it `was` otherwise before."""
    weight = description.class_shares.unsatisfied_weight
    before = "" if was is None or was == weight else f" (was {was:g})"
    if weight < 1:
        cost = f"counts {weight:g} times in urgency{before}, so that fewer of these are answered"
    elif before:
        cost = f"counts in full in urgency{before}"
    else:
        return []
    return ["", f"A message with 2 stars {cost}."]


def _figures(figures: Json) -> list[str]:
    if not figures["test_rows"]:
        return ["## Measured", "", "No test messages were named, so nothing was measured.", ""]
    rows = dict(figures["precisions"])
    if figures.get(TFIDF):
        rows["TF-IDF + logistic regression"] = figures[TFIDF]
    dropped = figures["training_messages_dropped_for_standing_in_the_test"]
    return [
        f"## Measured on {figures['test_rows']} test messages",
        "",
        f"{dropped} training messages stood among them, word for word or nearly, and were not trained on.",
        "",
        "| | accuracy | loss | very unsatisfied answered | 3-5 stars needlessly | the same by argmax |",
        "|---|---|---|---|---|---|",
        *(_row(name, each) for name, each in rows.items()),
        "",
    ]


def _row(name: str, measured: Json) -> str:
    point, argmax = measured["operating_point"], measured["argmax"]
    return (
        f"| {name} | {measured['accuracy']:.3f} | {measured['loss']:.3f} | {percent(point['recall'])} | "
        f"{percent(point['needless'])} | {percent(argmax['recall'])} / {percent(argmax['needless'])} |"
    )


def whatever(promise: Promise) -> str:
    """The column of a promise that holds in each of its slices."""
    return f", whatever their `{promise.slices}`" if promise.slices else ""


def _limits(recipe: Recipe, description: Description) -> list[str]:
    languages = ", ".join(recipe.card.language)
    known = f"Made for messages in: {languages}." if languages else "It knows the language of its messages alone."
    columns = {each.promise.slices for each in description.precisions.values() if each.promise}
    sliced = [f"each `{column}` that they had" for column in columns if column]
    whom = sliced[0] if sliced else "all the very unsatisfied together"
    return ["## Limits", "", f"{known} {LIMITS.format(whom=whom)}", ""]
