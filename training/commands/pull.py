"""`shikyu-train pull`: an artifact from the Hub, once or whenever there is a newer one."""

from pathlib import Path
from typing import get_args

import click

from consumer.errors import SettingsError
from consumer.manifest import Precision
from training.commands.options import HUB, ExistingFile, replacing, require_extra


@click.command()
@click.argument("repository")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--revision", required=True, help="The commit that `push` told; a branch or tag is resolved to one.")
@click.option("--versions", is_flag=True, help="Fetch to OUT/VERSION, and name it in OUT/current.")
@click.option(
    "--watch", type=click.FloatRange(1, 86_400), metavar="SECONDS",
    help="With --versions: look again every so often, and fetch what is new, until told to leave.",
)  # fmt: skip
@click.option(
    "--public-key", type=ExistingFile(), metavar="PEM",
    help="With --versions: name none that is not signed by this key's other half.",
)  # fmt: skip
@click.option(
    "--keep", type=click.IntRange(2, 1000), metavar="N", show_default="3",
    help="With --versions: so many stay in OUT, the current one and the one before it among them; older ones that were "
    "fetched are removed.",
)  # fmt: skip
@click.option(
    "--precision", type=click.Choice(get_args(Precision)),
    help="With --versions: name none that cannot be served in it, as where the consumers have model.precision.",
)  # fmt: skip
@replacing
def pull(
    repository: str,
    out: Path,
    revision: str,
    versions: bool,
    watch: float | None,
    public_key: Path | None,
    keep: int | None,
    precision: str | None,
    replace: bool,
) -> None:
    """
    Fetch an artifact from the Hub.

    From the REPOSITORY OWNER/NAME to the folder OUT, verified, as plain files. Log in with `hf auth login`, or set
    HF_TOKEN. With --versions it is brought where `shikyu run` finds it and swaps to it; beside the consumer, with
    --watch, whatever the branch names next.

    \b
    shikyu-train pull OWNER/NAME my-model-again --revision COMMIT
    shikyu-train pull OWNER/NAME models --revision main --versions --watch 60
    """
    require_extra(*HUB)
    if not versions:
        if watch or public_key or keep or precision:
            raise SettingsError(
                "--watch, --public-key, --keep and --precision go with --versions: give it, or leave them out"
            )
        from training.sharing import hub

        shared = hub.pull(repository, out, revision, replace=replace)
        click.echo("\n".join(hub.pulled_lines(shared, out, revision)))
        return
    if replace:
        raise SettingsError("--replace does not go with --versions, where nothing is replaced: leave it out")
    from consumer.stop import on_signals
    from training.sharing import bring, old_versions

    brings = bring.Bring(repository, out, revision, public_key, keep or old_versions.KEEP, precision)
    if watch is None:
        click.echo("\n".join(brings.once()) or f"{repository} at {revision} was brought to {out} before")
        return
    with on_signals() as stop:
        bring.watch(brings, watch, stop, click.echo)
