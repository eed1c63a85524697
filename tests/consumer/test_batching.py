"""Which texts go through the model together."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.batching import batches


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
    assert batches([50, 3, 49, 2, 51, 4], max_tokens=160, max_records=3) == [[2, 0, 4], [3, 1, 5]]


@given(st.lists(st.integers(1, 90), min_size=8, max_size=60), st.integers(90, 2000), st.integers(2, 4))
def test_no_round_of_them_leaves_cores_idle_for_want_of_a_batch(lengths, max_tokens, at_once):
    """As few batches as keep all busy, and not one more round for it."""
    few = len(batches(lengths, max_tokens, 64))
    found = len(batches(lengths, max_tokens, 64, at_once))

    assert few <= found <= -(-few // at_once) * at_once


def test_those_who_compute_at_a_time_have_about_as_much_to_do():
    """Six short texts and two long ones, for two."""
    assert batches([10] * 6 + [30, 30], max_tokens=1000, max_records=64, at_once=2) == [[6, 7], [0, 1, 2, 3, 4, 5]]
    assert batches([7, 7], max_tokens=1000, max_records=64, at_once=4) == [[1], [0]]


def test_equal_lengths_keep_their_order():
    """The same window is always cut in the same way."""
    assert batches([5, 5, 5, 5], max_tokens=10, max_records=9) == [[2, 3], [0, 1]]


@given(st.lists(st.integers(1, 90), max_size=60), st.integers(1, 4))
def test_the_longest_come_first(lengths, at_once):
    """Who has the last batch keeps the others waiting for a short one."""
    longest = [max(lengths[index] for index in batch) for batch in batches(lengths, 200, 8, at_once)]

    assert longest == sorted(longest, reverse=True)
