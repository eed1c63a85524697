"""The command line: `run` keeps the tickets up to date, the others are for people."""

import logging
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from click.core import ParameterSource
from confluent_kafka.schema_registry import SchemaRegistryClient
from sqlalchemy import delete, func, make_url, select
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from examples.ticketing import aside, corrections, desk, listing
from examples.ticketing.database import Database
from examples.ticketing.errors import Away, TicketingError, WrongSettings
from examples.ticketing.events import FORMATS, Format, Reader
from examples.ticketing.service import Ticketing
from examples.ticketing.tables import Position, SetAside

SECRETS = (
    "sasl.password",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
    "sasl.oauthbearer.client.secret",
)
log = logging.getLogger("ticketing")

event_format = click.option(
    "--format",
    "event_format",
    type=click.Choice(FORMATS),
    default="avro",
    show_default=True,
    help="As output.format in shikyu's settings.",
)
registry_url = click.option(
    "--registry-url", envvar="TICKETING_REGISTRY_URL", help="Where format = avro finds schemas."
)
kafka_options = click.option(
    "--kafka", "options", multiple=True, metavar="NAME=VALUE", help="An option of librdkafka's."
)
kafka_file = click.option(
    "--kafka-file", type=click.Path(path_type=Path, exists=True), help="Such options, one a line; secrets too."
)
first_answer = click.option(
    "--first-answer-minutes",
    type=click.FloatRange(0, min_open=True),
    default=60,
    show_default=True,
    help="How long after a message came its customer shall have a first answer.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--database",
    "url",
    envvar="TICKETING_DATABASE",
    default="sqlite:///tickets.db",
    show_default=True,
    help="sqlite:///FILE or postgresql://HOST/NAME; a password only in TICKETING_DATABASE or where libpq finds it.",
)
@click.pass_context
def ticketing(context: click.Context, url: str) -> None:
    """Tickets of shikyu's urgent messages."""
    if context.get_parameter_source("url") is ParameterSource.COMMANDLINE and _has_password(url):
        raise WrongSettings("a password on the command line can be seen by others: put the URL into TICKETING_DATABASE")
    context.obj = Database(url)
    context.call_on_close(context.obj.close)


@ticketing.command()
@click.pass_obj
def migrate(database: Database) -> None:
    """Make the tables, or bring them up to date."""
    database.migrate()
    click.echo(f"{database.name} is up to date")


@ticketing.command()
@kafka_options
@kafka_file
@click.option(
    "--topics", default="urgent", show_default=True, help="Separated by commas; one that begins with ^ is a pattern."
)
@event_format
@registry_url
@first_answer
@click.pass_obj
def run(
    database: Database,
    options: Sequence[str],
    kafka_file: Path | None,
    topics: str,
    event_format: Format,
    registry_url: str | None,
    first_answer_minutes: float,
) -> None:
    """Read events and keep the tickets up to date, until SIGTERM or Ctrl-C."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    log.setLevel(logging.INFO)  # libraries' only from warnings on
    wanted = [each for each in topics.split(",") if each]
    for missing in listing.one_sided(wanted):
        log.warning("%s is not read: what became routine in that replay will not be noticed", missing)
    stop = Stop()
    reader = _reader(event_format, registry_url)
    database.require_migrated()
    kafka = _kafka(options, kafka_file)
    Ticketing(kafka, wanted, reader, database, timedelta(minutes=first_answer_minutes), stop).run()


@ticketing.command("list")
@click.option("--all", "everyone", is_flag=True, help="Also those that are answered or closed.")
@click.option("--first", type=click.IntRange(1), default=50, show_default=True, help="How many lines at most.")
@click.pass_obj
def list_command(database: Database, everyone: bool, first: int) -> None:
    """Tickets that wait for a first answer: by time left, then by urgency."""
    _tell(database, lambda session: _list(session, everyone, first))


@ticketing.command()
@click.argument("ticket", type=int)
@click.pass_obj
def show(database: Database, ticket: int) -> None:
    """A ticket's messages and notes."""
    _tell(database, lambda session: listing.whole(desk.ticket(session, ticket), datetime.now(UTC)))


@ticketing.command()
@click.argument("ticket", type=int)
@click.pass_obj
def answer(database: Database, ticket: int) -> None:
    """The customer has a first answer."""
    database.require_migrated()
    database.transact(lambda session: desk.answer(session, ticket))
    click.echo(f"ticket {ticket} is answered")


@ticketing.command()
@click.argument("ticket", type=int)
@click.pass_obj
def close(database: Database, ticket: int) -> None:
    """Nothing is left to do; the customer's next urgent message opens another ticket."""
    database.require_migrated()
    database.transact(lambda session: desk.close(session, ticket))
    click.echo(f"ticket {ticket} is closed")


@ticketing.command()
@click.argument("ticket", type=int)
@click.option("--urgent/--routine", "urgent", default=None, help="What the decision should have been.")
@click.option("--role", type=click.Choice(corrections.ROLES), required=True, help="In what role you say so.")
@click.option("--satisfaction", type=click.Choice(corrections.SATISFACTIONS), help="The customer's, if you judge it.")
@click.option("--message", "event_id", help="Which of the ticket's messages, by event id, where it has several.")
@click.option("--topic", default="corrections", show_default=True, help="As corrections.topic in shikyu's settings.")
@kafka_options
@kafka_file
@event_format
@registry_url
@click.pass_obj
def correct(
    database: Database,
    ticket: int,
    urgent: bool | None,
    role: corrections.Role,
    satisfaction: str | None,
    event_id: str | None,
    topic: str,
    options: Sequence[str],
    kafka_file: Path | None,
    event_format: Format,
    registry_url: str | None,
) -> None:
    """Tell shikyu that this was urgent, or was not; its model learns from it."""
    if urgent is None:
        raise WrongSettings("say --urgent or --routine: what the decision should have been")
    database.require_migrated()
    decision = "urgent" if urgent else "routine"
    about = database.transact(lambda session: desk.message_to_correct(session, ticket, event_id))
    with _registry(registry_url) if registry_url else nullcontext() as registry:
        encoder = corrections.Encoder(event_format, topic, registry)
    made = corrections.Correction(about, decision, role, satisfaction, corrections.now())
    corrections.write(_kafka(options, kafka_file), topic, encoder, made)
    # After Kafka has it: killed between the two, the note is missing, and to say it again does no harm.
    database.transact(lambda session: desk.note_correction(session, ticket, about, f"{decision}, by {role}"))
    click.echo(f"{about} should have been {decision}: written to {topic}")


@ticketing.command("aside")
@click.option("--retry", is_flag=True, help="Read them again; those that can be read now have their effect.")
@event_format
@registry_url
@first_answer
@click.pass_obj
def aside_command(
    database: Database, retry: bool, event_format: Format, registry_url: str | None, first_answer_minutes: float
) -> None:
    """Events that could not be read."""
    if retry:
        reader, minutes = _reader(event_format, registry_url), timedelta(minutes=first_answer_minutes)
        _tell(database, lambda session: ["{} read, {} left".format(*aside.again(session, reader, minutes))])
    _tell(database, lambda session: listing.set_aside(aside.kept(session)))


@ticketing.command()
@click.argument("topic")
@click.pass_obj
def rewind(database: Database, topic: str) -> None:
    """Forget how far TOPIC was read: the next run reads it from its beginning. Stop what runs first."""
    database.require_migrated()
    database.transact(lambda session: session.execute(delete(Position).where(Position.topic == topic)))
    click.echo("the next run reads it from its beginning; what it knows already changes nothing")


def _list(session: Session, everyone: bool, first: int) -> list[str]:
    now = datetime.now(UTC)
    found = listing.tickets(session, now, everyone=everyone)
    told = [listing.HEADING, *(listing.line(each, now) for each in found[:first])]
    if len(found) > first:
        told.append(f"and {len(found) - first} more: --first {len(found)} shows them")
    if count := session.scalar(select(func.count()).select_from(SetAside)):
        told.append(f"{count} events could not be read: `python -m examples.ticketing aside` says why")
    return told


def _tell(database: Database, lines: Callable[[Session], list[str]]) -> None:
    database.require_migrated()
    for each in database.transact(lines):
        click.echo(each)


class Stop:
    """Whether a signal came."""

    def __init__(self) -> None:
        self._told = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._tell)

    def __call__(self) -> bool:
        return self._told

    def _tell(self, _number: int, _frame: object) -> None:
        self._told = True


def _reader(event_format: Format, url: str | None) -> Reader:
    if event_format != "avro":
        return Reader(event_format)
    if not url:
        raise WrongSettings("--format avro needs --registry-url")
    return Reader(event_format, _registry(url))


def _registry(url: str) -> SchemaRegistryClient:
    bounds = {"timeout": 5, "max.retries": 1, "retries.wait.ms": 100, "retries.max.wait.ms": 500}
    try:
        return SchemaRegistryClient({**bounds, "url": url})
    except ValueError as problem:
        raise WrongSettings(f"--registry-url is refused: {type(problem).__name__}") from problem


def _kafka(options: Sequence[str], file: Path | None) -> dict[str, str]:
    lines = [] if file is None else file.read_text(encoding="utf-8").splitlines()
    of_file = dict(_option(each) for each in lines if each.strip() and not each.lstrip().startswith("#"))
    named = dict(map(_option, options))
    if secret := next((each for each in named if each in SECRETS), None):
        raise WrongSettings(f"{secret} on the command line can be seen by others: put it into --kafka-file")
    found = {**of_file, **named}
    if "bootstrap.servers" not in found:
        raise WrongSettings("name Kafka's address: --kafka bootstrap.servers=HOST:PORT")
    return found


def _option(words: str) -> tuple[str, str]:
    name, equals, value = words.partition("=")
    if not equals:
        raise WrongSettings(f"{name.strip()} has no value: write NAME=VALUE")
    return name.strip(), value.strip()


def _has_password(url: str) -> bool:
    try:
        return make_url(url).password is not None
    except (ArgumentError, ValueError):
        return False


def main() -> int:
    """The exit code: 0, 2 for settings, 3 for surroundings, 130 after Ctrl-C; anything else is a bug."""
    try:
        ticketing(standalone_mode=False)
    except TicketingError as error:
        click.echo(f"ticketing: error: {error}", err=True)
        return error.exit_code
    except Away as away:
        click.echo(f"ticketing: error: {away}", err=True)
        return 3
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return 130
    return 0
