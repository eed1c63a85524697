"""
Breaks everything around the stream, on a schedule that a seed draws, and says whether each record came out once.

    python -m tests.chaos                         # 34,000 records, 25 faults
    python -m tests.chaos --seed 7                # the same schedule again

A real broker behind a proxy, a real registry, `shikyu run`'s whole service with a model that answers at once; the
checker is another client, which knows nothing of it but where an answer says that it came from.
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tests.chaos.conductor import ChaosError, Told
from tests.chaos.faults import schedule
from tests.chaos.run import Guarantee, chaos
from tests.delivery.checker import Verdict

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
@click.option("--records", default=34_000, show_default=True)
@click.option("--share", default=1.0, show_default=True, help="Of the faults; each kind comes at least once.")
@click.option("--guarantee", type=click.Choice(["exactly-once", "at-least-once"]), default="exactly-once")
@click.option("--slow", "slow_s", default=0.005, show_default=True, help="Seconds that the model takes for a batch.")
def main(seed: int, records: int, share: float, guarantee: Guarantee, slow_s: float) -> None:
    """Break what can break, and count what came out."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            told, verdict = chaos(
                Path(folder), schedule(seed, share), records, seed, guarantee, slow_s, lambda line: console.print(line)
            )
        except ChaosError as error:
            sys.exit(f"seed {seed}: {error}")
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
        sys.exit(f"seed {seed}: {verdict}")


if __name__ == "__main__":
    main()
