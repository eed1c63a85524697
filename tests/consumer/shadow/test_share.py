"""A key's records are all among the second model's, or none."""

from consumer.records import Record
from consumer.shadow.share import place


def record(key: bytes | None, offset: int = 0) -> Record:
    return Record("in", 0, offset, 0, key, b"{}")


def test_one_key_has_one_place_and_keyless_records_have_their_own():
    assert place(record(b"a", 1)) == place(record(b"a", 2)) != place(record(b"b", 1))
    assert len({place(record(None, offset)) for offset in range(50)}) == 50


def test_places_are_spread_evenly():
    """So that the share is the share."""
    places = [place(record(str(number).encode())) for number in range(4000)]

    assert all(0 <= each < 1 for each in places)
    assert abs(sum(each < 0.25 for each in places) / len(places) - 0.25) < 0.03
