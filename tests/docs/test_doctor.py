"""Whoever reads a line of the doctor's finds its check on the page."""

import re
from pathlib import Path

from consumer.doctor.examination import CHECKS

PAGE = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")


def test_every_check_is_documented_and_every_documented_one_is_made():
    """In the order in which they are made; `ends` tells nothing."""
    documented = re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)

    assert documented == [name for name in dict.fromkeys(each.name for each in CHECKS) if name != "ends"]
