"""What of a customer's data may be seen: a text that was asked for, without its tricks, and the names of fields."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import islice

MOST_NAMES = 20
# What a program calls a field. Another may be a customer's data, such as the e-mail address that a map is keyed by.
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_UNSEEN = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}


def visible(text: str, most: int = 100) -> str:
    """`text` in quotes, its first `most` characters; what is unseen or moves the cursor is written as its number."""
    shown = "".join(_character(character) for character in text[:most])
    rest = f" … ({len(text):,} characters)" if len(text) > most else ""
    return f'"{shown}"{rest}'


def seen(text: str) -> str:
    """`text` for a page: as it is, lines and tabs too, but for what is unseen, which is written as its number."""
    return "".join(each if each in "\n\t" else _character(each) for each in text)


def told_names(names: Iterable[str]) -> list[str]:
    """Those of an event's field names that may be told without being asked for: the first 20 that a program gives."""
    return list(islice(filter(_IDENTIFIER.fullmatch, names), MOST_NAMES))


def _character(character: str) -> str:
    if character == "\n":
        return "⏎"
    return f"\\u{{{ord(character):x}}}" if unicodedata.category(character) in _UNSEEN else character
