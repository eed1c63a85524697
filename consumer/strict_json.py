"""Reads JSON as RFC 8259 has it, from bytes that anybody may have written."""

import json
import math
import re

import orjson

from consumer.dead_letters import INVALID_JSON, INVALID_UTF8, JSON_TOO_DEEP
from consumer.exact_number import ExactNumber

_BOM = b"\xef\xbb\xbf"
_HIGH, _LOW, _EITHER = (rf"u[dD][{digits}][0-9a-fA-F]{{2}}" for digits in ("89abAB", "c-fC-F", "89a-fA-F"))
_ESCAPE = re.compile(rf"\\(?:{_HIGH}\\{_LOW}|({_EITHER})|.)", re.DOTALL)
# The fewest digits of an integer that orjson makes a float of.
_LONG_NUMBER = b"0" * 19
_DIGITS_TO_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)


def loads(value: bytes) -> object:
    """
    The value, behind a byte order mark too. Integers keep every digit; what no float holds is an ExactNumber.

    Half an emoji (a lone surrogate's escape, left where a text was cut) becomes U+FFFD.
    Raises RecordError (invalid-json, invalid-utf8, json-too-deep).
    """
    value = value.removeprefix(_BOM)
    try:
        found: object = orjson.loads(value)
    except orjson.JSONDecodeError as problem:
        if "depth" in str(problem) or "recursion" in str(problem).lower():
            raise JSON_TOO_DEEP.error() from None
        return _loads_leniently(value)
    return _loads_leniently(value) if _LONG_NUMBER in value.translate(_DIGITS_TO_ZEROS) else found


def _loads_leniently(value: bytes) -> object:
    """With what RFC 8259 allows and orjson does not take; several times slower."""
    try:
        text = _ESCAPE.sub(lambda escape: r"\ufffd" if escape[1] else escape[0], value.decode())
        return json.loads(text, parse_int=_integer, parse_float=_real, parse_constant=_refuse)
    except UnicodeDecodeError:
        raise INVALID_UTF8.error() from None
    except RecursionError:
        raise JSON_TOO_DEEP.error() from None
    except ValueError:
        raise INVALID_JSON.error() from None


def _integer(written: str) -> float:
    # Beyond a float's range int() would take the square of its digits' time, or refuse them.
    return int(written) if math.isfinite(float(written)) else ExactNumber(written)


def _real(written: str) -> float:
    number = float(written)
    return number if math.isfinite(number) else ExactNumber(written)


def _refuse(constant: str) -> object:
    raise ValueError(constant)
