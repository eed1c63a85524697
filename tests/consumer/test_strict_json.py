import math
import time

import pytest

from consumer import strict_json
from consumer.errors import RecordError


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("digits", ["9223372036854775809", "18446744073709551617", "123456789012345678901", "9" * 308])
def test_an_integer_keeps_every_digit(sign: str, digits: str) -> None:
    """Ids are as long as their writers like."""
    found = strict_json.loads(f'{{"id": {sign}{digits}, "half": 0.5, "note": "\\ud83d"}}'.encode())

    assert found == {"id": int(sign + digits), "half": 0.5, "note": "\ufffd"}


@pytest.mark.parametrize("written", ["1e400", "-1E+999", "9" * 5_000])
def test_a_number_that_no_float_holds_is_infinite_and_shown_as_written(written: str) -> None:
    """Nobody may ask about it at all, so that it costs nobody the message beside it."""
    found = strict_json.loads(f'{{"text": "a", "x": [{written}]}}'.encode())

    assert isinstance(found, dict)
    [number] = found["x"]
    assert (math.isinf(number), str(number), number < 0) == (True, written, written.startswith("-"))


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-Infinity", b"[1e400, NaN]", b"[18446744073709551616, NaN]"])
def test_what_is_no_number_of_jsons_is_refused(value: bytes) -> None:
    with pytest.raises(RecordError) as refused:
        strict_json.loads(value)

    assert refused.value.code == "invalid-json"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\ud83d\ude00", "😀"),
        (r"\ud83d\ud83d\ude00", "\ufffd😀"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\\ud83d \ud83d", r"\ud83d" + " \ufffd"),
    ],
)
def test_half_an_emoji_alone_is_mended(written: str, read: str) -> None:
    """Whole ones stay, and so does what only looks like one behind a backslash."""
    assert strict_json.loads(f'["{written}", 1e400]'.encode())[0] == read  # type: ignore[index]
    assert strict_json.loads(f'["{written}"]'.encode()) == [read]


def test_broken_escapes_are_not_mended() -> None:
    with pytest.raises(RecordError):
        strict_json.loads(rb'["\ud8zz"]')


def test_a_byte_order_mark_is_left_out() -> None:
    """Some writers begin with one, and RFC 8259 lets a reader ignore it; a second one is an error."""
    assert strict_json.loads(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    with pytest.raises(RecordError):
        strict_json.loads(b"\xef\xbb\xbf\xef\xbb\xbf{}")


def test_a_number_of_a_megabyte_takes_no_time() -> None:
    """int() would take the square of its length, were its limit lifted."""
    began = time.monotonic()
    strict_json.loads(b"9" * 4_000_000)

    assert time.monotonic() - began < 2
