"""examples/ticketing beside the demo: a process of its own, and a look into its database that does not ask it."""

import os
import shlex
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from consumer.errors import LimitError
from local.cluster import Cluster
from local.processes import Child
from local.service import ROOT
from local.steps import ChildEnded, step
from local.tally import Coordinates, Tally

TICKETING = (sys.executable, "-m", "examples.ticketing")
STOP_PATIENCE_S = 15
SHOWN = 8
LOOK_S = 0.1


@contextmanager
def running(cluster: Cluster, folder: Path, console: Console) -> Iterator[Child]:
    """`run`, on a database in `folder`. Raises StepFailed."""
    with step(console, "ticketing, as a process of its own"):
        _command(folder, "migrate")
        where = ["--kafka", f"bootstrap.servers={cluster.bootstrap_servers}", "--registry-url", cluster.registry_url]
        log = folder / "ticketing.log"
        child = Child.start([*TICKETING, "run", *where], folder=ROOT, log=log, environment=_environment(folder))
    try:
        yield child
    finally:
        child.stop(STOP_PATIENCE_S)


def settled(child: Child, folder: Path, tally: Tally, console: Console, patience_s: float) -> None:
    """Shows the list once each urgent message of the tally has its ticket. Raises StepFailed."""
    urgent = {source for source, fates in tally.fates.items() if "urgent" in fates}
    with step(console, "tickets"):
        until = time.monotonic() + patience_s
        while (found := _messages(folder)).keys() != urgent and time.monotonic() < until:
            if (code := child.exit_code()) is not None:
                raise ChildEnded(f"ticketing ended with exit code {code}; its log:\n{child.last_lines()}", code)
            time.sleep(LOOK_S)
        if found.keys() != urgent:
            raise LimitError(f"{len(urgent - found.keys())} urgent messages have no ticket")
        shown = _command(folder, "list", "--first", str(SHOWN))
    for line in shown.splitlines():
        console.print(Text(line), no_wrap=True, overflow="ellipsis")
    console.print(f"tickets: {len(found)} urgent messages in {len(set(found.values()))} tickets", highlight=False)


def list_command(folder: Path) -> str:
    """As one would type it where the demo was started."""
    python = os.path.relpath(sys.executable)
    return f"TICKETING_DATABASE={shlex.quote(_url(folder))} {python} -m examples.ticketing list"


def _messages(folder: Path) -> dict[Coordinates, int]:
    """The ticket of each message."""
    with closing(sqlite3.connect(f"file:{folder / 'tickets.db'}?mode=ro", uri=True, timeout=10)) as database:
        rows = database.execute(
            "SELECT source_topic, source_partition, source_offset, ticket_id FROM messages WHERE ticket_id IS NOT NULL"
        )
        return {(topic, partition, offset): ticket for topic, partition, offset, ticket in rows}


def _command(folder: Path, *words: str) -> str:
    command = [*TICKETING, *words]
    done = subprocess.run(command, cwd=ROOT, env=_environment(folder), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ChildEnded(f"{' '.join(command)} said:\n{(done.stderr or done.stdout).strip()}", done.returncode)
    return done.stdout


def _environment(folder: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("TICKETING_")}
    return {**own, "TICKETING_DATABASE": _url(folder)}


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/tickets.db"
