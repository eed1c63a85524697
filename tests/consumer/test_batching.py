"""Which texts go through the model together."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.batching import batches


@given(st.lists(st.integers(1, 600), max_size=60), st.integers(1, 2000), st.integers(1, 10))
def test_every_text_goes_once_within_the_limits(lengths, max_tokens, max_records):
    """Padding counts; only a text that is too long alone may be over, and then it is alone."""
    found = batches(lengths, max_tokens, max_records)

    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    for batch in found:
        assert 1 <= len(batch) <= max_records
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= max_tokens


def test_neighbours_are_of_like_length():
    """A short text beside a long one would be padded to it."""
    assert batches([50, 3, 49, 2, 51, 4], max_tokens=160, max_records=3) == [[3, 1, 5], [2, 0, 4]]


def test_equal_lengths_keep_their_order():
    """The same window is always cut in the same way."""
    assert batches([5, 5, 5, 5], max_tokens=10, max_records=9) == [[0, 1], [2, 3]]
