"""Looks at all there is to be seen, each thing as often as it costs."""

import time
from collections.abc import Sequence

from consumer import kafka_options
from consumer.audit.promise import Promised, promised
from consumer.errors import ShikyuError
from consumer.settings import Settings
from consumer.watching.frame import Frame, frame, models
from consumer.watching.lag import Lag, lag
from consumer.watching.others import others
from consumer.watching.scrape import Consumers
from consumer.watching.tail import Tail

LAG_EVERY_S = 5.0
AGAIN_S = 30.0  # after a fault
PROMISE_EVERY_S = 30.0  # for where no consumer tells of its model, or has it before the folder here has it


class Observer:
    """For one thread at a time. `urls` are the consumers' /metrics; without them the topics alone are looked at."""

    def __init__(self, settings: Settings, urls: Sequence[str], tail: Tail) -> None:
        """Raises SettingsError for an address that is none, and for options that librdkafka refuses."""
        kafka_options.verify(settings)
        self._settings = settings
        self._tail = tail
        self._consumers = Consumers(urls)
        self._lag: Lag | None = None
        self._lag_at = float("-inf")
        self._problem: str | None = None
        self._promise: Promised | None = None
        self._no_promise: str | None = None
        self._promise_at = float("-inf")
        self._models: list[str] | None = None  # whose promise was asked for

    def look(self) -> Frame:
        """What cannot be had is among its `problems`."""
        self._consumers.read()
        # Kafka that is away is waited for, and nothing else is seen meanwhile.
        if time.monotonic() - self._lag_at > (LAG_EVERY_S if self._problem is None else AGAIN_S):
            self._ask_for_lag()
        # A swap makes the promise another one's.
        answering = models(self._consumers)
        if answering != self._models or time.monotonic() - self._promise_at > PROMISE_EVERY_S:
            self._models = answering
            self._ask_for_promise()
        records, kafka = (None, None) if self._lag is None else (self._lag.records, self._lag.cluster_id)
        made = frame(self._consumers, self._tail, records, self._promise)
        strangers = others(self._consumers, self._settings.delivery.group_id, kafka)
        more = (*strangers, *(each for each in (self._no_promise, self._problem) if each))
        # Kafka that is away is so for the tail and for the lag, in other words of librdkafka's within the brackets.
        once = {each.partition(" (")[0]: each for each in (*made["problems"], *more)}
        return {**made, "problems": list(once.values())}

    @property
    def has_seen_something(self) -> bool:
        return self._lag is not None or self._consumers.answering > 0 or self._tail.ready.is_set()

    def _ask_for_promise(self) -> None:
        try:
            self._promise, self._no_promise = promised(self._settings, None), None
        except ShikyuError as problem:
            self._promise, self._no_promise = None, str(problem)
        self._promise_at = time.monotonic()

    def _ask_for_lag(self) -> None:
        try:
            self._lag, self._problem = lag(self._settings), None
        except ShikyuError as problem:
            self._lag, self._problem = None, str(problem)
        self._lag_at = time.monotonic()


def addresses(settings: Settings, given: Sequence[str]) -> tuple[str, ...]:
    """Those given, else that of the consumer with these settings on this host, if it serves any."""
    if given or not settings.http.port:
        return tuple(each for each in given if each)
    host = settings.http.host if settings.http.host not in ("0.0.0.0", "::", "") else "127.0.0.1"  # noqa: S104
    return (f"http://{f'[{host}]' if ':' in host else host}:{settings.http.port}/metrics",)
