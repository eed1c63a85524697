"""What `data` found, for a terminal: figures and places, and never a text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Json = Mapping[str, Any]


def data_tables(found: Json) -> RenderableType:
    """`found` is what data.json holds."""
    parts: list[RenderableType] = [_splits(found), ""]
    if any(len(split["sources"]) > 1 for split in found["splits"].values()):
        parts += [_sources(found), ""]
    if not found["unmeasured"]:
        parts += [_lengths(found), ""]
    return Group(*parts, *(Text(line) for line in _lines(found)), "", _checks(found["checks"]))


def _splits(found: Json) -> Table:
    table = _table("", "messages", *(f"{stars} ★" for stars in range(1, 6)))
    for name, split in found["splits"].items():
        table.add_row(name, f"{split['rows']:,}", *_classes(split))
    return table


def _lengths(found: Json) -> Table:
    table = _table("in tokens", "median", "9 in 10", "99 in 100", "longest", f"over {found['max_length']}")
    for name, split in found["splits"].items():
        if (lengths := split["lengths"]) is not None:
            quantiles = (lengths[key] for key in ("median", "nine_in_ten", "ninety_nine_in_hundred", "longest"))
            other = "" if lengths["max_length"] == found["max_length"] else f" (over {lengths['max_length']})"
            table.add_row(name, *(f"{each:,}" for each in quantiles), f"{lengths['cut']:.1%}{other}")
    return table


def _sources(found: Json) -> Table:
    table = _table("by source", *(f"{stars} ★" for stars in range(1, 6)), "share", "weight", "of the loss")
    for name, split in found["splits"].items():
        for source, part in split["sources"].items():
            shares = (f"{part['share']:.1%}", f"{part['weight']:g}", f"{part['weight_share']:.1%}")
            table.add_row(f"{name}: {source}", *_classes(part), *shares)
    return table


def _lines(found: Json) -> Iterator[str]:
    if found["not_calibrating"]:
        yield f"{', '.join(found['not_calibrating'])}: only learned from, none is drawn for validation or calibration"
    if found["unmeasured"]:
        yield f"lengths in tokens are not measured: {found['unmeasured']}"
    else:
        yield f"tokens: by {found['tokenizer']}"
    for name, unused in found["unused"].items():
        if unused["empty"] + unused["outside"]:
            yield (
                f"{name}: {unused['empty']:,} of {unused['seen']:,} rows without a text, {unused['outside']:,} with a "
                "label that is no star"
            )
    copies, shared = found["copies"], found["test_in_train"]
    yield (
        f"in train more than once: {copies['exact']:,} word for word, {copies['near']:,} nearly; "
        f"{copies['other_stars']:,} of them with other stars; {found['held_out']:,} are not learned from, "
        "since validation or calibration holds them too"
    )
    if shared is not None:
        yield (
            f"of test in train, too: {shared['exact']:,} word for word, {shared['near']:,} nearly; "
            f"{found['dropped']:,} training messages are dropped for it"
        )
    yield (
        f"{found['dropped_held_out']:,} of validation or calibration are dropped, since the test holds them too, or "
        "calibration what validation has"
    )


def _checks(checks: Sequence[Json]) -> Table:
    table = _table("limit", "found", "allowed", "")
    for check in checks:
        sign, figure = ("≥" if check["least"] else "≤"), ("{:,.0f}" if check["least"] else "{:.2%}")
        table.add_row(
            f"{check['split']}: {check['what']}",
            figure.format(check["found"]),
            f"{sign} {figure.format(check['allowed'])}",
            Text("met", "green") if check["met"] else Text("not met", "bold red"),
        )
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right")
    return table


def _classes(counted: Json) -> list[str]:
    return [f"{count:,}" for count in counted["class_counts"]]
