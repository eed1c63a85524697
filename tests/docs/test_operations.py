import re
from pathlib import Path

import consumer
from consumer import errors
from consumer.metrics import Metrics

ROOT = Path(consumer.__file__).parent
PAGE = (ROOT.parent / "docs" / "operations.md").read_text(encoding="utf-8")
EVENT = re.compile(r"log\.(?:debug|info|warning|error|exception)\(\s*f?\"([a-z-]+)")


def test_every_metric_is_documented_and_every_documented_one_exists() -> None:
    """Dashboards are written from the page."""
    assert set(re.findall(r"`(shikyu_\w+)`", PAGE)) == set(Metrics().names())


def test_every_log_event_is_documented() -> None:
    """Alerts are written from it too. A name that ends in a dash is completed at run time."""
    events = {event for file in ROOT.rglob("*.py") for event in EVENT.findall(file.read_text(encoding="utf-8"))}

    assert len(events) > 10
    assert [
        event for event in sorted(events) if not re.search(rf"`{event}{'' if event[-1] == '-' else '`'}", PAGE)
    ] == []


def test_every_exit_code_is_documented() -> None:
    """A supervisor decides by them."""
    codes = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.ShikyuError)
    }

    assert codes == {1, 2, 3, 4, 5}
    assert all(f"\n| {code} |" in PAGE for code in codes)
