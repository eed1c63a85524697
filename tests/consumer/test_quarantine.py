"""What is told of the records in hand, and what becomes of one that processes die of."""

from typing import NamedTuple

import pytest

from consumer.quarantine import CRASHES, Mark, Quarantine
from consumer.records import Record

A, B = ("in", 0), ("in", 1)


def records(place, *offsets):
    return [Record(*place, offset, 0, None, b"") for offset in offsets]


def no_end(topic, partition):
    return None


class Kafka:
    """The metadata that a group's offsets have, and what the next process does with them."""

    def __init__(self):
        self.offsets = {A: 0, B: 0}
        self.metadata = {A: "", B: ""}

    def process(self):
        quarantine = Quarantine(100)
        for place in (A, B):
            quarantine.learn(place, self.offsets[place], self.metadata[place])
        return quarantine

    def mark(self, quarantine, window):
        marks = quarantine.marks(window, no_end)
        assert {place: offset for place, (offset, _) in marks.items()}.items() <= self.offsets.items()
        quarantine.written(marks)
        self.metadata |= {place: str(mark) for place, (_, mark) in marks.items()}

    def restore(self, quarantine):
        self.metadata |= {place: quarantine.metadata(place, at) for place, at in quarantine.standing.items()}
        quarantine.taken_away(quarantine.standing)

    def commit(self, quarantine, window):
        offsets = {(each.topic, each.partition): each.offset + 1 for each in window}
        self.metadata |= {place: quarantine.metadata(place, offset) for place, offset in offsets.items()}
        quarantine.committed(offsets)
        self.offsets |= offsets


@pytest.mark.parametrize("metadata", [None, "", "theirs", "shikyu: attempt 0 at what stands before 5", "shikyu:"])
def test_other_metadata_is_no_mark(metadata):
    """Whatever wrote it."""
    assert Mark.read(metadata) is None


def test_a_mark_is_read_as_it_was_written():
    """By the process that comes next."""
    assert Mark.read(str(Mark(2, 1234))) == Mark(2, 1234)


class Life(NamedTuple):
    """How often the group is disturbed besides: after each so many windows the partitions move."""

    moves_every: int = 10**9
    drops_every: int = 10**9


def lived_through(killers, life=Life(), limit=16):  # noqa: B008 - frozen
    """Processes one after another until none dies; how many died, and what was condemned."""
    kafka, deaths, condemned, windows = Kafka(), 0, [], 0
    quarantine = kafka.process()
    while True:
        waiting = [record for place in (A, B) for record in records(place, *range(kafka.offsets[place], 40))]
        window = waiting[: quarantine.most(limit, no_end)]
        if not window:
            assert not any(kafka.metadata.values())
            return deaths, condemned
        windows += 1
        kafka.mark(quarantine, window)
        if any((each.partition, each.offset) in killers and not quarantine.condemns(each) for each in window):
            deaths, quarantine = deaths + 1, kafka.process()
            continue
        kafka.restore(quarantine)
        if windows % life.drops_every:
            condemned += [(each.partition, each.offset) for each in window if quarantine.condemns(each)]
            kafka.commit(quarantine, window)
        if windows % life.moves_every == 0:
            quarantine = kafka.process()


@pytest.mark.parametrize("life", [Life(), Life(moves_every=1), Life(drops_every=2), Life(moves_every=2, drops_every=3)])
@pytest.mark.parametrize("killer", [(0, 0), (0, 5), (0, 15), (0, 16), (0, 39), (1, 0), (1, 27)])
def test_a_record_that_kills_is_condemned_after_three_deaths(killer, life):
    """It alone, wherever it stands, also where partitions move and windows are dropped meanwhile."""
    assert lived_through({killer}, life) == (CRASHES, [killer])


@pytest.mark.parametrize("life", [Life(), Life(moves_every=1), Life(drops_every=2)])
def test_nobody_is_condemned_where_nobody_dies(life):
    """Rollouts, rebalances and aborted transactions are no deaths."""
    assert lived_through(set(), life) == (0, [])


def test_several_that_kill_are_condemned_one_after_another():
    """Neighbours, and in another partition."""
    killers = {(0, 3), (0, 4), (1, 39)}

    deaths, condemned = lived_through(killers)

    assert set(condemned) == killers
    assert deaths <= CRASHES * len(killers)


def test_windows_are_half_of_what_was_in_hand_after_one_death_and_one_record_after_two():
    """Until past it, whatever the limit is."""
    for attempt, most in ((1, 5), (2, 1), (7, 1)):
        quarantine = Quarantine(1000)
        quarantine.learn(A, 10, str(Mark(attempt, 20)))

        assert quarantine.most(100, no_end) == most
        quarantine.committed({A: 19})
        assert quarantine.most(100, no_end) == 1
        quarantine.committed({A: 20})
        assert quarantine.most(100, no_end) == 100


def test_a_window_of_one_is_not_halved():
    quarantine = Quarantine(1000)
    quarantine.learn(A, 10, str(Mark(1, 20)))

    assert quarantine.most(1, no_end) == 1


def test_marks_end_with_what_a_predecessor_may_have_had_in_hand():
    """So many records after the committed offset, and none that was written since."""
    quarantine = Quarantine(10)
    quarantine.learn(A, 100, None)
    quarantine.learn(B, 100, None)
    end = {A: 1000, B: 103}

    def marked(*offsets):
        window = records(A, *offsets) + records(B, *offsets)
        return set(quarantine.marks(window, lambda *place: end[place]))

    assert marked(100, 101) == {A, B}
    assert marked(102) == {A, B}
    assert marked(103, 104) == {A}
    assert marked(110) == set()


def test_marks_begin_with_the_first_record_however_far_behind_the_committed_offset_it_is():
    """Compaction, retention and aborted transactions leave gaps; none may keep a death from being counted."""
    quarantine = Quarantine(10)
    quarantine.learn(A, 1000, None)

    assert quarantine.marks(records(A, 5001, 5002), no_end) == {A: (1000, Mark(1, 5003))}
    assert quarantine.marks(records(A, 5011), no_end) == {}


def test_what_was_deleted_meanwhile_keeps_nobody_careful():
    """Nothing before the low watermark comes again."""
    quarantine = Quarantine(100)
    quarantine.learn(A, 5, str(Mark(2, 9)))

    assert quarantine.most(100, lambda *_: 8) == 1
    assert quarantine.most(100, lambda *_: 9) == 100


def test_only_what_is_in_hand_is_marked():
    """Another partition's death is not counted."""
    quarantine = Quarantine(100)
    quarantine.learn(A, 7, str(Mark(2, 9)))
    quarantine.learn(B, 7, None)

    assert quarantine.marks(records(A, 7), no_end) == {A: (7, Mark(3, 8))}
    assert quarantine.marks(records(B, 7, 8), no_end) == {B: (7, Mark(1, 9))}


def test_a_group_s_first_offset_is_that_of_its_first_record():
    """Nothing is committed yet, and the mark has to stand somewhere."""
    quarantine = Quarantine(100)
    quarantine.learn(A, None, None)

    assert quarantine.marks(records(A, 31, 32), no_end) == {A: (31, Mark(1, 33))}


def test_our_own_mark_is_no_death():
    """It is read again when a window is given up."""
    quarantine = Quarantine(100)
    quarantine.learn(A, 5, None)
    quarantine.learn(A, 5, str(Mark(1, 9)))

    assert quarantine.most(100, no_end) == 100
    assert quarantine.marks(records(A, 5), no_end) == {A: (5, Mark(1, 6))}


def test_a_partition_that_comes_back_is_looked_at_anew():
    """Somebody else had it."""
    quarantine = Quarantine(100)
    quarantine.learn(A, 5, None)
    quarantine.written({A: (5, Mark(1, 6))})
    quarantine.forget([A])

    assert quarantine.is_new(A)
    assert not quarantine.standing
    assert quarantine.marks(records(A, 5), no_end) == {}
    assert quarantine.metadata(A, 5) == ""


def test_what_stands_is_known_until_it_is_overwritten():
    """By a window's commit, or by hand."""
    quarantine = Quarantine(100)
    quarantine.learn(A, 5, None)
    quarantine.learn(B, 7, None)
    quarantine.written({A: (5, Mark(1, 6)), B: (7, Mark(1, 8))})

    quarantine.committed({A: 6})
    assert quarantine.standing == {B: 7}
    quarantine.taken_away([B])
    assert not quarantine.standing


def test_what_was_found_goes_with_offsets_until_past_it():
    """Should the partition move now, the next one has to be as careful."""
    quarantine = Quarantine(100)
    quarantine.learn(A, 5, str(Mark(2, 9)))

    assert quarantine.metadata(A, 5) == quarantine.metadata(A, 8) == str(Mark(2, 9))
    assert quarantine.metadata(A, 9) == ""


def test_a_death_is_not_put_down_to_what_was_never_in_hand():
    """A window may reach further than the one that somebody died of."""
    quarantine = Quarantine(100)
    quarantine.learn(A, 5, str(Mark(1, 9)))

    assert quarantine.marks(records(A, 5, 6, 20), no_end) == {A: (5, Mark(2, 9))}


def test_a_record_is_not_condemned_for_the_deaths_of_a_whole_window():
    """The third alone says which it was, and the offset must be its own."""
    quarantine = Quarantine(100)
    quarantine.learn(A, 5, str(Mark(2, 6)))
    quarantine.learn(B, 5, str(Mark(3, 8)))

    assert [each for each in records(A, 5) + records(B, 6, 7, 8) if quarantine.condemns(each)] == records(B, 7)
    assert not quarantine.condemns(records(("other", 0), 7)[0])
