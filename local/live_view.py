"""The demo as one sees it: a line per message, and below them, at a terminal, how it stands."""

import time
from collections import deque
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from local.arrivals import Arrival, DeadLetter
from local.printable import printable
from local.tally import FATES, Tally

RATE_OVER_S = 5.0
COLOURS = {"urgent": "bold red", "routine": "green", "dead-lettered": "magenta"}
HEADING = f"{'decision':<13} {'satisfaction':<16} {'urgency':>7} {'answer':>8}  text"


class LiveView:
    """A context manager. Without a terminal it prints plain lines and no status."""

    def __init__(self, tally: Tally, console: Console) -> None:
        self._tally = tally
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._moments: deque[float] = deque()

    def __enter__(self) -> Self:
        self._console.print(Text(HEADING, style="dim"))
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, arrival: Arrival) -> None:
        self._moments.append(time.monotonic())
        # A text may be cut; the reason of a dead letter is what one wants to read.
        whole = isinstance(arrival, DeadLetter)
        self._console.print(row(arrival), no_wrap=not whole, overflow="fold" if whole else "ellipsis")

    def refresh(self) -> None:
        if self._live:
            self._live.update(self._status(), refresh=True)

    def _status(self) -> Text:
        now = time.monotonic()
        while self._moments and self._moments[0] < now - RATE_OVER_S:
            self._moments.popleft()
        parts = [(f"{self._tally.counts[fate]} {fate}", COLOURS[fate]) for fate in FATES]
        status = Text(f"{len(self._tally.inputs)} in, ", style="bold")
        status.append_text(Text(", ").join(Text(words, style=colour) for words, colour in parts))
        status.append(f", {len(self._moments) / RATE_OVER_S:.1f} a second")
        if self._tally.latencies_s:
            status.append(f", p50 {self._tally.latency_ms(50):.0f} ms")
        return status


def row(arrival: Arrival) -> Text:
    """One message on one line, whatever its text holds."""
    if isinstance(arrival, DeadLetter):
        words = f"{'dead letter':<13} {arrival.stage}: {arrival.reason}"
        return Text(printable(words), style=COLOURS["dead-lettered"])
    text = Text(f"{arrival.decision:<13} ", style=COLOURS[arrival.decision])
    text.append(f"{arrival.satisfaction.replace('_', ' '):<16} {arrival.urgency:>7.3f}", style="default")
    text.append(f" {arrival.latency_s * 1000:>5.0f} ms  ", style="dim")
    return text.append(printable(arrival.text), style="default")
