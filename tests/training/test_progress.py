import pytest

from training.progress import progress

pytestmark = pytest.mark.train


def test_a_bar_is_for_terminals_alone(capsys, monkeypatch):
    """
    In a log, or a pipe, there is nothing of it.
    """
    with progress("classify", 2) as advance:
        advance(2)
    assert capsys.readouterr() == ("", "")

    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    with progress("classify", 2) as advance:
        advance(1)
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "1/2" in seen.err
