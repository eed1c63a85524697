"""
The same job as a Quix Streams application: exactly once, Avro in and out, optimum's int8 in batches.

    python benchmarks/quix_app.py BOOTSTRAP_SERVERS REGISTRY_URL INPUT OUTPUT GROUP CHECKPOINT STATE_FOLDER [each]

In the environment of locks/bench-quix.txt. Batches are its windows by count, which are of one key: the input has a key
for each partition. With `each` there are none, and no state: a message is classified when it comes, which is what one
writes first. With `at-once` in the checkpoint's place each is answered as it comes too, with the event and the headers
that shikyu writes.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quixstreams import Application, message_context  # type: ignore[import-not-found]
from quixstreams.models.serializers.avro import AvroDeserializer, AvroSerializer  # type: ignore[import-not-found]
from quixstreams.models.serializers.schema_registry import (  # type: ignore[import-not-found]
    SchemaRegistryClientConfig,
)

RECORDS = 32
AT_ONCE, EACH = "at-once", "each"
ANSWER = json.loads(Path(__file__).with_name("answer.avsc").read_bytes())
CLASSIFIED = json.loads((Path(__file__).parents[1] / "schemas" / "classified-message.avsc").read_bytes())
CLASSES = ("very_unsatisfied", "unsatisfied", "neutral", "satisfied", "very_satisfied")


def main(
    bootstrap_servers: str,
    registry_url: str,
    source: str,
    output: str,
    group: str,
    checkpoint: str,
    state: str,
    how: str = "batches",
) -> None:
    app = Application(
        broker_address=bootstrap_servers,
        consumer_group=group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        state_dir=state,
        auto_create_topics=True,
        loglevel="WARNING",
    )
    registry = SchemaRegistryClientConfig(url=registry_url)
    came = app.topic(source, value_deserializer=AvroDeserializer(schema_registry_client_config=registry))
    schema = CLASSIFIED if checkpoint == AT_ONCE else ANSWER
    leaves = app.topic(output, value_serializer=AvroSerializer(schema=schema, schema_registry_client_config=registry))
    frame = app.dataframe(came)
    if checkpoint == AT_ONCE:
        frame = frame.apply(_classified).set_headers(_headers)
    else:
        classify = _classifier(Path(checkpoint))
        if how == EACH:
            frame = frame.apply(lambda event: _answers(classify, [event])[0])
        else:
            frame = frame.tumbling_count_window(RECORDS).collect().final()
            frame = frame.apply(lambda window: _answers(classify, window["value"]), expand=True)
    frame.to_topic(leaves)
    app.run()


def _classified(event: dict[str, Any]) -> dict[str, Any]:
    """What shikyu says of a message, from a model that answers at once."""
    source = message_context()
    now = datetime.now(UTC)
    return {
        "event_id": f"{source.topic}/{source.partition}/{source.offset}/live",
        **{name: event[name] for name in ("id", "customer_id", "channel", "language", "sent_at", "attributes", "text")},
        "satisfaction": "very_satisfied",
        "probabilities": dict.fromkeys(CLASSES, 0.2),
        "urgency": 0.4,
        "decision": "routine",
        "threshold": 0.5,
        "reason": "model",
        "truncated": False,
        "audit": None,
        "attempt": 1,
        "model": {"name": "at-once", "version": "1", "precision": "int8"},
        "source": {
            "topic": source.topic,
            "partition": source.partition,
            "offset": source.offset,
            "timestamp": now,
        },
        "classified_at": now,
        "run": "live",
    }


def _headers(event: dict[str, Any], _key: object, _timestamp: int, headers: Any) -> list[tuple[str, bytes]]:
    told = {
        "ce_specversion": "1.0",
        "ce_id": event["event_id"],
        "ce_source": f"/at-once/{event['source']['topic']}",
        "ce_type": "classified-message",
        "ce_time": event["classified_at"].isoformat(),
        "content-type": "application/avro",
        "shikyu.decision": event["decision"],
        "shikyu.reason": event["reason"],
        "shikyu.satisfaction": event["satisfaction"],
        "shikyu.urgency": repr(event["urgency"]),
        "shikyu.model.version": event["model"]["version"],
        "shikyu.attempt": str(event["attempt"]),
        "shikyu.run": event["run"],
    }
    return [*(headers or ()), *((name, value.encode()) for name, value in told.items())]


def _classifier(folder: Path) -> Any:
    from optimum.onnxruntime import ORTModelForSequenceClassification  # type: ignore[import-not-found]
    from transformers import AutoTokenizer, pipeline

    model = ORTModelForSequenceClassification.from_pretrained(folder / "optimum", file_name="model_quantized.onnx")
    return pipeline("text-classification", model=model, tokenizer=AutoTokenizer.from_pretrained(folder))


def _answers(classify: Any, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    told = classify([event["text"] for event in events], batch_size=RECORDS, truncation=True, max_length=128)
    return [
        {"id": event["id"], "label": each["label"], "score": each["score"]}
        for event, each in zip(events, told, strict=True)
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
