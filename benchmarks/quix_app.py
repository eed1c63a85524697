"""
The same job as a Quix Streams application: exactly once, Avro in and out, optimum's int8 in batches.

    python benchmarks/quix_app.py BOOTSTRAP_SERVERS REGISTRY_URL INPUT OUTPUT GROUP CHECKPOINT STATE_FOLDER

In the environment of locks/bench-quix.txt. Batches are its windows by count, which are of one key: the input has a key
for each partition. With `at-once` in the checkpoint's place nothing is batched, and each message answered as it comes.
"""

import json
import sys
from pathlib import Path
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found]
from quixstreams.models.serializers.avro import AvroDeserializer, AvroSerializer  # type: ignore[import-not-found]
from quixstreams.models.serializers.schema_registry import (  # type: ignore[import-not-found]
    SchemaRegistryClientConfig,
)

RECORDS = 32
AT_ONCE = "at-once"
ANSWER = json.loads(Path(__file__).with_name("answer.avsc").read_bytes())


def main(
    bootstrap_servers: str, registry_url: str, source: str, output: str, group: str, checkpoint: str, state: str
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
    leaves = app.topic(output, value_serializer=AvroSerializer(schema=ANSWER, schema_registry_client_config=registry))
    frame = app.dataframe(came)
    if checkpoint == AT_ONCE:
        frame = frame.apply(lambda event: {"id": event["id"], "label": "routine", "score": 1.0})
    else:
        classify = _classifier(Path(checkpoint))
        frame = frame.tumbling_count_window(RECORDS).collect().final()
        frame = frame.apply(lambda window: _answers(classify, window["value"]), expand=True)
    frame.to_topic(leaves)
    app.run()


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
