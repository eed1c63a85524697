"""One look at the stream as JSON: what a page, a terminal and a script are told of it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from consumer.audit.promise import Promised
from consumer.flips.answers import DEAD, Answer
from consumer.timestamps import from_millis, iso_millis
from consumer.visible import seen
from consumer.watching.scrape import Consumers, Labels, quantile
from consumer.watching.tail import MOST_WORD, Arrived, Tail

Frame = dict[str, Any]
Place = tuple[str, int]


def frame(consumers: Consumers, tail: Tail, lag: Mapping[Place, int] | None, promise: Promised | None) -> Frame:
    """
    From the consumers' /metrics, as far as they answer; else from the topics alone. None is what is not known.

    `lag` is Kafka's word. Throughput, shares and the durations of windows are those of the last minute.
    """
    by_metrics = consumers.answering > 0
    return {
        "at": iso_millis(datetime.now(UTC)),
        "from": "metrics" if by_metrics else "topics",
        "consumers": {"answering": consumers.answering, "asked": len(consumers.urls)},
        **(_by_metrics(consumers) if by_metrics else _by_topics(tail)),
        "lag": _lag(consumers, lag),
        "drift": sorted(_drift(consumers), key=lambda each: str(each["feature"])),
        "models": models(consumers) or _last_model(tail),
        "promise": None if promise is None else _promise(promise),
        "problems": [*map(_word, consumers.problems.values()), *([tail.problem] if tail.problem else [])],
    }


def models(consumers: Consumers) -> list[str]:
    """Those that answer, as far as their consumers tell."""
    return sorted({_model(labels) for labels, _ in consumers.latest("shikyu_model_info")})


def model_words(*told: str | None) -> str:
    """Of its name, version and precision."""
    return _word(" ".join(each or "?" for each in told))


def answer_of(arrived: Arrived, *, with_text: bool) -> dict[str, Any]:
    """For people: what is unseen in its words is written as numbers."""
    answer = arrived.answer
    at = None if answer.written_ms is None else from_millis(answer.written_ms)
    return {
        "number": arrived.number,
        "event_id": seen(answer.event_id),
        "decision": "dead-lettered" if answer.fate == DEAD else answer.fate,
        "satisfaction": _optional(answer.satisfaction),
        "urgency": answer.urgency,
        "threshold": answer.threshold,
        "reason": _optional(answer.reason),
        "channel": _optional(answer.channel),
        "language": _optional(answer.language),
        "waited_s": _waited_s(answer),
        "at": None if at is None else iso_millis(at),
        "text": _text(arrived) if with_text else None,
    }


def _by_metrics(consumers: Consumers) -> Frame:
    grown = _by(consumers.grown("shikyu_records_total"), "outcome")
    over_s = consumers.over_s
    windows = consumers.grown("shikyu_window_duration_seconds_bucket")
    codes = _by(consumers.latest("shikyu_dead_letters_total"), "code")
    brokers = [value for _, value in consumers.latest("shikyu_kafka_brokers_up")]
    return {
        "a_second": sum(grown.values()) / over_s if over_s else None,
        "urgent_share": _share(grown["urgent"], grown["routine"]),
        "window_s": {"p50": quantile(0.5, windows), "p99": quantile(0.99, windows)},
        "dead_letters": _dead(
            {code: int(count) for code, count in codes.items() if count}, "since the consumers began"
        ),
        "brokers_up": int(min(brokers)) if brokers else None,
    }


def _by_topics(tail: Tail) -> Frame:
    return {
        "a_second": tail.rate(),
        "urgent_share": _share(tail.counts["urgent"], tail.counts["routine"]),
        "window_s": {"p50": None, "p99": None},
        "dead_letters": _dead({_word(code): count for code, count in tail.dead_letters().items()}, "seen in the topic"),
        "brokers_up": None,
    }


def _dead(codes: Mapping[str, int], counted: str) -> Frame:
    """By code, the most frequent first. `counted` says of what they are."""
    by_code = dict(sorted(codes.items(), key=lambda each: -each[1]))
    return {"all": sum(codes.values()), "by_code": by_code, "counted": counted}


def _lag(consumers: Consumers, lag: Mapping[Place, int] | None) -> list[Frame]:
    """By partition; the age of the oldest record is known by the consumer alone that has it."""
    ages = {(labels["topic"], int(labels["partition"])): age for labels, age in consumers.latest("shikyu_lag_seconds")}
    if lag is None:
        told = consumers.latest("shikyu_lag_records")
        lag = {(labels["topic"], int(labels["partition"])): int(count) for labels, count in told}
    return [
        {"topic": topic, "partition": partition, "records": records, "seconds": ages.get((topic, partition))}
        for (topic, partition), records in sorted(lag.items())
    ]


def _drift(consumers: Consumers) -> Iterator[Frame]:
    """Each feature's worst, where several consumers tell of it."""
    limits = _most(consumers.latest("shikyu_drift_limit"))
    alarms = _most(consumers.latest("shikyu_drift_alarm"))
    for feature, distance in _most(consumers.latest("shikyu_drift_distance")).items():
        alarm = alarms.get(feature, 0.0) > 0
        yield {"feature": _word(feature), "distance": distance, "limit": limits.get(feature), "alarm": alarm}


def _most(told: Iterator[tuple[Labels, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for labels, value in told:
        found[labels["feature"]] = max(value, found.get(labels["feature"], value))
    return found


def _promise(promise: Promised) -> Frame:
    return {"recall": promise.recall, "model": None if promise.model is None else " ".join(promise.model)}


def _by(told: Any, label: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for labels, value in told:
        found[_word(labels[label])] += value
    return found


def _share(urgent: float, routine: float) -> float | None:
    return urgent / (urgent + routine) if urgent + routine else None


def _model(labels: Labels) -> str:
    return model_words(*(labels[name] for name in ("name", "version", "precision")))


def _last_model(tail: Tail) -> list[str]:
    """By whom the newest answer is, as far as it tells."""
    for arrived in reversed(tail.since(0)):
        if any(arrived.answer.model):
            return [model_words(*arrived.answer.model)]
    return []


def _waited_s(answer: Answer) -> float | None:
    if answer.at_ms is None or answer.written_ms is None:
        return None
    return max(0.0, (answer.written_ms - answer.at_ms) / 1000)


def _text(arrived: Arrived) -> str | None:
    text = arrived.answer.text
    if text is None:
        return None
    rest = f" … ({arrived.characters:,} characters)" if arrived.characters > len(text) else ""
    return seen(text) + rest


def _word(word: str) -> str:
    return seen(word[:MOST_WORD])


def _optional(word: str | None) -> str | None:
    return None if word is None else _word(word)
