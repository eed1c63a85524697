import io
import json
from datetime import UTC, datetime
from typing import get_args

import pytest

import schemas
from consumer.corrections.entries import DECISIONS, ROLES
from consumer.corrections.given import MAX_LINE, Given, one, rows
from consumer.errors import SettingsError
from consumer.records import Satisfaction

EVENT = "customer-messages/0/17/live"
WHOLE = {"event_id": EVENT, "decision": "urgent", "role": "agent"}


def jsonl(*lines: object, role: str | None = None) -> list[Given]:
    return rows(io.BytesIO("\n".join(map(json.dumps, lines)).encode()), "jsonl", role)


def csv(text: str, role: str | None = None) -> list[Given]:
    return rows(io.BytesIO(text.encode()), "csv", role)


def test_what_may_be_said_is_what_the_schema_knows():
    """Its enums, but for the class that stands for none."""
    fields = {field["name"]: field["type"] for field in json.loads(schemas.avro("correction"))["fields"]}

    assert set(fields) == set(Given.model_fields)
    assert set(fields["decision"]["symbols"]) == set(DECISIONS)
    assert set(fields["role"]["symbols"]) == set(ROLES)
    assert set(fields["satisfaction"][1]["symbols"]) - {"unknown"} == set(Satisfaction)
    assert len(get_args(Given.model_fields["decision"].annotation)) == 2


def test_rows_are_read_as_jsonl_and_as_csv():
    """Empty fields are left out, and a row without a role has that of the command."""
    lines = [WHOLE, {"event_id": EVENT, "decision": "routine", "satisfaction": "neutral", "corrected_at": "2026-11-29"}]
    table = (
        "event_id,decision,role,satisfaction,corrected_at\n"
        f"{EVENT},urgent,agent,,\n{EVENT},routine,,neutral,2026-11-29T00:00:00Z\n"
    )

    for found in (jsonl(*lines, role="quality"), csv(table, role="quality")):
        assert [(each.decision, each.role, each.satisfaction) for each in found] == [
            ("urgent", "agent", None), ("routine", "quality", Satisfaction.NEUTRAL),
        ]  # fmt: skip
        assert found[1].corrected_at == datetime(2026, 11, 29, tzinfo=UTC)
        assert found[0].corrected_at is not None


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"event_id": "17"}, "wrong event_id: it is an event_id of a classified message"),
        ({"decision": "canary"}, "wrong decision: it is one of urgent, routine"),
        ({"role": None}, "lacks role: it is one of quality, supervisor, agent, customer, other"),
        ({"satisfaction": "unknown"}, "wrong satisfaction"),
        ({"corrected_at": "canary"}, "wrong corrected_at: it is a time"),
        ({"decison": "canary"}, "a field that no correction has; did you mean decision"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_field_and_never_by_value(changed, told):
    """Before anything is written."""
    with pytest.raises(SettingsError, match=told) as error:
        jsonl(WHOLE, {**WHOLE, **changed})

    assert "line 2 of standard input" in str(error.value)
    assert "canary" not in str(error.value)


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (lambda: jsonl(), "holds no correction"),
        (lambda: jsonl([]), "no JSON object"),
        (lambda: rows(io.BytesIO(b"{"), "jsonl", None), "not valid JSON"),
        (lambda: rows(io.BytesIO(b"x" * (MAX_LINE + 1)), "jsonl", None), "longer than"),
        (lambda: csv(f"event_id,decision,role\n{EVENT},urgent\n"), "another number of fields"),
        (lambda: rows(io.BytesIO(b"event_id\n\xff\n"), "csv", None), "not UTF-8"),
        (lambda: csv(f'event_id,decision,role\n\n\n{EVENT},"urgent" x,agent\n'), "line 4 of standard input is no CSV"),
        (lambda: csv("event_id,text\na/0/1/live,canary\n"), "a field that no correction has"),
        (lambda: one(event_id="nothing", decision="urgent", role="agent"), "the correction has a wrong event_id"),
    ],
)
def test_what_is_no_list_of_corrections_is_refused(read, told):
    """With what it should be."""
    with pytest.raises(SettingsError, match=told):
        read()
