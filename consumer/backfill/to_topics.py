"""`shikyu backfill` to topics: begun, answered by the live loop, and ended as a replay is."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from consumer import logs, service, surroundings
from consumer.backfill import files
from consumer.backfill.answering import of_files
from consumer.backfill.files import File
from consumer.backfill.source import FileSource
from consumer.errors import SettingsError
from consumer.health import Health
from consumer.job import Job
from consumer.kafka_options import client_config, producer_config
from consumer.metrics import Metrics
from consumer.replay import serve as replaying
from consumer.replay import start
from consumer.replay.begin import begin
from consumer.replay.entries import Run, Span
from consumer.replay.progress import Progress
from consumer.replay.start import Request
from consumer.replay.window import Asked, named
from consumer.settings import Settings
from consumer.stop import Stop, on_signals

UNCOUNTED = 2**62  # so many rows as no part has


def serve(
    settings: Settings,
    read: Sequence[Path],
    *,
    run_id: str | None,
    to_live: bool,
    say: Callable[[str], None],
    is_shown: bool,
) -> str:
    """Answers what the run has not answered yet, and says so. Raises LimitError when it is not done."""
    logs.configure(settings.log.model_copy(update={"level": "warning"}) if is_shown else settings.log)
    reading = of_files(settings)
    found = files.found(read)
    digest = files.digest_of(found)[:16]
    asked = Asked(words={"FILES": f"{len(found)} (SHA-256 {digest})"})
    # The same files are the same run, so that the same command goes on where it stopped.
    request = Request(asked, named(run_id or f"files-{digest}", datetime.now(UTC)), to_live=to_live, is_of_files=True)
    with on_signals() as stop:
        say(f"counting the rows of {len(found)} files")
        counted = files.all_counted(found, UNCOUNTED, stop)
        run = _begun(reading, request, sum(each.rows for each in counted))
        if run is None:
            return "there is no row in these files; no run was begun"
        if (lines := sum(each.rows for each in counted)) != run.records:
            raise SettingsError(
                f"run {run.run} was begun with {run.records:,} lines in these files, and now they have {lines:,}: they "
                "have changed; begin another run"
            )
        say(
            f"run {run.run}: {run.records:,} lines of {len(found)} files, answered by {run.model['name']} "
            f"{run.model['version']} ({run.model['precision']}) to {run.topics.urgent} and {run.topics.routine}"
        )
        answer = partial(_answer, reading, run, counted, stop)
        return replaying.done(run, replaying.finished(settings, run, stop, answer, is_shown=is_shown))


def _begun(settings: Settings, request: Request, lines: int) -> Run | None:
    """The run as it was begun, by whomever; None where there is nothing to read."""
    start.model_of(settings)  # what is wrong here is told before Kafka is asked, and before a topic is made
    config = client_config(settings)
    listing = surroundings.listed(config)
    runs = start.runs_of(settings)
    known = runs.read()
    run = known.runs.get(request.run_id)
    if run is None:
        if not lines:
            return None
        runs.make()
        # As many lines as there are, in a partition that everybody who may replay may read.
        window = (Span(topic=runs.topic, partition=0, start=0, end=lines),)
        proposed = start.run_of(settings, request, window, {}, {})
        start.make_topics(settings, proposed, listing)
        producer = producer_config(settings, start.begin_id(settings))
        run = begin(runs, config, producer, request.run_id, proposed.group_id, lambda _: proposed)
        assert run is not None
        start.must_be_the_same(run, settings, request)
    else:
        replaying.go_on(settings, request, run, known.ended.get(request.run_id), listing)
    return run


def _answer(
    settings: Settings, run: Run, read: Sequence[File], stop: Stop, looking: Progress, metrics: Metrics
) -> None:
    from consumer.model_settings import loaded  # which takes its time

    serving = start.of_run(settings, run, None)
    job = Job(
        run=run.run,
        source=partial(
            FileSource,
            files=read,
            place=run.window[0].place,
            longest=settings.input.max_value_bytes,
        ),
        is_over=looking.is_over,
        may_die=settings.dead_letters.max_share >= 1,  # as for a part of a folder
        registered_as=start.registered_as(settings, run),
    )
    service.run(serving, loaded(serving), metrics, Health(float("inf")), stop, job=job)
