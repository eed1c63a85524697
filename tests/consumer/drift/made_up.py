"""Messages with labels, made up: what a model makes of a class is the same everywhere, how often it occurs is not."""

from datetime import UTC, datetime

import numpy as np

from consumer.drift.features import CLASS_EDGES, FEATURES, UNKNOWN_EDGES, counted
from consumer.manifest import (
    ClassHistogram,
    ClassShares,
    Description,
    Reference,
    ReferenceScores,
    Served,
    TrainingData,
)
from consumer.records import Satisfaction

EVEN = (0.2, 0.2, 0.2, 0.2, 0.2)
SKEWED = (0.04, 0.03, 0.06, 0.17, 0.7)
HARSH = (8.0, 5.0, 2.5, 1.0, 0.5)  # of a class's urgency: Beta(harsh, 3)


def values(generator, labels):
    """What would be seen of messages with these labels."""
    count = len(labels)
    urgency = generator.beta(np.take(HARSH, labels), 3.0)
    taken_for = np.clip(np.round(labels + generator.normal(0, 0.8, count)), 0, 4)
    tokens = np.minimum(3 + generator.lognormal(3 - 0.1 * labels, 0.8, count), 128).astype(int)
    unknown = np.where(generator.random(count) < 0.03, generator.random(count) * 0.3, 0.0)
    return dict(zip(FEATURES, (taken_for, urgency, tokens, unknown), strict=True))


def labels_of(generator, shares, count):
    return generator.choice(5, count, p=shares)


def window(generator, count, shares=EVEN):
    return values(generator, labels_of(generator, shares, count))


def reference(generator, labels):
    return reference_of(values(generator, labels), labels)


def reference_of(seen, labels):
    edges = {
        "satisfaction": CLASS_EDGES,
        "urgency": np.linspace(0, 1, 21),
        "token_length": np.array([0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 129]),
        "unknown_share": UNKNOWN_EDGES,
    }
    made = {
        name: ClassHistogram(
            edges=tuple(map(float, edges[name])),
            counts=tuple(tuple(counted(edges[name], seen[name][labels == label]).tolist()) for label in range(5)),
        )
        for name in FEATURES
    }
    scores = ReferenceScores(satisfaction=made["satisfaction"], urgency=made["urgency"])
    return Reference(
        token_length=made["token_length"], unknown_share=made["unknown_share"], precisions={"int8": scores}
    )


def manifest(reference, live=EVEN):
    return Description(
        name="made-up",
        version="1",
        base_model="none",
        labels=tuple(Satisfaction),
        max_length=128,
        class_shares=ClassShares(training=EVEN, live=live),
        precisions={"int8": Served(files=("model.onnx",), temperature=1.0, threshold=0.5, servable=True)},
        reference=reference,
        training_data=TrainingData(fingerprint="0" * 64, rows=0, class_counts=(0, 0, 0, 0, 0)),
        versions={},
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
