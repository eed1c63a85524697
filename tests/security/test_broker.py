"""Logins, certificates and ACLs, before a real Kafka that insists on them."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AclOperation, ResourceType

from tests.delivery.checker import check, committed
from tests.security.conftest import BY_CERTIFICATE, PASSWORD, USER, Acl
from tests.service.process import Service, flags, shikyu
from tests.tls import as_client, authority

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
GUARANTEES = ["exactly-once", "at-least-once"]


def least(topics: dict[str, str], group: str, guarantee: str) -> dict[str, Acl]:
    """What docs/security.md says that live mode needs, by the words that name it."""
    topic, write = ResourceType.TOPIC, AclOperation.WRITE
    needed: dict[str, Acl] = {
        f"READ on topic {topics['input']}": (topic, topics["input"], AclOperation.READ),
        f"READ on group '{group}'": (ResourceType.GROUP, group, AclOperation.READ),
        **{f"WRITE on topic {topics[r]}": (topic, topics[r], write) for r in ("urgent", "routine", "dead")},
    }
    if guarantee == "exactly-once":
        identity = f"shikyu-{group}-0"
        needed[f"WRITE and DESCRIBE on transactional id '{identity}'"] = (
            ResourceType.TRANSACTIONAL_ID,
            identity,
            write,
        )
    return needed


def granted_by(page: str, names: dict[str, str]) -> set[Acl]:
    """What the commands of a page grant, with a test's own names for those of the page."""
    granted = set()
    for line in re.findall(r"^kafka-acls.sh --add (.*)$", page, re.MULTILINE):
        operation = AclOperation[re.search(r"--operation (\S+)", line)[1]]
        for kind, resource in re.findall(r"--(topic|group|transactional-id) (\S+)", line):
            granted.add((ResourceType[kind.upper().replace("-", "_")], names[resource], operation))
    return granted


def test_the_documentation_grants_what_is_tested_here_and_no_more():
    topics = {"input": "in", "urgent": "u", "routine": "r", "dead": "d"}
    names = {"customer-messages": "in", "urgent": "u", "routine": "r", "customer-messages.dead-letter": "d"}
    names |= {"my-group": "g", "shikyu-my-group-": "shikyu-g-0"}

    assert granted_by(PAGE.read_text(encoding="utf-8"), names) == set(least(topics, "g", "exactly-once").values())


@pytest.fixture
def run(secured, secured_topics, name, tmp_path) -> Iterator[Callable[..., Service]]:
    """`shikyu run` with librdkafka's options in the settings file, where a password belongs."""
    running: list[Service] = []

    def run(options: dict[str, str], *more: str, variables: dict[str, str] | None = None) -> Service:
        file = tmp_path / "shikyu.toml"
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in options.items())
        file.write_text(f"[kafka]\n{lines}", encoding="utf-8")
        rest = flags("", secured_topics, name, "--slot", "0", *more)[2:]  # the address stands in the file
        running.append(Service(tmp_path, "--config", str(file), *rest, variables=variables))
        return running[-1]

    yield run
    for service in running:
        service.stop()


def produce(bootstrap: str, topic: str, count: int) -> None:
    """Every fifth can't be read."""
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(count):
        value = json.dumps({"id": str(number), "text": "hello"}) if number % 5 else "{"
        producer.produce(topic, key="k", value=value)
    assert producer.flush(20) == 0


def consumed(secured, service: Service, group: str, topic: str, count: int) -> None:
    until = time.monotonic() + 40
    while sum(committed(secured.bootstrap, group, topic).values()) < count:
        assert service.process.poll() is None, service.log
        assert time.monotonic() < until, service.log
        time.sleep(0.1)


@pytest.mark.parametrize("guarantee", GUARANTEES)
@pytest.mark.parametrize(("listener", "user"), [("LOGIN", USER), ("MUTUAL", BY_CERTIFICATE)])
def test_the_least_acls_are_enough(secured, secured_topics, name, run, listener, user, guarantee):
    """By SASL/SCRAM over TLS, and by a certificate; dead letters too."""
    acls = least(secured_topics, name, guarantee)
    secured.grant(user, *acls.values())
    secured.settle()
    produce(secured.bootstrap, secured_topics["input"], 20)

    service = run(secured.options(listener), "--delivery-guarantee", guarantee).ready()

    consumed(secured, service, name, secured_topics["input"], 20)
    assert service.stop() == 0
    verdict = check(secured.bootstrap, name, secured_topics)
    assert verdict.exactly_once(), verdict
    assert verdict.dead == 4
    secured.take_away(user, *acls.values())


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_an_acl_that_is_missing_is_named(secured, secured_topics, name, run, guarantee):
    """Each of them alone."""
    acls = least(secured_topics, name, guarantee)
    secured.grant(USER, *acls.values())
    produce(secured.bootstrap, secured_topics["input"], 5)
    for words, acl in acls.items():
        secured.take_away(USER, acl)
        secured.settle()

        service = run(secured.options("LOGIN"), "--delivery-guarantee", guarantee)

        assert service.ended() == 3, words
        assert words in service.log
        assert sum(committed(secured.bootstrap, name, secured_topics["input"]).values()) == 0
        secured.grant(USER, acl)
    secured.take_away(USER, *acls.values())


@pytest.mark.parametrize(
    ("listener", "changes", "told"),
    [
        ("LOGIN", {"sasl.password": "another"}, f"Kafka refuses the login of '{USER}' by SCRAM-SHA-256"),
        ("LOGIN", {"sasl.username": "nobody"}, "Kafka refuses the login of 'nobody'"),
        ("LOGIN", {"sasl.mechanism": "PLAIN"}, "by PLAIN"),
        ("LOGIN", {"security.protocol": "ssl"}, "no broker answered at"),
        ("EXPIRED", {}, "is out of date (certificate has expired): renew it"),
        ("ELSEWHERE", {}, "was issued for another host"),
        ("MUTUAL", dict.fromkeys(as_client(Path()), ""), "refuses this client's certificate"),
    ],
)
def test_who_is_not_let_in_is_told_why(secured, secured_topics, run, listener, changes, told):
    """And what to do, within seconds, rather than asking for ever."""
    options = {name: value for name, value in {**secured.options(listener), **changes}.items() if value}

    service = run(options)

    assert service.ended(25) == 3
    assert told in service.log
    assert PASSWORD not in service.log


def test_a_ca_that_did_not_sign_is_told(secured, secured_topics, run, tmp_path):
    """Of ours, where the broker's is another."""
    other = authority(tmp_path / "other")

    service = run({**secured.options("LOGIN"), "ssl.ca.location": str(other.path)})

    assert service.ended(25) == 3
    assert "was signed by nobody known here" in service.log


def test_a_secret_is_written_nowhere(secured, secured_topics, name, run):
    """Neither in logs, metrics, the process's title, `config show` nor in what a refusal says."""
    acls = least(secured_topics, name, "exactly-once")
    secured.grant(USER, *acls.values())
    secured.settle()
    options = secured.options("LOGIN")
    secrets = {
        "SHIKYU_KAFKA_SASL_PASSWORD": options.pop("sasl.password"),
        "SHIKYU_KAFKA_SSL_KEY_PASSWORD": "canary-of-the-key",
        "SHIKYU_REGISTRY_URL": "http://me:canary-of-the-url@127.0.0.1:1",
    }
    produce(secured.bootstrap, secured_topics["input"], 5)

    service = run(options, "--log-level", "debug", variables=secrets).ready()
    consumed(secured, service, name, secured_topics["input"], 5)

    titles = Path(f"/proc/{service.process.pid}/cmdline").read_text()
    served = "".join(service.get(path)[1] for path in ("/metrics", "/livez", "/readyz", "/nowhere"))
    more = {"SHIKYU_REGISTRY_OPTIONS_BASIC_AUTH_USER_INFO": "me:canary-of-the-registry"}
    shown = shikyu("config", "show", variables={**secrets, **more})
    assert service.stop() == 0
    secured.take_away(USER, *acls.values())
    refused = run(options, "--log-level", "debug", variables=secrets)
    assert refused.ended() == 3
    everything = titles + served + shown.stdout + shown.stderr + service.log + refused.log
    assert "canary-" not in everything
    assert "[redacted]" in shown.stdout
