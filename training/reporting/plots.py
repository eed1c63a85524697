"""
Plots as inline SVG, made of nothing but numbers: no plotting library, no script, and colours that the page decides.

Everything is drawn 360 wide, a phone's width, so that letters are never smaller than they are here. A plot is for the
eye; `title` and `told` say the same to who cannot see it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np

from training.measures.intervals import Estimate

Kind = Literal["model", "beside", "before", "limit"]  # the page's classes

WIDTH, LINE = 360, 16
ROOM_FOR_LABEL = 22
LEFT, RIGHT, BELOW = 42, 12, 40
PLOT_WIDTH = WIDTH - LEFT - RIGHT
CHARACTER = 6.6  # the width of one, at the page's 12 pixels, rather more than less
MOST_TICKS = 6
ROUND = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, in shares of 1 that are told as percent."""

    label: str
    low: float = 0.0
    high: float = 1.0

    def place(self, value: float) -> float:
        """0 at `low`, 1 at `high`."""
        return (value - self.low) / (self.high - self.low)

    def within(self, value: float) -> float:
        return min(self.high, max(self.low, value))


@dataclass(frozen=True, slots=True)
class Series:
    """Points joined by a line, or as `dots`, each by itself."""

    name: str
    kind: Kind
    x: Sequence[float]
    y: Sequence[float]
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """One point with the intervals that hold it."""

    name: str
    kind: Kind
    x: Estimate
    y: Estimate


def chart(
    title: str,
    told: str,
    x: Axis,
    y: Axis,
    series: Sequence[Series],
    marks: Sequence[Mark] = (),
    diagonal: bool = False,
) -> str:
    """
    Lines and marks over two axes, with the legend above; with a `diagonal`, where both axes say the same.

    What lies beyond the axes is cut off.
    """
    key, top = _legend([*series, *marks])
    top += ROOM_FOR_LABEL
    height = top + PLOT_WIDTH * 3 // 4 + BELOW
    frame = _Frame(x, y, top, height - BELOW)
    inside = [part for each in series for part in _series(frame, each)]
    if diagonal:
        low, high = max(x.low, y.low), min(x.high, y.high)
        inside.insert(0, _path(frame, [low, high], [low, high], "ideal"))
    drawn = [part for mark in marks for part in _mark(frame, mark)]
    return _svg("plot", height, title, told, [*key, *_grid(frame), *_clipped(frame, inside), *drawn])


def interval(estimate: Estimate, told: str, line: float | None = None, axis: Axis | None = None) -> str:
    """A bar for a table's row: the estimate as a dot on its interval, and where `line` is."""
    width, height, axis = 120, 14, axis or Axis("")
    ends = (estimate.low, estimate.value, estimate.high)
    low, value, high = (4 + axis.place(axis.within(each)) * (width - 8) for each in ends)
    parts = [f'<path class="grid" d="M4 7H{width - 4}"/>']
    if line is not None:
        place = 4 + axis.place(axis.within(line)) * (width - 8)
        parts.append(f'<path class="ideal" d="M{place:.1f} 0V{height}"/>')
    parts.append(f'<path class="range model" d="M{low:.1f} 7H{max(high, low + 1):.1f}"/>')
    parts.append(f'<circle class="dot model" cx="{value:.1f}" cy="7" r="3.5"/>')
    start = f'<svg class="interval" viewBox="0 0 {width} {height}" role="img"><title>{_text(told)}</title>'
    return f"{start}{''.join(parts)}</svg>"


def bars(title: str, told: str, x_label: str, edges: Sequence[float], counts: Sequence[int]) -> str:
    """A histogram with bars equally wide, whatever their edges; `counts[i]` lie from `edges[i]` up to the next."""
    top, high = 8 + ROOM_FOR_LABEL, nice_top(max(1, *counts))
    height = top + PLOT_WIDTH // 2 + BELOW
    frame = _Frame(Axis(x_label, 0, len(counts)), Axis("messages", 0, high), top, height - BELOW)
    parts = list(_rules(frame, [(tick, f"{tick:,.0f}") for tick in ticks(0, high)]))
    wide = PLOT_WIDTH / len(counts)
    for place, count in enumerate(counts):
        y = frame.y_of(count)
        parts.append(
            f'<rect class="bar" x="{LEFT + place * wide + 1:.1f}" y="{y:.1f}" width="{wide - 2:.1f}" '
            f'height="{frame.bottom - y:.1f}"/>'
        )
    every = -(-len(edges) // 8)
    parts += [_tick_below(frame, place, f"{edges[place]:g}") for place in range(0, len(edges), every)]
    return _svg("plot", height, title, told, [*parts, *_axis_labels(frame)])


def ticks(low: float, high: float) -> list[float]:
    """At most MOST_TICKS round numbers from `low` to `high`, both ends among them where they are round."""
    rough = (high - low) / (MOST_TICKS - 1)
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= rough * (1 - 1e-9))
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return [float(f"{number * step:.10g}") for number in range(first, last + 1)]


def nice_top(value: float) -> float:
    """The smallest of some round numbers that is at least `value`."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in ROUND if step * power >= value * (1 - 1e-9)))


@dataclass(frozen=True, slots=True)
class _Frame:
    x: Axis
    y: Axis
    top: int
    bottom: int

    def x_of(self, value: float) -> float:
        return LEFT + self.x.place(value) * PLOT_WIDTH

    def y_of(self, value: float) -> float:
        return self.bottom - self.y.place(value) * (self.bottom - self.top)


def _grid(frame: _Frame) -> Iterable[str]:
    yield from _rules(frame, [(tick, _percent(tick)) for tick in ticks(frame.y.low, frame.y.high)])
    for tick in ticks(frame.x.low, frame.x.high):
        yield f'<path class="grid" d="M{frame.x_of(tick):.1f} {frame.top}V{frame.bottom}"/>'
        yield _tick_below(frame, tick, _percent(tick))
    yield from _axis_labels(frame)


def _rules(frame: _Frame, named: Iterable[tuple[float, str]]) -> Iterable[str]:
    for value, name in named:
        y = frame.y_of(value)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_text(name)}</text>'


def _tick_below(frame: _Frame, value: float, name: str) -> str:
    x = frame.x_of(value)
    # Centred, the last one would be cut off at the edge.
    anchor = "end" if x > WIDTH - RIGHT - 8 else "middle"
    shift = RIGHT if anchor == "end" else 0
    return f'<text class="tick" x="{x + shift:.1f}" y="{frame.bottom + 16}" text-anchor="{anchor}">{_text(name)}</text>'


def _axis_labels(frame: _Frame) -> Iterable[str]:
    yield (
        f'<text class="axis" x="{LEFT + PLOT_WIDTH / 2:.1f}" y="{frame.bottom + 34}" text-anchor="middle">'
        f"{_text(frame.x.label)}</text>"
    )
    # Level and above the axis: on its side it would be hard to read, and too long for a phone's plot.
    yield f'<text class="axis" x="4" y="{frame.top - 12}">{_text(frame.y.label)}</text>'


def _legend(named: Sequence[Series | Mark]) -> tuple[list[str], int]:
    """Side by side as far as they fit; and where the plot begins below."""
    parts, x, y = [], float(LEFT), LINE - 4
    for each in named:
        width = 22 + len(each.name) * CHARACTER + 10
        if x > LEFT and x + width > WIDTH:
            x, y = float(LEFT), y + LINE
        sample = f"M{x:.1f} {y - 4}h16"
        if isinstance(each, Mark) or each.dots:
            parts.append(f'<circle class="dot {each.kind}" cx="{x + 8:.1f}" cy="{y - 4}" r="5"/>')
        else:
            parts.append(f'<path class="line {each.kind}" d="{sample}"/>')
        parts.append(f'<text class="key" x="{x + 22:.1f}" y="{y}">{_text(each.name)}</text>')
        x += width
    return parts, y + (LINE if named else 0)


def _clipped(frame: _Frame, parts: Sequence[str]) -> Iterable[str]:
    """An <svg> within another shows nothing beyond its edges; a little beyond, so that dots stay whole."""
    left, top, wide, high = LEFT - 4, frame.top - 4, PLOT_WIDTH + 8, frame.bottom - frame.top + 8
    yield f'<svg x="{left}" y="{top}" width="{wide}" height="{high}" viewBox="{left} {top} {wide} {high}">'
    yield from (*parts, "</svg>")


def _series(frame: _Frame, each: Series) -> Iterable[str]:
    if each.dots:
        yield from (_dot(frame, x, y, each.kind) for x, y in zip(each.x, each.y, strict=True))
    else:
        yield _path(frame, each.x, each.y, f"line {each.kind}")


def _path(frame: _Frame, x: Sequence[float], y: Sequence[float], kind: str) -> str:
    points = " ".join(f"{frame.x_of(one):.1f},{frame.y_of(other):.1f}" for one, other in zip(x, y, strict=True))
    return f'<polyline class="{kind}" points="{points}"/>'


def _dot(frame: _Frame, x: float, y: float, kind: str, radius: float = 3) -> str:
    return f'<circle class="dot {kind}" cx="{frame.x_of(x):.1f}" cy="{frame.y_of(y):.1f}" r="{radius:g}"/>'


def _mark(frame: _Frame, mark: Mark) -> Iterable[str]:
    x, y = frame.x_of(mark.x.value), frame.y_of(mark.y.value)
    left, right = (frame.x_of(frame.x.within(end)) for end in (mark.x.low, mark.x.high))
    low, high = (frame.y_of(frame.y.within(end)) for end in (mark.y.low, mark.y.high))
    yield f'<path class="range {mark.kind}" d="M{left:.1f} {y:.1f}H{right:.1f}M{x:.1f} {low:.1f}V{high:.1f}"/>'
    yield _dot(frame, mark.x.value, mark.y.value, mark.kind, 5)


def _svg(kind: str, height: int, title: str, told: str, parts: Iterable[str]) -> str:
    return (
        f'<svg class="{kind}" viewBox="0 0 {WIDTH} {height}" role="img">'
        f"<title>{_text(title)}</title><desc>{_text(told)}</desc>{''.join(parts)}</svg>"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _text(words: str) -> str:
    return escape(words, quote=True)
