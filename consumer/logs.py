"""Logs: one JSON object a line on standard error, or something to read at a terminal. Never a customer's text."""

import logging
import re
import sys
import time
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import structlog

from consumer.redaction import redact
from consumer.settings import Log
from consumer.standard_streams import lossy

EventDict = MutableMapping[str, Any]

REPEATED_S = 10.0
MOST_KINDS = 1000
_COUNTS = re.compile(r"\d+(?=ms| identical| request)")


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
    """
    Hands the standard library's log records to structlog under one event name.

    What differs from an earlier one by times and counts alone is told once in REPEATED_S, and how often it came
    meanwhile: of a broker that is gone, librdkafka tells each attempt to connect, dozens a second.
    """

    def __init__(self, event: str) -> None:
        super().__init__()
        self._event = event
        self._told: dict[str, tuple[float, int]] = {}  # until when it is not told again, and how often it came

    def emit(self, record: logging.LogRecord) -> None:
        # The level of a record can be any number; structlog knows the named ones.
        level = max(logging.DEBUG, min(record.levelno // 10 * 10, logging.CRITICAL))
        message, now = record.getMessage(), time.monotonic()
        more = {}
        if level > logging.DEBUG:  # who debugs wants every line
            kind = f"{record.name} {level} {_COUNTS.sub('0', message)}"
            silent_until, repeated = self._told.get(kind, (now, 0))
            if now < silent_until:
                self._told[kind] = (silent_until, repeated + 1)
                return
            if len(self._told) >= MOST_KINDS:
                self._told.clear()
            self._told[kind] = (now + REPEATED_S, 0)
            more = {"repeated": repeated} if repeated else {}
        structlog.get_logger().log(level, self._event, logger=record.name, message=message, **more)


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
