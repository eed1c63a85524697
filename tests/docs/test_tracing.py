"""Whoever looks for an attribute finds it on the page."""

import re
from pathlib import Path

from consumer.tracing import names

PAGE = (Path(__file__).parents[2] / "docs" / "tracing.md").read_text(encoding="utf-8")


def test_every_attribute_is_documented_and_every_documented_one_is_told():
    """As the conventions spell it, and with the version that the names are of."""
    ours = {
        value for name, value in vars(names).items() if name.isupper() and re.fullmatch(r"(messaging|error)\..+", value)
    }

    assert set(re.findall(r"`((?:messaging|error)\.[a-z._]+)`", PAGE)) == ours
    assert len(ours) == 9
    assert names.SCHEMA_URL.endswith("/1.44.0")
    assert "v1.44" in PAGE
