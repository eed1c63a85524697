"""What was found, for people and for pipelines."""

import textwrap
from collections.abc import Sequence

import click
import orjson

from consumer.doctor.findings import Finding, Status, counts
from consumer.visible import seen as seen_characters

COLOURS: dict[Status, str] = {"ok": "green", "warn": "yellow", "fail": "red", "skipped": "bright_black"}
STATUS, CHECK = 7, 14  # columns
INDENT = " " * (STATUS + 1 + CHECK + 1)


def lines(finding: Finding, width: int | None = None) -> str:
    """One line, with what to do beneath it; wrapped where there is a `width`."""
    status = click.style(f"{finding.status:{STATUS}}", fg=COLOURS[finding.status], bold=finding.status == "fail")
    told = f"{finding.what}: {finding.value}" if finding.what else finding.value
    head = f"{status} {finding.check:{CHECK}} {_wrapped(told, width)}"
    return f"{head}\n{INDENT}→ {_wrapped(finding.advice, width, '  ')}" if finding.advice else head


def total(findings: Sequence[Finding]) -> str:
    return ", ".join(f"{count} {status}" for status, count in counts(findings).items())


def as_json(findings: Sequence[Finding], exit_code: int) -> bytes:
    checks = [
        {"check": each.check, "status": each.status, "what": each.what, "value": each.value, "advice": each.advice}
        for each in findings
    ]
    whole = {"exit_code": exit_code, "counts": counts(findings), "checks": checks}
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _wrapped(text: str, width: int | None, more: str = "") -> str:
    clean = seen_characters(text).replace("\n", " ").replace("\t", " ")
    if width is None:
        return clean
    room = max(30, width - len(INDENT) - len(more))
    return f"\n{INDENT}{more}".join(textwrap.wrap(clean, room, break_on_hyphens=False) or [""])
