"""The figures of a window, as the JSON that the terminal, the page and pipelines are told."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from consumer.audit.estimate import URGENT, Estimate, Sample, days_until, found, precision, recall_of
from consumer.audit.notes import notes
from consumer.audit.population import Of, Population
from consumer.audit.promise import Promised, verdict
from consumer.corrections.entries import Correction
from consumer.corrections.settle import Settled

Figures = dict[str, Any]

KINDS: tuple[Of, ...] = ("very-unsatisfied", "should-be-urgent")


@dataclass(frozen=True, slots=True)
class Asked:
    """`of` is what the promise is compared with; `half_width` how well recall is to be known."""

    of: Of = "very-unsatisfied"
    half_width: float = 0.02


def figures(population: Population, settled: Settled, promise: Promised | None, days: float, asked: Asked) -> Figures:
    """`days` is how long the window's messages took to come. Pure."""
    standing = settled.standing
    samples = {of: population.sample(standing, of, by_model=False) for of in KINDS}
    everything = population.strata(by_model=False)
    live = _recall(population.sample(standing, asked.of, by_model=True), population.strata(by_model=True))
    # What an artifact promises is of the very unsatisfied; what was stated, of what is asked.
    speaks = promise is not None and (promise.model is None or asked.of == "very-unsatisfied")
    promised = _promised(promise, asked, live) if promise is not None and speaks else None
    made: Figures = {
        "days": days,
        "messages": {
            "all": sum(everything),
            "urgent": everything[URGENT],
            "routine": sum(everything[URGENT + 1 :]),
            "by_model": sum(population.strata(by_model=True)),
            "models": [{"model": list(model), "messages": count} for model, count in population.models.most_common(20)],
        },
        "marked": _marked(samples["should-be-urgent"], days),
        "of": asked.of,
        "promise": promised,
        "live": live,
        "recall": {of: _recall(samples[of], everything) for of in KINDS},
        "precision": {of: _precision(samples[of], everything) for of in KINDS},
        "missed_a_day": {of: _missed(samples[of], everything, days) for of in KINDS},
        "known": {
            "half_width": asked.half_width,
            "in_days": _known_in(population, standing, asked, days),
        },
        "unmarked": dict(population.unmarked(standing)),
        "corrections": {
            "standing": len(standing),
            "conflicts": len(settled.conflicts),
            "held": dict(Counter(each.reason for each in settled.held if each.reason != "unknown-message")),
        },
    }
    return {**made, "notes": list(map(str, notes(made, population)))}


def estimate(of: Estimate | None) -> Figures | None:
    if of is None:
        return None
    return {"value": of.value, "low": of.low, "high": of.high, "half_width": of.half_width}


def _recall(sample: Sample, held: list[int]) -> Figures | None:
    known = estimate(recall_of(*found(sample, held)))
    if known is None:
        return None
    urgent = sample.stratum == URGENT
    return {
        **known,
        "judged": {"urgent": _count(sample.judged & urgent), "routine": _count(sample.judged & ~urgent)},
        "found": {"urgent": _count(sample.hit & urgent), "routine": _count(sample.hit & ~urgent)},
    }


def _precision(sample: Sample, held: list[int]) -> Figures | None:
    known = estimate(precision(sample, held))
    return None if known is None else {**known, "judged": _count(sample.judged & (sample.stratum == URGENT))}


def _missed(sample: Sample, held: list[int], days: float) -> Figures | None:
    """How many of the routine messages of a day were some of those asked for."""
    _, routine = found(sample, held)
    if np.isnan(routine.total):
        return None
    low, high = routine.limits()
    return {"value": float(routine.total) / days, "low": float(low) / days, "high": float(high) / days}


def _known_in(population: Population, standing: Mapping[str, Correction], asked: Asked, days: float) -> float | None:
    sums = found(population.sample(standing, asked.of, by_model=True), population.strata(by_model=True))
    if recall_of(*sums) is None:
        return None
    return days_until(*sums, days, asked.half_width)


def _promised(promise: Promised, asked: Asked, live: Figures | None) -> Figures:
    known = None if live is None else Estimate(live["value"], live["low"], live["high"])
    return {
        "recall": promise.recall,
        "model": None if promise.model is None else list(promise.model),
        "verdict": verdict(promise, known),
        "of": asked.of,
    }


def _marked(sample: Sample, days: float) -> Figures:
    urgent = sample.stratum == URGENT
    marked = {"urgent": _count(urgent), "routine": _count(~urgent)}
    judged = {"urgent": _count(sample.judged & urgent), "routine": _count(sample.judged & ~urgent)}
    return {**marked, "judged": judged, "a_day": sample.stratum.size / days}


def _count(rows: Any) -> int:
    return int(np.count_nonzero(rows))
