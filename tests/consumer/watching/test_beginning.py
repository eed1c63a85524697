"""When all that was there before is read, and what is told of it."""

from consumer.watching.beginning import Beginning

A, B = ("a", 0), ("b", 1)


def test_it_is_over_when_every_partition_is_read_to_its_end():
    """By its last record, or by Kafka's word where markers of transactions come last."""
    beginning = Beginning[int](abs, 10)
    beginning.expect(A, 3, 6)
    beginning.expect(B, 0, 2)
    beginning.expect(("empty", 0), 4, 4)

    for place, offset in ((A, 4), (B, 0), (A, 5)):
        beginning.has_read(place, offset)
        assert not beginning.is_over
    beginning.has_read(B, None)

    assert beginning.is_over


def test_of_a_flood_the_last_are_held_by_their_key():
    beginning = Beginning[int](lambda each: each, 3)
    for number in (9, 1, 8, 2, 7, 3, 6, 4, 5):
        beginning.hold(number)

    assert beginning.in_order() == [7, 8, 9]
    assert len(beginning._held) <= 6
