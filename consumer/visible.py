"""A customer's text on a terminal, when somebody asked for it: short, and unable to play tricks."""

import unicodedata

_UNSEEN = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}


def visible(text: str, most: int = 100) -> str:
    """`text` in quotes, its first `most` characters; what is unseen or moves the cursor is written as its number."""
    shown = "".join(_character(character) for character in text[:most])
    rest = f" … ({len(text):,} characters)" if len(text) > most else ""
    return f'"{shown}"{rest}'


def _character(character: str) -> str:
    if character == "\n":
        return "⏎"
    return f"\\u{{{ord(character):x}}}" if unicodedata.category(character) in _UNSEEN else character
