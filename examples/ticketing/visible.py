"""What customers wrote, for a terminal: nothing in it may steer the cursor, hide words or turn them round."""

import unicodedata

MOST = 100
_UNSEEN = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}


def visible(text: str, most: int = MOST) -> str:
    """`text` in quotes, on one line, its first `most` characters; what is unseen is written as its number."""
    shown = "".join(map(_character, text[:most]))
    rest = f" … ({len(text):,} characters)" if len(text) > most else ""
    return f'"{shown}"{rest}'


def _character(character: str) -> str:
    if character == "\n":
        return "⏎"
    return f"\\u{{{ord(character):x}}}" if unicodedata.category(character) in _UNSEEN else character
