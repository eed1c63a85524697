"""`python -m local demo`, `sample`, `up` and `stack`."""

import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from consumer.errors import ShikyuError
from local import fetch, sample
from local.cluster import Cluster
from local.demo import AT_A_GLANCE, Pace, demo
from local.steps import StepFailed
from local.topics import INPUT

PLAIN_WIDTH = 160  # a log file has no width of its own


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A real Kafka on this machine, to look at shikyu or to work with."""


@main.command("demo")
@click.option("--keep", is_flag=True, help="Leave Kafka and the registry up, and say how to reach and stop them.")
@click.option("--tickets", is_flag=True, help="Open tickets of the urgent messages, by examples/ticketing.")
@click.option(
    "--rate",
    "rate_per_s",
    type=click.FloatRange(0.1, 1000),
    default=AT_A_GLANCE.rate_per_s,
    show_default=True,
    help="A second.",
)
def demo_command(keep: bool, tickets: bool, rate_per_s: float) -> None:
    """The sample messages through `shikyu run`, live; exit code 5 when one is lost or comes twice."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH, highlight=False)
    demo(console, keep=keep, tickets=tickets, pace=Pace(rate_per_s))


@main.command("sample")
@click.option("--bootstrap-servers", required=True, metavar="HOST:PORT", help="Of a Kafka that `demo --keep` left up.")
@click.option("--registry-url", required=True, metavar="URL", help="Of its Schema Registry.")
def sample_command(bootstrap_servers: str, registry_url: str) -> None:
    """Write the 300 sample messages and two bad ones, all at once, so that there is traffic to watch."""
    written = sample.write(bootstrap_servers, registry_url)
    click.echo(f"{written} messages are written to {INPUT}")


@main.command()
@click.option("--folder", type=click.Path(path_type=Path), help="For data and logs; a temporary one unless named.")
@click.option("--broker-port", type=click.IntRange(1, 65_535), help="A free one unless named.")
@click.option("--registry-port", type=click.IntRange(1, 65_535), help="A free one unless named.")
@click.option("--registry/--no-registry", default=True, help="Whether a Schema Registry stands beside it.")
def up(folder: Path | None, broker_port: int | None, registry_port: int | None, registry: bool) -> None:
    """Kafka and a Schema Registry, until Ctrl-C. A named folder keeps its data for the next time."""
    with tempfile.TemporaryDirectory(prefix="shikyu-local-") as temporary:
        chosen = folder or Path(temporary)
        if notice := fetch.notice(fetch.default_cache()):
            click.echo(notice)
        with Cluster(chosen, registry, broker_port=broker_port, registry_port=registry_port) as cluster:
            click.echo(f"Kafka: {cluster.bootstrap_servers}")
            if registry:
                click.echo(f"Schema Registry: {cluster.registry_url}")
            click.echo(f"data and logs: {chosen}\nCtrl-C stops it.")
            while True:
                cluster.check()
                time.sleep(0.5)


@main.command()
@click.option("--samples", is_flag=True, help="Write the 300 sample messages and two bad ones once all is up.")
@click.option("--any-port", is_flag=True, help="Free ports, instead of those that docker-compose.yml publishes.")
def stack(samples: bool, any_port: bool) -> None:
    """What docker-compose.yml describes, without an engine and without Grafana, until Ctrl-C."""
    from local.stack import stack as services  # whose libraries are those of ticketing too

    console = Console(highlight=False, soft_wrap=True)
    if notice := fetch.notice(fetch.default_cache()):
        console.print(notice)
    with (
        tempfile.TemporaryDirectory(prefix="shikyu-stack-") as folder,
        services.running(console, Path(folder), any_port=any_port) as running,
    ):
        console.print(services.told(running))
        if samples:
            written = sample.write(running.clusters[0].bootstrap_servers, running.clusters[0].registry_url)
            console.print(f"{written} messages are written to {INPUT}")
        console.print("Ctrl-C stops all of it.")
        while True:
            running.check_what_all_need()
            for words in running.ended():
                console.print(words, style="bold red", markup=False)
            time.sleep(0.5)


def _leave(number: int, _frame: FrameType | None) -> None:
    # As an exception, so that every `with` on the way stops what it started.
    raise SystemExit(128 + number)


def run() -> int:
    """The exit code, as docs/operations.md has them."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    # A shell that starts it in the background has Ctrl-C ignored; whoever sends it all the same means it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        main(standalone_mode=False)
    except StepFailed as error:
        click.echo(f"error: {error}", err=True)
        return error.code
    except ShikyuError as error:
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("stopped", err=True)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(run())
