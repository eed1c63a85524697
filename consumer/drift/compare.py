"""What was counted in a window, held against the artifact's reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from consumer.drift.chance import by_chance, distance, draws
from consumer.drift.features import FEATURES, SCORES, Counts, Edges, Feature, Values, counted
from consumer.errors import ArtifactError
from consumer.manifest import ClassHistogram, Description, Reference

# With many messages any difference is more than chance, and most are of no matter: two messages of a hundred.
LEAST_DISTANCE = 0.02

NO_REFERENCE = (
    "this artifact has no reference for drift: export it anew with this version (`shikyu-train operate` on the run's "
    "recipe, then evaluate, report and export; nothing is fitted)"
)


@dataclass(frozen=True, slots=True)
class Look:
    """
    One feature in one window. `p` is how often chance alone takes a window at least as far.

    `drifted` when it is further than `limit`, which follows from the rate, or than LEAST_DISTANCE, if that is more.
    """

    feature: Feature
    distance: float
    limit: float
    p: float

    @property
    def drifted(self) -> bool:
        return self.distance > self.limit


@dataclass(frozen=True, slots=True)
class Drift:
    """A window of so many messages, and what was seen in it."""

    messages: int
    looks: tuple[Look, ...]

    @property
    def drifted(self) -> tuple[Feature, ...]:
        return tuple(look.feature for look in self.looks if look.drifted)


@dataclass(frozen=True, slots=True)
class _Expected:
    edges: Edges
    counts: NDArray[np.float64]  # (classes, bins)
    weights: NDArray[np.float64]  # (classes,), 0 for a class that the reference has no message of

    @classmethod
    def of(cls, histogram: ClassHistogram, live: Sequence[float]) -> Self:
        counts = np.array(histogram.counts, dtype=np.float64)
        weights = np.where(counts.sum(axis=1) > 0, live, 0.0)
        return cls(np.array(histogram.edges), counts, weights / weights.sum())

    @property
    def shares(self) -> NDArray[np.float64]:
        sizes = np.maximum(self.counts.sum(axis=1), 1.0)
        return self.weights @ (self.counts / sizes[:, None])  # type: ignore[no-any-return]


class Expectation:
    """
    The artifact's reference, as it would be with the class shares that were declared for live traffic.

    Label by label: what the model makes of a class stays, how often the class occurs is taken from the declaration.
    """

    def __init__(self, manifest: Description, precision: str, features: Sequence[Feature] = FEATURES) -> None:
        """Raises ArtifactError where there is no reference, or none for the precision."""
        reference = manifest.reference
        if not isinstance(reference, Reference):
            raise ArtifactError(NO_REFERENCE)
        scores = next((each for name, each in reference.precisions.items() if name == precision), None)
        if scores is None:
            raise ArtifactError(f"{NO_REFERENCE}; it has one for {', '.join(reference.precisions)}, not {precision}")
        live = manifest.class_shares.live
        self._expected = {
            name: _Expected.of(getattr(scores if name in SCORES else reference, name), live) for name in features
        }

    @property
    def features(self) -> tuple[Feature, ...]:
        return tuple(self._expected)

    def shares(self, feature: Feature) -> NDArray[np.float64]:
        """By bin; of satisfaction, by class."""
        return self._expected[feature].shares

    def counted(self, values: Values) -> dict[Feature, NDArray[np.int64]]:
        """Of a value a message and feature, how many lie in each bin; classes by their place in the labels."""
        return {name: counted(each.edges, values[name]) for name, each in self._expected.items()}

    def by_chance(self, feature: Feature, messages: int, count: int) -> NDArray[np.float64]:
        each = self._expected[feature]
        return by_chance(feature, each.counts, each.weights, messages, count)


class Yardstick:
    """
    How far windows of `messages` may be from what is expected.

    Of all windows that differ by nothing, at most `rate` have any feature beyond its limit. With `windows`, that many
    are looked at, and `rate` is how often any of them has.
    """

    def __init__(self, expectation: Expectation, messages: int, rate: float, windows: int = 1) -> None:
        self.expectation = expectation
        self.messages = messages
        self.rate = rate
        level = rate / windows / len(expectation.features)
        count = draws(level)
        self._chance = {name: expectation.by_chance(name, messages, count) for name in expectation.features}
        # As many may be as far, so that (1 + those) / (1 + all) is no more than the level: a Monte Carlo test is exact.
        rank = max(0, int(level * (count + 1)) - 1)
        self.limits = {name: max(float(far[rank]), LEAST_DISTANCE) for name, far in self._chance.items()}

    def look(self, feature: Feature, far: float) -> Look:
        chance = self._chance[feature]
        as_far = len(chance) - int(np.searchsorted(chance[::-1], far, side="left"))
        return Look(feature, far, self.limits[feature], (1 + as_far) / (1 + len(chance)))


def compare(yardstick: Yardstick, counts: Counts) -> Drift:
    """A window's counts, of at least as many messages as the yardstick is for, held against the reference."""
    looks = []
    for feature in yardstick.expectation.features:
        found = counts[feature] / counts[feature].sum()
        looks.append(yardstick.look(feature, float(distance(feature, found, yardstick.expectation.shares(feature)))))
    return Drift(int(counts[looks[0].feature].sum()), tuple(looks))
