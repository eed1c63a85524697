"""
Every reason for a dead letter, and the record that tells it (docs/dead-letters.md).

Headers follow Kafka Connect's DeadLetterQueueReporter, stages Beam's RunInference.
"""

from dataclasses import dataclass

from consumer.errors import RecordError, Stage
from consumer.records import Headers, OutputRecord, Record

CONNECT = "__connect.errors."
# In this order, behind the record's own.
HEADERS = (
    CONNECT + "topic",
    CONNECT + "partition",
    CONNECT + "offset",
    CONNECT + "connector.name",
    CONNECT + "task.id",
    CONNECT + "stage",
    CONNECT + "class.name",
    CONNECT + "exception.class.name",
    CONNECT + "exception.message",
    "shikyu.error.code",
    "shikyu.attempt",
    "shikyu.run",
    "shikyu.model.version",
    "shikyu.source.timestamp",
)


@dataclass(frozen=True, slots=True)
class Reason:
    """A stable code and a fixed template; only numbers, ids and settings' names are filled in, never a value."""

    code: str
    stage: Stage
    template: str

    def error(self, **facts: object) -> RecordError:
        return RecordError(self.code, self.stage, self.template.format(**facts))


VALUE_TOO_LARGE = Reason(
    "value-too-large",
    "deserialize",
    "the value has {size} bytes, more than input.max_value_bytes ({limit}); raise it if such events are expected",
)
BAD_FRAMING = Reason(
    "bad-framing",
    "deserialize",
    "the value does not begin with {expected}, as input.format = {format} has it; was it written in another format?",
)
BAD_SCHEMA_HEADER = Reason(
    "bad-schema-header",
    "deserialize",
    "the header __value_schema_id holds neither 0 and a 4-byte id nor 1 and a 16-byte GUID",
)
UNKNOWN_SCHEMA_ID = Reason(
    "unknown-schema-id",
    "deserialize",
    "the registry knows no schema {reference}, and did not for {waited_s} s; was it written against another registry?",
)
UNKNOWN_SCHEMA_GUID = Reason(
    "unknown-schema-guid",
    "deserialize",
    "the registry finds no schema by the GUID {reference}, and did not for {waited_s} s; not every registry can "
    "(Apicurio cannot): let the producer name schemas by their id, or name the registry that gave the GUID",
)
UNKNOWN_FINGERPRINT = Reason(
    "unknown-fingerprint",
    "deserialize",
    "no schema with the CRC-64-AVRO fingerprint {fingerprint} is at hand; name its .avsc in input.schemas",
)
NOT_AN_AVRO_SCHEMA = Reason(
    "not-an-avro-schema", "deserialize", "schema {reference} is of type {type}, and input.format is avro"
)
UNSAFE_SCHEMA = Reason(
    "unsafe-schema",
    "deserialize",
    "the writer's schema {reference} {problem}, so that a small value could take the process down",
)
UNRESOLVABLE_SCHEMA = Reason(
    "unresolvable-schema", "deserialize", "the event cannot be read with input.reader_schema: the two do not resolve"
)
TRUNCATED_AVRO = Reason("truncated-avro", "deserialize", "the Avro value ends before its schema does")
TRAILING_BYTES = Reason(
    "trailing-bytes", "deserialize", "{count} bytes are left after the Avro value; it was written with another schema"
)
INVALID_AVRO = Reason("invalid-avro", "deserialize", "the value is not what its Avro schema says")
INVALID_UTF8 = Reason("invalid-utf8", "deserialize", "a text in the value is not valid UTF-8")
INVALID_JSON = Reason(
    "invalid-json", "deserialize", "the value is not valid JSON (NaN and Infinity are not; see RFC 8259)"
)
JSON_TOO_DEEP = Reason("json-too-deep", "deserialize", "the JSON value is nested deeper than 1024 levels")
EXPRESSION_FAILED = Reason(
    "expression-failed",
    "preprocess",
    "the expression of {setting} fails on this event: a function or comparison met a type that it does not take",
)
MISSING_TEXT = Reason(
    "missing-text", "preprocess", "input.text finds nothing in this event; say with input.where what is a message"
)
TEXT_NOT_A_STRING = Reason("text-not-a-string", "preprocess", "input.text finds {type} in this event, not a string")
INFERENCE_FAILED = Reason("inference-failed", "inference", "the model raised an error on this text")
INFERENCE_NOT_FINITE = Reason("inference-not-finite", "inference", "the model's logits are not finite on this text")
CRASHED = Reason(
    "crashed-the-process",
    "inference",
    "{times} processes in a row died with this record in hand, the last with it alone; try it with `shikyu classify` "
    "or `shikyu config test`, which may die of it",
)
OUTPUT_TOO_LARGE = Reason(
    "output-too-large",
    "produce",
    "the classified message has {size} bytes, more than its topic's max.message.bytes (or the producer's "
    "message.max.bytes, where it is set) takes; raise it, or set output.include_text = false",
)
OUTPUT_REFUSED = Reason(
    "output-refused",
    "produce",
    "Kafka refused the classified message ({error}); does its topic take it? A compacted one, say, needs a key",
)

REASONS: tuple[Reason, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Reason))


def dead_letter(
    record: Record,
    error: RecordError,
    *,
    topic: str,
    connector_name: str,
    task_id: str,
    run: str,
    attempt: int,
    model_version: str,
) -> OutputRecord:
    """
    The record as it came, byte for byte, and why it was not classified.

    Ours come last, so that they are what lastHeader() finds in a record that died before.
    """
    told = (
        record.topic,
        str(record.partition),
        str(record.offset),
        connector_name,
        task_id,
        error.stage,
        f"{type(error).__module__}.{type(error).__qualname__}",
        _cause_name(error),
        error.message,
        error.code,
        str(attempt),
        run,
        model_version,
        # The record's own timestamp is now: one as old as its source could be deleted before anybody looks.
        "" if record.timestamp_ms is None else str(record.timestamp_ms),
    )
    ours: Headers = tuple((name, value.encode()) for name, value in zip(HEADERS, told, strict=True))
    return OutputRecord(topic, record.key, record.value, record.headers + ours)


def _cause_name(error: RecordError) -> str:
    cause = type(error.__cause__ or error)
    return f"{cause.__module__}.{cause.__qualname__}"
