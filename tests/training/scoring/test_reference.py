"""What the manifest keeps of the calibration messages, for drift."""

import numpy as np
import pytest

from consumer.decide import prior_shift, urgencies
from consumer.drift.compare import Expectation
from consumer.manifest import ClassShares, Reference, Served
from tests.consumer.drift.made_up import EVEN, SKEWED, manifest
from training.scoring.reference import BINS, reference
from training.scoring.score import Scored

pytestmark = pytest.mark.train
SERVED = {"int8": Served(files=("model.onnx",), temperature=1.5, threshold=0.5, servable=True)}


def scored(generator, labels, max_length=600):
    logits = generator.normal(0, 1, (len(labels), 5)).astype(np.float32)
    logits[np.arange(len(labels)), labels] += 2
    lengths = np.minimum(3 + generator.lognormal(4, 1, len(labels)).astype(np.int64), max_length)
    return Scored(logits, lengths, np.where(generator.random(len(labels)) < 0.02, 0.3, 0.0))


@pytest.fixture(scope="module")
def made():
    generator = np.random.default_rng(1)
    labels = np.repeat(np.arange(5), (300, 500, 400, 200, 600))
    scores = scored(generator, labels)
    return labels, scores, reference(labels, {"int8": scores}, SERVED, ClassShares(training=EVEN, live=SKEWED))


def test_every_message_counts_once_under_its_class(made):
    """The longest too, and those without an unknown token in a bin of their own."""
    labels, scores, found = made
    of_precision = found.precisions["int8"]
    for histogram in (found.token_length, found.unknown_share, of_precision.satisfaction, of_precision.urgency):
        assert [sum(row) for row in histogram.counts] == np.bincount(labels).tolist()
    assert found.token_length.edges[-1] == scores.lengths.max() + 1
    assert sum(row[0] for row in found.unknown_share.counts) == (scores.unknown_shares == 0).sum()


def test_bins_hold_about_as_many_live_messages_each(made):
    """Where urgency is low nearly always, that is where it is told apart."""
    _, _, found = made
    shares = Expectation(manifest(found, SKEWED), "int8").shares("urgency")

    assert len(shares) == BINS
    assert shares == pytest.approx(np.full(BINS, 1 / BINS), abs=0.02)


def test_expected_is_what_live_class_shares_would_give(made):
    """Not what the calibration messages gave: they are balanced otherwise."""
    labels, scores, found = made
    live = ClassShares(training=EVEN, live=SKEWED)
    urgent = urgencies(scores.logits, 1.5, prior_shift(live)) >= found.precisions["int8"].urgency.edges[10]
    by_class = np.array([urgent[labels == label].mean() for label in range(5)])

    shares = Expectation(manifest(found, SKEWED), "int8").shares("urgency")

    assert shares[10:].sum() == pytest.approx(float(by_class @ SKEWED))


def test_it_survives_the_manifests_json(made):
    """And is small in it."""
    _, _, found = made
    written = found.model_dump_json()

    assert Reference.model_validate_json(written, strict=True) == found
    assert len(written) < 4000
