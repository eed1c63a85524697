"""What a seed draws."""

from collections import Counter

import pytest

from tests.chaos.faults import KILLED_AT, TIMES, schedule


def test_a_seed_draws_the_same_schedule_again():
    assert schedule(3) == schedule(3) != schedule(4)


@pytest.mark.parametrize("share", [0.1, 0.25, 1, 3])
def test_each_kind_comes_as_often_as_its_share_and_at_least_once(share):
    found = Counter(fault.kind for fault in schedule(1, share))

    assert found == {kind: max(1, round(times * share)) for kind, times in TIMES.items()}


def test_consumers_are_killed_at_every_place_before_one_comes_again():
    places = Counter(fault.place for fault in schedule(5) if fault.kind == "kill")

    assert set(places) == set(KILLED_AT)
    assert max(places.values()) == 2
