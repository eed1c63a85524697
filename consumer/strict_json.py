"""Reads JSON as RFC 8259 has it, from bytes that anybody may have written."""

import json
import re

import orjson

from consumer.dead_letters import INVALID_JSON, INVALID_UTF8, JSON_TOO_DEEP

_BOM = b"\xef\xbb\xbf"
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def loads(value: bytes) -> object:
    """
    The value; half an emoji (a lone surrogate's escape, left where a text was cut) becomes U+FFFD.

    Raises RecordError (invalid-json, invalid-utf8, json-too-deep).
    """
    value = value.removeprefix(_BOM)
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as problem:
        if "depth" in str(problem) or "recursion" in str(problem).lower():
            raise JSON_TOO_DEEP.error() from None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise INVALID_UTF8.error() from None
    if _SURROGATE_ESCAPE.search(value):
        return _loads_mended(text)
    raise INVALID_JSON.error() from None


def _loads_mended(text: str) -> object:
    try:
        dumped = json.dumps(json.loads(text), ensure_ascii=False, allow_nan=False)
        return orjson.loads(_SURROGATE.sub("\ufffd", dumped))
    except RecursionError:
        raise JSON_TOO_DEEP.error() from None
    except ValueError:
        raise INVALID_JSON.error() from None
