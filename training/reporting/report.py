"""
The report of a run: one HTML page that holds everything it shows, for a manager at the top and an engineer to the end.

It shows what the run's folder holds as JSON and nothing else, and says "not measured" of what is not there. Customers'
texts may stand in it, so it is no part of the artifact.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, wraps
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from consumer.artifact import best_precision
from consumer.manifest import Description, Reference
from consumer.pages.environment import environment as shared
from training.evaluating.figures import TFIDF
from training.operating.effort import as_stated, estimated
from training.operating.kept import Verdict
from training.recipe import Recipe
from training.reporting import drawn
from training.reporting.recipe_lines import recipe_lines

MESSAGES_PER_DAY = 10_000
FIRST_SLICES = 20
WORST_FIRST = ("broken", "too few to tell", "kept")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """
    The JSON files of a run's folder, None for those that are not there; `counts` of messages by split and class.

    `sources` has those of each source, by split.
    """

    operating_point: Json
    evaluation: Json | None = None
    eval_results: Json | None = None
    prediction_results: Json | None = None
    train_results: Json | None = None
    mistakes: Json | None = None
    flips: Json | None = None
    data: Json | None = None
    counts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    sources: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def report(recipe: Recipe, description: Description, found: Found) -> str:
    """The page. `description` is that of the operating point."""
    name = best_precision(description)
    model, beside = findings(found.evaluation, name)
    chosen = found.operating_point["chosen"]
    promise = chosen["precisions"][name]
    return (
        environment()
        .get_template("report.html")
        .render(
            recipe=recipe,
            recipe_lines=recipe_lines(recipe),
            description=description,
            found=found,
            served=name,
            model=model,
            beside=beside,
            gain=(found.evaluation or {}).get(f"gain_over_{TFIDF}"),
            ahead=ahead((found.evaluation or {}).get(f"gain_over_{TFIDF}")),
            chosen=chosen,
            promise=promise,
            kept=kept(found.evaluation, name),
            day=day(recipe, description, promise["effort"], model, beside),
            tfidf=drawn.TFIDF_NAME,
            first_slices=FIRST_SLICES,
        )
    )


def findings(evaluation: Json | None, name: str) -> tuple[Json | None, Json | None]:
    """The model's and TF-IDF's."""
    return (evaluation["precisions"].get(name), evaluation.get(TFIDF)) if evaluation else (None, None)


def day(
    recipe: Recipe, description: Description, on_calibration: Json | None, model: Json | None, beside: Json | None
) -> dict[str, Any]:
    """
    What a day takes with the `model` and with TF-IDF `beside`, measured on the test messages, else `on_calibration`.

    `looks` are the model's by class; `stated` is its day by the reference's own arithmetic.
    """
    messages = recipe.promise.messages_per_day or MESSAGES_PER_DAY
    live, confidence = description.class_shares.live, recipe.promise.confidence

    def effort(findings: Json | None) -> dict[str, object] | None:
        counts = (findings or {}).get("per_class")
        if not counts or 0 in counts["rows"]:
            return None
        return estimated(messages, live, counts["answered"], counts["rows"], confidence).as_json()

    point = model["operating_point"] if model else None
    own = effort(model)
    return {
        "messages": messages,
        "live": live,
        "confidence": confidence,
        "model": own or on_calibration,
        "on_test": own is not None,
        "looks": looks(messages, live, model) if model and own else None,
        "beside": effort(beside),
        "stated": as_stated(messages, messages * live[0], point["recall"], point["needless"]) if point else None,
    }


def looks(messages: float, live: Sequence[float], model: Json) -> list[float]:
    """How many of a day's messages of each class are answered."""
    counts = zip(live, model["per_class"]["answered"], model["per_class"]["rows"], strict=True)
    return [messages * share * answered / of for share, answered, of in counts]


def kept(evaluation: Json | None, name: str) -> Verdict | None:
    """What `check` says of the precision's promise on the test messages; of a promise of slices, the worst's."""
    found = [Verdict(**each) for each in (evaluation or {}).get("verdicts", {}).get(name, {}).values()]
    return min(found, key=lambda one: (WORST_FIRST.index(one.outcome), one.high), default=None)


def ahead(gain: Json | None) -> str | None:
    """Of TF-IDF, where both have the promised recall: ahead, behind, or neither beyond chance."""
    if not gain:
        return None
    needless = gain["needless_at_recall"]
    if needless["high"] < 0:
        return "ahead"
    return "behind" if needless["low"] > 0 else "neither"


@cache
def environment() -> Environment:
    """Of every page of training's: those that all pages share, and the plots."""
    made = shared("training.reporting")
    plots = (
        drawn.tradeoff,
        drawn.roc,
        drawn.precision_recall,
        drawn.reliability,
        drawn.lengths,
        drawn.shorter,
        drawn.urgencies,
        drawn.interval_bar,
    )
    made.globals |= {each.__name__: _safe(each) for each in plots}
    made.globals["without_unknown"] = without_unknown
    return made


def without_unknown(reference: Reference) -> float:
    """The share of messages without an unknown token, which a reference's first bin holds."""
    counts = reference.unknown_share.counts
    return sum(row[0] for row in counts) / sum(map(sum, counts))


def _safe(draw: Callable[..., str]) -> Callable[..., Markup]:
    """The plots escape what they write; nothing else on the page is taken as it is."""

    @wraps(draw)
    def drawing(*given: Any) -> Markup:
        return Markup(draw(*given))  # noqa: S704

    return drawing
