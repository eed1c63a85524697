"""`shikyu models`: which version of the model is served from a folder of versions."""

import click
import orjson

from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved


@click.group(name="models")
def models() -> None:
    """
    Show the versions of a folder of models, name the one to serve, and go back to the one before.

    \b
    shikyu models list --model-artifact models
    shikyu models use 2 --model-artifact models
    shikyu models rollback --model-artifact models
    """


@models.command(name="list", cls=SettingsCommand)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for another program.")
@settings_flags("model")
def list_command(resolved: Resolved, as_json: bool) -> None:
    """
    List the versions in model.artifact: which is current, what decides as urgent, and what is wrong with one.

    By the sizes of its files; `use` reads them whole.

    \b
    shikyu models list --model-artifact models
    shikyu models list --model-artifact models --json | jq .current
    """
    from consumer.lifecycle import change, listing

    found = listing.listed(change.folder_of(resolved), resolved.settings.model)
    if as_json:
        click.echo(orjson.dumps(found.as_json()))
        return
    for line in found.lines():
        click.echo(line)


@models.command(name="use", cls=SettingsCommand)
@click.argument("version")
@click.option(
    "--canary/--no-canary", "with_canary", default=True, help="Whether the two are compared, here and by each consumer."
)
@settings_flags("model", "batching")
def use_command(resolved: Resolved, version: str, with_canary: bool) -> None:
    """
    Let VERSION be served: every consumer of the folder swaps to it between two windows, without a restart.

    It is verified first, and both versions answer the canary's texts. Exit code 5: too many decisions flip (see
    model.max_flip_share), and nothing was changed.

    \b
    shikyu models use 2026-11-28 --model-artifact models
    """
    from consumer.lifecycle import change

    used = change.use(resolved.settings, change.folder_of(resolved), version, with_canary=with_canary)
    flips = used.flips
    compared = f"{flips.share:.1%} of {flips.texts} canary decisions flip" if flips else used.uncompared
    click.echo(f"{used.current.version} is current in {used.current.folder}; {compared}")


@models.command(name="rollback", cls=SettingsCommand)
@settings_flags("model")
def rollback_command(resolved: Resolved) -> None:
    """
    Let the version be served again that was current before; said again, the one before that.

    \b
    shikyu models rollback --model-artifact models
    """
    from consumer.lifecycle import change

    current = change.rollback(resolved.settings, change.folder_of(resolved))
    click.echo(f"{current.version} is current again in {current.folder}")
