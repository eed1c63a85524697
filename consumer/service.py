"""Puts the steps together from the settings, runs them, and leaves in order when told to."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Protocol

import structlog

from consumer import surroundings, topic_configs
from consumer.answer import Answered, Classifies, Steps
from consumer.at_least_once import AtLeastOnce
from consumer.decode import Decoder
from consumer.encode import Encoder, require_registry
from consumer.errors import PassingFault, ShikyuError, SurroundingsError, ToldToLeave
from consumer.exactly_once import ExactlyOnce
from consumer.garbage import rarely_collected
from consumer.guard import Guard
from consumer.health import Health
from consumer.job import Job, dead_lettering, encoding, marking, refusing
from consumer.kafka_options import client_config, consumer_config, producer_config, transactional_id
from consumer.logs import kafka_logger
from consumer.loop import Loop, backoff_s
from consumer.metrics import Metrics
from consumer.publish import Dropped, Publisher
from consumer.quarantine import Quarantine
from consumer.receive import Source
from consumer.records import ModelVersion
from consumer.refusals import Doorkeeper
from consumer.rule_failures import RuleFailures
from consumer.run_names import LIVE
from consumer.schema_store import SchemaStore, open_store
from consumer.settings import Settings
from consumer.shadow.beside import NOBODY, Beside
from consumer.sizing import Limits, Sizer
from consumer.slot import Slot, claim
from consumer.stop import Stop
from consumer.tracing import tracing
from consumer.visits import Visit, nothing
from consumer.watch import Watch
from consumer.watchdog import Watchdog

log = structlog.get_logger()

CLOSE_S = 4.0
LOOK_S = 0.1  # between two looks whether to leave
REGISTRY_S = 10.0  # how long the registry may be away at the start


class Model(Classifies, Protocol):
    """What serving needs of a model beyond what the loop asks of it: who it is, and how fast."""

    @property
    def model(self) -> ModelVersion: ...

    @property
    def max_length(self) -> int: ...

    @property
    def tokens_per_s(self) -> float: ...


def run(
    settings: Settings,
    model: Model,
    metrics: Metrics,
    health: Health,
    stop: Stop,
    *,
    job: Job | None = None,
    visit: Visit = nothing,
    drift: Callable[[Answered], None] = lambda _: None,
    turn: Callable[[], bool] = lambda: False,
    beside: Beside = NOBODY,
) -> None:
    """
    Serves until told to leave, or until the job is over. `drift` is told of each window that was committed; `turn` is
    asked between two windows whether `model` is another one from now on; `beside` works while the loop waits.

    Raises SettingsError, SurroundingsError or ArtifactError, always with nothing lost: what was not committed is read
    again by the next start.
    """
    with ExitStack() as closing:
        try:
            watch = Watch(metrics, health, drift=drift, beside=beside)
            between = partial(_between, turn, beside, model, visit)
            loop = _started(settings, model, metrics, health, stop, job or Job(), visit, watch, between, closing)
        except ToldToLeave:
            log.info("told-to-leave-at-the-start", signal=stop.signal)
            return
        with rarely_collected():
            loop.run()
    log.info("left", signal=stop.signal)


def _started(
    settings: Settings,
    model: Model,
    metrics: Metrics,
    health: Health,
    stop: Stop,
    job: Job,
    visit: Visit,
    watch: Watch,
    between: Callable[[Sizer], None],
    closing: ExitStack,
) -> Loop:
    """From the cheap to the far, and the group last: joining it takes partitions from the others."""
    if stop():
        raise ToldToLeave("told to leave while the model was loaded")
    told_to = closing.enter_context(tracing(settings, stop.within))
    schemas = closing.enter_context(_schemas(settings))
    slot = claim(settings.delivery.group_id, settings.delivery.slot)
    decoder = Decoder(settings.input, schemas, settings.rules, rule_failed=RuleFailures(metrics.rule_failed))
    metrics.rules(settings.rules.always_urgent)
    require_registry(settings.output, schemas)
    mark = marking(settings.audit, job)
    outputs = (settings.output.urgent, settings.output.routine, settings.dead_letters.topic)
    shadows = settings.shadow.topics if job.run == LIVE else ()
    inputs = surroundings.look(
        client_config(settings),
        settings.input.topics,
        (*outputs, *shadows),
        stop,
        lambda listing: metrics.group(settings.delivery.group_id, listing.cluster_id or ""),
    )
    configuration = _fitted(settings, _transactional_id(settings, slot), inputs, outputs, job)
    application = settings.delivery.application
    encoder = _patiently(
        lambda: Encoder(settings.output, schemas, application=application, registered_as=job.registered_as), stop
    )
    quarantine = Quarantine(settings.batching.max_window_records)
    steps = Steps(
        decode=refusing(decoder.decode, frozenset((*outputs, *shadows)), quarantine, job),
        model=model,
        encode=encoding(encoder, job),
        dead_letter=dead_lettering(settings, slot, lambda: model.model, job),
        stages=metrics,
        between_batches=stop.hurry,
        mark=mark,
    )
    watchdog = Watchdog()
    doorkeeper = Doorkeeper(client_config(settings))

    def moved() -> None:
        health.polled()
        doorkeeper.check()

    told: Any = {"moved": moved, "on_error": doorkeeper.told, "visit": visit, "logger": kafka_logger()}
    source = job.source(consumer_config(settings), quarantine, **told)
    leaving = closing.enter_context(_closed(source, slot, watchdog, health))
    publisher = told_to.publishing(_publisher(settings, configuration, source, watchdog, stop, told))
    leaving.callback(publisher.close)
    log.info("serving", slot=slot.name, group=settings.delivery.group_id, guarantee=settings.delivery.guarantee)
    source.join(settings.input.topics)
    leaving.callback(watch.tell)
    stopping = _either(stop, job.is_over)
    sizer = _sizer(settings, model)
    guard = _guard(settings, job)
    return Loop(source, steps, publisher, guard, sizer, watch, stopping, visit, partial(between, sizer), told_to)


def _between(turn: Callable[[], bool], beside: Beside, model: Model, visit: Visit, sizer: Sizer) -> None:
    """Two windows: here another model may take its turn, and the loop is about to wait."""
    if turn():
        sizer.follow(tokens_per_s=model.tokens_per_s, max_tokens=model.max_length)
        visit("swapped")
    beside.waits()


def _either(stop: Stop, is_over: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: stop() or is_over()


@contextmanager
def _closed(source: Source, slot: Slot, watchdog: Watchdog, health: Health) -> Iterator[ExitStack]:
    """Closes in the order publisher, group, slot: whoever takes a slot over must find its predecessor gone."""
    is_well = False  # what is no error of ours may have come of a record
    with ExitStack() as closing:
        try:
            yield closing
            is_well = True
        except ShikyuError as error:
            # Said now: should closing hang, the watchdog leaves no time for last words.
            error.is_logged = True
            log.error("failed", error=str(error))
            is_well = True
            raise
        finally:
            health.assignment_known(False)
            with watchdog(CLOSE_S, "closing"):
                closing.close()
                source.close(is_well=is_well)
            slot.release()


def _schemas(settings: Settings) -> SchemaStore:
    return open_store(settings.registry.url, settings.registry.options, settings.input.schemas)


def _transactional_id(settings: Settings, slot: Slot) -> str | None:
    return None if settings.delivery.guarantee == "at-least-once" else transactional_id(settings, slot.name)


def _fitted(
    settings: Settings, identity: str | None, inputs: list[str], outputs: tuple[str, ...], job: Job
) -> dict[str, Any]:
    """The producer's configuration, made to fit the topics; warns of what does not go together in these."""
    known = topic_configs.read(client_config(settings), (*inputs, *outputs))
    topic_configs.warn(inputs, settings.dead_letters.topic, known, from_dead=job.rereads_dead)
    written = {topic: known[topic] for topic in outputs if topic in known}
    return topic_configs.fitted(producer_config(settings, identity), written)


def _publisher(
    settings: Settings,
    configuration: dict[str, Any],
    source: Source,
    watchdog: Watchdog,
    stop: Stop,
    told: Any,
) -> Publisher:
    if settings.delivery.guarantee == "at-least-once":
        return AtLeastOnce(configuration, source.commit, stop, **told)
    try:
        return ExactlyOnce(configuration, watchdog, stop, **told)
    except Dropped as why:
        raise ToldToLeave("told to leave while the transaction coordinator was away") from why


def _guard(settings: Settings, job: Job) -> Guard:
    expressions = ", ".join(settings.input.text)
    return Guard(
        settings.dead_letters.max_share,
        f"input.format {settings.input.format} and input.text {expressions!r}",
        judges_the_first=not job.may_die,
    )


def _sizer(settings: Settings, model: Model) -> Sizer:
    batching = settings.batching
    return Sizer(
        Limits(batching.max_window_records, batching.max_window_bytes, batching.max_window_tokens),
        latency_target_s=batching.latency_target_s,
        max_window_s=batching.max_window_s,
        tokens_per_s=model.tokens_per_s,
        max_tokens=model.max_length,
    )


def _patiently(make: Callable[[], Encoder], stop: Stop) -> Encoder:
    """A registry that is away at the start is waited for a while, as it is later on. Raises ToldToLeave."""
    made: Future[Encoder] = Future()

    def patiently() -> None:
        try:
            made.set_result(_after_its_return(make))
        except Exception as problem:  # noqa: BLE001 - raised where it is waited for
            made.set_exception(problem)

    # In a thread: a registry that is silent could not be left before its time-out.
    threading.Thread(target=patiently, name="registry", daemon=True).start()
    while not stop():
        if wait([made], LOOK_S).done:
            return made.result()
    raise ToldToLeave("told to leave while the registry was away")


def _after_its_return(make: Callable[[], Encoder]) -> Encoder:
    until = time.monotonic() + REGISTRY_S
    attempt = 0
    while True:
        try:
            return make()
        except PassingFault as fault:
            attempt += 1
            if time.monotonic() >= until:
                raise SurroundingsError(f"{fault} (waited {REGISTRY_S:.0f} s for it)") from fault
            log.warning("waiting", why=str(fault))
            time.sleep(backoff_s(attempt))
