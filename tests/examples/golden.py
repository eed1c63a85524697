"""
`python -m tests.examples.golden` writes the golden event of a version of classified-message that has none yet.

By shikyu's own encoder, so that downstream teams test with the bytes that they will get.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import schemas
from consumer.encode import Encoder
from consumer.records import Decision, Message, ModelVersion, Record, Satisfaction
from consumer.schema_store import SchemaStore
from consumer.settings import Format, Output

FOLDER = Path(__file__).parents[2] / "examples" / "ticketing" / "contract" / "classified-message"


def without_docs(schema: Any) -> Any:
    """What a reader can tell apart: a doc that was put better makes no version."""
    if isinstance(schema, list):
        return [without_docs(each) for each in schema]
    if isinstance(schema, dict):
        return {
            name: part if name == "default" else without_docs(part) for name, part in schema.items() if name != "doc"
        }
    return schema


def versions() -> list[Any]:
    """Of those that have a golden event, the schemas in order."""
    files = sorted(FOLDER.glob("*.avsc"), key=lambda file: int(file.stem))
    return [without_docs(json.loads(file.read_text(encoding="utf-8"))) for file in files]


def is_missing() -> bool:
    return without_docs(json.loads(schemas.avro("classified-message"))) not in versions()


def main() -> int:
    if not is_missing():
        print("the schema as it is has its golden event")
        return 0
    stem = FOLDER / str(len(versions()) + 1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".avsc").write_text(schemas.avro("classified-message"), encoding="utf-8")
    stem.with_suffix(".avro").write_bytes(value("avro-single-object"))
    pretty = json.dumps(json.loads(value("json")), indent=2, ensure_ascii=False)
    stem.with_suffix(".json").write_text(pretty + "\n", encoding="utf-8")
    print(f"wrote {stem}.avsc, .avro and .json: look whether the new fields hold something")
    return 0


def value(event_format: Format) -> bytes:
    sent_at = datetime(2026, 11, 28, 21, 14, 3, 250_000, UTC)
    message = Message(
        "Third week without heating, and my baby is ill. Grüße \N{FIRE}",
        id="m-1",
        customer_id="customer-07",
        channel="email",
        language="en",
        sent_at=sent_at,
        attributes={"plan": "gold"},
    )
    probabilities = (0.81, 0.13, 0.04, 0.015, 0.005)
    model = ModelVersion("sample", "2026-11-01", "int8")
    decision = Decision(Satisfaction.VERY_UNSATISFIED, probabilities, 0.94, True, 0.37, "model", False, model)
    record = Record("customer-messages", 2, 4711, int(sent_at.timestamp() * 1000) + 120, b"customer-07", b"")
    encoder = Encoder(Output(format=event_format), SchemaStore(None))
    at = datetime(2026, 11, 28, 21, 14, 4, 7_000, UTC)
    return encoder.encode(record, message, decision, run="live", attempt=1, classified_at=at).value


if __name__ == "__main__":
    sys.exit(main())
