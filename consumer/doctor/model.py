"""The model, and a sample through all of the service's middle: decoded, answered, written; published nowhere."""

import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from consumer import preview
from consumer.classify import KNOWN_GOOD_TEXT, SENTENCES
from consumer.decode import Decoder
from consumer.doctor.findings import Finding, fail, ok, skipped, warn
from consumer.doctor.seen import Seen
from consumer.encode import Encoder
from consumer.errors import ArtifactError, LimitError, RecordError, SettingsError, ShikyuError
from consumer.kafka_options import consumer_config
from consumer.model_settings import loaded
from consumer.records import Dead, Decoded, Message, Record
from consumer.run_names import LIVE
from consumer.schema_store import open_store

SAMPLE = 20
READ_S = 10.0
MEASURE_S = 1.0
AT_ONCE = 64


def artifact(seen: Seen) -> Iterator[Finding]:
    """Verified byte by byte, loaded, warmed and measured, as `shikyu run` does it."""
    what = str(seen.settings.model.artifact or "model.artifact")
    try:
        seen.classifier = loaded(seen.settings)
    except ShikyuError as error:
        words = {ArtifactError: "damaged, or not to be served", SettingsError: "not named, or not as the settings say"}
        yield fail("artifact", what, words.get(type(error), "cannot be loaded here"), error)
        return
    model, signed = seen.classifier.model, seen.settings.model.public_key is not None
    value = f"{model.name} {model.version} {model.precision}, as its manifest says{', signed' if signed else ''}"
    yield ok("artifact", what, value)


def events(seen: Seen) -> Iterator[Finding]:
    """The newest of the input, decoded; the group does not notice."""
    what = ", ".join(seen.inputs)
    if not what:
        yield skipped("events", "", "because no input topic is there")
        return
    settings = seen.settings
    try:
        config = consumer_config(settings)
        seen.records = preview.events(config, seen.inputs, SAMPLE, first=False, timeout_s=READ_S)
    except ShikyuError as error:
        yield fail("events", what, "they cannot be read", error)
        return
    codes, fates = Counter[str](), Counter[str]()
    with open_store(settings.registry.url, settings.registry.options, settings.input.schemas) as store:
        decoder = Decoder(settings.input, store, settings.rules)

        def decode(record: Record) -> Decoded:
            fate = decoder.decode(record)
            if isinstance(fate, Message):
                seen.messages.append((record, fate))
            elif isinstance(fate, Dead):
                codes[fate.error.code] += 1
            return fate

        try:
            for _ in preview.told(seen.records, decode, fates):
                pass  # counted; the lines have customers' texts
            yield _read(what, len(seen.records), fates, codes, settings.dead_letters.max_share)
        except ShikyuError as error:
            yield fail("events", what, "they cannot be decoded", error)


def _read(what: str, read: int, fates: Counter[str], codes: Counter[str], max_share: float) -> Finding:
    if not read:
        return ok("events", what, "there are none yet")
    counts = [f"{count} {name}" for name, count in fates.items() if count or name == "messages"]
    value = f"of the newest {read}: {', '.join(counts)}"
    if codes:
        value += f" ({', '.join(f'{code} {count}' for code, count in codes.most_common())})"
    how = "see them by `shikyu config test --from-topic 20`, and set input.format and input.text to what they are"
    try:
        preview.require_readable(fates)
    except LimitError as error:
        return fail("events", what, value, f"{error}; {how}", LimitError)
    except ShikyuError as error:
        return fail("events", what, value, error)
    if fates["dead"] / read > max_share:
        return fail("events", what, value, f"the service stops at a share of {max_share:g}: {how}", SettingsError)
    return ok("events", what, value)


def answer(seen: Seen) -> Iterator[Finding]:
    """The sample's messages, or texts of our own where there are none; how many a second is measured with them."""
    what = f"{len(seen.messages)} messages of the sample" if seen.messages else "texts of our own, for want of messages"
    asked = seen.messages or [
        (Record(seen.settings.input.topics[0], 0, number, None, None, b""), Message(f"{KNOWN_GOOD_TEXT} " * count))
        for number, count in enumerate(SENTENCES)
    ]
    texts = [message.text for _, message in asked]
    try:
        decisions = seen.classifier.classify(texts)
    except RecordError as error:
        advice = f"the model fails on one of them alone ({error.code}), which would be dead-lettered"
        yield warn("answer", what, "one has no answer", advice)
        return
    except ShikyuError as error:
        yield fail("answer", what, "the model does not answer", error)
        return
    seen.per_s = messages_per_s(seen, texts)
    seen.answered = [(*each, decision) for each, decision in zip(asked, decisions, strict=True)]
    urgent = sum(each.urgent for each in decisions)
    value = f"{urgent} urgent, {len(texts) - urgent} routine; {seen.per_s:,.1f} a second here"
    yield ok("answer", what, value)


def messages_per_s(seen: Seen, texts: Sequence[str]) -> float:
    """From texts to decisions, for about MEASURE_S, with whatever else runs on this machine now."""
    window = list(itertools.islice(itertools.cycle(texts), AT_ONCE))
    began, done = time.perf_counter(), 0
    while not done or time.perf_counter() - began < MEASURE_S:
        seen.classifier.classify(window)
        done += len(window)
    return done / (time.perf_counter() - began)


def encode(seen: Seen) -> Iterator[Finding]:
    """What would be published, as bytes, held against what the output topics take."""
    settings = seen.settings
    if not seen.answered:
        yield skipped("encode", "", "because no message was answered")
        return
    try:
        with open_store(settings.registry.url, settings.registry.options, settings.input.schemas) as store:
            encoder = Encoder(settings.output, store, application=settings.delivery.application)
            now = datetime.now(UTC)
            made = [
                encoder.encode(record, message, decision, run=LIVE, attempt=1, classified_at=now)
                for record, message, decision in seen.answered
            ]
    except ShikyuError as error:
        yield fail("encode", settings.output.format, "answers cannot be written", error)
        return
    largest = max(made, key=lambda each: len(each.value or b""))
    size = len(largest.value or b"")
    limit = seen.configs[largest.topic].max_message_bytes if largest.topic in seen.configs else None
    value = f"{len(made)} answers, the largest of {size:,} bytes; nothing was published"
    if limit is not None and size > limit:
        advice = f"it would be dead-lettered: raise the max.message.bytes of {largest.topic}, which is {limit}"
        yield warn("encode", settings.output.format, value, advice)
    else:
        yield ok("encode", settings.output.format, value)
