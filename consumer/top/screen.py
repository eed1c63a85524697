"""A frame for a terminal. Whatever stands in an answer, it neither steers the terminal nor takes more than its line."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from consumer.visible import visible
from consumer.watching.frame import Frame

UNKNOWN = "–"
NARROW = 90  # columns, below which what an answer tells beside its text is left out
MOST_LAGS = 12
COLOURS = {"urgent": "bold red", "routine": "green", "dead-lettered": "magenta"}


def screen(frame: Frame, width: int, lags: int = MOST_LAGS) -> RenderableType:
    """Everything of it, the answers newest first. `lags` is how many partitions are told."""
    parts: list[RenderableType] = [_head(frame), Text(""), _figures(frame)]
    parts += [Text(""), *_lag(frame["lag"], lags)]
    if (dead := frame["dead_letters"])["by_code"]:
        codes = ", ".join(f"{_plain(code)} {count:,}" for code, count in dead["by_code"].items())
        parts.append(_line("dead letters", f"{dead['all']:,} {dead['counted']}: {codes}", "magenta"))
    if frame["drift"]:
        parts.append(_drift(frame["drift"]))
    parts += [Text(""), _answers(frame["answers"], width)]
    parts += [Text(f"! {_plain(each, 400)}", style="yellow") for each in frame["problems"]]
    return Group(*parts)


def _head(frame: Frame) -> Text:
    consumers = frame["consumers"]
    words = Text("shikyu top", style="bold")
    words.append(f"  {frame['at'][:19].replace('T', ' ')} UTC  ", style="dim")
    if frame["from"] == "metrics":
        words.append(f"{consumers['answering']} of {consumers['asked']} consumers answer", style="dim")
    else:
        words.append("no consumer's /metrics: by the topics alone", style="dim")
    for model in frame["models"]:
        words.append(f"  {_plain(model)}", style="cyan")
    return words


def _figures(frame: Frame) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    window, promise = frame["window_s"], frame["promise"]
    lag = sum(each["records"] for each in frame["lag"]) if frame["lag"] else None
    cells = {
        "messages/s": _number(frame["a_second"], ",.1f"),
        "urgent": _percent(frame["urgent_share"]),
        "window p50": _seconds(window["p50"]),
        "p99": _seconds(window["p99"]),
        "lag": _number(lag, ",d"),
        "dead": f"{frame['dead_letters']['all']:,}",
        "promised": _percent(promise and promise["recall"]),
    }
    for name in cells:
        table.add_column(name, justify="right", header_style="dim", no_wrap=True)
    table.add_row(*(Text(each, style="bold") for each in cells.values()))
    return table


def _lag(lag: Sequence[Frame], most: int) -> Iterator[RenderableType]:
    """The partitions that are furthest behind."""
    if not lag:
        yield _line("lag", "not known")
        return
    behind = sorted(lag, key=lambda each: (-each["records"], each["topic"], each["partition"]))
    words = [
        f"{_plain(each['topic'])}/{each['partition']} {each['records']:,}{_age(each['seconds'])}"
        for each in behind[:most]
    ]
    more = f"  and {len(lag) - most:,} more" if len(lag) > most else ""
    yield _line("lag", "  ".join(words) + more)


def _drift(drift: Sequence[Frame]) -> Text:
    words = [
        f"{_plain(each['feature'])} {each['distance']:.3f}{' ALARM' if each['alarm'] else ''}"
        f" (limit {_number(each['limit'], '.3f')})"
        for each in drift
    ]
    return _line("drift", ", ".join(words), "bold red" if any(each["alarm"] for each in drift) else "")


def _answers(answers: Sequence[Frame], width: int) -> Table:
    wide = width >= NARROW
    table = Table(box=None, pad_edge=False, expand=True, header_style="dim")
    table.add_column("at", width=8)
    table.add_column("decision", width=13)
    table.add_column("urgency", width=7, justify="right")
    if wide:
        table.add_column("satisfaction", width=16, no_wrap=True)
        table.add_column("reason", width=20, no_wrap=True, overflow="ellipsis")
        table.add_column("channel", width=9, no_wrap=True, overflow="ellipsis")
    table.add_column("message", no_wrap=True, overflow="ellipsis", ratio=1)
    for each in reversed(answers):
        more = [_cell(each[name]) for name in ("satisfaction", "reason", "channel")] if wide else []
        table.add_row(
            (each["at"] or UNKNOWN)[11:19],
            Text(each["decision"], style=COLOURS[each["decision"]]),
            _number(each["urgency"], ".3f"),
            *more,
            Text(_plain(each["event_id"]), style="dim") if each["text"] is None else Text(_plain(each["text"], 400)),
        )
    return table


def _line(name: str, words: str, style: str = "") -> Text:
    return Text(f"{name:<13}", style="dim", no_wrap=False).append(words, style=style or "default")


def _cell(word: str | None) -> Text:
    return Text(UNKNOWN if word is None else _plain(word))


def _plain(word: str, most: int = 120) -> str:
    """On one line, as long as it may be."""
    return visible(word.replace("\n", " ⏎ ").replace("\t", " "), most).removeprefix('"').removesuffix('"')


def _age(seconds: float | None) -> str:
    return "" if not seconds else f" ({_seconds(seconds)})"


def _seconds(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s"


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{100 * share:.1f} %"


def _number(value: Any, kind: str) -> str:
    return UNKNOWN if value is None else format(value, kind)
