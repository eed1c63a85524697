"""The rules that are given to Prometheus, and what is written of each alert for whoever it wakes."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from consumer.metrics import Metrics
from tests.deploy.later import LATER
from tests.deploy.prometheus import FILES
from tests.system_packages import required

ROOT = Path(__file__).parents[2]
RULES = [
    rule
    for group in yaml.safe_load((FILES / "shikyu.rules.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
TESTS = yaml.safe_load((FILES / "shikyu.test.yml").read_text(encoding="utf-8"))["tests"]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [required("promtool"), *arguments], cwd=FILES, capture_output=True, text=True, timeout=150, check=False
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "--lint=all", "--lint-fatal", "shikyu.rules.yml"),
        ("check", "config", "--lint=all", "prometheus.yml"),
        ("test", "rules", "shikyu.test.yml"),
    ],
    ids=" ".join,
)
def test_prometheus_own_tool_finds_nothing_wrong(arguments):
    """Its syntax, and that each alert fires when its test says so and not before."""
    done = promtool(*arguments)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_seen_to_fire_and_to_be_quiet():
    """One that was never seen to fire may never; one that was never seen quiet may always."""
    seen = [case for test in TESTS for case in test.get("alert_rule_test", [])]

    assert {case["alertname"] for case in seen if case.get("exp_alerts")} == set(ALERTS)
    # While all is well none fires, of all; and each but those of a single moment has a moment before.
    assert [case["expr"] for case in TESTS[0]["promql_expr_test"] if not case["exp_samples"]] == ["ALERTS"]
    assert {case["alertname"] for case in seen if not case.get("exp_alerts")} == set(ALERTS)


def test_every_recorded_rule_is_seen_to_say_what_it_should():
    told = " ".join(case["expr"] for case in TESTS[0]["promql_expr_test"])

    assert {name for name in RECORDED if name not in told} == set()


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_its_section_in_the_runbook(name):
    """Under its own name, with what it means and what to do."""
    rule = ALERTS[name]
    section = re.search(rf"^## {name}\n(.+?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)

    assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{name.lower()}"
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"].endswith(".")
    assert section is not None
    assert f"*{rule['labels']['severity']}*" in section[1]
    assert "**What it means.**" in section[1]
    assert "**What to do.**" in section[1]


def test_the_runbook_has_no_section_of_an_alert_that_is_gone():
    assert set(re.findall(r"^## (Shikyu\w+)", RUNBOOK, re.MULTILINE)) == set(ALERTS)


def test_the_rules_ask_for_metrics_that_exist():
    """A misspelt one is silent for ever."""
    asked = {name for rule in RULES for name in re.findall(r"(?<![:\w])(shikyu_[a-z_]+?)(?:_bucket)?\b", rule["expr"])}

    assert len(asked) > 8
    assert asked <= {*Metrics().names(), *LATER}


def test_what_was_to_come_and_is_there_leaves_the_list():
    """Else a misspelt name could hide in it."""
    assert {*Metrics().names()} & LATER == set()
