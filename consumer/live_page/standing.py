"""How the promise stands: the figures of `shikyu report`, read again by a thread and kept for the page."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Self

import structlog

from consumer.audit.notes import Note
from consumer.audit.told import NAMES, known_line, promise_line
from consumer.errors import ShikyuError
from consumer.report import figures
from consumer.settings import Settings
from consumer.visible import seen

LEAST_PAUSE_S = 300.0
PAUSE_TIMES = 20  # as long as the reading took: a topic that is long to read is not read all the time
LEAVING_S = 2.0

Told = dict[str, Any]
Read = Callable[[], figures.Figures]

log = structlog.get_logger()


def reader(settings: Settings, since: timedelta) -> Read:
    """Reads a window of the live topics, of corrections and of dead letters; no group notices."""
    return lambda: figures.figures(settings, figures.Asked(since=since), lambda *_: None)


def length(of: timedelta) -> str:
    """As it stands behind `the last`: `day`, `7 days`, `1 hour 30 minutes`."""
    minutes, seconds = divmod(max(1, round(of.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = {"day": days, "hour": hours, "minute": minutes, "second": seconds}
    words = [f"{count:,} {unit}{'s' if count > 1 else ''}" for unit, count in parts.items() if count]
    return words[0].removeprefix("1 ") if len(words) == 1 else " ".join(words)


class Standing:
    """A context in which a thread reads. `told` may be asked for by any thread, and is never changed."""

    def __init__(self, read: Read, since: timedelta) -> None:
        self._read = read
        self._since = length(since)
        self._wanted = threading.Event()
        self._leaving = False
        self._thread = threading.Thread(target=self._run, name="standing", daemon=True)
        self.told: Told = {"state": "reading", "number": 0, "over": self._since}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving = True
        self._wanted.set()
        self._thread.join(LEAVING_S)  # what it reads may take longer, and is lost to nobody

    def again(self) -> None:
        """Now, or as soon as what is being read is read."""
        self.told = {**self.told, "state": "reading", "number": self.told["number"] + 1}
        self._wanted.set()

    def _run(self) -> None:
        while not self._leaving:
            self._wanted.clear()
            started = time.monotonic()
            found = self._found()
            self.told = {**found, "number": self.told["number"] + 1, "over": self._since}
            self._wanted.wait(max(LEAST_PAUSE_S, PAUSE_TIMES * (time.monotonic() - started)))

    def _found(self) -> Told:
        try:
            return {"state": "read", **told(self._read())}
        except ShikyuError as problem:
            return {"state": "failed", "problem": seen(str(problem))}
        except Exception as error:  # a thread that dies would leave an old page standing
            log.error("page-failed", exc_info=error)
            return {"state": "failed", "problem": "This is a bug; shikyu's log says where."}


def told(found: figures.Figures) -> Told:
    """Sentences and figures for the page, without a customer's text."""
    recall, said, dead, drift = found["recall"], found["corrections"], found["dead_letters"], found["drift"]
    promise, live, marked = recall["promise"], recall["live"], recall["marked"]
    return {
        "made_at": found["made_at"],
        "messages": recall["messages"]["all"],
        "urgent": recall["messages"]["urgent"],
        "promise": None if promise is None else {"recall": promise["recall"], "verdict": promise["verdict"]},
        "live": None if live is None else {name: live[name] for name in ("value", "low", "high")},
        "of": NAMES[recall["of"]],
        "promise_line": seen(promise_line(recall)),
        "known_line": known_line(recall),
        "marked": marked["urgent"] + marked["routine"],
        "judged": sum(marked["judged"].values()),
        "corrections": None if said is None else {
            "standing": said["standing"],
            "conflicts": said["conflicts"],
            "held": sum(said["held"].values()),
        },
        "dead_letters": None if dead is None else {
            "all": dead["all"],
            "codes": [{"code": seen(each["code"][:60]), "messages": each["messages"]} for each in dead["codes"]],
        },
        "drift": None if drift is None else {
            "verdict": drift["verdict"], "why": [seen(each) for each in (*drift["why"], *drift["more"])],
        },
        "notes": [seen(str(Note(**each))) for each in found["notes"]],
    }  # fmt: skip
