"""Logs: one JSON object a line on standard error, or something to read at a terminal. Never a customer's text."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import structlog

from consumer.redaction import redact
from consumer.settings import Log
from consumer.standard_streams import lossy

EventDict = MutableMapping[str, Any]


def configure(settings: Log, stream: TextIO | None = None) -> None:
    """Sends every log of this process, libraries' included, to `stream` (standard error)."""
    out = lossy(stream or sys.stderr)
    console = settings.format == "console" or (settings.format == "auto" and out.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_message,
            _without_secrets,
            structlog.dev.ConsoleRenderer(colors=out.isatty()) if console else _json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Forward("library")], level=max(level, logging.WARNING), force=True)


def kafka_logger() -> logging.Logger:
    """What confluent-kafka's clients take as `logger`: librdkafka's own log, as events named `librdkafka`."""
    logger = logging.getLogger("librdkafka")
    logger.handlers = [_Forward("librdkafka")]
    logger.setLevel(logging.DEBUG)  # structlog filters
    logger.propagate = False
    return logger


def frames(error: BaseException) -> list[str]:
    """Where an exception came from, without its message and its variables: both can carry a customer's text."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]


class _Forward(logging.Handler):
    """Hands the standard library's log records to structlog under one event name."""

    def __init__(self, event: str) -> None:
        super().__init__()
        self._event = event

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        # The level of a record can be any number; structlog knows the named ones.
        level = max(logging.DEBUG, min(record.levelno // 10 * 10, logging.CRITICAL))
        log.log(level, self._event, logger=record.name, message=record.getMessage())


def _without_message(_logger: object, _method: str, event: EventDict) -> EventDict:
    info = event.pop("exc_info", None)
    error = info if isinstance(info, BaseException) else sys.exc_info()[1] if info else None
    if error is not None:
        event["exception"] = type(error).__name__
        event["frames"] = frames(error)
    return event


def _without_secrets(_logger: object, _method: str, event: EventDict) -> EventDict:
    return {name: _redacted(name, value) for name, value in event.items()}


def _redacted(name: str, value: object) -> object:
    if isinstance(value, dict):
        return {key: _redacted(str(key), inner) for key, inner in value.items()}
    return redact(name, value)


def _json(_logger: object, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
