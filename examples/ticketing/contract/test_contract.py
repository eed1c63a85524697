"""
What this program needs of shikyu's events, held against one golden event of every version of their schema.

To copy into a project of your own: this file, the folder `classified-message` beside it, and in `read` your own reader
in the place of ours. When shikyu adds a version, its golden event comes with it; a reader that can't take it fails here
and not at night.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from examples.ticketing.events import Event, Reader, fingerprint

GOLDEN = Path(__file__).parent / "classified-message"
VERSIONS = sorted((file.stem for file in GOLDEN.glob("*.avsc")), key=int)


def read(version: str) -> Event:
    """Without a registry: the bytes say by a fingerprint which of the schemas here they were written with."""
    return Reader("avro-single-object").read((GOLDEN / f"{version}.avro").read_bytes())


def told(version: str) -> dict[str, Any]:
    """The same event as JSON."""
    found: dict[str, Any] = json.loads((GOLDEN / f"{version}.json").read_text(encoding="utf-8"))
    return found


def test_versions_are_counted_from_one() -> None:
    """None is taken away later: events of an old version stand in topics for as long as these keep them."""
    assert [str(number) for number in range(1, len(VERSIONS) + 1)] == VERSIONS
    assert VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_the_golden_event_was_written_with_its_schema(version: str) -> None:
    """C3 01 and the schema's CRC-64-AVRO stand before it."""
    schema = (GOLDEN / f"{version}.avsc").read_text(encoding="utf-8")

    assert (GOLDEN / f"{version}.avro").read_bytes()[:10] == b"\xc3\x01" + fingerprint(schema)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_we_use_of_an_event_is_in_it(version: str) -> None:
    """Field by field, as the event was meant."""
    event, meant = read(version), told(version)

    for name in ("event_id", "customer_id", "channel", "text", "urgency", "decision", "run"):
        assert getattr(event, name) == meant[name], name
    assert (event.model.name, event.model.version) == (meant["model"]["name"], meant["model"]["version"])
    source = (event.source.topic, event.source.partition, event.source.offset)
    assert source == (meant["source"]["topic"], meant["source"]["partition"], meant["source"]["offset"])
    assert event.event_id == "/".join(map(str, (*source, event.run)))


@pytest.mark.parametrize("version", VERSIONS)
def test_avro_and_json_say_the_same(version: str) -> None:
    """Times too, which JSON writes as ISO 8601."""
    assert read(version) == Reader("json").read((GOLDEN / f"{version}.json").read_bytes())
