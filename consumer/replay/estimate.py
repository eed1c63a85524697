"""What a replay would read, and how long it would take: of a sample, and without writing anything."""

from collections.abc import Iterator, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer import surroundings
from consumer.decode import Decoder
from consumer.errors import PassingFault, SurroundingsError
from consumer.kafka_options import client_config
from consumer.kafka_records import record_of
from consumer.model_settings import loaded
from consumer.records import Message, Record
from consumer.replay import start, still_there
from consumer.replay.entries import Span
from consumer.replay.freeze import Gone
from consumer.replay.progress import committed, yet_to_do
from consumer.replay.reader import raise_for_good, reader_config
from consumer.replay.source import overtaken
from consumer.replay.start import Request
from consumer.schema_store import open_store
from consumer.settings import Settings

SAMPLE_RECORDS = 500
SAMPLE_PARTITIONS = 20
POLL_S = 5.0
MINUTE, HOUR = 60, 3600


def estimate(settings: Settings, request: Request, max_rate: float | None = None) -> str:
    """
    Lines to read. Counts are upper bounds, for transactions' markers have offsets too.

    `max_rate` and the time are of one process; of several, each takes a part.
    """
    start.model_of(settings)  # what is wrong here is told before Kafka is asked
    config = client_config(settings)
    listing = surroundings.listed(config)
    known, gone = start.runs_of(settings).read(), list[Gone]()
    run, ended = known.runs.get(request.run_id), known.ended.get(request.run_id)
    if run is None:
        run, gone = start.proposed(settings, request, listing)
    else:
        start.must_go_on(run, ended.kind if ended else None)
        start.must_be_the_same(run, settings, request)
        if ended is not None:
            return f"run {run.run} is done since {ended.at}: there is nothing left to read"
        still_there.must_be_the_same(config, run)
        run = run.model_copy(update={"window": yet_to_do(run, committed(config, run))})
    if not run.window:
        return "there is nothing to read in this window"
    sample = list(_sample(config, run.window))
    bytes_each = sum(len(each.value or b"") for each in sample) / max(1, len(sample))
    tokens_each, tokens_per_s = _tokens(settings, sample)
    able = tokens_per_s / max(1, tokens_each)
    speed = min(able, max_rate or able)
    pace = f"by --max-rate, where this machine does {able:.3g} now" if speed < able else "which this machine does now"
    summary = (
        f"at most {run.records:,} records, about {_size(run.records * bytes_each)} of values, {tokens_each:.0f} tokens "
        f"each: about {_time(run.records / speed)} at {speed:.3g} records a second, {pace} (measured on "
        f"{len(sample)} of them)"
    )
    lines = [
        f"{'partition':40} {'from offset':>14} {'to':>14} {'records':>12}",
        *(f"{s.topic + '/' + str(s.partition):40} {s.start:14,} {s.end:14,} {s.end - s.start:12,}" for s in run.window),
        summary,
        *(f"Kafka no longer holds {g.place[0]}/{g.place[1]} before offset {g.first}" for g in gone),
        "nothing was written",
    ]
    return "\n".join(lines)


def _sample(config: Mapping[str, Any], window: tuple[Span, ...]) -> Iterator[Record]:
    """Of the beginnings of some partitions, evenly chosen."""
    chosen = window[:: max(1, len(window) // SAMPLE_PARTITIONS)][:SAMPLE_PARTITIONS]
    each = SAMPLE_RECORDS // len(chosen)
    consumer = Consumer({**reader_config(config, "shikyu-replay"), "enable.partition.eof": True})
    try:
        for span in chosen:
            consumer.assign([TopicPartition(span.topic, span.partition, span.start)])
            wanted = min(each, span.end - span.start)
            while wanted and (message := consumer.poll(POLL_S)) is not None:
                if (error := message.error()) is None:
                    if (record := record_of(message)).offset >= span.end:
                        break
                    yield record
                    wanted -= 1
                elif error.code() == KafkaError._PARTITION_EOF:  # of offsets that hold no record
                    break
                elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                    raise overtaken(span.place, span.end)
                else:
                    raise_for_good(error)
    except KafkaException as problem:
        raise SurroundingsError(f"Kafka gave no sample of the window ({problem.args[0].name()})") from problem
    finally:
        consumer.close()


def _tokens(settings: Settings, sample: list[Record]) -> tuple[float, float]:
    """Tokens of a record that is a message, by how many of the sample are any; and tokens a second."""
    classifier = loaded(settings)
    texts = []
    with open_store(settings.registry.url, settings.registry.options, settings.input.schemas) as schemas:
        decoder = Decoder(settings.input, schemas, settings.rules)
        for record in sample:
            try:
                decoded = decoder.decode(record)
            except PassingFault as fault:
                raise SurroundingsError(f"{fault}: the sample can't be decoded") from fault
            if isinstance(decoded, Message):
                texts.append(decoded.text)
    tokens = sum(len(each.ids) for each in classifier.tokenize(texts))
    return tokens / max(1, len(sample)), classifier.tokens_per_s


def _size(number: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def _time(seconds: float) -> str:
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds / HOUR:.1f} h"
