"""The whole way of `shikyu report`, from the topics to figures, and these to files."""

from collections import Counter
from collections.abc import Callable, Container
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import orjson
from confluent_kafka.admin._acl import AclOperation

from consumer import kafka_options, logs, surroundings
from consumer.audit import live
from consumer.audit.promise import promised
from consumer.audit.window import Advance, Window
from consumer.corrections.settle import Settled
from consumer.errors import SettingsError, SurroundingsError
from consumer.flips.answers import Answer, Source
from consumer.replay.letters import letter
from consumer.report.drift import drift
from consumer.report.notes import notes
from consumer.report.page import page
from consumer.report.slices import Slices
from consumer.report.volume import Volume
from consumer.run_names import LIVE
from consumer.settings import Settings
from consumer.topics import missing
from consumer.visible import told_names, visible

MOST_CONFLICTS = 50
SHOWN = 120

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked(live.Asked):
    slices: tuple[str, ...] = ()


def figures(settings: Settings, asked: Asked, advance: Advance) -> Figures:
    """
    Everything the page shows. What there is not (corrections, dead letters) is None, and a note says so.

    Raises SettingsError for a slice that no answer has, ArtifactError for a manifest that can't be read,
    SurroundingsError or PassingFault where Kafka or the registry does not answer.
    """
    logs.configure(settings.log)
    kafka_options.verify(settings)
    promise = promised(settings, asked.stated)
    volume, slices = Volume(), Slices(asked.slices, ())

    def beside(corrected: Container[str]) -> Callable[[Answer], None]:
        nonlocal volume, slices
        volume, slices = Volume(), Slices(asked.slices, corrected)

        def tell(answer: Answer) -> None:
            volume.add(answer)
            slices.add(answer)

        return tell

    read = live.read(settings, asked.since, advance, beside, needs_corrections=False)
    if volume.work()["messages"]:
        _require_there(slices)
    recall = live.counted(read, promise, asked)
    dead = _dead_letters(settings, asked.since)
    return {
        "made_at": recall["made_at"],
        "since": recall["since"],
        "days": recall["days"],
        "recall": recall,
        "by_day": volume.by_day(),
        "work": volume.work(),
        "slices": slices.figures(read.settled.standing, asked.of),
        "dead_letters": dead,
        "drift": drift(settings, asked.since),
        "corrections": None if read.lacks_corrections else _corrections(read.settled),
        "notes": [asdict(each) for each in notes(settings, read, dead, recall)],
    }


def as_json(found: Figures) -> bytes:
    return orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def as_page(found: Figures) -> bytes:
    return page(found).encode()


def _require_there(slices: Slices) -> None:
    if unknown := slices.unknown():
        there = ", ".join(told_names(sorted(slices.attributes))) or "none (output.attributes chooses them)"
        raise SettingsError(
            f"--slice {', '.join(visible(each, SHOWN) for each in unknown)}: no answer of this time has an attribute "
            f"of that name; those there are: {there}. Channel and language are told unasked"
        )


def _dead_letters(settings: Settings, since: timedelta) -> Figures | None:
    """Of the live service, by code; None where there is no such topic."""
    topic, client = settings.dead_letters.topic, kafka_options.client_config(settings)
    if missing(surroundings.listed(client), [topic]):
        return None
    try:
        surroundings.must_allow(client, {topic: AclOperation.READ})
    except SurroundingsError:
        return None
    window = Window.of(settings, (topic,), since)
    letters: dict[Source, tuple[int, str]] = {}  # of a message that died twice, the later one
    for record in window.records(lambda _done, _total: None):
        known = letter(record)
        if known is not None and known.run == LIVE:
            died = (known.died_ms or 0, known.code)
            letters[known.source] = max(died, letters.get(known.source, died))
    codes = Counter(code for _, code in letters.values())
    return {"all": codes.total(), "codes": [{"code": code, "messages": count} for code, count in codes.most_common()]}


def _corrections(settled: Settled) -> Figures:
    """Who disagreed about which messages of the window, and what is not heard; never a text."""
    held = Counter(each.reason for each in settled.held if each.reason != "unknown-message")
    conflicts = [
        {
            "event_id": visible(each.stands.event_id, SHOWN)[1:-1],
            "stands": _word(each.stands.decision, each.stands.role, each.stands.satisfaction),
            "others": [_word(other.decision, other.role, other.satisfaction) for other in each.others[:5]],
        }
        for each in settled.conflicts
    ]
    return {
        "standing": len(settled.standing),
        "conflicts": len(conflicts),
        "listed": conflicts[:MOST_CONFLICTS],
        "held": dict(held),
    }


def _word(decision: str, role: str, satisfaction: str | None) -> str:
    return f"{decision} ({role}{'' if satisfaction is None else ', ' + satisfaction.replace('_', ' ')})"
