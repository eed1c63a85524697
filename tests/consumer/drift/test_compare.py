"""The stated rate is kept, what has changed is seen, and the declared class shares are reckoned with."""

import numpy as np
import pytest

from consumer.drift.chance import distance
from consumer.drift.compare import LEAST_DISTANCE, Expectation, Yardstick, compare
from consumer.drift.features import FEATURES, counted
from consumer.errors import ArtifactError
from consumer.manifest import Histogram, PlainReference
from tests.consumer.drift.made_up import EVEN, SKEWED, labels_of, manifest, reference, values, window

RATE = 0.05  # so that few windows tell it


def expectation(generator, size=4000, live=EVEN, calibration=EVEN):
    return Expectation(manifest(reference(generator, labels_of(generator, calibration, size)), live), "int8")


def alarms(yardstick, generator, windows, shares=EVEN, change=lambda seen: seen):
    """How many of so many windows drift, by feature, and in any."""
    found = [
        compare(yardstick, yardstick.expectation.counted(change(window(generator, yardstick.messages, shares)))).drifted
        for _ in range(windows)
    ]
    return {name: sum(name in each for each in found) for name in FEATURES}, sum(map(bool, found))


@pytest.mark.parametrize(("live", "messages"), [(EVEN, 500), (SKEWED, 2000)])
def test_without_drift_no_more_windows_alarm_than_stated(live, messages):
    """For all features together, against 8 references in turn: small ones, and balanced where traffic is not."""
    generator = np.random.default_rng(1)
    found = []
    for _ in range(8):
        yardstick = Yardstick(expectation(generator, size=2500, live=live), messages, RATE)
        found.append(alarms(yardstick, generator, 50, live)[1] / 50)

    assert np.mean(found) <= RATE
    # Of the references, one may be as unlucky as the rate makes no promise for.
    assert sorted(found)[-2] <= RATE + 2 * (RATE * (1 - RATE) / 50) ** 0.5


def test_over_fifty_windows_the_rate_is_the_whole_commands():
    """One call in a hundred may alarm, however many windows it looks at."""
    generator = np.random.default_rng(2)
    wanted = expectation(generator)
    yardstick = Yardstick(wanted, 1000, 0.01, windows=50)

    assert alarms(yardstick, generator, 50)[1] == 0
    assert all(yardstick.limits[name] >= Yardstick(wanted, 1000, 0.01).limits[name] for name in FEATURES)


@pytest.mark.parametrize(
    ("feature", "change"),
    [
        ("satisfaction", lambda seen: {**seen, "satisfaction": np.maximum(seen["satisfaction"] - 1, 0)}),
        ("urgency", lambda seen: {**seen, "urgency": seen["urgency"] ** 0.7}),
        ("token_length", lambda seen: {**seen, "token_length": seen["token_length"] * 1.5}),
        ("unknown_share", lambda seen: {**seen, "unknown_share": seen["unknown_share"] + 0.03}),
    ],
)
def test_what_has_changed_is_seen_and_nothing_else(feature, change):
    """One feature moved; the others stand where they were."""
    generator = np.random.default_rng(3)
    yardstick = Yardstick(expectation(generator), 2000, 0.01)

    by_feature, _ = alarms(yardstick, generator, 5, change=change)

    assert by_feature == {**dict.fromkeys(FEATURES, 0), feature: 5}


def test_declared_class_shares_are_expected_and_others_alarm():
    """Calibration is balanced and traffic is not: that is no drift where it was declared, and one where it was not."""
    generator = np.random.default_rng(4)
    made = reference(generator, labels_of(generator, EVEN, 4000))
    declared, undeclared = (Yardstick(Expectation(manifest(made, live), "int8"), 2000, 0.01) for live in (SKEWED, EVEN))

    assert alarms(declared, generator, 10, SKEWED)[1] == 0
    by_feature, _ = alarms(undeclared, generator, 10, SKEWED)
    assert (by_feature["satisfaction"], by_feature["urgency"]) == (10, 10)


def test_p_says_how_often_chance_goes_as_far():
    """Spread evenly at most where nothing has changed; the smallest that can be told where all has."""
    generator = np.random.default_rng(5)
    yardstick = Yardstick(expectation(generator), 1000, 0.01)
    p = [
        look.p
        for _ in range(200)
        for look in compare(yardstick, yardstick.expectation.counted(window(generator, 1000))).looks
        if look.feature == "urgency"
    ]

    assert np.mean(np.array(p) <= 0.1) <= 0.1 + 3 * (0.09 / 200) ** 0.5
    assert yardstick.look("urgency", 1.0).p < 1e-4
    assert yardstick.look("urgency", 0.0).p == 1


def test_a_large_window_alarms_of_nothing_that_is_small():
    """Among 200,000 messages a hundredth is no chance, and of no matter either."""
    generator = np.random.default_rng(6)
    yardstick = Yardstick(expectation(generator, size=200_000), 200_000, 0.01)

    assert set(yardstick.limits.values()) == {LEAST_DISTANCE}
    look = yardstick.look("urgency", 0.015)
    assert (look.p < 1e-4, look.drifted) == (True, False)


def test_distances_are_shares_of_messages():
    """Of classes, how many would have to be in another one; else how many more lie below some value."""
    found, expected = np.array([0.5, 0.2, 0.3]), np.array([0.2, 0.4, 0.4])

    assert distance("satisfaction", found, expected) == pytest.approx(0.3)
    assert distance("urgency", found, expected) == pytest.approx(0.3)
    assert distance("urgency", found[::-1], expected[::-1]) == pytest.approx(0.3)
    assert distance("urgency", expected, expected) == 0


def test_what_lies_beyond_the_bins_counts_in_the_last():
    """A text may be longer than any that was measured; an edge belongs to the bin that it begins."""
    assert counted(np.array([0.0, 1.0, 2.0]), [-1, 0, 1, 2, 7]).tolist() == [2, 3]


def test_the_draws_are_the_same_each_time():
    """Or two processes would see different limits."""
    wanted = expectation(np.random.default_rng(7))

    assert Yardstick(wanted, 500, 0.01).limits == Yardstick(wanted, 500, 0.01).limits


@pytest.mark.parametrize(
    "old",
    [
        None,
        PlainReference(
            class_shares=EVEN,
            urgency=Histogram(edges=(0.0, 1.0), counts=(1,)),
            token_length=Histogram(edges=(0.0, 9.0), counts=(1,)),
            unknown_share=0.0,
        ),
    ],
)
def test_an_older_artifact_says_what_to_do(old):
    """It is served all the same."""
    with pytest.raises(ArtifactError, match="has no reference for drift: export it anew"):
        Expectation(manifest(old), "int8")


def test_a_precision_without_a_reference_says_so():
    """Its scores are its own."""
    made = reference(np.random.default_rng(8), labels_of(np.random.default_rng(8), EVEN, 100))

    with pytest.raises(ArtifactError, match="it has one for int8, not fp32"):
        Expectation(manifest(made), "fp32")


def test_a_class_that_the_reference_lacks_is_left_out():
    """The others' weights make up for it."""
    generator = np.random.default_rng(9)
    labels = np.repeat([1, 2, 3, 4], 300)
    wanted = Expectation(manifest(reference(generator, labels)), "int8")

    assert wanted.shares("satisfaction").sum() == pytest.approx(1)
    assert alarms(Yardstick(wanted, 500, 0.01), generator, 3, (0, 0.25, 0.25, 0.25, 0.25))[1] == 0
    assert set(values(generator, labels)) == set(FEATURES)
