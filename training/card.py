"""README.md of an artifact: what the model is for, what it was measured to do, and what it is not."""

from consumer.manifest import Description
from training.evaluate import Evaluation
from training.prepare import Prepared
from training.recipe import Recipe
from training.results import Results


def card(recipe: Recipe, description: Description, messages: Prepared, results: Results) -> str:
    """Markdown with the Hub's metadata on top."""
    return "\n".join(
        [
            *_metadata(recipe, description, results),
            f"# {recipe.name} {recipe.version}",
            "",
            recipe.description.strip() or "Tells how satisfied the writer of a customer message is, in five classes.",
            "",
            *_data(description, messages),
            *_promises(description),
            *_figures(messages, results),
            *_limits(),
        ]
    )


def _metadata(recipe: Recipe, description: Description, results: Results) -> list[str]:
    lines = ["---", "library_name: transformers", "pipeline_tag: text-classification", "language: en"]
    if description.base_model != "scratch":
        lines.append(f"base_model: {description.base_model}")
    if fp32 := results.precisions.get("fp32"):
        lines += [
            "model-index:",
            f"- name: {recipe.name}",
            "  results:",
            "  - task:",
            "      type: text-classification",
            "    dataset:",
            f"      name: {recipe.name} test messages",
            "      type: private",
            "    metrics:",
            "    - type: accuracy",
            f"      value: {fp32.accuracy:.4f}",
            "    - type: loss",
            f"      value: {fp32.loss:.4f}",
        ]
    return [*lines, "---", ""]


def _data(description: Description, messages: Prepared) -> list[str]:
    counts = ", ".join(map(str, description.training_data.class_counts))
    origin = (
        "A DeBERTa-v2 built from scratch"
        if description.base_model == "scratch"
        else f"Fine-tuned from `{description.base_model}`"
    )
    calibrated = (
        "by models fitted on the other folds of the same messages"
        if messages.calibration is None
        else f"on {len(messages.calibration)} messages kept from the fit"
    )
    return [
        "## What it was made from",
        "",
        (
            f"{origin}; {description.training_data.rows} messages ({counts} with 1 to 5 stars), "
            f"at most {description.max_length} tokens of each. Temperature and threshold were chosen {calibrated}."
        ),
        "",
    ]


def _promises(description: Description) -> list[str]:
    lines = ["## What it promises", ""]
    for name, served in description.precisions.items():
        if promise := served.promise:
            lines.append(
                f"- {name}: at least {promise.target:.1%} of the very unsatisfied are answered, with "
                f"{promise.confidence:.0%} confidence, on messages like the {promise.calibration_size} it was "
                f"calibrated on, of whose 3 to 5 stars {promise.needless:.1%} were answered needlessly"
                f"{'' if served.servable else ' (not servable: see the gate in manifest.json)'}."
            )
    return [*lines, ""]


def _figures(messages: Prepared, results: Results) -> list[str]:
    if messages.test is None:
        return ["## Measured", "", "No test messages were named, so nothing was measured.", ""]
    rows = [(name, each) for name, each in results.precisions.items()]
    if results.baseline is not None:
        rows.append(("TF-IDF + logistic regression", results.baseline))
    return [
        f"## Measured on {len(messages.test)} test messages",
        "",
        f"{messages.dropped} training messages stood among them, word for word or nearly, and were not trained on.",
        "",
        "| | accuracy | loss | very unsatisfied answered | 3-5 stars needlessly | the same by argmax |",
        "|---|---|---|---|---|---|",
        *(_row(name, each) for name, each in rows),
        "",
    ]


def _row(name: str, measured: Evaluation) -> str:
    point, argmax = measured.operating_point, measured.argmax
    return (
        f"| {name} | {measured.accuracy:.3f} | {measured.loss:.3f} | {point.recall:.1%} | {point.needless:.1%} "
        f"| {argmax.recall:.1%} / {argmax.needless:.1%} |"
    )


def _limits() -> list[str]:
    return [
        "## Limits",
        "",
        "English only. The promise speaks of messages like those it was calibrated on: with other products, channels",
        "or customers, label some of yours and calibrate anew. The threshold is in manifest.json; transformers' own",
        "pipeline knows nothing of it.",
        "",
    ]
