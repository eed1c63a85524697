"""Customers' texts on a terminal: what could steer it, or hide or reorder words, is shown and never sent."""

import unicodedata

# Joiners only bind letters and emoji together; everything else that is invisible is made visible.
_JOINERS = {"\u200c", "\u200d"}
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_LINE_BREAKS = {"\n": "↵ ", "\r": "", "\t": " ", "\u2028": "↵ ", "\u2029": "↵ "}


def printable(text: str) -> str:
    """One line that any terminal can take; escape characters, bidi overrides and the like appear as `\\u202e`."""
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character in _LINE_BREAKS:
        return _LINE_BREAKS[character]
    if unicodedata.category(character) in _HIDDEN and character not in _JOINERS:
        return character.encode("unicode_escape").decode()
    return character
