"""`shikyu top`: the stream watched in a terminal."""

import click
import orjson

from consumer.commands.given import Number
from consumer.commands.reading import METRICS
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved
from consumer.stop import on_signals


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
    from consumer.top import live
    from consumer.top.keys import leaving
    from consumer.top.screen import screen
    from consumer.watching.frame import Frame
    from consumer.watching.observer import Observer, addresses
    from consumer.watching.tail import Tail

    settings = resolved.settings
    # Whatever is away stands in the frame, where a warning beside it would tear the screen.
    logs.configure(settings.log.model_copy(update={"level": "error"}))
    console = live.terminal(needed=not (once or as_json))

    def write(frame: Frame) -> None:
        if as_json:
            click.echo(orjson.dumps(frame).decode())
        else:
            console.print(screen(frame, console.width))

    tail = Tail(settings)
    looks = live.Looks(Observer(settings, addresses(settings, urls), tail), tail, most, with_text)
    with on_signals() as stop, tail, leaving(stop) as pressed:
        if once:
            live.once(looks, write, pressed, every_s)
        elif as_json:
            live.again(looks, write, pressed, every_s)
        else:
            live.on_screen(looks, console, pressed, every_s)
