import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ümläut, 日本語, 👍🏽", "plain, ümläut, 日本語, 👍🏽"),
        ("\x1b[2J\x07", "\\x1b[2J\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("pay \u202e001$", "pay \\u202e001$"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("one\r\ntwo\tthree", "one↵ two three"),
        ("👩\u200d👧", "👩\u200d👧"),
    ],
)
def test_what_steers_or_hides_is_shown_instead(text, shown):
    """Escape characters, bidi overrides and invisible characters appear as codes; letters and emoji stay."""
    assert printable(text) == shown


@given(st.text())
def test_nothing_that_controls_a_terminal_is_ever_sent(text):
    """No control or format character survives, whatever a customer writes, but the joiners of emoji."""
    left = {c for c in printable(text) if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"}}
    assert left <= {"\u200c", "\u200d"}
