"""Whoever reads an error finds the page that tells more, without a network."""

import importlib.util
import re
from pathlib import Path

import pytest

from consumer import cli, documentation, error_pages, errors, slot
from consumer.errors import LimitError, SettingsError, ShikyuError, SurroundingsError

ROOT = Path(__file__).parents[2]
CLASSES = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, ShikyuError)]
NAMED = [
    address
    for package in ("consumer", "training")
    for path in (ROOT / package).rglob("*.py")
    for address in re.findall(r'\bpage="([^"]+)"', path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(
    "address", sorted({*error_pages.ROOMS.values(), *NAMED, *(each.class_page for each in CLASSES)})
)
def test_every_page_that_an_error_names_is_there(address):
    """Its section, too: a heading that was changed takes its errors along."""
    assert documentation.read(address).startswith("#")


@pytest.mark.parametrize("room", error_pages.ROOMS)
def test_every_room_is_one(room):
    """A module that was renamed would be forgotten in silence."""
    assert importlib.util.find_spec(room) is not None


def test_an_error_names_its_own_page_or_its_rooms_or_its_classes(tmp_path, monkeypatch):
    """In this order."""
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    first = slot.claim("group", "7")
    with pytest.raises(SurroundingsError) as taken:
        slot.claim("group", "7")
    first.release()

    assert error_pages.page_of(taken.value) == "delivery#how-a-window-goes"
    assert error_pages.page_of(SurroundingsError("x", page="security#acls")) == "security#acls"
    assert error_pages.page_of(SettingsError("x")) == "configuration"
    assert error_pages.page_of(LimitError("x")) == "operations#exit-codes"


def test_the_program_says_where_to_read_on(capsys):
    """As a command, on the line behind the error."""
    assert cli.main(["run", "--http-port", "many"]) == 2

    *_, error, see = capsys.readouterr().err.splitlines()
    assert error.startswith("shikyu: error: ")
    assert see == "shikyu: see: shikyu docs configuration"
    assert cli.main(see.split()[3:]) == 0
    assert "http-port" in capsys.readouterr().out
