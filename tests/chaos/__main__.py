"""
Breaks everything around the stream, on a schedule that a seed draws, and says whether each record came out once.

    python -m tests.chaos                         # 34,000 records, 25 faults
    python -m tests.chaos --seed 7                # the same schedule again
    python -m tests.chaos --brokers 3             # three, of which each is killed twice
    python -m tests.chaos --long                  # a million records, 200 kills of consumers, 30 of the broker

A real broker behind a proxy, a real registry, `shikyu run`'s whole service with a model that answers at once; the
checker is another client, which knows nothing of it but where an answer says that it came from.
"""

import json
import shutil
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tests.chaos.conductor import ChaosError, Told
from tests.chaos.faults import LONG, LONG_RECORDS, TIMES, TRIO, schedule
from tests.chaos.run import Guarantee, Protocol, chaos
from tests.delivery.checker import Verdict

RECORDS = 34_000
console = Console(stderr=True)


def shown(told: Told, verdict: Verdict) -> None:
    table = Table("fault", "times", "median, s", "worst, s", title="until every partition went on")
    for kind, took in sorted(told.recovery.items()):
        table.add_row(kind, str(len(took)), f"{statistics.median(took):.1f}", f"{max(took):.1f}")
    console.print(table)
    counts = (
        f"{verdict.urgent} urgent, {verdict.routine} routine, {verdict.dead} dead-lettered, {verdict.skipped} skipped"
    )
    console.print(
        f"{verdict.inputs} in: {counts}; {len(verdict.lost)} lost, {len(verdict.twice)} twice, "
        f"{len(verdict.disordered)} out of order; consumers ended with {dict(told.ends)}",
        highlight=False,
    )


@click.command()
@click.option("--seed", default=1, show_default=True, help="Draws the schedule.")
@click.option("--long", "is_long", is_flag=True, help="An hour of it.")
@click.option("--records", type=int, help="34,000 unless given; a million of a long run.")
@click.option("--share", default=1.0, show_default=True, help="Of the faults; each kind comes at least once.")
@click.option("--guarantee", type=click.Choice(["exactly-once", "at-least-once"]), default="exactly-once")
@click.option("--brokers", type=click.Choice(["1", "3"]), default="1", show_default=True)
@click.option("--protocol", type=click.Choice(["classic", "consumer"]), default="classic", show_default=True)
@click.option("--slow", "slow_s", default=0.005, show_default=True, help="Seconds that the model takes for a batch.")
def main(
    seed: int,
    is_long: bool,
    records: int | None,
    share: float,
    guarantee: Guarantee,
    brokers: str,
    protocol: Protocol,
    slow_s: float,
) -> None:
    """Break what can break, and count what came out."""
    began = time.monotonic()
    records = records or (LONG_RECORDS if is_long else RECORDS)
    is_trio = brokers == "3"
    if is_long and is_trio:
        raise click.UsageError("--long breaks what stands before one broker: leave out one of --long and --brokers 3")
    faults = schedule(seed, share, LONG if is_long else TRIO if is_trio else TIMES)
    say = partial(console.print, highlight=False)
    options = {"has_three_brokers": is_trio, "protocol": protocol}
    folder = tempfile.mkdtemp(prefix="chaos-")  # kept when it fails: every process's log is in it
    try:
        told, verdict = chaos(Path(folder), faults, records, seed, guarantee, slow_s, say, **options)
    except ChaosError as error:
        sys.exit(f"seed {seed}: {error}; the logs are in {folder}")
    shown(told, verdict)
    kept = verdict.exactly_once() if guarantee == "exactly-once" else verdict.at_least_once()
    click.echo(
        json.dumps(
            {
                "benchmark": "chaos",
                "seed": seed,
                "guarantee": guarantee,
                "records": records,
                "seconds": round(time.monotonic() - began),
                "recovery_s": {kind: [round(each, 2) for each in took] for kind, took in told.recovery.items()},
                "ends": {str(code): count for code, count in told.ends.items()},
                "lost": len(verdict.lost),
                "twice": len(verdict.twice),
                "out_of_order": len(verdict.disordered),
                "kept": kept,
            }
        )
    )
    if not kept:
        sys.exit(f"seed {seed}: {verdict}; the logs are in {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
