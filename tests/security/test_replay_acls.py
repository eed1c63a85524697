"""The least ACLs of replays (docs/replay.md) and corrections, beside a real Kafka that insists on them."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AclOperation, NewTopic, ResourcePatternType, ResourceType

from consumer.cli import main
from tests.replay.conftest import Past, Replay
from tests.security.conftest import USER, Acl
from tests.security.test_broker import produce
from tests.service.process import flags
from tests.service.test_corrections import answers_of

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

PAGE = Path(__file__).parents[2] / "docs" / "replay.md"
CORRECTIONS = PAGE.with_name("corrections.md")
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
def arguments(secured, secured_topics, name, tmp_path) -> list[str]:
    file = tmp_path / "shikyu.toml"
    options = secured.options("LOGIN")
    file.write_text("[kafka]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in options.items()))
    rest = flags("", secured_topics, name, "--slot", "0", "--replay-runs-topic", f"{name}.runs")[2:]
    return ["--config", str(file), *rest]


@pytest.fixture
def replay(arguments, tmp_path) -> Iterator[Callable[..., Replay]]:
    running: list[Replay] = []

    def start(run: str) -> Replay:
        running.append(Replay(tmp_path, "--run", run, *arguments))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.kill()


def test_the_least_acls_are_enough_and_a_missing_one_is_named(secured, secured_topics, name, replay, arguments, capsys):
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
        code = main(["replay", "--run", f"without-{number}", *arguments])  # a process of its own takes seconds
        said = capsys.readouterr().err
        assert code == 3, (words, said)
        assert words in said, (words, said)
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


def test_flips_tells_what_it_may_not_know_of_the_runs_and_which_right_is_missing(
    secured, secured_topics, name, tmp_path, capsys
):
    """The answers are compared all the same; that a run is done cannot be told without the topic that keeps them."""
    topic, runs, options = ResourceType.TOPIC, f"{name}.runs", secured.options("LOGIN")
    file = tmp_path / "shikyu.toml"
    file.write_text("[kafka]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in options.items()))
    for future in secured.admin.create_topics([NewTopic(runs, 1, 1)]).values():
        future.result(20)
    for run in ("live", "r1"):
        answers_of(secured.bootstrap, secured_topics["input"], secured_topics, range(4), run=run)
    command = ["flips", "--run", "r1", "--config", str(file), "--replay-runs-topic", runs, "--output-format", "json"]
    command += ["--output-urgent", secured_topics["urgent"], "--output-routine", secured_topics["routine"]]
    command += ["--dead-letters-topic", secured_topics["dead"], "--delivery-group-id", name]
    answers: list[Acl] = [(topic, secured_topics[role], AclOperation.READ) for role in ("urgent", "routine", "dead")]
    steps: list[tuple[list[Acl], str]] = [
        (answers, f"{runs} (replay.runs_topic), which keeps the runs, is missing, or this client may not DESCRIBE it"),
        ([(topic, runs, AclOperation.DESCRIBE)], f"grant READ on topic {runs}"),
        ([(topic, runs, AclOperation.READ)], f"{runs} has no such run"),
    ]
    for granted, words in steps:
        secured.grant(USER, *granted)
        secured.settle()
        code = main(command)
        told = capsys.readouterr()
        assert (code, words in " ".join(told.out.split())) == (0, True), told
    secured.take_away(USER, *(acl for granted, _ in steps for acl in granted))


def test_the_documentation_lists_just_these():
    """By kind of resource and operation; READ on the dead-letter topic is for `shikyu dead-letters` alone."""
    table = PAGE.read_text(encoding="utf-8").partition("## ACLs")[2].partition("## How")[0]
    told = set()
    for row in re.findall(r"^\| (?!resource|-)(.+?) \| (.+?) \|", table, re.MULTILINE):
        kind = next(each for each in ("transactional id", "topic", "group") if each in row[0].partition("`")[0])
        told |= {(kind.upper().replace(" ", "_"), operation) for operation in row[1].split(", ")}

    needed = {(kind.name, operation.name) for kind, _, operation in least(dict.fromkeys(ROLES, "t"), "g", "r").values()}
    assert told == needed


def test_the_least_acls_of_corrections_are_enough_and_a_missing_one_is_named(
    secured, secured_topics, name, tmp_path, capsys
):
    """WRITE to correct; READ on corrections and answers to list, and on the source topic to read texts back."""
    topic, corrections, source = ResourceType.TOPIC, f"{name}.corrections", secured_topics["input"]
    file, read, options = tmp_path / "shikyu.toml", AclOperation.READ, secured.options("LOGIN")
    file.write_text("[kafka]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in options.items()))
    for future in secured.admin.create_topics([NewTopic(corrections, 1, 1)]).values():
        future.result(20)
    produce(secured.bootstrap, source, 2)
    answers_of(secured.bootstrap, source, secured_topics, [1])
    own = ["--config", str(file), "--output-urgent", secured_topics["urgent"], "--output-format", "json"]
    own += ["--output-routine", secured_topics["routine"], "--corrections-topic", corrections]
    correct = ["correct", f"{source}/0/1/live", "--routine", "--role", "agent", *own]
    export = ["corrections", "export", "--to", str(tmp_path / "a.jsonl"), "--with-text", "--input-format", "json", *own]

    def after(*granted: Acl, command: list[str]) -> tuple[int, str]:
        if granted:
            secured.grant(USER, *granted)
        secured.settle()
        code = main(command)
        said = capsys.readouterr()
        return code, said.out + said.err

    urgent, routine = secured_topics["urgent"], secured_topics["routine"]
    described = (topic, routine, AclOperation.DESCRIBE)
    steps: list[tuple[tuple[Acl, ...], list[str], int, str]] = [
        ((), correct, 3, "or grant DESCRIBE"),
        (((topic, corrections, AclOperation.DESCRIBE),), correct, 3, f"grant WRITE on topic {corrections}"),
        (((topic, corrections, AclOperation.WRITE),), correct, 0, "1 correction written"),
        ((), export, 3, f"grant READ on topic {corrections}"),
        (((topic, corrections, read),), export, 3, "DESCRIBE and READ"),
        (((topic, urgent, read), described), export, 3, f"grant READ on topic {routine}"),
        (((topic, routine, read),), export, 3, f"grant READ on topic {source}"),
        (((topic, source, read),), export, 0, "1 messages, 0 with stars"),
    ]
    for granted, command, code, words in steps:
        found, said = after(*granted, command=command)
        assert (found, words in said) == (code, True), (words, said)
    needed = [
        (topic, each, read) for each in (corrections, source, secured_topics["urgent"], secured_topics["routine"])
    ]
    secured.take_away(USER, (topic, corrections, AclOperation.WRITE), *needed)
    assert "hello" in (tmp_path / "a.jsonl").read_text()


def test_the_documentation_lists_what_corrections_need():
    """By topic and operation."""
    table = CORRECTIONS.read_text(encoding="utf-8").partition("## ACLs")[2].partition("## How")[0]
    rows = re.findall(r"^\| (?!resource|-)(.+?) \| (.+?) \|", table, re.MULTILINE)

    assert rows == [
        ("`corrections.topic`", "WRITE"),
        ("`corrections.topic`, `output.urgent`, `output.routine`", "READ"),
        ("each source topic", "READ"),
    ]
