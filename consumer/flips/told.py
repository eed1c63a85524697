"""The figures for a terminal."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from consumer.flips.count import Figures
from consumer.visible import visible

SHOWN_CHARACTERS = 40
SHOWN_TEXT = 160
SHOWN_VALUES = 8
SHOWN_FLIPS = 5
TITLES = {"to_urgent": "became urgent", "to_routine": "became routine"}


def told(figures: Figures, *, with_text: bool) -> RenderableType:
    """Everything at a glance, with the flips that changed most; the rest stands in the page and the JSON."""
    parts: list[RenderableType] = [_line(f"note: {note}") for note in figures["notes"]]
    parts += [*map(_line, _lines(figures)), "", _table("class before", figures["classes"])]
    for name, groups in figures["slices"].items():
        if any(group["value"] is not None for group in groups):
            parts += ["", _table(shown(name), groups)]
    for to, title in TITLES.items():
        flips = figures["listed"][to][:SHOWN_FLIPS]
        if flips:
            of = figures["flips"][to]["messages"]
            some = f" ({len(flips)} of {of:,}; --html and --json hold more)" if len(flips) < of else ""
            parts += ["", _line(f"{title}, the largest change of urgency first{some}:")]
            parts += [_line(line) for each in flips for line in _flip(each, with_text=with_text)]
    return Group(*parts)


def shown(value: object, most: int = SHOWN_CHARACTERS) -> str:
    """A name or value that somebody chose, without its tricks; in quotes where it had to be cut."""
    if value is None:
        return "(none)"
    made = visible(str(value), most)
    return made[1:-1] if len(str(value)) <= most else made


def _line(words: str) -> Text:
    """As long as it is: to be printed without cropping."""
    return Text(words, no_wrap=True, overflow="ignore")


def _lines(figures: Figures) -> Iterator[str]:
    sides, flips = figures["sides"], figures["flips"]
    run, against = shown(figures["run"]), shown(figures["against"])
    yield f"{run} against {against}: {figures['compared']:,} messages compared"
    for side, name in (("was", against), ("is", run)):
        each = sides[side]
        yield (
            f"  {name}: {each['messages']:,} messages, {each['alone']:,} of which the other side lacks; "
            f"{each['dead_letters']:,} dead letters"
        )
        yield from (f"    {model_line(model)}" for model in each["models"])
    yield f"flipped: {share_line(flips['all'])}"
    yield f"  became urgent: {share_line(flips['to_urgent'])}"
    yield f"  became routine: {share_line(flips['to_routine'])}"
    if (dead := figures["dead"]["became"]) and dead["messages"]:
        yield f"  became dead letters: {share_line(dead)}"
    yield day_line(figures["day"])


def day_line(day: Figures) -> str:
    if day["messages"] is None:
        return "a day: not known, for the messages seen span less than an hour: state --messages-per-day"
    more = day["more"]
    source = "as stated" if day["stated"] else f"as came in {day['span_days']:.3g} days"
    return (
        f"a day of {day['messages']:,.0f} messages ({source}): {day['looks_is']:,.0f} to look at where it was "
        f"{day['looks_was']:,.0f}, {abs(more['value']):,.1f} {'more' if more['value'] >= 0 else 'fewer'} "
        f"({more['low']:+,.1f} to {more['high']:+,.1f})"
    )


def share_line(share: Figures | None) -> str:
    if share is None:
        return "nothing to tell of"
    return f"{share['messages']:,} of {share['of']:,}, {share['value']:.2%} ({share['low']:.2%} to {share['high']:.2%})"


def model_line(model: Figures) -> str:
    named = " ".join(shown(model[part]) for part in ("name", "version", "precision") if model[part] is not None)
    threshold = "not told" if model["threshold"] is None else f"{model['threshold']:.4f}"
    return f"{named or 'a model without a name'}, threshold {threshold}: {model['answers']:,} answers"


def _table(title: str, groups: Sequence[Figures]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(Text(title), overflow="fold")
    for column in ("compared", "urgent before", "now", "became urgent", "became routine"):
        table.add_column(column, justify="right")
    for group in groups[:SHOWN_VALUES]:
        table.add_row(
            Text(value_of(group)),
            f"{group['compared']:,}",
            f"{group['urgent_was']:,}",
            f"{group['urgent_is']:,}",
            *(f"{group[to]['messages']:,} ({group[to]['value']:.1%})" for to in TITLES),
        )
    if len(groups) > SHOWN_VALUES:
        table.add_row(Text(f"and {len(groups) - SHOWN_VALUES} more"), "", "", "", "", "")
    return table


def value_of(group: Figures) -> str:
    return f"{group['together']:,} other values" if group["together"] > 1 else shown(group["value"])


def _flip(flip: dict[str, Any], *, with_text: bool) -> Iterator[str]:
    was, now = (_number(flip[f"urgency_{side}"]) for side in ("was", "is"))
    thresholds = [flip[f"threshold_{side}"] for side in ("was", "is")]
    moved = f" (threshold {' -> '.join(map(_number, thresholds))})" if thresholds[0] != thresholds[1] else ""
    known = " ".join(shown(flip[name]) for name in ("id", "channel", "language") if flip[name] is not None)
    yield (
        f"  {shown(flip['source'], 200)} {known} urgency {was} -> {now}{moved}, {shown(flip['reason_was'])} -> "
        f"{shown(flip['reason_is'])}"
    )
    if with_text and flip["text"] is not None:
        yield f"    {visible(flip['text'], SHOWN_TEXT)}"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.4f}"
