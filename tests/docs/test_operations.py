"""Dashboards and alerts are written from the page: what it names is there, and what is there it names."""

import ast
import re
from pathlib import Path

import consumer
from consumer import errors
from consumer.metrics import Metrics
from consumer.settings import Log

ROOT = Path(consumer.__file__).parent
PAGE = (ROOT.parent / "docs" / "operations.md").read_text(encoding="utf-8")
LEVELS = ("debug", "info", "warning", "error", "exception", "critical")
# What comes of other programs' logs has their level.
FORWARDED = {"librdkafka": "as it came", "library": "warning and above"}


def section(title: str) -> str:
    return re.split(r"^## ", PAGE.split(f"\n## {title}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(title: str) -> list[list[str]]:
    """Of the section's table, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")] for line in lines]


def levels(node: ast.AST) -> list[str]:
    """Of `log.info` and the like, within."""
    return [
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute)
        and each.attr in LEVELS
        and isinstance(each.value, ast.Name)
        and each.value.id == "log"
    ]


def told(call: ast.Call) -> tuple[list[str], ast.expr | None]:
    """Levels and the event's name of `log.info("name", …)`, and of a thread that does it."""
    if levels(call.func):
        assert len(call.args) == 1, f"{ast.unparse(call)}: what belongs to an event is named"
        return levels(call.func), call.args[0]
    named = {each.arg: each.value for each in call.keywords}
    if "target" in named and levels(named["target"]) and isinstance(named["args"], ast.List):
        return levels(named["target"]), named["args"].elts[0]
    return [], None


def logged() -> dict[str, set[str]]:
    """Every event of consumer/ with its levels; its name has to be a literal, or it could not be looked for."""
    found: dict[str, set[str]] = {}
    for file in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        seen = 0
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            at, event = told(call)
            seen += len(at)
            if event is not None:
                assert isinstance(event, ast.Constant), f"{file.name}: {ast.unparse(call)}"
                found.setdefault(event.value, set()).update(at)
        assert seen == len(levels(tree)), f"{file.name}: an event was not understood"
    return found


def test_every_metric_is_documented_and_every_documented_one_exists() -> None:
    """With its kind and its labels."""
    there = Metrics().names()
    page = {name.strip("`"): (kind, set(re.findall(r"\w+", labels))) for name, kind, labels, _ in rows("Metrics")}

    assert {name: kind for name, (kind, _) in page.items()} == {name: kind for name, (kind, _) in there.items()}
    assert set(re.findall(r"`(shikyu_\w+)`", PAGE)) == set(there)
    for name, (_, labels) in there.items():
        assert set(labels) <= page[name][1], name
        assert bool(labels) == bool(page[name][1]), name


def test_every_log_event_is_documented_and_every_documented_one_exists() -> None:
    """With its levels; and a row says something."""
    page = {
        name: level for names, level, what in rows("Log events") if what for name in re.findall(r"`([a-z-]+)`", names)
    }
    there = logged()

    assert len(there) > 30
    assert set(page) == {*there, *FORWARDED}
    assert {event: set(page[event].split(", ")) for event in there} == there
    assert {event: page[event] for event in FORWARDED} == FORWARDED


def test_no_other_logger_is_used() -> None:
    """What is not called `log` would escape the test above."""
    makers = [
        (file.name, ast.unparse(node))
        for file in sorted(ROOT.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign) and "get_logger" in ast.unparse(node.value)
    ]

    assert len(makers) > 10
    assert {text for _, text in makers} == {"log = structlog.get_logger()"}


def test_log_levels_are_those_of_the_setting() -> None:
    assert set(LEVELS) >= set(Log.model_fields["level"].annotation.__args__)


def test_every_exit_code_is_documented() -> None:
    """A supervisor decides by them."""
    codes = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.ShikyuError)
    }

    assert codes == {1, 2, 3, 4, 5}
    assert all(f"\n| {code} |" in PAGE for code in codes)
