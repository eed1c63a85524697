"""What is fuzzed: each takes any bytes, and raises what its contract does not name."""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson

import schemas
from consumer import artifact, avro
from consumer.decode import Decoder
from consumer.errors import ArtifactError, SettingsError, UnknownSchema
from consumer.manifest import MANIFEST_FILE
from consumer.quarantine import Mark
from consumer.records import Dead, Message, Record, Skipped
from consumer.schema_store import SchemaStore
from consumer.settings import Input, Rules
from consumer.settings_sources import resolve
from consumer.wire import confluent_prefix
from tests.consumer.fake_registry import FakeRegistry

LARGEST_BYTES = 1 << 16
FORMATS = ("avro", "json-schema", "avro-single-object", "json", "text")

_decoders = {
    name: Decoder(
        Input(format=name, max_value_bytes=LARGEST_BYTES),
        SchemaStore(FakeRegistry(id7=schemas.avro("customer-message"))),
        Rules(always_urgent={"vip": "attributes.tier == 'vip' || contains(text, 'lawyer')"}),
    )
    for name in FORMATS
}


def decode(data: bytes) -> None:
    """A record's fate, whatever its bytes are: the first says the format, and whether a key and headers are there."""
    if not data:
        return
    kind, value = data[0], data[1:]
    name = FORMATS[kind % len(FORMATS)]
    headers = (("__value_schema_id", value[:5]), (value[5:9].decode("latin-1"), value[9:12])) if kind & 64 else ()
    if kind & 128 and name in {"avro", "json-schema"}:
        value = confluent_prefix(7) + value
    try:
        fate = _decoders[name].decode(Record("in", 0, 0, None, value[:3], value, headers))
    except UnknownSchema:  # it is asked for again, for a while
        return
    assert isinstance(fate, Message | Skipped | Dead)
    if isinstance(fate, Message):
        fate.text.encode("utf-8")  # no half characters: no output could hold them
        assert fate.sent_at is None or fate.sent_at.tzinfo is not None


def schema(data: bytes) -> None:
    """A writer's schema, and a value that it reads."""
    text, _, value = data.partition(b"\0")
    reader = Decoder(
        Input(max_value_bytes=LARGEST_BYTES), SchemaStore(FakeRegistry(id7=text.decode("utf-8", "replace"))), Rules()
    )
    fate = reader.decode(Record("in", 0, 0, None, None, confluent_prefix(7) + value))
    assert isinstance(fate, Message | Skipped | Dead)


def settings(data: bytes) -> None:
    """A settings file, and a flag and a variable of the same bytes."""
    text = data.decode("utf-8", "replace")
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        file = Path(folder) / "shikyu.toml"
        file.write_bytes(data)
        for sources in (
            (file, {}, {}),
            (None, {}, {"input.text": [text]}),
            (None, {"SHIKYU_INPUT_TEXT": text}, {}),
            (None, {}, {"kafka.options": [text]}),
        ):
            try:
                resolve(*sources)
            except SettingsError:
                continue


def manifest(data: bytes) -> None:
    """An artifact's manifest."""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        (Path(folder) / MANIFEST_FILE).write_bytes(data)
        try:
            artifact.read_manifest(Path(folder))
        except ArtifactError:
            return


def mark(data: bytes) -> None:
    """What stands in a committed offset's metadata, which any client of the group may have written."""
    found = Mark.read(data.decode("utf-8", "replace"))
    assert found is None or Mark.read(str(found)) == found


def _memory() -> str | None:
    return "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "decode": decode,
    "schema": schema,
    "settings": settings,
    "manifest": manifest,
    "mark": mark,
}


def seeds(name: str) -> list[bytes]:
    """Where the fuzzer begins."""
    event = {
        "id": "m-1", "text": "Where is it?", "customer_id": None, "channel": "chat", "language": "en",
        "sent_at": 1_764_000_000_123, "attributes": {"tier": "vip"},
    }  # fmt: skip
    parsed = avro.parse(schemas.avro("customer-message"))
    root = Path(__file__).parents[2]
    found = {
        "decode": [
            bytes([128]) + avro.write(event, parsed, b""),
            bytes([0]) + avro.write(event, parsed, confluent_prefix(7)),
            bytes([3]) + orjson.dumps(event),
            bytes([129]) + orjson.dumps(event),
            bytes([68]) + b"plain text",
        ],
        "schema": [
            schemas.avro("customer-message").encode() + b"\0" + avro.write(event, parsed, b""),
            b'{"type":"record","name":"A","fields":[{"name":"text","type":"string"}]}\0\x04hi',
            b'{"type":"array","items":{"type":"map","values":["null","int",{"type":"fixed","name":"F","size":2}]}}\0\0',
        ],
        "settings": [
            (root / "local" / "demo.toml").read_bytes(),
            b"[kafka]\nlinger.ms = 5\n[rules.always_urgent]\nlegal = \"contains(text, 'lawyer')\"\n[http]\nport = 1\n",
        ],
        "manifest": [(root / "artifacts" / "sample" / MANIFEST_FILE).read_bytes()],
        "mark": [str(Mark(2, 4711)).encode()],
    }
    return found[name]
