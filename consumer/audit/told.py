"""The figures for a terminal, and the sentences that pages share with it."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from consumer.audit.count import Figures

NAMES = {"very-unsatisfied": "very unsatisfied", "should-be-urgent": "should have been urgent"}


def told(found: Figures) -> RenderableType:
    parts: list[RenderableType] = [_line(line) for line in _lines(found)]
    parts += ["", _table(found), "", *(_line(line) for line in _after(found))]
    parts += [_line(f"note: {note}") for note in found["notes"]]
    return Group(*parts)


def promise_line(found: Figures) -> str:
    """`95 % promised, live estimate 93.1 % ± 1.2 (91.9 % to 94.3 %): too few to tell`."""
    promise, live = found["promise"], found["live"]
    estimate = "not known" if live is None else estimate_words(live)
    if promise is None:
        where = "model.artifact, --promised" if found["of"] == "very-unsatisfied" else "--promised"
        return f"no promise to compare with ({where}), live estimate {estimate}"
    return f"{_percent(promise['recall'])} promised, live estimate {estimate}: {promise['verdict']}"


def estimate_words(live: Figures) -> str:
    return (
        f"{_percent(live['value'])} ± {100 * live['half_width']:.1f} "
        f"({_percent(live['low'])} to {_percent(live['high'])})"
    )


def known_line(found: Figures) -> str:
    """How long until recall is known well, and how it is asked for then."""
    return known_words(found) + known_then(found)


def known_then(found: Figures) -> str:
    """Nothing where it is known by now, or nobody can say when."""
    in_days = found["known"]["in_days"]
    return "" if in_days is None or in_days <= found["days"] else f"; ask with --since {in_days:.0f}d then"


def known_words(found: Figures) -> str:
    """How long until recall is known well."""
    known = found["known"]
    points = f"± {100 * known['half_width']:.2g} points"
    if known["in_days"] is None:
        return f"{points}: not reached yet, and too little is judged to say when"
    if (left := known["in_days"] - found["days"]) <= 0:
        return f"{points}: known by now"
    return (
        f"{points}: after {in_days(known['in_days'])} at the present volume, share and response, "
        f"{left:,.0f} more than the {found['days']:.3g} that were read"
    )


def in_days(days: float) -> str:
    """`1 day`, `6.5 days`, `1,200 days`."""
    return f"{days:,.0f} days" if days >= 100 else "1 day" if (shown := f"{days:.3g}") == "1" else f"{shown} days"


def _lines(found: Figures) -> Iterator[str]:
    messages, marked = found["messages"], found["marked"]
    count = marked["urgent"] + marked["routine"]
    judged = sum(marked["judged"].values())
    yield (
        f"{in_days(found['days'])} to {found['made_at'][:16].replace('T', ' ')} UTC: {messages['all']:,} messages, "
        f"{messages['urgent']:,} urgent, {messages['routine']:,} routine"
    )
    yield (
        f"marked for review: {count:,}{_of(count, messages['all'])}, {marked['a_day']:,.0f} a day; "
        f"judged of them: {judged:,}{_of(judged, count)}"
    )
    yield f"recall of the {NAMES[found['of']]}, as the model decides: {promise_line(found)}"


def _table(found: Figures) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("all messages, whatever decided")
    for column in ("estimate", "95 % interval", "judged", "found"):
        table.add_column(column, justify="right")
    for of, name in NAMES.items():
        recall, precision, missed = (found[key][of] for key in ("recall", "precision", "missed_a_day"))
        if recall is not None:
            judged, hits = sum(recall["judged"].values()), sum(recall["found"].values())
            table.add_row(f"recall of the {name}", *_cells(recall), f"{judged:,}", f"{hits:,}")
        if precision is not None:
            table.add_row(f"share of the urgent that are {name}", *_cells(precision), f"{precision['judged']:,}", "")
        if missed is not None:
            low, high = f"{missed['low']:,.1f}", f"{missed['high']:,.1f}"
            table.add_row(f"{name}, but routine, a day", f"{missed['value']:,.1f}", f"{low} to {high}", "", "")
    return table


def _after(found: Figures) -> Iterator[str]:
    yield known_line(found)
    if unmarked := found["unmarked"]:
        told = ", ".join(f"{count:,} {what}" for what, count in unmarked.items())
        yield f"corrections of messages that were not marked, in no estimate: {told}"
    if conflicts := found["corrections"]["conflicts"]:
        what = "one message" if conflicts == 1 else f"{conflicts:,} messages"
        yield f"people disagree about {what}; the weightier role and then the latest word counts"


def _cells(known: Figures) -> tuple[str, str]:
    return _percent(known["value"]), f"{_percent(known['low'])} to {_percent(known['high'])}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _of(count: int, whole: int) -> str:
    return f" ({_percent(count / whole)})" if whole else ""


def _line(words: str) -> Text:
    """As long as it is: to be printed without cropping."""
    return Text(words, no_wrap=True, overflow="ignore")
