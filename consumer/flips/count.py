"""The figures of a joined table, as the JSON that the page, the terminal and pipelines are told."""

# ruff: noqa: S608 - what stands in a query is the names of our own columns

from collections.abc import Mapping, Sequence
from typing import Any

from consumer.flips.gather import Gathered, Runs
from consumer.flips.spread import day, iso_of, times
from consumer.flips.standing import Standing, Standings
from consumer.flips.table import Side, Table
from consumer.intervals import paired_difference, wilson
from consumer.records import Satisfaction

MOST_VALUES = 50
MOST_MODELS = 20
CLASSES = [each.value for each in Satisfaction]

Figures = dict[str, Any]

_COUNTS = (
    "count(*) AS compared, count(*) FILTER (to_urgent) AS to_urgent, count(*) FILTER (to_routine) AS to_routine, "
    "count(*) FILTER (fate_was = 'urgent') AS urgent_was, count(*) FILTER (fate_is = 'urgent') AS urgent_is"
)
# Of the offsets in the spans of one side, those that the other alone has.
_MISSING = """
SELECT count(*) AS missing FROM pair p JOIN ({spans}) span
ON p.topic = span.topic AND p.part = span.part AND p.off BETWEEN span.low AND span.high WHERE p.{side}_seq IS NULL
"""
_SEEN = "SELECT topic, part, min(off) AS low, max(off) AS high FROM pair WHERE {side}_seq IS NOT NULL GROUP BY ALL"
_NO_TIME_LIMIT = 2**63 - 1


def figures(
    table: Table,
    runs: Runs,
    found: Gathered,
    standings: Standings,
    *,
    listed: int,
    messages_per_day: float | None,
) -> Figures:
    """All of them; `listed` flips of each direction. The table must be joined."""
    total = table.row(
        f"SELECT {_COUNTS}, min(at_ms) AS first_ms, max(at_ms) AS last_ms, count(at_ms) AS timed FROM compared"
    )
    compared = total["compared"]
    net = _net(total)
    return {
        "run": runs["is"],
        "against": runs["was"],
        "unfinished": [each.unfinished for each in standings.of.values() if each.unfinished],
        "compared": compared,
        "flips": {
            "all": share(total["to_urgent"] + total["to_routine"], compared),
            "to_urgent": share(total["to_urgent"], compared),
            "to_routine": share(total["to_routine"], compared),
        },
        "urgent": {"is": share(total["urgent_is"], compared), "was": share(total["urgent_was"], compared)},
        "net": net,
        "day": day(total, net, messages_per_day),
        "dead": _dead(table),
        "sides": {side: _side(table, side, found, standings.of.get(side)) for side in ("is", "was")},
        "classes": _sorted_classes(_groups(table, "satisfaction_was")),
        "class_changes": _class_changes(table),
        "slices": {name: _groups(table, column) for name, column in table.columns.items()},
        "reasons": table.rows(
            'SELECT reason_was AS was, reason_is AS "is", count(*) FILTER (to_urgent) AS to_urgent, '
            "count(*) FILTER (to_routine) AS to_routine FROM compared WHERE to_urgent OR to_routine "
            'GROUP BY ALL ORDER BY count(*) DESC, was, "is" LIMIT ?',
            MOST_VALUES,
        ),
        "times": times(table, total),
        "listed": {to: _listed(table, to, listed) for to in ("to_urgent", "to_routine")},
        "unreadable": dict(found.unreadable),
        "other_runs": dict(found.others),
    }


def share(messages: int, of: int) -> Figures | None:
    """With Wilson's interval; None of none."""
    if not of:
        return None
    low, high = wilson(messages, of)
    return {"messages": messages, "of": of, "value": messages / of, "low": low, "high": high}


def _net(total: Mapping[str, Any]) -> Figures | None:
    more, less, of = total["to_urgent"], total["to_routine"], total["compared"]
    if not of:
        return None
    low, high = paired_difference(more, less, of)
    return {"messages": more - less, "value": (more - less) / of, "low": low, "high": high}


def _dead(table: Table) -> Figures:
    found = table.row(
        "SELECT count(*) FILTER (fate_is = 'dead' AND fate_was IN ('urgent', 'routine')) AS became, "
        "count(*) FILTER (fate_was = 'dead' AND fate_is IN ('urgent', 'routine')) AS rose, "
        "count(*) FILTER (fate_is = 'dead' AND fate_was = 'dead') AS stayed, "
        "count(*) FILTER (fate_was IN ('urgent', 'routine') AND fate_is IS NOT NULL) AS answered FROM pair"
    )
    return {
        "became": share(found["became"], found["answered"]),
        "rose": found["rose"],
        "stayed": found["stayed"],
    }


def _side(table: Table, side: Side, found: Gathered, standing: Standing | None) -> Figures:
    other = "was" if side == "is" else "is"
    places = table.row(
        f"SELECT count(*) FILTER ({side}_seq IS NOT NULL) AS messages, "
        f"count(*) FILTER ({side}_seq IS NOT NULL AND {other}_seq IS NULL) AS alone, "
        f"count(*) FILTER ({side}_times > 1) AS again, count(*) FILTER ({side}_otherwise) AS again_otherwise FROM pair"
    )
    return {
        **places,
        "missing": _missing(table, side, standing),
        "of_window": _has_window(standing),
        "replay": None
        if standing is None
        else {"state": standing.state, "records": standing.run.records, "left": standing.left},
        "answers": found.answers[side],
        "dead_letters": found.dead[side],
        "with_text": found.texts[side],
        "labels": [list(labels) for labels in found.labels[side]],
        "models": table.rows(
            "SELECT name, version, precision, threshold, count(*) AS answers FROM answer "
            "WHERE side = ? AND fate <> 'dead' GROUP BY ALL "
            "ORDER BY answers DESC, name, version, precision, threshold LIMIT ?",
            side,
            MOST_MODELS,
        ),
    }


def _missing(table: Table, side: Side, standing: Standing | None) -> int:
    """Of the run's window where that is known, else between the first and the last offset that it has."""
    if standing is None or not _has_window(standing):
        query = _MISSING.format(spans=_SEEN.format(side=side), side=side)
        return int(table.row(query)["missing"])
    run = standing.run
    spans = f"SELECT * FROM (VALUES {', '.join(['(?, ?, ?, ?)'] * len(run.window))}) begun (topic, part, low, high)"
    values = [value for span in run.window for value in (span.topic, span.partition, span.start, span.end - 1)]
    # The window's offsets may hold records of another time, which are none of it.
    query = _MISSING.format(spans=spans, side=side) + "AND (at_ms IS NULL OR (at_ms >= ? AND at_ms < ?))"
    until_ms = _NO_TIME_LIMIT if run.until_ms is None else run.until_ms
    return int(table.row(query, *values, run.since_ms or 0, until_ms)["missing"])


def _has_window(standing: Standing | None) -> bool:
    """Whether the offsets of its window are those of the records that it answers: of dead letters they are not."""
    return standing is not None and standing.run.reads == "input" and bool(standing.run.window)


def _groups(table: Table, column: str) -> list[Figures]:
    """By value, the most frequent first; those beyond MOST_VALUES are one, the last, which says how many they are."""
    rows = table.rows(
        f"WITH by_value AS (SELECT {column} AS value, {_COUNTS} FROM compared GROUP BY value), "
        "ranked AS (SELECT *, least(row_number() OVER (ORDER BY compared DESC, value), ?) AS rank FROM by_value) "
        "SELECT rank, any_value(value) AS value, count(*) AS together, sum(compared) AS compared, "
        "sum(to_urgent) AS to_urgent, sum(to_routine) AS to_routine, sum(urgent_was) AS urgent_was, "
        "sum(urgent_is) AS urgent_is "
        "FROM ranked GROUP BY rank ORDER BY rank",
        MOST_VALUES + 1,
    )
    return [_group(row) for row in rows]


def _group(row: Mapping[str, Any]) -> Figures:
    return {
        "value": row["value"] if row["together"] == 1 else None,
        "together": row["together"],
        "compared": row["compared"],
        "urgent_was": row["urgent_was"],
        "urgent_is": row["urgent_is"],
        "to_urgent": share(row["to_urgent"], row["compared"]),
        "to_routine": share(row["to_routine"], row["compared"]),
    }


def _class_changes(table: Table) -> list[Figures]:
    rows = table.rows(
        'SELECT satisfaction_was AS was, satisfaction_is AS "is", count(*) AS messages FROM compared '
        "GROUP BY ALL ORDER BY messages DESC LIMIT ?",
        MOST_VALUES,
    )
    return sorted(rows, key=lambda row: (_place(row["was"]), _place(row["is"])))


def _sorted_classes(groups: Sequence[Figures]) -> list[Figures]:
    return sorted(groups, key=lambda group: _place(group["value"]))


def _place(label: str | None) -> tuple[int, str]:
    """One star first; what is none of the five last."""
    return (CLASSES.index(label), "") if label in CLASSES else (len(CLASSES), label or "")


def _listed(table: Table, to: str, most: int) -> list[Figures]:
    """Those whose urgency changed most first."""
    names = {column: name for name, column in table.columns.items() if name not in ("channel", "language")}
    attributes = "".join(f", c.{column}" for column in names)
    # Chosen before their texts are looked for, so that few rows are joined.
    order = "abs({0}urgency_is - {0}urgency_was) DESC NULLS LAST, {0}topic, {0}part, {0}off"
    rows = table.rows(
        'SELECT c.topic, c.part AS partition, c.off AS "offset", c.at_ms, coalesce(i.id, w.id) AS id, c.channel, '
        "c.language, c.satisfaction_was, c.satisfaction_is, c.urgency_was, c.urgency_is, c.threshold_was, "
        f"c.threshold_is, c.reason_was, c.reason_is, coalesce(i.text, w.text) AS text{attributes} "
        f"FROM (SELECT * FROM compared WHERE {to} ORDER BY {order.format('')} LIMIT ?) c "
        f"JOIN answer i ON i.seq = c.is_seq JOIN answer w ON w.seq = c.was_seq ORDER BY {order.format('c.')}",
        most,
    )
    return [
        {
            "source": f"{row['topic']}/{row['partition']}/{row['offset']}",
            "at": iso_of(row.pop("at_ms")),
            **{name: value for name, value in row.items() if name not in names},
            "attributes": {name: row[column] for column, name in names.items()},
        }
        for row in rows
    ]
