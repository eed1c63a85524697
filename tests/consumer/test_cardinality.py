"""What Prometheus has to keep of a process is bounded, by the settings and the partitions, and never by the traffic."""

import itertools
import re

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from consumer.dead_letters import REASONS
from consumer.drift.compare import Drift, Look
from consumer.drift.features import FEATURES
from consumer.metrics import STAGES, Metrics
from consumer.records import Decision, ModelVersion, Satisfaction, SkipReason

RULES = ("fire", "legal")
PARTITIONS = 3
REASON = {"model", "fallback:empty-text", "fallback:unknown-tokens", *(f"rule:{rule}" for rule in RULES)}
# Of each metric with labels, what each of them may say. A new one needs its line here.
BOUNDS: dict[str, dict[str, set[str]]] = {
    "shikyu_records": {"outcome": {"urgent", "routine", "dead_lettered", "skipped"}},
    "shikyu_decisions": {
        "decision": {"urgent", "routine"},
        "satisfaction": set(Satisfaction),
        "reason": REASON,
    },
    "shikyu_audit": {"decision": {"urgent", "routine"}},
    "shikyu_dead_letters": {"code": {reason.code for reason in REASONS}},
    "shikyu_skipped": {"reason": set(SkipReason)},
    "shikyu_rule_failures": {"rule": set(RULES)},
    "shikyu_transactions": {"outcome": {"committed", "aborted"}},
    "shikyu_stage_duration_seconds": {"stage": set(STAGES)},
    "shikyu_drift_distance": {"feature": set(FEATURES)},
    "shikyu_drift_limit": {"feature": set(FEATURES)},
    "shikyu_drift_alarm": {"feature": set(FEATURES)},
    "shikyu_kafka_brokers_up": {"client": {"consumer"}},
    "shikyu_lag_records": {"topic": {"in"}, "partition": {str(number) for number in range(PARTITIONS)}},
    "shikyu_lag_seconds": {"topic": {"in"}, "partition": {str(number) for number in range(PARTITIONS)}},
    "shikyu_model_info": {"name": {"sample"}, "version": {"1"}, "precision": {"int8"}},
    "shikyu_model_swaps": {"outcome": {"swapped", "refused"}},
    "shikyu_shadow_info": {"name": {"sample"}, "version": {"1"}, "precision": {"int8"}},
    "shikyu_shadow_records": {"outcome": {"answered", "failed", "dropped"}},
    "shikyu_shadow_decisions": {"live": {"urgent", "routine"}, "shadow": {"urgent", "routine"}},
    "shikyu_group_info": {"group_id": {"shikyu"}, "cluster_id": {"a"}},
    "shikyu_build_info": {"version": {"0.1.0"}},
}


def everything() -> Metrics:
    """A process to which all has happened that can."""
    metrics, model = Metrics(), ModelVersion("sample", "1", "int8")
    metrics.rules(RULES)
    metrics.model(model)
    metrics.build("0.1.0")
    metrics.group("shikyu", "a")
    for urgent, satisfaction, reason in itertools.product((True, False), Satisfaction, sorted(REASON)):
        metrics.decided([Decision(satisfaction, (0.2,) * 5, 0.5, urgent, 0.5, reason, False, model, audit=0.1)])
    for cause in REASONS:
        metrics.dead_lettered(cause.code)
    for skipped in SkipReason:
        metrics.skipped(skipped)
    for rule in RULES:
        metrics.rule_failed(rule)
    for stage in STAGES:
        metrics.stage(stage, 0.1)
    for partition in range(PARTITIONS):
        metrics.lag("in", partition, 1, 1.0)
    metrics.batch([1, 2])
    metrics.window(1, 0.1)
    metrics.answered(0.1)
    metrics.aborted()
    metrics.rebalanced()
    metrics.waited()
    metrics.brokers_up(lambda: 3)
    for outcome in ("swapped", "refused"):
        metrics.swap(outcome)
    metrics.refused(True)
    metrics.canary(0.1)
    metrics.shadow_model(model)
    for outcome in ("answered", "failed", "dropped"):
        metrics.shadowed(outcome)
    for live, shadow in itertools.product((True, False), (True, False)):
        made = [
            Decision(Satisfaction.NEUTRAL, (0.2,) * 5, 0.5, urgent, 0.5, "model", False, model)
            for urgent in (live, shadow)
        ]
        metrics.compared(*made)
    metrics.drift(Drift(1000, tuple(Look(feature, 0.1, 0.2, 0.5) for feature in FEATURES)))
    return metrics


def series(metrics: Metrics) -> dict[str, set[tuple[tuple[str, str], ...]]]:
    """Of each metric of ours its sets of labels, a histogram's buckets apart."""
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    return {
        family.name: {tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le")) for sample in family.samples}
        for family in families
        if family.name.startswith("shikyu_")
    }


def test_every_label_says_one_of_few_things() -> None:
    """Whatever happens. A metric or a label that is new is refused until its bound stands above."""
    told = series(everything())

    assert {name for name, labels in told.items() if labels != {()}} == set(BOUNDS)
    for name, bounds in BOUNDS.items():
        for labels in told[name]:
            assert dict(labels).keys() == bounds.keys(), name
            assert all(value in bounds[label] for label, value in labels), (name, labels)


def test_no_label_is_of_a_message() -> None:
    """An id, a key or an offset makes a series a message."""
    labels = {label for bounds in BOUNDS.values() for label in bounds}

    assert labels == {
        *("outcome", "decision", "satisfaction", "reason", "code", "rule", "stage"),
        *("topic", "partition", "name", "version", "precision", "client", "feature"),
        *("live", "shadow", "group_id", "cluster_id"),
    }


def test_all_but_what_kafka_tells_stands_from_the_start() -> None:
    """So that nothing grows with what comes: only partitions come and go."""
    metrics = Metrics()
    metrics.rules(RULES)
    metrics.model(ModelVersion("sample", "1", "int8"))
    metrics.build("0.1.0")
    at_first, in_the_end = series(metrics), series(everything())

    grown = {
        name: sorted(in_the_end[name] - at_first[name]) for name in in_the_end if in_the_end[name] - at_first[name]
    }
    # A rule makes urgent, and what no setting can bring about was made up above.
    assert {labels for labels in grown.pop("shikyu_decisions") if not is_routine_by_a_rule(dict(labels))} == set()
    # Once a window was compared, and once a second model is loaded.
    later = {"shikyu_drift_distance", "shikyu_drift_limit", "shikyu_drift_alarm", "shikyu_shadow_info"}
    of_kafka = {"shikyu_group_info", "shikyu_kafka_brokers_up", "shikyu_lag_records", "shikyu_lag_seconds"}
    assert set(grown) - later == of_kafka


def is_routine_by_a_rule(labels: dict[str, str]) -> bool:
    return labels["decision"] == "routine" and bool(re.match("rule:", labels["reason"]))


def test_a_process_has_a_few_hundred_series() -> None:
    """Two rules and three partitions; what an operator has to keep for each process."""
    lines = [line for line in generate_latest(everything().registry).decode().splitlines() if line[0] != "#"]

    assert len(lines) < 400
