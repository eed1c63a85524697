"""Frames that nobody saw."""

from typing import Any

from consumer.flips.answers import DEAD, Answer
from consumer.watching.frame import Frame, answer_of
from consumer.watching.tail import Arrived


def frame(*answers: Answer, with_text: bool = True, **told: Any) -> Frame:
    return {
        "at": "2026-11-29T14:30:00.000Z",
        "from": "metrics",
        "consumers": {"answering": 2, "asked": 3},
        "a_second": 12.34,
        "urgent_share": 0.25,
        "window_s": {"p50": 0.04, "p99": 1.5},
        "dead_letters": {"all": 3, "by_code": {"invalid-json": 2, "missing-text": 1}, "counted": "seen in the topic"},
        "brokers_up": 1,
        "lag": [
            {"topic": "in", "partition": 0, "records": 0, "seconds": 0.0},
            {"topic": "in", "partition": 1, "records": 1200, "seconds": 90.0},
        ],
        "drift": [{"feature": "urgency", "distance": 0.12, "limit": 0.05, "alarm": True}],
        "models": ["demo 3 int8"],
        "promise": {"recall": 0.95, "model": "demo 3 int8"},
        "problems": ["http://a:1/metrics does not answer (refused)"],
        "answers": [
            answer_of(Arrived.of(number, each), with_text=with_text) for number, each in enumerate(answers, start=1)
        ],
        **told,
    }


def answer(text: str | None = "words", **told: Any) -> Answer:
    return Answer(
        **{
            "source": ("in", 0, 1), "run": "live", "fate": "urgent", "written_ms": 1_790_000_000_000,
            "satisfaction": "neutral", "urgency": 0.8, "threshold": 0.4, "reason": "model", "channel": "chat",
            "text": text, **told,
        }
    )  # fmt: skip


def dead(**told: Any) -> Answer:
    nothing = {"satisfaction": None, "urgency": None, "threshold": None, "channel": None}
    return answer(None, **{"source": ("in", 0, 2), "fate": DEAD, "reason": "invalid-json", **nothing, **told})
