"""Python's collector beside a stream."""

import gc

import pytest

from consumer.garbage import LIVE_OBJECTS, rarely_collected


def collections() -> int:
    return sum(each["collections"] for each in gc.get_stats())


def test_a_window_s_objects_start_no_collection_and_what_was_there_is_not_looked_at():
    """And a cycle that nothing refers to is still found, once enough is alive."""
    before = gc.get_threshold()

    with rarely_collected():
        began = collections()
        window = [(number, [number]) for number in range(LIVE_OBJECTS // 3)]
        assert collections() == began
        assert gc.get_freeze_count()
        more = [[number] for number in range(LIVE_OBJECTS)]
        assert collections() > began

    assert len(window) + len(more) > LIVE_OBJECTS
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_whatever_ends_it_the_process_is_as_before():
    before = gc.get_threshold()

    with pytest.raises(OSError, match="gone"), rarely_collected():
        raise OSError("gone")

    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
