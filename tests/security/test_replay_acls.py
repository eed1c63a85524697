"""The least ACLs of a replay, beside a real Kafka that insists on them (docs/replay.md)."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AclOperation, ResourcePatternType, ResourceType

from tests.replay.conftest import Past, Replay
from tests.security.conftest import USER, Acl
from tests.security.test_broker import produce
from tests.service.process import flags

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

PAGE = Path(__file__).parents[2] / "docs" / "replay.md"
ROLES = ("input", "urgent", "routine", "dead")
PREFIXED = ResourcePatternType.PREFIXED


def least(topics: dict[str, str], group: str, runs: str) -> dict[str, Acl]:
    """All by prefixes, by the words in which the missing one is told. Of live mode it needs to READ the input alone."""
    topic, create, write = ResourceType.TOPIC, AclOperation.CREATE, AclOperation.WRITE
    needed: dict[str, Acl] = {
        f"READ on topic {topics['input']}": (topic, topics["input"], AclOperation.READ),
        f"READ on topic {runs}": (topic, runs, AclOperation.READ),
        f"grant WRITE on topic {runs}": (topic, runs, write),
        f"READ on group '{group}.replay.": (ResourceType.GROUP, f"{group}.replay.", AclOperation.READ),
        f"on transactional id 'shikyu-{group}.replay.": (
            ResourceType.TRANSACTIONAL_ID,
            f"shikyu-{group}.replay.",
            write,
        ),
    }
    for role in ("urgent", "routine", "dead"):
        own = f"{topics[role]}.replay."
        needed |= {f"create {own}": (topic, own, create), f"WRITE on topic {own}": (topic, own, write)}
    return needed


@pytest.fixture
def replay(secured, secured_topics, name, tmp_path) -> Iterator[Callable[..., Replay]]:
    running: list[Replay] = []

    def start(run: str) -> Replay:
        file = tmp_path / "shikyu.toml"
        options = secured.options("LOGIN")
        file.write_text("[kafka]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in options.items()))
        rest = flags("", secured_topics, name, "--slot", "0", "--replay-runs-topic", f"{name}.runs")[2:]
        running.append(Replay(tmp_path, "--run", run, "--config", str(file), *rest))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.kill()


def test_the_least_acls_are_enough_and_a_missing_one_is_named(secured, secured_topics, name, replay):
    """With all of them the window is answered; with any one taken away it stops, and says which."""
    runs = f"{name}.runs"
    acls = least(secured_topics, name, runs)
    created: Acl = (ResourceType.TOPIC, runs, AclOperation.CREATE)
    secured.grant(USER, *acls.values(), created, pattern=PREFIXED)
    secured.settle()
    produce(secured.bootstrap, secured_topics["input"], 20)

    run = replay("all")

    assert run.ended() == 0, run.log
    past = Past(secured.bootstrap, secured_topics, name)
    assert past.answered("all") == dict.fromkeys(past.input(), 1)
    for number, (words, acl) in enumerate(acls.items()):
        secured.take_away(USER, acl, pattern=PREFIXED)
        secured.settle()
        run = replay(f"without-{number}")
        assert run.ended(90) == 3, (words, run.log)
        assert words in run.log, (words, run.log)
        secured.grant(USER, acl, pattern=PREFIXED)
    secured.take_away(USER, *acls.values(), created, pattern=PREFIXED)


def test_what_creates_the_runs_topic_is_named(secured, secured_topics, name, replay):
    acls = least(secured_topics, name, f"{name}.runs")
    secured.grant(USER, *acls.values(), pattern=PREFIXED)
    secured.settle()

    run = replay("none")

    assert run.ended() == 3, run.log
    assert f"does not let this client create {name}.runs" in run.log
    secured.take_away(USER, *acls.values(), pattern=PREFIXED)


def test_the_documentation_lists_just_these():
    """By kind of resource and operation; READ on the dead-letter topic is for `shikyu dead-letters` alone."""
    table = PAGE.read_text(encoding="utf-8").partition("## ACLs")[2].partition("## How")[0]
    told = set()
    for row in re.findall(r"^\| (?!resource|-)(.+?) \| (.+?) \|", table, re.MULTILINE):
        kind = next(each for each in ("transactional id", "topic", "group") if each in row[0].partition("`")[0])
        told |= {(kind.upper().replace(" ", "_"), operation) for operation in row[1].split(", ")}

    needed = {(kind.name, operation.name) for kind, _, operation in least(dict.fromkeys(ROLES, "t"), "g", "r").values()}
    assert told == needed
