"""`shikyu schemas`: the events' schemas, in the registry and on the screen."""

import json

import click

import schemas as events
from consumer.errors import LimitError, SettingsError
from consumer.registration import Outcome, register, targets
from consumer.schema_registry import connect
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved


@click.group(name="schemas")
def schemas() -> None:
    """
    Register the events' schemas, and say what is incompatible.

    \b
    shikyu schemas show classified-message
    shikyu schemas register --registry-url http://registry:8081
    """


@schemas.command(name="register", cls=SettingsCommand)
@settings_flags("input", "output", "registry", "corrections")
@click.option(
    "--only", type=click.Choice(events.EVENTS), multiple=True, metavar="EVENT",
    help=f"Only this event, one of {', '.join(events.EVENTS)}; may be repeated.",
)  # fmt: skip
def register_command(resolved: Resolved, only: tuple[events.Event, ...]) -> None:
    """
    Register the events under the subjects of their topics, with BACKWARD compatibility.

    Again and again changes nothing. If one is incompatible with what the registry has, none is registered, the
    registry's reasons are told, and the exit code is 5. Your own events on an input topic are left alone.

    \b
    shikyu schemas register --registry-url http://registry:8081
    shikyu schemas register --config shikyu.toml --only correction
    """
    settings = resolved.settings
    url = settings.registry.url
    if url is None:
        raise SettingsError("there is no Schema Registry to register at: set registry.url")
    with connect(url, settings.registry.options) as client:
        outcomes = register(client, url, targets(settings, only))
    for outcome in outcomes:
        click.echo(_line(outcome))
    refused = [outcome.target.subject for outcome in outcomes if outcome.fate == "incompatible"]
    if refused:
        done = [outcome.target.subject for outcome in outcomes if outcome.fate == "registered"]
        raise LimitError(
            f"{', '.join(refused)}: incompatible with what is registered, so "
            f"{'no more than ' + ', '.join(done) if done else 'nothing'} was registered. Name another topic, or leave "
            "this event out with --only"
        )


@schemas.command(name="show")
@click.argument("event", type=click.Choice(events.EVENTS), required=False)
@click.option("--format", "shown", type=click.Choice(["avro", "json-schema"]), default="avro", show_default=True)
def show_command(event: events.Event | None, shown: str) -> None:
    """
    Print an event's schema; without one, which events there are. Asks no registry.

    \b
    shikyu schemas show
    shikyu schemas show correction --format json-schema
    """
    if event is not None:
        click.echo(events.avro(event) if shown == "avro" else events.json_schema(event), nl=False)
        return
    for each in events.EVENTS:
        click.echo(f"{each:20} {json.loads(events.avro(each))['doc']}")


def _line(outcome: Outcome) -> str:
    target = outcome.target
    return f"{outcome.fate:12} {target.event:20} {target.schema_type:4} {target.subject}: {outcome.detail}"
