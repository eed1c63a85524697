import ast
import re
from pathlib import Path

import pytest

from consumer import dead_letters
from consumer.dead_letters import MISSING_TEXT, REASONS, UNKNOWN_SCHEMA_ID, dead_letter
from consumer.errors import RecordError
from consumer.records import OutputRecord, Record

ROOT = Path(__file__).parents[2]
RECORD = Record("customer-messages", 2, 17, 1_764_000_000_123, b"\x00k", b"\xff\x00v", (("h", None), ("h", b"\xff")))


def letter(record: Record = RECORD, error: RecordError | None = None) -> OutputRecord:
    return dead_letter(
        record,
        error or UNKNOWN_SCHEMA_ID.error(reference=7, waited_s=30),
        topic="dead",
        connector_name="shikyu",
        task_id="slot-0",
        run="live",
        attempt=1,
        model_version="3",
    )


def test_the_record_goes_byte_for_byte_with_its_reason() -> None:
    """Key, value and headers as they came; Kafka Connect's names for the rest, all of it UTF-8 strings."""
    found = letter()

    assert (found.topic, found.key, found.value) == ("dead", b"\x00k", b"\xff\x00v")
    assert found.headers == (
        ("h", None),
        ("h", b"\xff"),
        ("__connect.errors.topic", b"customer-messages"),
        ("__connect.errors.partition", b"2"),
        ("__connect.errors.offset", b"17"),
        ("__connect.errors.connector.name", b"shikyu"),
        ("__connect.errors.task.id", b"slot-0"),
        ("__connect.errors.stage", b"deserialize"),
        ("__connect.errors.class.name", b"consumer.errors.RecordError"),
        ("__connect.errors.exception.class.name", b"consumer.errors.RecordError"),
        (
            "__connect.errors.exception.message",
            b"the registry knows no schema 7, and did not for 30 s; was it written against another registry?",
        ),
        ("shikyu.error.code", b"unknown-schema-id"),
        ("shikyu.attempt", b"1"),
        ("shikyu.run", b"live"),
        ("shikyu.model.version", b"3"),
        ("shikyu.source.timestamp", b"1764000000123"),
    )


def test_a_cause_is_told_by_its_class_alone() -> None:
    """Its words can be the customer's."""
    error = MISSING_TEXT.error()
    error.__cause__ = ValueError("CANARY")

    headers = letter(error=error).headers

    assert ("__connect.errors.exception.class.name", b"builtins.ValueError") in headers
    assert not any(b"CANARY" in (value or b"") for _, value in headers)


def test_a_second_death_comes_after_the_first() -> None:
    """So that the last header of a name is the latest reason, as Connect's readers take it."""
    first = letter()
    second = letter(Record("dead", 0, 5, None, first.key, first.value, first.headers), MISSING_TEXT.error())

    codes = [value for name, value in second.headers if name == "shikyu.error.code"]
    assert codes == [b"unknown-schema-id", b"missing-text"]


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.code)
def test_every_template_is_filled_in_and_short(reason: dead_letters.Reason) -> None:
    """A header is no place for an essay, and an unfilled brace is a bug."""
    facts = dict.fromkeys(re.findall(r"{(\w+)}", reason.template), "7")
    error = reason.error(**facts)

    assert (error.code, error.stage) == (reason.code, reason.stage)
    assert "{" not in error.message
    assert len(error.message) < 300


def test_codes_are_unique() -> None:
    assert len({reason.code for reason in REASONS}) == len(REASONS)


def test_no_code_stands_anywhere_else() -> None:
    """Whoever raises a RecordError by hand uses a code that is listed, or none of its own."""
    listed = {reason.code for reason in REASONS}
    for file in (ROOT / "consumer").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("RecordError", "_blame"):
                texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                codes = {text for text in texts if re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", text)}
                assert codes <= listed, f"{file.name}: {codes - listed}"


def test_every_reason_is_used() -> None:
    """A code that nothing raises would be documented in vain."""
    files = [file for file in (ROOT / "consumer").rglob("*.py") if file.name != "dead_letters.py"]
    sources = "".join(file.read_text(encoding="utf-8") for file in files)
    names = [name for name, value in vars(dead_letters).items() if isinstance(value, dead_letters.Reason)]

    assert [name for name in names if not re.search(rf"\b{name}\b", sources)] == []


def test_the_page_of_dead_letters_lists_every_code() -> None:
    """docs/dead-letters.md: each code once, with its stage."""
    page = (ROOT / "docs" / "dead-letters.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([a-z]+) \|", page, re.MULTILINE)

    assert sorted(rows) == sorted((reason.code, reason.stage) for reason in REASONS)
