from consumer.visible import told_names, visible


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


def test_only_names_that_a_program_would_give_are_told() -> None:
    """JSON's keys and a map's may be customers' data: an address, an account's number, any words."""
    keys = ["anna@example.org", "4711", "Dear Sir", "\x1b[31mred", "größe", "k" * 65, "body\n", "", "text"]

    assert told_names([*keys, "event.sent-at_2", "_id", "k" * 64]) == ["text", "event.sent-at_2", "_id", "k" * 64]


def test_a_few_names_are_enough() -> None:
    """In the order given."""
    assert told_names(f"field{number}" for number in range(50)) == [f"field{number}" for number in range(20)]
