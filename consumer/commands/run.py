"""`shikyu run`: the service, from its settings to its loop."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import structlog

from consumer.errors import SettingsError, ShikyuError, ToldToLeave
from consumer.settings import Settings
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved
from consumer.stop import Stop, on_signals

if TYPE_CHECKING:
    from consumer.health import Health
    from consumer.metrics import Metrics

LEAST_POLL_LIMIT_S = 60.0

log = structlog.get_logger()


@click.command(cls=SettingsCommand)
@settings_flags()
def run(resolved: Resolved) -> None:
    """
    Read customer messages, let the model decide, publish each to urgent or routine.

    SIGTERM or Ctrl-C finishes or drops the window in hand, and leaves within 10 s.

    \b
    shikyu run --model-artifact my-model --kafka bootstrap.servers=broker:9092 --registry-url http://registry:8081
    shikyu run --config shikyu.toml --http-host 0.0.0.0
    """
    # Before anything is loaded, which takes its time: a signal meanwhile is no failure.
    with on_signals() as stop:
        _run(resolved.settings, stop)


def _run(settings: Settings, stop: Stop) -> None:
    from consumer import kafka_options, logs
    from consumer.health import Health, serve
    from consumer.metrics import Metrics
    from consumer.version import version

    if settings.model.artifact is None:
        raise SettingsError("model.artifact is not set: name the model's folder, for example --model-artifact my-model")
    logs.configure(settings.log)
    with _logged():
        kafka_options.verify(settings)
        metrics, health = Metrics(), Health(poll_limit_s(settings))
        with serve(settings.http, health, metrics.registry) as port:
            log.info(
                "starting", version=version(), host=settings.http.host, port=port, artifact=str(settings.model.artifact)
            )
            metrics.build(version())
            _serve(settings, settings.model.artifact, metrics, health, stop)


@contextmanager
def _logged() -> Iterator[None]:
    """An error of the start too is an event, for whoever reads nothing but those."""
    try:
        yield
    except ShikyuError as error:
        if not error.is_logged:
            log.error("failed", error=str(error))
        raise


def _serve(settings: Settings, folder: Path, metrics: "Metrics", health: "Health", stop: Stop) -> None:
    from consumer import service, versions
    from consumer.drift.live import Watched
    from consumer.lifecycle import starting
    from consumer.lifecycle.answering import Answering
    from consumer.lifecycle.following import following
    from consumer.model_settings import loaded
    from consumer.shadow.shadow import beside

    # Read before it is loaded: what is written meanwhile is found by whoever follows it.
    current = versions.read(folder) if versions.holds_versions(folder) else None
    try:
        classifier = loaded(settings) if current is None else starting.first(settings, current, metrics, stop)
    except ToldToLeave:
        log.info("told-to-leave-at-the-start", signal=stop.signal)
        return
    answering = Answering(classifier)
    log.info(
        "model-loaded",
        version=answering.model.version,
        precision=answering.model.precision,
        max_batch_tokens=answering.classifier.max_batch_tokens,
        tokens_per_s=round(answering.tokens_per_s),
    )
    health.model_warm()
    drift = Watched(settings.drift, metrics.drift)

    def follow() -> None:
        metrics.model(answering.model)
        drift.follow(answering.classifier.manifest, answering.model.precision)

    follow()
    with (
        following(current, answering, settings, metrics, follow, stop.within) as turn,
        beside(settings, metrics, stop.within) as shadow,
    ):
        service.run(settings, answering, metrics, health, stop, drift=drift.committed, turn=turn, beside=shadow)


def poll_limit_s(settings: Settings) -> float:
    """How long the poll loop may stand still: the longest window, its transaction, and as much again."""
    return max(LEAST_POLL_LIMIT_S, 2 * (settings.batching.max_window_s + settings.delivery.transaction_timeout_s))
