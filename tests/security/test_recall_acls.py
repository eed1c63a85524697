"""The least ACLs of live recall, the report and what is due (docs/recall.md), before a Kafka that insists on them."""

import json
import re
from pathlib import Path

import pytest
from confluent_kafka.admin import AclOperation, NewTopic, ResourceType

from consumer.cli import main
from tests.security.conftest import USER, Acl
from tests.security.test_broker import produce
from tests.service.test_corrections import answers_of

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

PAGE = Path(__file__).parents[2] / "docs" / "recall.md"
READ, DESCRIBE = AclOperation.READ, AclOperation.DESCRIBE


def test_the_least_acls_are_enough_and_a_missing_one_is_named(secured, secured_topics, name, tmp_path, capsys):
    """READ on answers and corrections; what is due and the report do without corrections, and the report without
    dead letters."""
    corrections, urgent, routine, dead = (
        f"{name}.corrections",
        *(secured_topics[r] for r in ("urgent", "routine", "dead")),
    )
    file, page = tmp_path / "shikyu.toml", tmp_path / "week.html"
    options = secured.options("LOGIN")
    file.write_text("[kafka]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in options.items()))
    for future in secured.admin.create_topics([NewTopic(corrections, 1, 1)]).values():
        future.result(20)
    produce(secured.bootstrap, dead, 1)
    answers_of(secured.bootstrap, secured_topics["input"], secured_topics, [1, 2])
    own = ["--config", str(file), "--output-urgent", urgent, "--output-routine", routine, "--output-format", "json"]
    own += ["--corrections-topic", corrections]
    recall, due = ["recall", "--promised", "0.9", *own], ["corrections", "due", *own]
    report = ["report", "--html", str(page), "--promised", "0.9", "--dead-letters-topic", dead, *own]

    def acl(topic: str, operation: AclOperation = READ) -> Acl:
        return ResourceType.TOPIC, topic, operation

    hidden = f"topic {corrections}, which holds the corrections, is missing, or"
    steps: list[tuple[list[Acl], list[tuple[list[str], int, str]]]] = [
        ([], [(due, 3, f"{urgent} is missing, or this client may not DESCRIBE"), (recall, 3, hidden)]),
        ([acl(urgent), acl(routine, DESCRIBE)], [(due, 3, f"grant READ on topic {routine}")]),
        ([acl(routine)], [(due, 0, "0 marked messages wait"), (report, 0, ""), (recall, 3, hidden)]),
        ([acl(corrections, DESCRIBE)], [(recall, 3, f"grant READ on topic {corrections}")]),
        ([acl(corrections)], [(recall, 0, "90.0 % promised"), (due, 0, "0 marked messages wait")]),
        ([acl(dead)], [(report, 0, "")]),
    ]
    notes = []
    for granted, commands in steps:
        if granted:
            secured.grant(USER, *granted)
        secured.settle()
        for command, code, words in commands:
            found = main(command)
            said = capsys.readouterr()
            assert (found, words in said.out + said.err) == (code, True), (words, said)
            if command is report:
                notes.append(json.dumps(json.loads(page.with_suffix(".json").read_text())["notes"]))

    lacks_corrections, lacks_letters = f"there is no topic {corrections}", f"the dead-letter topic {dead} is missing"
    assert [[words in said for words in (lacks_corrections, lacks_letters)] for said in notes] == [
        [True, True], [False, False],
    ]  # fmt: skip
    secured.take_away(USER, *(each for granted, _ in steps for each in granted))


def test_the_documentation_lists_just_these():
    table = PAGE.read_text(encoding="utf-8").partition("## ACLs")[2]
    rows = re.findall(r"^\| (?!resource|-)(.+?) \| (.+?) \|", table, re.MULTILINE)

    assert rows == [
        ("`output.urgent`, `output.routine`", "READ"),
        ("`corrections.topic`", "READ"),
        ("`dead_letters.topic`", "READ"),
    ]
