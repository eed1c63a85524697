"""The plots of a report, out of what a run's folder holds as JSON."""

import itertools
from collections.abc import Mapping
from typing import Any

from training.measures.intervals import Estimate
from training.reporting.plots import Axis, Kind, Mark, Series, bars, chart, interval, nice_top

Json = Mapping[str, Any]

TFIDF_NAME = "TF-IDF + logistic regression"
LOWEST_RECALL, HIGHEST_RECALL = 0.8, 0.98


def tradeoff(model: Json, beside: Json | None, name: str) -> str:
    """Needless answers by recall, where promises are made; `model` and `beside` are Findings."""
    both = [found for found in (model, beside) if found]
    least = min(LOWEST_RECALL, *(found["recall"]["low"] - 0.02 for found in both))
    x, y = Axis("very unsatisfied answered (recall)", max(0.0, least)), _needless_axis(both)
    series = [
        Series(called, kind, found["curves"]["roc"]["y"], found["curves"]["roc"]["x"])
        for found, kind, called in _named(model, beside, name)
    ]
    mark = Mark(f"{name}'s threshold", "model", _estimate(model["recall"]), _estimate(model["needless"]))
    point = model["operating_point"]
    told = (
        f"At its threshold {name} answers {point['recall']:.1%} of the very unsatisfied and {point['needless']:.1%} of "
        "those with three to five stars. To the right more is answered, and more of it needlessly."
    )
    return chart("Needless answers for each recall", told, x, y, series, [mark])


def roc(model: Json, beside: Json | None, name: str) -> str:
    areas = _areas(model, beside, name, "roc")
    series = [Series(called, kind, **_points(found, "roc")) for found, kind, called in _named(model, beside, name)]
    axes = Axis("3 to 5 stars answered (needless)"), Axis("very unsatisfied answered")
    return chart("ROC", f"Areas below: {areas}.", *axes, series, diagonal=True)


def precision_recall(model: Json, beside: Json | None, name: str) -> str:
    areas = _areas(model, beside, name, "precision_recall")
    series = [
        Series(called, kind, points["x"][1:], points["y"][1:])  # the first stands for no message at all
        for found, kind, called in _named(model, beside, name)
        for points in (_points(found, "precision_recall"),)
    ]
    axes = Axis("very unsatisfied answered (recall)"), Axis("very unsatisfied of the answered (precision)")
    return chart("Precision and recall", f"Average precisions: {areas}.", *axes, series)


def urgencies(model: Json, threshold: float) -> str:
    """How the urgencies of three groups are spread, and which of them the threshold cuts off."""
    edges, counts = model["urgency"]["edges"], model["urgency"]["counts"]
    groups: list[tuple[str, Kind, list[int]]] = [
        ("1 star", "model", counts[0]),
        ("2 stars", "before", counts[1]),
        ("3 to 5 stars", "beside", [sum(some) for some in zip(*counts[2:], strict=True)]),
    ]
    shares = {name: [count / max(1, sum(some)) for count in some] for name, _, some in groups}
    top = min(1.0, nice_top(max(max(some) for some in shares.values())))
    across = [edge for edge in edges for _ in range(2)][1:-1]
    series = [Series(name, kind, across, [s for s in shares[name] for _ in range(2)]) for name, kind, _ in groups]
    limit = Series("threshold", "limit", (threshold, threshold), (0, top))
    told = f"What lies right of the threshold, {threshold:.3f}, is answered. Each line's steps add up to 100 %."
    return chart("Urgency by stars", told, Axis("urgency"), Axis("share of the messages", 0, top), [*series, limit])


def reliability(title: str, before: Json, after: Json, which: str) -> str:
    """`before` and `after` the temperature; `which` of their points: top_label or urgency."""
    points = {"before": before[f"{which}_points"], "model": after[f"{which}_points"]}
    highest = max(max(point["predicted"], point["happened"]) for some in points.values() for point in some)
    top = min(1.0, nice_top(highest))
    series = [
        Series(f"{'before' if kind == 'before' else 'after'} the temperature", kind, **_reliable(some), dots=True)  # type: ignore[arg-type]
        for kind, some in points.items()
    ]
    error = after[which]["error"]
    told = (
        f"On the dashed line, what is said is what comes. After the temperature it is off by {error['value']:.1%} on "
        f"average ({error['low']:.1%} to {error['high']:.1%})."
    )
    return chart(
        title, told, Axis("probability given", 0, top), Axis("share that came true", 0, top), series, diagonal=True
    )


def lengths(histogram: Json, max_length: int) -> str:
    """Up to the last bar that has any."""
    last = max((place for place, count in enumerate(histogram["counts"]) if count), default=0)
    edges, counts = histogram["edges"][: last + 2], histogram["counts"][: last + 1]
    told = f"{sum(counts)} messages; of each, no more than {max_length} tokens are read and counted."
    return bars("Length in tokens", told, "tokens", edges, counts)


def shorter(histogram: Json, max_length: int) -> str:
    """What share of the messages is, from a histogram by class whose bins hold about as many each."""
    counts = [sum(some) for some in zip(*histogram["counts"], strict=True)]
    below = [0, *itertools.accumulate(counts)]
    told = f"{below[-1]} messages; of each, no more than {max_length} tokens are read and counted."
    line = Series("messages", "model", histogram["edges"], [each / below[-1] for each in below])
    longest = Axis("length in tokens", 0, nice_top(histogram["edges"][-1]))
    return chart("Length in tokens", told, longest, Axis("share of the messages that are shorter"), [line])


def interval_bar(estimate: Json | None, name: str, line: float | None = None, least: float = 0.0) -> str:
    """From a tenth below `least` to 1; nothing where nothing could be measured."""
    if not estimate:
        return ""
    told = f"{name}: {estimate['value']:.1%}, {estimate['low']:.1%} to {estimate['high']:.1%}"
    return interval(_estimate(estimate), told, line, Axis(name, max(0.0, int(10 * least) / 10 - 0.1)))


def _named(model: Json, beside: Json | None, name: str) -> list[tuple[Json, Any, str]]:
    return [(model, "model", name), *([(beside, "beside", TFIDF_NAME)] if beside else [])]


def _needless_axis(both: list[Json]) -> Axis:
    """As high as what HIGHEST_RECALL costs: the very last of the very unsatisfied cost everything."""
    shown = [
        needless
        for found in both
        for needless, recall in zip(found["curves"]["roc"]["x"], found["curves"]["roc"]["y"], strict=True)
        if recall <= HIGHEST_RECALL
    ]
    highest = max([*shown, *(found["needless"]["high"] for found in both)])
    return Axis("3 to 5 stars answered (needless)", 0, min(1.0, nice_top(highest)))


def _areas(model: Json, beside: Json | None, name: str, curve: str) -> str:
    return ", ".join(
        f"{called} {found['curves'][curve]['area']:.3f}" for found, _, called in _named(model, beside, name)
    )


def _points(found: Json, curve: str) -> dict[str, Any]:
    return {axis: found["curves"][curve][axis] for axis in ("x", "y")}


def _reliable(points: list[Json]) -> dict[str, Any]:
    return {"x": [point["predicted"] for point in points], "y": [point["happened"] for point in points]}


def _estimate(found: Json) -> Estimate:
    return Estimate(**found)
