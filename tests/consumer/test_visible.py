from consumer.visible import visible


def test_a_text_cannot_play_tricks_on_the_terminal() -> None:
    """Escape sequences, right-to-left overrides and zero-width characters are written as their numbers."""
    assert visible("a\x1b[2Jb\u202ec\u200bd") == '"a\\u{1b}[2Jb\\u{202e}c\\u{200b}d"'


def test_a_text_stays_on_its_line() -> None:
    """Line ends are shown, not made."""
    assert visible("a\nb\u2028c") == '"a⏎b\\u{2028}c"'


def test_a_long_text_is_shortened_and_counted() -> None:
    """Enough to recognise it by."""
    assert visible("x" * 1234, most=3) == '"xxx" … (1,234 characters)'
    assert visible("عاجل 🔥", most=10) == '"عاجل 🔥"'
