"""`shikyu doctor`: everything between here and a classified message."""

import shutil
import sys

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved


@click.command(cls=SettingsCommand)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object at the end instead of a line as each is found."
)
@click.option("--strict", is_flag=True, help="Exit with 5 when there are warnings, and no failure.")
@settings_flags()
def doctor(resolved: Resolved, as_json: bool, strict: bool) -> None:
    """
    Check all that stands between here and a classified message, and say what is wrong and what to do.

    From the address of the brokers over TLS, login, ACLs, topics, registry, schemas and the model to its speed beside
    what comes in. It may run beside the live service: it joins no group, commits, produces and creates nothing, and
    prints neither texts nor secrets. The newest 20 events are read and go through the model.

    Exit code 0: nothing failed. Else it is that of the first failure, as of the table: 2 the settings, 3 Kafka, the
    registry or the host, 4 the artifact, 5 the events or the speed.

    \b
    shikyu doctor --config shikyu.toml
    shikyu doctor --config shikyu.toml --json > doctor.json
    """
    from consumer import logs
    from consumer.doctor import told
    from consumer.doctor.examination import examined
    from consumer.doctor.findings import Finding, conclusion

    # What goes wrong is told once, as a finding.
    logs.configure(resolved.settings.log.model_copy(update={"level": "error"}))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    findings: list[Finding] = []
    with _progress() as progress:
        task = progress.add_task("looking", total=None)
        for finding in examined(resolved.settings):
            findings.append(finding)
            progress.update(task, description=f"looked at {finding.check}")
            if not as_json:
                click.echo(told.lines(finding, width))
    error = conclusion(findings, strict=strict)
    if as_json:
        sys.stdout.buffer.write(told.as_json(findings, 0 if error is None else error.exit_code))
        sys.stdout.buffer.flush()
    else:
        click.echo(told.total(findings))
    if error is not None:
        raise error


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = [SpinnerColumn(), TextColumn("{task.description}")]
    # Where the lines themselves run down the terminal, they are the progress.
    hidden = not console.is_terminal or sys.stdout.isatty()
    return Progress(*columns, console=console, transient=True, redirect_stdout=False, disable=hidden)
