"""Frames one after the other, until somebody leaves: as lines for a program, or on a terminal's whole screen."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live

from consumer.errors import SettingsError, SurroundingsError
from consumer.top.keys import Pressed
from consumer.top.screen import screen
from consumer.watching.frame import Frame, answer_of
from consumer.watching.observer import Observer
from consumer.watching.tail import Tail

READY_S = 10.0
ROOM = 12  # lines that stand above the answers
FEW = 10  # answers, where no screen says how many have room
LEAST_WIDTH = 150  # what nobody sees is not folded to 80 columns


@dataclass(frozen=True, slots=True)
class Looks:
    """Frames with the last answers: `most` of them, or as many as there is room for."""

    observer: Observer
    tail: Tail
    most: int | None
    with_text: bool

    def look(self, room: int) -> Frame:
        shown = self.tail.since(0, self.most if self.most is not None else max(0, room))
        return {**self.observer.look(), "answers": [answer_of(each, with_text=self.with_text) for each in shown]}


def terminal(*, needed: bool) -> Console:
    """Standard output. Raises SettingsError where it is none and one is `needed`."""
    console = Console(highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        return console
    if needed:
        raise SettingsError("standard output is no terminal: give --once for one frame, or --json for a line a frame")
    return Console(highlight=False, markup=False, emoji=False, width=LEAST_WIDTH)


def once(looks: Looks, write: Callable[[Frame], None], pressed: Pressed, every_s: float) -> None:
    """
    One frame, for which it looks twice: what a minute brought is told by what grew.

    Raises SurroundingsError where neither Kafka nor a consumer answered.
    """
    looks.tail.ready.wait(READY_S)
    looks.look(0)
    if pressed(every_s):
        return
    frame = looks.look(FEW)
    if not looks.observer.has_seen_something:
        raise SurroundingsError("there is nothing to see:\n" + "\n".join(frame["problems"]))
    write(frame)


def again(looks: Looks, write: Callable[[Frame], None], pressed: Pressed, every_s: float) -> None:
    while not pressed(every_s):
        write(looks.look(FEW))


def on_screen(looks: Looks, console: Console, pressed: Pressed, every_s: float) -> None:
    with Live(console=console, screen=True, auto_refresh=False) as live:
        leaving = False
        while not leaving:
            live.update(screen(looks.look(console.height - ROOM), console.width), refresh=True)
            leaving = pressed(every_s)
