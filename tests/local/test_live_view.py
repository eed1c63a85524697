import io

from rich.console import Console

from local.arrivals import Classified, DeadLetter
from local.live_view import LiveView
from local.tally import Tally

SOURCE = ("customer-messages", 0, 0)
EVIL = Classified(SOURCE, "urgent", "very_unsatisfied", 0.9712, "[red]\x1b[2Jtwo\nlines \u202e" + "x" * 300, 0.0412)


def shown(arrival, **console):
    output = io.StringIO()
    with LiveView(Tally(), Console(file=output, width=100, **console)) as view:
        view.show(arrival)
        view.refresh()
    return output.getvalue()


def test_a_line_holds_all_that_is_asked():
    """Text, satisfaction, urgency, decision and the time to the answer, on one line of the terminal's width."""
    [_, line] = shown(EVIL).splitlines()
    assert line.split()[:6] == ["urgent", "very", "unsatisfied", "0.971", "41", "ms"]
    assert "[red]\\x1b[2Jtwo↵ lines \\u202exxx" in line
    assert line.endswith("…")
    assert len(line) == 100


def test_a_dead_letter_says_why():
    """The stage and the reason from its headers."""
    assert "dead letter   deserialize: cut short" in shown(DeadLetter(SOURCE, "deserialize", "cut short"))


def test_only_a_terminal_gets_control_sequences():
    """Plain lines into a file; colours and a status line at a terminal, but none that a customer wrote."""
    assert "\x1b" not in shown(EVIL)
    assert "\x1b[" in shown(EVIL, force_terminal=True)
    assert "\x1b[2Jtwo" not in shown(EVIL, force_terminal=True)
