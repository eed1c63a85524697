"""Ends a run for good, and keeps where it stopped."""

import time

from consumer.errors import SurroundingsError
from consumer.kafka_options import client_config
from consumer.replay.entries import Run
from consumer.replay.progress import committed, members, up_to
from consumer.replay.runs import Runs
from consumer.settings import Settings

LEFT_S = 20.0  # by then its processes have heard of it, and have finished the window in hand or dropped it
LOOK_S = 0.5


def cancel(settings: Settings, runs: Runs, run: Run) -> bool:
    """
    Nobody goes on with it from now on.

    Where it stopped is kept for whoever retries the same dead letters later, when its processes leave in time; whether
    they did.
    """
    config = client_config(settings)
    runs.end(run.run, "cancelled")
    until = time.monotonic() + LEFT_S
    while members(config, run.group_id):
        if time.monotonic() > until:
            return False
        time.sleep(LOOK_S)
    try:
        offsets = committed(config, run)
    except SurroundingsError:
        return True
    runs.end(run.run, "cancelled", up_to(run, offsets))
    return True
