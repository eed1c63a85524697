"""How a run is begun, without Kafka."""

import pytest

from consumer.replay import begin as beginning
from consumer.replay.runs import OPEN_S, Runs


class Asked(Exception):
    """For a producer with this configuration."""


def test_the_transaction_that_begins_a_run_stands_open_no_longer_than_the_topic_is_waited_for(monkeypatch):
    """Whoever is killed in it holds up all who read the topic of runs, however long a window may take."""

    def producer(config: dict) -> None:
        raise Asked(config["transaction.timeout.ms"])

    monkeypatch.setattr(beginning, "Producer", producer)
    for window_ms, told in ((900_000, beginning.OPEN_MS), (2000, 2000)):
        config = {"transactional.id": "a", "transaction.timeout.ms": window_ms}
        with pytest.raises(Asked, match=f"^{told}$"):
            beginning.begin(Runs("runs", {}, {}), {}, config, "run", "group", lambda _: None)
    assert beginning.OPEN_MS / 1000 + 10 < OPEN_S  # the broker looks for such every ten seconds
