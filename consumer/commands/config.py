"""`shikyu config`: what the settings are, whether they are right, and what they would read."""

from collections import Counter
from pathlib import Path

import click

from consumer.commands.given import Number
from consumer.errors import SurroundingsError
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved


@click.group()
def config() -> None:
    """
    Show, lint, document or try the settings.

    \b
    shikyu config show --config shikyu.toml
    shikyu config lint --config shikyu.toml && shikyu run --config shikyu.toml
    shikyu config test --from-topic 5 --input-format json --input-text body
    """


@config.command(cls=SettingsCommand)
@settings_flags()
def show(resolved: Resolved) -> None:
    """
    Print the effective settings as TOML, each with where it came from; secrets are redacted.

    \b
    shikyu config show --config shikyu.toml
    shikyu config show --http-port 9000
    """
    from consumer.settings_text import shown

    click.echo(shown(resolved))


@config.command(cls=SettingsCommand)
@settings_flags()
def lint(resolved: Resolved) -> None:
    """
    Check every setting, librdkafka's options, expressions, schema files and the model's folder. Connects to nothing.

    \b
    shikyu config lint --config shikyu.toml
    """
    from consumer.artifact import glance
    from consumer.settings_check import must_be_right
    from consumer.versions import artifact_in

    must_be_right(resolved.settings)
    model = resolved.settings.model
    if model.artifact is not None:
        glance(artifact_in(model.artifact), model.precision, device=model.device, public_key=model.public_key)
    click.echo("the settings are right")


@config.command()
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file instead.")
def docs(output: Path | None) -> None:
    """
    Print the page that documents every setting, as Markdown.

    \b
    shikyu config docs --output configuration.md
    """
    from consumer.kafka_options import OWNED
    from consumer.settings_text import documented

    page = documented(OWNED)
    if output is None:
        click.echo(page, nl=False)
        return
    try:
        output.write_text(page, encoding="utf-8")
    except OSError as error:
        raise SurroundingsError(f"{output} cannot be written ({error.strerror}); name another by --output") from error


@config.command(cls=SettingsCommand)
@click.option(
    "--from-topic", type=click.IntRange(1, 10_000), metavar="N", required=True, help="How many events to read."
)
@click.option("--first", is_flag=True, help="Read the oldest events instead of the newest.")
@click.option("--timeout-s", type=Number(1, 600), default=30.0, show_default=True, help="How long to wait.")
@settings_flags("input", "rules", "registry", "kafka", "delivery")
def test(resolved: Resolved, from_topic: int, first: bool, timeout_s: float) -> None:
    """
    Show what would be read from N real events. Commits nothing, and the group does not notice.

    Prints customers' texts, shortened: mind who sees the terminal. The exit code is 5 when none of the events is a
    message that could be read, 3 when a service did not answer for any, and 0 when there is no event yet.

    \b
    shikyu config test --from-topic 5
    shikyu config test --from-topic 20 --first --input-format json --input-text subject --input-text body
    """
    from consumer import kafka_options, logs, preview
    from consumer.decode import Decoder
    from consumer.schema_store import open_store

    settings = resolved.settings
    logs.configure(settings.log)
    with open_store(settings.registry.url, settings.registry.options, settings.input.schemas) as store:
        failed: Counter[str] = Counter()
        decoder = Decoder(settings.input, store, settings.rules, rule_failed=lambda rule: failed.update([rule]))
        configuration = kafka_options.consumer_config(settings)
        records = preview.events(configuration, settings.input.topics, from_topic, first=first, timeout_s=timeout_s)
        fates: Counter[str] = Counter()
        for line in preview.told(records, decoder.decode, fates):
            click.echo(line)
        for rule, times in failed.items():
            click.echo(f"rule {rule} could not be evaluated on {times} of them, and did not hold")
        preview.require_readable(fates)
