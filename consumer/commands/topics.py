"""`shikyu topics`: creates the topics that are missing."""

from typing import Any

import click
from confluent_kafka.cimpl import NewTopic

from consumer import kafka_options, logs, surroundings, topic_configs
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved
from consumer.topic_creation import (
    BROKERS_DEFAULT,
    co_partitioned,
    create,
    new_topics,
    not_co_partitioned,
    refusal,
    topic_names,
)
from consumer.topics import missing


@click.group(name="topics")
def topics() -> None:
    """
    Create the topics that are missing.

    \b
    shikyu topics create --config shikyu.toml --dry-run
    """


@topics.command(name="create", cls=SettingsCommand)
@click.option(
    "--partitions", type=click.IntRange(1, 100_000), metavar="N",
    help="How many each new topic gets; unless given, as many as the input topics have.",
)  # fmt: skip
@click.option(
    "--replication-factor", type=click.IntRange(1, 32_767), metavar="N",
    help="How many brokers keep each of them; unless given, as many as the brokers' own default says.",
)  # fmt: skip
@click.option("--inputs", is_flag=True, help="Create the input topics too, but for those of a pattern.")
@click.option(
    "--corrections", is_flag=True,
    help="Create the topic of corrections too: kept for ever, and timed by the broker.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Let Kafka say what it would do, and change nothing.")
@settings_flags("input", "output", "dead_letters", "corrections", "kafka")
def create_command(
    resolved: Resolved,
    partitions: int | None,
    replication_factor: int | None,
    inputs: bool,
    corrections: bool,
    dry_run: bool,
) -> None:
    """
    Create what is missing of the urgent, the routine and the dead-letter topic.

    Topics that are there stay as they are. The dead-letter topic gets room for the largest record that the input topics
    take, and 64 KiB of headers around it.

    \b
    shikyu topics create --config shikyu.toml
    shikyu topics create --config shikyu.toml --inputs --partitions 6 --replication-factor 3
    """
    settings = resolved.settings
    logs.configure(settings.log)
    kafka_options.verify(settings)
    client = kafka_options.client_config(settings)
    listing = surroundings.listed(client)
    counts = {name: len(topic.partitions) for name, topic in listing.topics.items()}
    names = topic_names(settings, inputs=inputs, corrections=corrections)
    gone = missing(listing, names)
    for name in names:
        if name not in gone:
            click.echo(_line("exists", name, counts[name]))
    named = [topic for topic in settings.input.topics if not topic.startswith("^")]
    for topic in missing(listing, set(named) - set(names)):
        click.echo(f"{'missing':12} {topic}: --inputs creates it")
    read = surroundings.present(settings.input.topics, listing)
    for name in (settings.output.urgent, settings.output.routine):
        if name not in gone and (words := not_co_partitioned(name, read, counts)):
            click.echo(f"{'warning':12} {name}: {words}")
    if gone:
        each = partitions or co_partitioned({topic: counts[topic] for topic in read})
        room = topic_configs.dead_letter_bytes(read, topic_configs.read(client, read))
        new = new_topics(settings, gone, each, replication_factor or BROKERS_DEFAULT, room)
        _create(client, new, dry_run=dry_run)


def _create(client: dict[str, Any], new: list[NewTopic], *, dry_run: bool) -> None:
    outcomes = create(client, new, dry_run=dry_run)
    for outcome in outcomes:
        topic = outcome.new
        if outcome.exists:
            click.echo(f"{'exists':12} {topic.topic}")
        elif outcome.error is None:
            what = "would create" if dry_run else "created"
            click.echo(_line(what, topic.topic, topic.num_partitions, **(topic.config or {})))
    refused = refusal(outcomes)
    if refused is not None:
        raise refused


def _line(what: str, topic: str, partitions: int, **config: str) -> str:
    return f"{what:12} {topic}: " + ", ".join(
        [f"{partitions} partitions", *(f"{name}={value}" for name, value in config.items())]
    )
