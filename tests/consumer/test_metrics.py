from dataclasses import replace

import pytest
from prometheus_client import generate_latest

from consumer.metrics import Metrics
from consumer.records import Decision, ModelVersion, Satisfaction, SkipReason

MODEL = ModelVersion("sample", "1", "int8")


def decision(reason: str = "model") -> Decision:
    return Decision(
        Satisfaction.VERY_UNSATISFIED, (0.9, 0.1, 0.0, 0.0, 0.0), 1.0, True, 0.5, reason, truncated=False, model=MODEL
    )


def value(metrics: Metrics, name: str, /, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"shikyu_{name}", labels)


def test_every_fate_is_counted_once() -> None:
    """An input record is urgent, routine, dead-lettered or skipped, and counted as one of them."""
    metrics = Metrics()

    metrics.decided([decision()])
    metrics.dead_lettered("avro-truncated")
    metrics.skipped(SkipReason.TOMBSTONE)

    fates = {
        outcome: value(metrics, "records_total", outcome=outcome)
        for outcome in ("urgent", "routine", "dead_lettered", "skipped")
    }
    assert fates == {"urgent": 1, "routine": 0, "dead_lettered": 1, "skipped": 1}
    assert value(metrics, "dead_letters_total", code="avro-truncated") == 1
    assert value(metrics, "skipped_total", reason="tombstone") == 1


def test_decisions_are_counted_by_class_and_reason() -> None:
    """A rule's decisions stand apart from the model's, whose recall is promised."""
    metrics = Metrics()

    metrics.decided([decision("rule:legal")])

    labels = {"decision": "urgent", "satisfaction": "very_unsatisfied"}
    assert value(metrics, "decisions_total", reason="rule:legal", **labels) == 1
    assert value(metrics, "decisions_total", reason="model", **labels) == 0


def test_a_stage_that_failed_is_not_measured() -> None:
    """How long something took until it broke says nothing of how long it takes."""
    metrics = Metrics()

    with metrics.time("decode"):
        pass
    with pytest.raises(ValueError, match="broken"), metrics.time("decode"):
        raise ValueError("broken")

    assert value(metrics, "stage_duration_seconds_count", stage="decode") == 1


def test_padding_share_is_what_padding_to_the_longest_would_cost() -> None:
    """Texts of 1 and 3 tokens fill four of six places."""
    metrics = Metrics()

    metrics.batch([1, 3])

    assert value(metrics, "batch_padding_share_sum") == pytest.approx(1 / 3)
    assert value(metrics, "batch_tokens_sum") == 4
    assert value(metrics, "batch_size_sum") == 2


def test_windows_are_counted_by_how_they_ended() -> None:
    """Committed or aborted."""
    metrics = Metrics()

    metrics.window(records=7, duration_s=0.2)
    metrics.aborted()
    metrics.rebalanced()

    assert value(metrics, "transactions_total", outcome="committed") == 1
    assert value(metrics, "transactions_total", outcome="aborted") == 1
    assert value(metrics, "window_records_sum") == 7
    assert value(metrics, "rebalances_total") == 1


def test_the_lag_of_a_lost_partition_is_forgotten() -> None:
    """Its new owner tells of it; an old figure would stand for ever."""
    metrics = Metrics()
    metrics.lag("in", 0, records=5, seconds=1.5)
    metrics.lag("in", 1, records=6, seconds=2.5)

    metrics.keep_lag_of([("in", 1)])

    assert value(metrics, "lag_records", topic="in", partition="0") is None
    assert value(metrics, "lag_seconds", topic="in", partition="0") is None
    assert value(metrics, "lag_records", topic="in", partition="1") == 6


def test_a_model_that_took_over_is_the_only_one_told() -> None:
    """Two versions at one process would look like a rollout that hangs."""
    metrics = Metrics()
    metrics.model(MODEL)

    metrics.model(ModelVersion("sample", "2", "int8"))

    assert value(metrics, "model_info", name="sample", version="1", precision="int8") is None
    assert value(metrics, "model_info", name="sample", version="2", precision="int8") == 1


def test_what_may_happen_once_is_told_before_it_happens() -> None:
    """increase() of a series that begins with its first event is nothing, and no alert would tell of it."""
    metrics = Metrics()
    metrics.rules(["legal"])
    labels = {"decision": "urgent", "satisfaction": "neutral"}

    assert value(metrics, "dead_letters_total", code="crashed-the-process") == 0
    assert value(metrics, "decisions_total", reason="fallback:empty-text", **labels) == 0
    assert value(metrics, "decisions_total", reason="rule:legal", **labels) == 0
    assert value(metrics, "rule_failures_total", rule="legal") == 0
    assert value(metrics, "waits_total") == 0


def test_two_instances_do_not_share_a_registry() -> None:
    """Tests and embedding programs may have several."""
    one, other = Metrics(), Metrics()
    one.model(MODEL)
    one.build("0.1.0")

    assert value(one, "model_info", name="sample", version="1", precision="int8") == 1
    assert value(one, "build_info", version="0.1.0") == 1
    assert value(other, "build_info", version="0.1.0") is None


def test_names_are_those_that_are_scraped() -> None:
    """The documentation's check goes by this list."""
    metrics = Metrics()
    scraped = generate_latest(metrics.registry).decode()

    assert len(metrics.names()) == 31
    assert all(f"# HELP {name} " in scraped for name in metrics.names())


def test_marked_decisions_are_counted_apart() -> None:
    """How many a day people are asked to look at."""
    metrics = Metrics()

    metrics.decided([replace(decision(), audit=0.02)])
    metrics.decided([decision()])

    assert value(metrics, "audit_total", decision="urgent") == 1
    assert value(metrics, "audit_total", decision="routine") == 0
