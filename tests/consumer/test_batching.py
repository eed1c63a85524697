"""Which texts go through the model together."""

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.batching import LEAST_TOKENS, batches


@given(st.lists(st.integers(1, 600), max_size=60), st.integers(1, 2000), st.integers(1, 10), st.integers(1, 9))
def test_every_text_goes_once_within_the_limits(lengths, max_tokens, max_records, at_once):
    """Padding counts; only a text that is too long alone may be over, and then it is alone."""
    found = batches(lengths, max_tokens, max_records, at_once)

    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    for batch in found:
        assert 1 <= len(batch) <= max_records
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= max_tokens


def test_neighbours_are_of_like_length():
    """A short text beside a long one would be padded to it."""
    assert batches([50, 3, 49, 2, 51, 4], max_tokens=160, max_records=3) == [[4, 0, 2], [5, 1, 3]]


@settings(deadline=None)
@given(st.lists(st.integers(1, 90), min_size=8, max_size=200), st.integers(90, 2000), st.integers(2, 4))
def test_towards_the_end_nobody_waits_long_for_the_others(lengths, max_tokens, at_once):
    """A batch is at most half of what is left for each, or it is small."""
    found = batches(lengths, max_tokens, 64, at_once)

    for place, batch in enumerate(found):
        left = sum(lengths[index] for rest in found[place:] for index in rest)
        padded = len(batch) * max(lengths[index] for index in batch)
        assert len(batch) == 1 or padded <= max(LEAST_TOKENS, left / (2 * at_once))


def ends(lengths, found, at_once):
    """When each core is done, a token at a time, where `ahead` starts twice as many batches as are computed at once."""
    free, done = [0] * at_once, []
    for place, batch in enumerate(found):
        core = min(range(at_once), key=free.__getitem__)
        waited_for = max(done[: max(0, place - 2 * at_once + 1)], default=0)
        free[core] = max(free[core], waited_for) + len(batch) * max(lengths[index] for index in batch)
        done.append(free[core])
    return free


@settings(deadline=None)  # a busy machine may take long
@given(st.lists(st.integers(1, 60), min_size=100, max_size=300), st.integers(100, 2000), st.integers(2, 4))
def test_all_cores_are_done_at_about_the_same_time(lengths, max_tokens, at_once):
    """What is left for one alone is a small batch, whatever the others were."""
    done = ends(lengths, batches(lengths, max_tokens, 64, at_once), at_once)

    assert max(done) - min(done) <= LEAST_TOKENS


def test_what_is_shared_out_is_not_cut_finer_than_it_has_to_be():
    """Half of what would be an even share, of what is left each time, and no less than some."""
    assert [len(batch) for batch in batches([32] * 60, 512, 64, at_once=2)] == [15, 11, 8, 6, 5, 4, 4, 4, 3]


@given(st.integers(1, 20), st.integers(1, 90), st.integers(1, 8))
def test_few_texts_are_shared_out(count, length, at_once):
    """Together they would be one batch, and the other cores idle."""
    assert len(batches([length] * count, 4096, 64, at_once)) >= min(count, at_once)


def test_those_who_compute_at_a_time_have_about_as_much_to_do():
    """Six short texts and two long ones, for two."""
    assert batches([10] * 6 + [30, 30], 1000, 64, at_once=2) == [[6, 7], [0, 1, 2, 3, 4, 5]]
    assert batches([7, 7], 1000, 64, at_once=4) == [[0], [1]]


def test_equal_lengths_keep_their_order():
    """The same window is always cut in the same way."""
    assert batches([5, 5, 5, 5], max_tokens=10, max_records=9) == [[0, 1], [2, 3]]


@given(st.lists(st.integers(1, 90), max_size=60), st.integers(1, 4))
def test_the_longest_come_first(lengths, at_once):
    """Who has the last batch keeps the others waiting for a short one."""
    longest = [max(lengths[index] for index in batch) for batch in batches(lengths, 200, 8, at_once)]

    assert longest == sorted(longest, reverse=True)
