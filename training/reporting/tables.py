"""Figures side by side, for a terminal."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from consumer.manifest import Promise
from consumer.pages.in_words import at_least
from consumer.records import ModelVersion
from consumer.visible import visible
from training.evaluating.compared import Compared, Row
from training.evaluating.diff import Difference, McNemar
from training.evaluating.evaluate import Evaluation
from training.measures.intervals import Estimate
from training.operating.kept import Verdict
from training.reporting.told import SHOWN_CHARACTERS, points

Figure = Callable[[Evaluation], float]


def diff_table(first: ModelVersion, second: ModelVersion, found: Difference) -> RenderableType:
    """Both models' figures, what lies between them, and whether chance explains it."""
    table = Table(box=None, pad_edge=False)
    table.add_column(f"{found.rows:,} messages")
    for column in (f"A: {_named(first)}", f"B: {_named(second)}", "B less A, points (95 %)"):
        table.add_column(column, justify="right")
    rows: list[tuple[str, Figure, Estimate | None]] = [
        ("1 star answered", lambda each: each.operating_point.recall, found.gained.recall),
        ("2 stars answered", lambda each: each.operating_point.unsatisfied, None),
        ("3 to 5 needlessly", lambda each: each.operating_point.needless, found.gained.needless),
        ("accuracy", lambda each: each.accuracy, found.gained.accuracy),
    ]
    for name, figure, gained in rows:
        table.add_row(
            name, f"{figure(found.first):.1%}", f"{figure(found.second):.1%}", points(gained) if gained else ""
        )
    table.add_row("loss", f"{found.first.loss:.3f}", f"{found.second.loss:.3f}", "")
    table.add_row(f"needless at {found.gained.at_recall:.1%}", "", "", points(found.gained.needless_at_recall))
    return Group(table, "", *_changes(found))


def compare_table(rows: Sequence[Row]) -> RenderableType:
    """A line a base model, and below it why the others have none."""
    table = Table(box=None, pad_edge=False, collapse_padding=True)  # 80 columns hold it
    table.add_column("base model", overflow="fold")
    table.add_column("served")
    for column in ("needless (95 %)", "accuracy", "loss", "texts/s", "MB"):
        table.add_column(column, justify="right")
    measured = [row.compared for row in rows if row.compared is not None]
    for row in rows:
        if (found := row.compared) is not None:
            needless = found.needless
            table.add_row(
                Path(row.base).name if Path(row.base).is_absolute() else row.base,
                found.precision,
                f"{needless.value:.1%} ({100 * needless.low:.1f}–{100 * needless.high:.1f})",
                f"{found.accuracy:.3f}",
                f"{found.loss:.3f}",
                f"{found.messages_per_s:,.0f}",
                f"{found.size_bytes / 1e6:,.1f}",
            )
    compared: list[RenderableType] = [*map(_compared_on, measured[:1]), table] if table.rows else []
    return Group(*compared, *(Text(f"{row.base} failed: {row.reason}") for row in rows if row.compared is None))


def _compared_on(found: Compared) -> str:
    title = (
        f"needless: of the {found.split} messages with 3 to 5 stars, where {at_least(found.recall, '%')} of those with "
        "1 star are answered"
    )
    if found.split == "validation":
        return title
    return f"{title}. The promise rests on these very messages: with [data] validation, others choose the base"


def check_table(found: Mapping[str, tuple[Promise, Mapping[str, Verdict]]], slices: str | None) -> RenderableType:
    """Each precision's promise on the messages at hand, and in each slice, worst first."""
    table = Table(box=None, pad_edge=False, collapse_padding=True)  # 80 columns hold it
    for column in ("", *([slices] if slices else [])):
        table.add_column(column)
    for column in ("promised", "answered\nof 1 star", "true share\nwithin", "needless\nof 3 to 5", "it takes"):
        table.add_column(column, justify="right")
    table.add_column("the promise is", justify="right", no_wrap=True)
    for name, (promise, verdicts) in found.items():
        for value, each in verdicts.items():
            answered = f"{each.size - each.misses} of {each.size}"
            share = f" = {1 - each.misses / each.size:.1%}" if each.size else ""
            table.add_row(
                name,
                *([visible(value, SHOWN_CHARACTERS)] if slices else []),
                f"{at_least(promise.target, '%')} at {at_least(promise.confidence, '%')}",
                answered + share,
                f"{100 * each.low:.1f}–{each.high:.1%}",
                "" if each.needless is None else f"{each.needless:.1%}",
                "" if each.outcome != "too few to tell" else "too many" if each.too_near else f"{each.needed}",
                each.outcome,
            )
    return table


def _changes(found: Difference) -> list[str]:
    return [
        f"the same decision: {found.same_decision:.1%}; {found.to_urgent} became urgent, {found.to_routine} routine",
        f"the same class: {found.same_label:.1%}",
        f"right decisions: {_mcnemar(found.right_decision)}",
        f"right classes: {_mcnemar(found.right_label)}",
    ]


def _mcnemar(test: McNemar) -> str:
    if not test.only_first + test.only_second:
        return "the same messages"
    verdict = "more than chance" if test.p < 0.05 else "no more than chance may do"
    return f"{test.only_first} by A alone, {test.only_second} by B alone; McNemar's exact p = {test.p:.2g}, {verdict}"


def _named(model: ModelVersion) -> str:
    return f"{model.name} {model.version} {model.precision}"
