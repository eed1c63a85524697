"""`shikyu replay` from its settings to its last line."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import structlog
from confluent_kafka.admin._metadata import ClusterMetadata
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from consumer import logs, priority, service, surroundings
from consumer.errors import LimitError
from consumer.health import Health
from consumer.job import Job
from consumer.kafka_options import client_config, producer_config
from consumer.metrics import Metrics
from consumer.replay import letters, retry, start, still_there
from consumer.replay.begin import begin
from consumer.replay.entries import Ended, Known, Run
from consumer.replay.freeze import Gone
from consumer.replay.pace import Pace
from consumer.replay.progress import Progress, committed, left
from consumer.replay.readable import wait_until_readable
from consumer.replay.source import BoundedSource
from consumer.replay.start import Request
from consumer.replay.within import is_outside
from consumer.run_names import LIVE
from consumer.settings import Settings
from consumer.stop import Stop, on_signals
from consumer.timestamps import iso_millis

log = structlog.get_logger()

TELL_EVERY_S = 10.0
RATE_OF = 6  # of these tellings
LEFT_OPEN_S = 15.0  # beyond its time-out: the broker looks for such transactions every ten seconds
DRAW_EVERY_S = 0.5

Say = Callable[[str], None]
Answer = Callable[[Progress, Metrics], None]


def serve(settings: Settings, request: Request, *, max_rate: float | None, say: Say, is_shown: bool) -> str:
    """
    Answers the run's window, with whoever else does, and says so.

    `is_shown` draws a bar, and leaves all but warnings out of the log. Raises LimitError when it is not done.
    """
    logs.configure(settings.log.model_copy(update={"level": "warning"}) if is_shown else settings.log)
    with on_signals() as stop:
        run = _begun(settings, request, say=say)
        if run is None:
            return "there is nothing to read in this window; no run was begun"
        answer = partial(_answer, settings, run, max_rate, stop)
        return done(run, finished(settings, run, stop, answer, is_shown=is_shown))


def finished(settings: Settings, run: Run, stop: Stop, answer: Answer, *, is_shown: bool) -> Metrics:
    """
    What this process counted, while it let `answer` work.

    Raises LimitError when the window is not done, or the process was told to leave before all of it could be read;
    SurroundingsError when that can't be seen.
    """
    if run.topics.urgent != settings.output.urgent:
        priority.as_asked()  # in the live topics whoever reads would wait for a transaction that hardly goes on
    config, runs, metrics = client_config(settings), start.runs_of(settings), Metrics()
    ended = runs.read().ended.get(run.run)
    if ended is not None and ended.kind == "done":
        return metrics
    if (remain := left(run, committed(config, run, _patience_s(settings)))) > 0:
        looking = Progress(config, run, runs, remain)
        try:
            with _shown(run, looking, is_shown=is_shown):
                answer(looking, metrics)
        finally:
            looking.close()
        if looking.is_cancelled:
            raise LimitError(f"run {run.run} was cancelled; its window is not done")
        if not looking.is_done and (remain := left(run, committed(config, run))) > 0:
            raise LimitError(
                f"run {run.run} is not done, for it was told to leave ({stop.signal}): about {remain:,} of "
                f"{run.records:,} are left. The same command goes on with it"
            )
    wait_until_readable(config, run, _patience_s(settings), stop)
    if (ended := runs.read().ended.get(run.run)) is not None and ended.kind == "cancelled":
        raise LimitError(f"run {run.run} was cancelled, when all of its window was answered")
    runs.end(run.run, "done")
    return metrics


def _begun(settings: Settings, request: Request, *, say: Say) -> Run | None:
    """The run as it was begun, by whomever; None where there is nothing to read."""
    start.model_of(settings)  # what is wrong here is told before Kafka is asked, and before a topic is made
    config = client_config(settings)
    listing = surroundings.listed(config)
    runs = start.runs_of(settings)
    known = runs.read()
    run = known.runs.get(request.run_id)
    if run is None:
        runs.make()
        proposed, gone = start.proposed(settings, request, listing)
        for each in gone:
            say(_missing(each))
        if not proposed.window:
            return None
        _made(settings, proposed, listing)  # before, so that what refuses them leaves no run behind
        producer = producer_config(settings, start.begin_id(settings))
        passing_over = partial(_passing_over, settings, request, proposed)
        run = begin(runs, config, producer, request.run_id, proposed.group_id, passing_over)
        assert run is not None
        start.must_be_the_same(run, settings, request)
    else:
        go_on(settings, request, run, known.ended.get(request.run_id), listing)
    _warn_of_new_partitions(run, {name: len(topic.partitions) for name, topic in listing.topics.items()}, say)
    say(f"run {run.run}: {_described(run)}")
    return run


def go_on(settings: Settings, request: Request, run: Run, ended: Ended | None, listing: ClusterMetadata) -> None:
    """
    Makes what is missing of a run's topics, unless it has written to them.

    Raises SettingsError, SurroundingsError or LimitError where it is not the run that was begun, or can't go on.
    """
    start.must_go_on(run, ended.kind if ended else None)
    start.must_be_the_same(run, settings, request)
    if ended is not None:
        return  # what became of its topics since is for whoever reads them
    config = client_config(settings)
    still_there.must_be_the_same(config, run)
    if run.topics.urgent != settings.output.urgent:
        still_there.must_keep_answers(config, run, listing, _patience_s(settings))
    _made(settings, run, listing)


def _patience_s(settings: Settings) -> float:
    """For a transaction that a process left open: it holds back how far the run is, and what can be read of it."""
    return settings.delivery.transaction_timeout_s + LEFT_OPEN_S


def _passing_over(settings: Settings, request: Request, proposed: Run, known: Known) -> Run:
    if request.codes is None or request.again:
        return proposed
    passed_over = retry.passed_over(client_config(settings), known, proposed)
    return proposed.model_copy(update={"passed_over": passed_over})


def _made(settings: Settings, run: Run, listing: ClusterMetadata) -> None:
    for topic in start.make_topics(settings, run, listing):
        log.info("topic-created", topic=topic)


def _answer(
    settings: Settings, run: Run, max_rate: float | None, stop: Stop, looking: Progress, metrics: Metrics
) -> None:
    from consumer.model_settings import loaded  # which takes its time

    serving = start.of_run(settings, run, max_rate)
    classifier = loaded(serving)
    job = Job(
        run=run.run,
        source=partial(BoundedSource, ends=run.ends, pace=Pace(max_rate), stopping=stop),
        is_over=looking.is_over,
        is_outside=partial(is_outside, run),
        registered_as=start.registered_as(settings, run),
    )
    if run.reads == "dead-letters":
        # The answer that the live stream owes, under the id that it would have had.
        job = replace(
            job,
            run=LIVE,
            rereads_dead=True,
            may_die=True,
            original=letters.original,
            attempt=letters.attempt,
            group_id=run.live_group,
        )
    service.run(serving, classifier, metrics, Health(float("inf")), stop, job=job)


@contextmanager
def _shown(run: Run, looking: Progress, *, is_shown: bool) -> Iterator[None]:
    closing = threading.Event()

    def draw() -> None:
        columns = [
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} records"),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        ]
        with Bar(*columns, console=Console(stderr=True), transient=True, redirect_stderr=False) as bar:
            task = bar.add_task("replay", total=run.records, completed=run.records - looking.left, rate="")
            while not closing.wait(DRAW_EVERY_S):
                speed = bar.tasks[task].speed
                rate = "" if speed is None else f"{speed:,.0f} a second"
                bar.update(task, completed=run.records - looking.left, rate=rate)

    def tell() -> None:
        # Of the last minute, in which even long windows end; since the start it would not show that it stands still.
        seen = deque([(time.monotonic(), looking.left)], maxlen=RATE_OF)
        while not closing.wait(TELL_EVERY_S):
            now, remain = time.monotonic(), looking.left
            since, before = seen[0]
            seen.append((now, remain))
            per_s = (before - remain) / (now - since)
            left_s = round(remain / per_s) if per_s > 0 else None
            log.info("replayed", run=run.run, records=run.records, left=remain, per_s=round(per_s), left_s=left_s)

    thread = threading.Thread(target=draw if is_shown else tell, name="shown", daemon=True)
    thread.start()
    try:
        yield
    finally:
        closing.set()
        thread.join()


def _described(run: Run) -> str:
    names = list(dict.fromkeys(span.topic for span in run.window))
    return (
        f"at most {run.records:,} records of {len(run.window)} partitions of {', '.join(names)}, answered by "
        f"{run.model['name']} {run.model['version']} ({run.model['precision']}) to {run.topics.urgent} and "
        f"{run.topics.routine}"
    )


def done(run: Run, metrics: Metrics) -> str:
    """A run's last words."""
    counted = {
        sample.labels["outcome"]: round(sample.value)
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "shikyu_records_total"
    }
    here = ", ".join(f"{count:,} {outcome.replace('_', '-')}" for outcome, count in counted.items() if count)
    return (
        f"run {run.run} is done: its answers are in {run.topics.urgent} and {run.topics.routine}, what could not be "
        f"answered in {run.topics.dead_letters}; by this process: {here or 'nothing'}"
    )


def _missing(gone: Gone) -> str:
    since = f", written {iso_millis(gone.since)}" if gone.since else ""
    return (
        f"warning: {gone.place[0]}/{gone.place[1]}: Kafka no longer holds what stood before offset {gone.first}: the "
        f"window begins with the first record that is left{since}"
    )


def _warn_of_new_partitions(run: Run, counts: dict[str, int], say: Say) -> None:
    for topic, then in run.partitions.items():
        if (now := counts.get(topic, 0)) > then:
            say(
                f"warning: {topic} has {now} partitions, and had {then} when run {run.run} was begun: what stands in "
                "the new ones is not in its window"
            )
