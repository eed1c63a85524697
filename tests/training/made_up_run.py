"""What a run's folder holds, of made-up scores: no model, no fit, and the very functions that the steps call."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np

from consumer.decide import prior_shift, probabilities, urgencies
from consumer.manifest import ClassHistogram, ClassShares, Description, Reference, TrainingData
from consumer.records import Satisfaction
from training.evaluating.answers import Answers
from training.evaluating.checked import kept_on
from training.evaluating.evaluate import evaluate
from training.evaluating.figures import TFIDF
from training.evaluating.findings import findings
from training.evaluating.mistakes import mistakes
from training.evaluating.paired import paired
from training.evaluating.reference_metrics import of_predictions
from training.operating.basis import Basis
from training.operating.chosen import calibrated, chosen
from training.operating.gate import flips
from training.operating.operate import decided, operated
from training.operating.served import served
from training.recipe import Recipe
from training.reporting.report import Found
from training.scoring.crossfit import Calibration
from training.scoring.score import Scored

FIFTHS = (0.2, 0.2, 0.2, 0.2, 0.2)
LIVE = (0.05, 0.05, 0.1, 0.2, 0.6)
GATE = {"min_agreement": 0.8, "max_more_needless": 0.1}  # what the made-up int8 is rounded by is far more than int8's
SHARES = ClassShares(training=FIFTHS, live=LIVE)


def recipe(**changed: Any) -> Recipe:
    promise = {"recall": 0.8, "live_shares": LIVE, "messages_per_day": 20_000}
    return Recipe.model_validate(
        {"name": "made-up", "output": "o", "data": {"train": ["t.csv"]}, "promise": promise, "gate": GATE, **changed}
    )


@cache
def usual() -> tuple[Recipe, Description, Found]:
    """Once for all tests, which change copies of it alone."""
    return run()


def run(
    rows: int = 500, noise: float = 1.0, text: str = "message {row}", channel: str = "web", **changed: Any
) -> tuple[Recipe, Description, Found]:
    """`noise` is what the test messages have more of than those of calibration."""
    settings = recipe(**changed)
    (logits, labels), (rounded, _) = scored(rows), scored(rows, seed=0, rounded=True)
    basis = Basis(np.arange(rows // 5), np.arange(rows // 5, rows))
    calibration = Calibration(labels, {"fp32": of_no_texts(logits), "int8": of_no_texts(rounded)})
    points = operated(calibration, SHARES, settings.promise, basis)
    by = decided(calibration.scored, points, SHARES)
    precisions = served(points, by, labels, settings.gate)
    of = description(settings, precisions)
    evaluation, told = evaluated(of, rows, noise, text, channel)
    point = {
        "chosen": chosen(points, labels, SHARES, settings.promise, basis),
        "calibration": calibrated(calibration, points, SHARES, basis),
    }
    found = {
        "operating_point": point,
        "evaluation": evaluation,
        "flips": {"int8": flips(by["int8"], by["fp32"], labels)},
        **told,
    }
    counts = {"train": [9, 8, 7, 6, 5], "test": [rows // 5] * 5}
    return settings, of, Found(**json.loads(json.dumps(found, allow_nan=False)), counts=counts)


def evaluated(
    of: Description, rows: int, noise: float, text: str, channel: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """evaluation.json; and the other files by name."""
    labels = np.arange(rows) % 5
    model, beside = (answers(of, scored(rows, seed, noise)[0]) for seed in (1, 2))
    columns = {"channel": [channel, "phone"] * (rows // 2)}
    texts = [text.format(row=row + 1) for row in range(rows)]
    each = {"fp32": model, "int8": model}
    promised = {name: of.precisions[name].promise for name in each}
    evaluation = {
        "precisions": {name: findings(one, labels, columns).as_json() for name, one in each.items()},
        TFIDF: findings(beside, labels, columns).as_json(),
        "verdicts": {
            name: {value: one.as_json() for value, one in each.items()}
            for name, each in kept_on(each, labels, columns, promised).items()
        },
        "served": "int8",
        f"gain_over_{TFIDF}": paired(model, beside, labels, 0.8).as_json(),
    }
    results = {
        "eval_accuracy": 0.5,
        "eval_samples": rows,
        "test_rows": rows,
        "training_messages_dropped_for_standing_in_the_test": 3,
        "precisions": {name: evaluate(one, labels).as_json() for name, one in each.items()},
        "agreement_with_fp32": {"int8": 1.0},
        TFIDF: evaluate(beside, labels).as_json(),
    }
    predicted = of_predictions(model, labels, 1.0)
    told = {
        "eval_results": results,
        "prediction_results": predicted,
        "mistakes": mistakes(model, labels).as_json(texts),
    }
    return evaluation, told


def scored(rows: int, seed: int = 0, noise: float = 1.0, *, rounded: bool = False) -> tuple[Any, Any]:
    generator, labels = np.random.default_rng(seed), np.arange(rows) % 5
    logits = generator.normal(0, noise, (rows, 5)) + 2 * np.exp(-((np.arange(5) - labels[:, None]) ** 2))
    return (logits.round(1) if rounded else logits).astype(np.float32), labels


def of_no_texts(logits: Any) -> Scored:
    """Of texts that nobody has seen."""
    return Scored(logits, np.empty(0, dtype=np.int64), np.empty(0))


def answers(of: Description, logits: Any) -> Answers:
    point = of.precisions["fp32"]
    urgency = urgencies(logits, point.temperature, prior_shift(SHARES))
    return Answers(probabilities(logits, point.temperature), urgency, urgency >= point.threshold)


def description(settings: Recipe, precisions: Any) -> Description:
    halves = ClassHistogram(edges=(0, 10, 20), counts=((3, 4),) * 5)
    return Description(
        name=settings.name,
        version=settings.version,
        base_model="scratch",
        labels=tuple(Satisfaction),
        max_length=64,
        class_shares=SHARES,
        precisions=precisions,
        reference=Reference(token_length=halves, unknown_share=halves, precisions={}),
        training_data=TrainingData(fingerprint="0" * 64, rows=35, class_counts=(9, 8, 7, 6, 5)),
        versions={"python": "3.11.7", "torch": "2.8.0"},
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
