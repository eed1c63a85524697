"""`shikyu top`: the stream watched in a terminal."""

import click
import orjson
from rich.console import Console
from rich.live import Live

from consumer.commands.given import Number
from consumer.commands.reading import METRICS
from consumer.errors import SettingsError
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved
from consumer.stop import on_signals

READY_S = 10.0
ROOM = 12  # lines that stand above the answers
LEAST_WIDTH = 150  # what nobody sees is not folded to 80 columns


@click.command(cls=SettingsCommand)
@METRICS
@click.option(
    "--every", "every_s", type=Number(0.1, 60), default=1.0, show_default=True, metavar="SECONDS",
    help="How often to look.",
)  # fmt: skip
@click.option("--answers", "most", type=click.IntRange(0, 200), metavar="COUNT", help="How many of the last to show.")
@click.option("--with-text", is_flag=True, help="Show the customers' texts; mind who sees the terminal.")
@click.option("--once", is_flag=True, help="Look twice, so long apart, write one frame and leave.")
@click.option("--json", "as_json", is_flag=True, help="A frame a line as JSON, for another program.")
@settings_flags("input", "output", "dead_letters", "model", "delivery", "registry", "http", "log", "kafka")
def top(
    resolved: Resolved,
    urls: tuple[str, ...],
    every_s: float,
    most: int | None,
    with_text: bool,
    once: bool,
    as_json: bool,
) -> None:
    """
    Watch throughput, the urgent share, lag, windows, dead letters, drift, the promise and the last answers. q leaves.

    It reads the consumers' /metrics and the topics of answers, joins no group and commits nothing. Without /metrics the
    topics alone tell, and how long windows take is not known.

    \b
    shikyu top --config shikyu.toml
    shikyu top --config shikyu.toml --metrics http://10.0.0.5:9464/metrics --metrics http://10.0.0.6:9464/metrics
    shikyu top --config shikyu.toml --once --json | jq .a_second
    """
    from consumer import logs
    from consumer.top.keys import leaving
    from consumer.top.screen import screen
    from consumer.watching.frame import Frame, answer_of
    from consumer.watching.observer import Observer, addresses
    from consumer.watching.tail import Tail

    settings = resolved.settings
    # Whatever is away stands in the frame, where a warning beside it would tear the screen.
    logs.configure(settings.log.model_copy(update={"level": "error"}))
    console = Console(highlight=False, markup=False, emoji=False)
    if not (once or as_json or console.is_terminal):
        raise SettingsError("standard output is no terminal: give --once for one frame, or --json for a line a frame")
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, emoji=False, width=LEAST_WIDTH)

    tail = Tail(settings)
    observer = Observer(settings, addresses(settings, urls), tail)
    with on_signals() as stop, tail, leaving(stop) as pressed:

        def look(room: int) -> Frame:
            shown = tail.since(0, most if most is not None else max(0, room))
            return {**observer.look(), "answers": [answer_of(each, with_text=with_text) for each in shown]}

        if once:
            tail.ready.wait(READY_S)
            look(0)
        if once or as_json:
            while not pressed(every_s):
                found = look(10)
                if as_json:
                    click.echo(orjson.dumps(found).decode())
                else:
                    console.print(screen(found, console.width))
                if once:
                    return
            return
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                live.update(screen(look(console.height - ROOM), console.width), refresh=True)
                if pressed(every_s):
                    return
