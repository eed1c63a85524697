"""
Every setting, once: its name, type, range, default and the sentence that documents it.

What a value may be stands in settings_types.py. Nothing here reads a file or the environment
(settings_sources.py does); parts of the service get the narrow section they need.
docs/configuration.md is made from this module.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from consumer.manifest import Precision
from consumer.settings_types import (
    Expression,
    Expressions,
    Identifier,
    OptionalExpression,
    OptionalIdentifier,
    OptionalKey,
    OptionalPath,
    OptionalToken,
    OptionalUrl,
    Options,
    Paths,
    RuleName,
    Section,
    Topic,
    TopicsOrPattern,
    none_when_empty,
)

Format = Literal["avro", "json-schema", "avro-single-object", "json", "text"]
Device = Literal["cpu", "cuda"]
CorrectionFormat = Literal["avro", "json-schema", "avro-single-object", "json"]
OptionalCorrectionFormat = Annotated[CorrectionFormat | None, BeforeValidator(none_when_empty)]
OptionalPrecision = Annotated[Precision | None, BeforeValidator(none_when_empty)]
Truncate = Literal["head", "head-tail"]
WhenUnsure = Literal["urgent", "routine"]
Guarantee = Literal["exactly-once", "at-least-once"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "json", "console"]

MIB = 1024 * 1024
DEFAULT_BOOTSTRAP_SERVERS = "localhost:9092"


class Input(Section):
    """What to read, and where in an event the message stands."""

    topics: TopicsOrPattern = Field(
        default=("customer-messages",),
        description="The topics to read; a single one may be a pattern that starts with `^`.",
    )
    format: Format = Field(default="avro", description="How the records' values are written.")
    text: Expressions = Field(
        default=("text",),
        description="JMESPath of the text; several are joined by a blank line, and nulls are left out.",
    )
    id: OptionalExpression = Field(default="id", description="JMESPath of the message's own id.")
    customer_id: OptionalExpression = Field(default="customer_id", description="JMESPath of the customer's id.")
    channel: OptionalExpression = Field(
        default="channel", description="JMESPath of the channel, such as e-mail or chat."
    )
    language: OptionalExpression = Field(default="language", description="JMESPath of the text's language.")
    sent_at: OptionalExpression = Field(
        default="sent_at", description="JMESPath of the time at which the message was sent."
    )
    attributes: OptionalExpression = Field(default="attributes", description="JMESPath of a map of further attributes.")
    where: OptionalExpression = Field(
        default=None,
        description="JMESPath that says what is a message at all; events for which it does not hold are skipped.",
    )
    reader_schema: OptionalPath = Field(
        default=None, description="An Avro schema (.avsc) to read events with, resolved against their writer's."
    )
    schemas: Paths = Field(
        default=(), description="Avro schemas (.avsc) of single-object encoded events, found by their fingerprint."
    )
    max_value_bytes: int = Field(
        default=4 * MIB, ge=1, le=512 * MIB, description="Records with a longer value are dead-lettered, not decoded."
    )

    @field_validator("topics")
    @classmethod
    def _only_one_pattern(cls, topics: tuple[str, ...]) -> tuple[str, ...]:
        if len(topics) > 1 and any(topic.startswith("^") for topic in topics):
            raise ValueError("holds a pattern and other topics; a pattern stands alone")
        if len(set(topics)) < len(topics):
            raise ValueError("names a topic twice")
        return topics


class Output(Section):
    """Where decisions go, and what they carry."""

    urgent: Topic = Field(default="urgent", description="The topic of urgent messages.")
    routine: Topic = Field(default="routine", description="The topic of all other messages.")
    format: Format = Field(
        default="avro",
        description="How decisions are written; text is the message's own, with the decision in headers.",
    )
    include_text: bool = Field(default=True, description="Whether decisions carry the customer's text.")
    attributes: tuple[str, ...] | None = Field(
        default=None,
        description="The attributes to copy into decisions; all of them unless set, none for an empty list.",
    )


class DeadLetters(Section):
    """What happens to records that cannot be read or classified."""

    topic: Topic = Field(default="customer-messages.dead-letter", description="The topic of dead letters.")
    max_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Stop when more than this share of the last 200 records would be dead letters.",
    )


class Rules(Section):
    """What is urgent whatever the model says."""

    always_urgent: dict[RuleName, Expression] = Field(
        default_factory=dict,
        description="Named JMESPath rules; a message for which one holds is urgent, and its reason is `rule:NAME`.",
    )


class Model(Section):
    """Which model answers, and how."""

    artifact: OptionalPath = Field(
        default=None,
        description="The model's folder, as `shikyu-train` makes it; or a folder of versions, each such a folder, and "
        "a file `current` that names the one to serve.",
    )
    # An empty one is no null: what forgot to fill in a variable shall not switch the check off.
    public_key: Path | None = Field(
        default=None,
        description="A PEM file with the public Ed25519 key by whose other half the artifact must be signed "
        "(`shikyu-train sign`); unless set, signatures are not asked for.",
    )
    precision: OptionalPrecision = Field(
        default=None,
        description="Which of the artifact's models answers; unless set, int8 where it may be served, else fp32, and "
        "on a GPU fp16. int8-bf16 needs the openvino extra and a processor with bf16 and without AMX.",
    )
    device: Device = Field(
        default="cpu",
        description="Where the model is computed: cpu, or cuda for a GPU, which needs the gpu extra and serves fp16 "
        "unless precision says fp32.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="How many batches the model computes at a time, a thread for each; one per core unless set.",
    )
    truncate: Truncate = Field(
        default="head",
        description="Which part of a text that is too long for the model is kept; its promise was made with `head`.",
    )
    when_unsure: WhenUnsure = Field(
        default="urgent",
        description="The decision for empty texts and for texts of mostly unknown tokens. The artifact's promise holds "
        "with `urgent`: with `routine`, such texts are missed whatever their urgency.",
    )
    max_unknown_share: float = Field(
        default=0.5, ge=0, le=1, description="Texts with a larger share of unknown tokens are left to `when_unsure`."
    )
    watch_s: float = Field(
        default=5.0,
        ge=0,
        le=86_400,
        description="How often `shikyu run` looks whether `current` names another version, which then takes the place "
        "of the one that answers; 0 is never.",
    )
    canary: OptionalPath = Field(
        default=None,
        description="A file of texts (JSON lines or CSV with a column `text`) that both versions answer before they "
        "change places; unless set, sixty made-up ones.",
    )
    max_flip_share: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="A version that decides a larger share of these otherwise than the one that answers is refused.",
    )


class Shadow(Section):
    """A second model, which answers a share of the messages too when nothing else is to be done."""

    artifact: OptionalPath = Field(
        default=None, description="The second model's folder; unless set, there is none. It is read at the start."
    )
    share: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="The share of the messages that it is asked about, by their record's key: all of a key's, or none.",
    )
    topic: Topic = Field(default="shadow", description="The topic of its decisions; nothing downstream reads it.")
    precision: OptionalPrecision = Field(
        default=None, description="Which of its models answers; unless set, as with `model.precision`."
    )
    threads: int = Field(default=1, ge=1, le=1024, description="Its threads, at the lowest priority.")

    @property
    def topics(self) -> tuple[str, ...]:
        """The topic that has to be there; none without a second model."""
        return () if self.artifact is None else (self.topic,)


class Audit(Section):
    """Which share of the messages people check, so that recall among live traffic is known."""

    share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="The probability with which an urgent message, and a routine one far below the threshold, is "
        "marked in its event's `audit`; 0 marks none.",
    )
    share_at_threshold: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="To what it rises for routine messages near the threshold, where missed ones are likelier; never "
        "less than `share`.",
    )
    key: OptionalKey = Field(
        default=None,
        description="A secret that decides which are marked, the same for all consumers and for good; needed with "
        "`share`.",
    )


class Delivery(Section):
    """What is promised of each message, and under which names."""

    guarantee: Guarantee = Field(default="exactly-once", description="Whether outputs and offsets share a transaction.")
    group_id: Annotated[str, Field(min_length=1, max_length=249)] = Field(
        default="shikyu", description="The consumer group."
    )
    slot: OptionalIdentifier = Field(
        default=None,
        description="Tells this consumer's transactional.id from its siblings'; unless set, a StatefulSet's ordinal or "
        "the lowest slot that is free on this host.",
    )
    transaction_timeout_s: float = Field(
        default=15.0, ge=1, le=900, description="How long the broker lets a transaction stand open before it aborts it."
    )
    application: Identifier = Field(
        default="shikyu", description="The first part of every transactional.id, and of every event's `ce_source`."
    )


class Batching(Section):
    """How long a window may take, and how much it and a batch may hold."""

    latency_target_s: float = Field(
        default=1.0,
        ge=0.01,
        le=600,
        description="How long a window may take from receive to commit while there is no backlog.",
    )
    max_window_s: float = Field(
        default=15.0, ge=0.05, le=600, description="How long a window may take, at most, while a backlog is worked off."
    )
    max_window_records: int = Field(default=2000, ge=1, le=1_000_000, description="Most records of a window.")
    max_window_bytes: int = Field(
        default=8 * MIB, ge=1024, le=1024 * MIB, description="Most bytes of a window's values."
    )
    max_window_tokens: int = Field(default=200_000, ge=1, le=100_000_000, description="Most tokens of a window.")
    max_batch_records: int | None = Field(
        default=None,
        ge=1,
        le=65_536,
        description="Most records of a batch, which the model takes at once; unless set 64, and on a GPU 512. There so "
        "many, and no fewer than 512, are also tokenized before it computes.",
    )
    max_batch_tokens: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="Most tokens of a batch, padding included; unless set, what a short measurement finds fastest, of "
        "texts of up to some 110 tokens. Each of model.threads holds the memory of one such batch.",
    )


class Registry(Section):
    """Where schemas are looked up."""

    url: OptionalUrl = Field(default=None, description="The Schema Registry's URL; several are separated by commas.")
    options: Options = Field(
        default_factory=dict,
        description="Options of confluent-kafka's SchemaRegistryClient under their own names, such as "
        "basic.auth.user.info.",
    )


class Replay(Section):
    """What `shikyu replay` keeps beside its answers."""

    runs_topic: Topic = Field(
        default="shikyu.runs", description="The topic that keeps what each run reads; made where it is missing."
    )


class Corrections(Section):
    """Where people say what a decision should have been, and which of them are heard."""

    topic: Topic = Field(default="corrections", description="The topic of corrections.")
    format: OptionalCorrectionFormat = Field(
        default=None,
        description="How corrections are written; unless set, as decisions are, and beside plain texts avro with a "
        "registry, json without one.",
    )
    writers: tuple[str, ...] = Field(
        default=("shikyu", "ticketing"),
        description="Whose corrections are heard, by their header `ce_source`; ACLs say who may write at all.",
    )
    burst_floor: int = Field(
        default=500,
        ge=1,
        le=1_000_000,
        description="So many corrections of a writer in an hour are never held back as a burst.",
    )
    released: tuple[str, ...] = Field(
        default=(), description="Bursts that somebody has looked at, as `shikyu corrections held` names them."
    )


class Drift(Section):
    """When messages count as other ones than those that the artifact was measured on."""

    window_messages: int = Field(
        default=2000,
        ge=200,
        le=1_000_000,
        description="How many messages are held against the artifact's reference at once; best what comes in a day "
        "or a week, so that each window has its nights.",
    )
    rate: float = Field(
        default=0.01,
        ge=1e-4,
        le=0.5,
        description="How often a window that differs by chance alone may alarm, all features together; of `shikyu "
        "drift`, how often the command may, all windows together.",
    )


class Tracing(Section):
    """Whether windows are told to OpenTelemetry."""

    enabled: bool = Field(
        default=False,
        description="Whether each window is told as spans, which needs the otel extra; where they go is said by "
        "OpenTelemetry's own OTEL_* variables.",
    )


class Http(Section):
    """Where health and metrics are served."""

    host: Annotated[str, Field(min_length=1)] = Field(
        default="127.0.0.1", description="The address for /livez, /readyz and /metrics; 0.0.0.0 in a container."
    )
    port: int = Field(default=9464, ge=0, le=65_535, description="The port for them; 0 serves none.")


class Page(Section):
    """A page to try, watch and correct by (`shikyu page`), and who reaches it."""

    host: Annotated[str, Field(min_length=1)] = Field(
        default="127.0.0.1",
        description="The address of this machine that it listens on. It has no TLS: let it listen on another one only "
        "behind a proxy that has (`page.url`).",
    )
    port: int = Field(default=9465, ge=0, le=65_535, description="The port for it; 0 is any that is free.")
    url: OptionalUrl = Field(
        default=None,
        description="The address by which people reach it where a proxy stands before it, such as "
        "https://shikyu.example.com; any other than this and the host's own is refused.",
    )
    token: OptionalToken = Field(
        default=None,
        description="A secret that opens it, for an address that stays the same; unless set, another one is drawn at "
        "each start.",
    )
    include_text: bool = Field(default=True, description="Whether its lists of answers show the customers' texts.")


class Log(Section):
    """How the service tells what it does."""

    level: LogLevel = Field(default="info", description="The least severe level that is written.")
    format: LogFormat = Field(default="auto", description="`auto` is console at a terminal, and json elsewhere.")


class Kafka(Section):
    """librdkafka's own options, untouched, under their own names."""

    options: Options = Field(default_factory=dict, description="Options of the consumer and the producer alike.")
    consumer: Options = Field(default_factory=dict, description="Options of the consumer; they beat the common ones.")
    producer: Options = Field(default_factory=dict, description="Options of the producer; they beat the common ones.")

    @field_validator("options")
    @classmethod
    def _bootstrap(cls, options: Options) -> Options:
        if "metadata.broker.list" in options:
            return options
        return {"bootstrap.servers": DEFAULT_BOOTSTRAP_SERVERS, **options}


class Settings(Section):
    """All of them. Frozen; a wrong name, type or range raises pydantic's ValidationError."""

    input: Input = Field(default_factory=Input)
    output: Output = Field(default_factory=Output)
    dead_letters: DeadLetters = Field(default_factory=DeadLetters)
    rules: Rules = Field(default_factory=Rules)
    model: Model = Field(default_factory=Model)
    shadow: Shadow = Field(default_factory=Shadow)
    audit: Audit = Field(default_factory=Audit)
    delivery: Delivery = Field(default_factory=Delivery)
    batching: Batching = Field(default_factory=Batching)
    registry: Registry = Field(default_factory=Registry)
    replay: Replay = Field(default_factory=Replay)
    corrections: Corrections = Field(default_factory=Corrections)
    drift: Drift = Field(default_factory=Drift)
    tracing: Tracing = Field(default_factory=Tracing)
    http: Http = Field(default_factory=Http)
    page: Page = Field(default_factory=Page)
    log: Log = Field(default_factory=Log)
    kafka: Kafka = Field(default_factory=Kafka)

    @model_validator(mode="after")
    def _no_loop(self) -> Self:
        written = {
            "output.urgent": self.output.urgent,
            "output.routine": self.output.routine,
            "dead_letters.topic": self.dead_letters.topic,
        }
        if self.shadow.artifact is not None:
            for name, topic in written.items():
                if topic == self.shadow.topic:
                    raise ValueError(
                        f"shadow.topic is {topic}, and so is {name}: who reads it would take the second model's "
                        "decisions for the first's; name another topic"
                    )
            written["shadow.topic"] = self.shadow.topic
        for name, topic in {**written, "corrections.topic": self.corrections.topic}.items():
            for read in self.input.topics:
                if read == topic or (read.startswith("^") and re.search(read, topic)):
                    raise ValueError(
                        f"input.topics ({read}) would read {name} ({topic}) back in, for ever; "
                        "name another topic, or end the pattern with $"
                    )
        if self.corrections.topic in {*written.values(), *self.input.topics}:
            raise ValueError(
                f"corrections.topic ({self.corrections.topic}) is read or written by the stream; name another"
            )
        if self.dead_letters.topic in {self.output.urgent, self.output.routine}:
            raise ValueError(f"dead_letters.topic ({self.dead_letters.topic}) is an output topic too; give it its own")
        return self

    @model_validator(mode="after")
    def _text_is_written_with_the_text(self) -> Self:
        if self.output.format == "text" and not self.output.include_text:
            raise ValueError(
                "output.format = text writes the text, and output.include_text = false forbids it; change one of them"
            )
        return self

    @model_validator(mode="after")
    def _audit_can_be_told(self) -> Self:
        if self.audit.share > 0 and self.output.format == "text":
            raise ValueError(
                "output.format = text carries no `audit`, so that nobody would see which messages audit.share marks; "
                "take another format"
            )
        return self

    @model_validator(mode="after")
    def _window_holds_the_target(self) -> Self:
        if self.batching.latency_target_s > self.batching.max_window_s:
            raise ValueError(
                f"batching.latency_target_s ({self.batching.latency_target_s:g}) is longer than batching.max_window_s "
                f"({self.batching.max_window_s:g}); lower the one or raise the other"
            )
        return self


def leaves() -> list[tuple[str, str, Any]]:
    """(section, leaf, pydantic FieldInfo) of every setting, in the order of the documentation."""
    found = []
    for section, field in Settings.model_fields.items():
        model = field.annotation
        assert isinstance(model, type)
        assert issubclass(model, Section)
        found += [(section, leaf, info) for leaf, info in model.model_fields.items()]
    return found
