"""What several would say again and again."""

from types import SimpleNamespace

from consumer import repeats
from consumer.repeats import Repeats


def test_it_is_said_once_and_then_now_and_then(monkeypatch):
    """And at once when it was over meanwhile."""
    now = [100.0]
    monkeypatch.setattr(repeats, "time", SimpleNamespace(monotonic=lambda: now[0]))
    waiting = Repeats(60.0)

    assert [waiting.is_due("a"), waiting.is_due("a"), waiting.is_due("b")] == [True, False, True]
    now[0] += 59
    assert not waiting.is_due("a")
    now[0] += 1
    assert [waiting.is_due("a"), waiting.is_due("a")] == [True, False]
    waiting.is_over("a")
    assert waiting.is_due("a")
