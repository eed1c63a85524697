"""`shikyu doctor` before a Kafka that insists on logins, certificates and ACLs, with faults planted one by one."""

import json
from collections.abc import Callable

import pytest
from confluent_kafka.admin import AclOperation, ResourcePatternType, ResourceType

from consumer.doctor import model, pace
from consumer.doctor.examination import examined
from consumer.doctor.findings import Finding
from consumer.settings import Settings
from tests.security.conftest import PASSWORD, USER, Acl
from tests.security.test_broker import least
from tests.service.process import shikyu

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

PREFIXED = ResourcePatternType.PREFIXED


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(pace, "GROWTH_S", 0.2)
    monkeypatch.setattr(model, "MEASURE_S", 0.05)


@pytest.fixture
def look(secured, secured_topics, name, tiny) -> Callable[..., list[Finding]]:
    """What the doctor says, with librdkafka's options as given; of `until`, not beyond its failure."""

    def look(options: dict[str, str], until: str | None = None, **delivery: str) -> list[Finding]:
        roles = secured_topics
        settings = Settings.model_validate(
            {
                "kafka": {"options": options},
                "input": {"topics": [roles["input"]], "format": "json"},
                "output": {"urgent": roles["urgent"], "routine": roles["routine"], "format": "json"},
                "dead_letters": {"topic": roles["dead"]},
                "model": {"artifact": tiny, "threads": 1},
                "delivery": {"group_id": name, "slot": "0", **delivery},
            }
        )
        findings = []
        for finding in examined(settings):
            findings.append(finding)
            if finding.check == until and finding.status == "fail":
                break
        return findings

    return look


def failures(findings: list[Finding]) -> list[Finding]:
    return [each for each in findings if each.status == "fail"]


@pytest.mark.parametrize(
    ("listener", "changes", "check", "told"),
    [
        ("EXPIRED", {}, "tls", "is out of date (certificate has expired): renew it"),
        ("ELSEWHERE", {}, "tls", "was issued for another host"),
        ("LOGIN", {"sasl.password": "another"}, "login", f"Kafka refuses the login of '{USER}' by SCRAM-SHA-256"),
    ],
)
def test_who_is_not_let_in_is_told_where_it_ends(secured, look, listener, changes, check, told):
    """Name, port and what lies before it are well; nothing behind it is asked."""
    findings = look({**secured.options(listener), **changes}, until=check)

    [failure] = failures(findings)
    assert (failure.check, failure.exit_code) == (check, 3)
    assert told in failure.advice
    assert {each.status for each in findings[:-1]} == {"ok"}
    assert PASSWORD not in str(findings)


def test_tls_where_there_is_none_is_told(secured, look):
    """The plain listener's port, say."""
    findings = look({**secured.options("LOGIN"), "bootstrap.servers": secured.bootstrap}, until="tls")

    [failure] = failures(findings)
    assert (failure.check, failure.value) == ("tls", "it speaks no TLS")


def test_the_least_acls_are_well_and_each_that_is_missing_is_named(secured, secured_topics, name, look):
    """By what changes nothing: no group and no transaction comes into being by being asked about."""
    acls = least(secured_topics, name, "exactly-once")
    begin = next(words for words in acls if "transactional" in words)
    literal: Acl = acls.pop(begin)
    prefixed: Acl = (ResourceType.TRANSACTIONAL_ID, f"shikyu-{name}-", AclOperation.WRITE)
    secured.grant(USER, *acls.values())
    secured.grant(USER, prefixed, pattern=PREFIXED)
    secured.settle()
    options = secured.options("LOGIN")

    well = look(options)

    assert failures(well) == []
    assert {each.check for each in well if each.status == "ok"} >= {"tls", "login", "acl", "topics", "answer", "speed"}
    assert "its certificate is good until" in next(each.value for each in well if each.check == "tls")
    assert next(each.value for each in well if each.check == "login").startswith(f"let in as {USER} by SCRAM-SHA-256")
    for words, acl in acls.items():
        secured.take_away(USER, acl)
        secured.settle()
        [failure] = failures(look(options, until="acl"))
        assert (failure.check, failure.what) == ("acl", words.replace("'", ""))
        assert f"--allow-principal User:{USER} --operation {acl[2].name}" in failure.advice
        secured.grant(USER, acl)
    described: Acl = (ResourceType.GROUP, name, AclOperation.DESCRIBE)
    group = acls[f"READ on group '{name}'"]
    secured.take_away(USER, group)
    secured.grant(USER, described)
    secured.settle()
    assert [each.what for each in failures(look(options, until="acl"))] == [f"READ on group {name}"]
    secured.grant(USER, group)
    secured.take_away(USER, described)

    secured.take_away(USER, prefixed, pattern=PREFIXED)
    secured.settle()
    [failure] = failures(look(options, until="acl"))
    assert failure.what == f"WRITE on transactional id shikyu-{name}-0"
    assert f"--transactional-id shikyu-{name}- --resource-pattern-type prefixed" in failure.advice
    assert failures(look(options, until="acl", guarantee="at-least-once")) == []

    secured.grant(USER, literal)
    secured.settle()
    one_by_one = look(options, until="acl")
    assert failures(one_by_one) == []
    assert f"WRITE on transactional id shikyu-{name}-0" in [each.what for each in one_by_one if each.status == "ok"]
    groups = secured.admin.list_consumer_groups(request_timeout=10).result().valid
    assert name not in [each.group_id for each in groups]
    secured.take_away(USER, *acls.values(), literal)


def test_the_command_tells_it_as_json_and_ends_with_its_exit_code(secured, tmp_path):
    """And holds no secret, whatever it says."""
    file = tmp_path / "shikyu.toml"
    options = {**secured.options("LOGIN"), "bootstrap.servers": f"127.0.0.1:{secured.ports['EXPIRED']}"}
    file.write_text("[kafka]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in options.items()))

    done = shikyu("doctor", "--json", "--config", str(file), "--output-format", "json", "--input-format", "json")

    told = json.loads(done.stdout)
    assert (done.returncode, told["exit_code"]) == (3, 3)
    assert "shikyu: error: 2 checks failed, first tls of 127.0.0.1:" in done.stderr
    assert [each["check"] for each in told["checks"] if each["status"] == "fail"] == ["tls", "artifact"]
    assert PASSWORD not in done.stdout + done.stderr
