"""Bytes to a Message, by the user's format and expressions."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice

from consumer import avro, strict_json
from consumer.dead_letters import (
    EXPRESSION_FAILED,
    INVALID_UTF8,
    MISSING_TEXT,
    TEXT_NOT_A_STRING,
    VALUE_TOO_LARGE,
)
from consumer.errors import RecordError
from consumer.exact_number import ExactNumber
from consumer.expressions import Expression, ExpressionFailed
from consumer.records import Dead, Decoded, Message, Record, Skipped, SkipReason
from consumer.schema_store import SchemaStore, read_schema_file
from consumer.settings import Input, Rules
from consumer.timestamps import parse_time
from consumer.wire import read_confluent, read_single_object

# What an expression may ask for beside the event's own fields.
RECORD = "_record"
MESSAGE = "_message"

_MOST_FIELD_NAMES = 50
_NUMBERS = dict.fromkeys((int, float, ExactNumber), "a number")
_JSON_TYPES = {bool: "a boolean", list: "an array", dict: "an object", **_NUMBERS}

Root = dict[str, object]
Deserialize = Callable[[Record], object]


class Decoder:
    """Reads records by the user's settings; they are checked, and expressions compiled, once."""

    def __init__(
        self,
        settings: Input,
        schemas: SchemaStore,
        rules: Rules,
        *,
        rule_failed: Callable[[str], None] = lambda _rule: None,
    ) -> None:
        """
        `rule_failed` is told a rule's name each time that it cannot be evaluated.

        Raises SettingsError for a wrong expression or schema file, and when a registry is needed and not set.
        """
        self._max_value_bytes = settings.max_value_bytes
        self._deserialize = deserializer(settings, schemas)
        self._where = _optional(settings.where, "input.where")
        self._texts = tuple(Expression(each, "input.text") for each in settings.text)
        self._id = _optional(settings.id, "input.id")
        self._customer_id = _optional(settings.customer_id, "input.customer_id")
        self._channel = _optional(settings.channel, "input.channel")
        self._language = _optional(settings.language, "input.language")
        self._sent_at = _optional(settings.sent_at, "input.sent_at")
        self._attributes = _optional(settings.attributes, "input.attributes")
        self._rules = tuple(
            (name, Expression(each, f"rules.always_urgent.{name}")) for name, each in rules.always_urgent.items()
        )
        self._rule_failed = rule_failed
        read = (self._where, self._id, self._customer_id, self._channel, self._language, self._sent_at)
        used = (*read, self._attributes, *self._texts, *(rule for _, rule in self._rules))
        self._offers_record = any(each is not None and RECORD in each.names for each in used)

    def decode(self, record: Record) -> Decoded:
        """
        What the record is. Only for what will never change is a record Dead.

        Raises PassingFault while the registry is away, SurroundingsError when it refuses us.
        """
        if record.value is None:
            return Skipped(SkipReason.TOMBSTONE)
        event: Root = {}
        try:
            if len(record.value) > self._max_value_bytes:
                raise VALUE_TOO_LARGE.error(size=len(record.value), limit=self._max_value_bytes)
            event = _root(self._deserialize(record))
            return self._read(event, record)
        except RecordError as error:
            return Dead(error, tuple(islice(event, _MOST_FIELD_NAMES)), len(event))

    def _read(self, event: Root, record: Record) -> Message | Skipped:
        if self._offers_record:
            event = {**event, RECORD: _about(record)}
        if self._where is not None and not _or_dead(self._where, Expression.holds, event):
            return Skipped(SkipReason.WHERE)
        text = self._text(event)
        message = Message(
            text,
            _label(self._id, event),
            _label(self._customer_id, event),
            _label(self._channel, event),
            _label(self._language, event),
            parse_time(_or_none(self._sent_at, event)),
            _attributes(_or_none(self._attributes, event)),
        )
        return self._with_rule(message, event) if self._rules else message

    def _text(self, event: Root) -> str:
        found = [_or_dead(each, Expression.search, event) for each in self._texts]
        parts = [part for part in found if part is not None]
        if not parts:
            raise MISSING_TEXT.error()
        for part in parts:
            if not isinstance(part, str):
                raise TEXT_NOT_A_STRING.error(type=_JSON_TYPES.get(type(part), "a value"))
        # An empty subject must not leave the body with a blank line in front.
        return "\n\n".join(part for part in parts if part)  # type: ignore[misc]

    def _with_rule(self, message: Message, event: Root) -> Message:
        offered = {**event, MESSAGE: _fields(message)}
        for name, rule in self._rules:
            try:
                if rule.holds(offered):
                    return replace(message, urgent_rule=name)
            except ExpressionFailed:
                self._rule_failed(name)  # what a rule cannot be asked about, it does not hold for
        return message


def deserializer(settings: Input, schemas: SchemaStore) -> Deserialize:
    """Bytes to what they say, by input.format. It raises as Decoder.decode does, and RecordError for a bad record."""
    reader = settings.reader_schema and avro.parse(read_schema_file(settings.reader_schema, "input.reader_schema"))

    def from_registry(record: Record) -> object:
        reference, payload = read_confluent(record.value or b"", record.headers, "avro")
        return avro.read(payload, schemas.writer_schema(reference), reader)

    def from_single_object(record: Record) -> object:
        fingerprint, payload = read_single_object(record.value or b"")
        return avro.read(payload, schemas.single_object_schema(fingerprint), reader)

    def from_json_schema(record: Record) -> object:
        # JSON tells its own fields, so that the schema need not be asked for
        return strict_json.loads(read_confluent(record.value or b"", record.headers, "json-schema")[1])

    if settings.format == "avro":
        schemas.require_registry("input.format = avro")
    return {
        "avro": from_registry,
        "avro-single-object": from_single_object,
        "json-schema": from_json_schema,
        "json": lambda record: strict_json.loads(record.value or b""),
        "text": _from_text,
    }[settings.format]


def _from_text(record: Record) -> object:
    try:
        return (record.value or b"").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise INVALID_UTF8.error() from None


def _root(event: object) -> Root:
    """What expressions start from: an object, so that there is a place for `_record` and `_message`."""
    return event if isinstance(event, dict) else {"text": event}


def _optional(expression: str | None, setting: str) -> Expression | None:
    return None if expression is None else Expression(expression, setting)


def _or_dead(expression: Expression, ask: Callable[[Expression, object], object], event: object) -> object:
    try:
        return ask(expression, event)
    except ExpressionFailed:
        raise EXPRESSION_FAILED.error(setting=expression.setting) from None


def _or_none(expression: Expression | None, event: object) -> object:
    try:
        return None if expression is None else expression.search(event)
    except ExpressionFailed:
        return None  # no label is worth losing a message


def _label(expression: Expression | None, event: object) -> str | None:
    return _scalar(_or_none(expression, event))


def _scalar(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def _attributes(found: object) -> Mapping[str, str]:
    if not isinstance(found, dict):
        return {}
    return {name: scalar for name, value in found.items() if (scalar := _scalar(value)) is not None}


def _about(record: Record) -> dict[str, object]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp_ms,
        "key": _shown(record.key),
        "headers": {name: _shown(value) for name, value in record.headers},
    }


def _shown(content: bytes | None) -> str | None:
    return None if content is None else content.decode(errors="replace")


def _fields(message: Message) -> dict[str, object]:
    return {
        "text": message.text,
        "id": message.id,
        "customer_id": message.customer_id,
        "channel": message.channel,
        "language": message.language,
        "attributes": message.attributes,
    }
