from structlog.testing import capture_logs

from consumer.metrics import Metrics
from consumer.rule_failures import RuleFailures


def test_each_failure_is_counted_and_each_rule_logged_once() -> None:
    """A topic full of such events must fill no log, and no event's words stand in it."""
    metrics = Metrics()
    failures = RuleFailures(metrics.rule_failed)

    with capture_logs() as lines:
        for rule in ("gold", "gold", "fire"):
            failures(rule)

    value = metrics.registry.get_sample_value
    assert [value("shikyu_rule_failures_total", {"rule": rule}) for rule in ("gold", "fire")] == [2, 1]
    assert [(line["event"], line["rule"], line["log_level"]) for line in lines] == [
        ("rule-failed", "gold", "warning"),
        ("rule-failed", "fire", "warning"),
    ]
