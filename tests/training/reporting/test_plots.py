import re
from xml.etree import ElementTree

import pytest

from training.measures.intervals import Estimate
from training.reporting.plots import LEFT, PLOT_WIDTH, WIDTH, Axis, Mark, Series, bars, chart, interval, nice_top, ticks

pytestmark = pytest.mark.train

LINE = Series("a line", "model", (0.0, 0.5, 1.0), (0.0, 0.8, 1.0))


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts(svg: str) -> list[str]:
    return [found.text or "" for found in parsed(svg).iter("text")]


def points(svg: str) -> list[tuple[float, float]]:
    line = next(found for found in parsed(svg).iter("polyline") if found.get("class") == "line model")
    return [tuple(map(float, point.split(","))) for point in line.get("points", "").split()]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.8, 1, [0.8, 0.85, 0.9, 0.95, 1]),
        (0, 3000, [0, 1000, 2000, 3000]),
        (0, 0.3, [0, 0.1, 0.2, 0.3]),
    ],
)
def test_ticks_are_few_and_round(low, high, expected):
    """
    No 0.30000000000000004, and both ends where they are round.
    """
    assert ticks(low, high) == expected


@pytest.mark.parametrize(("value", "expected"), [(0.52, 0.6), (0.6, 0.6), (1, 1), (7, 8), (801, 1000), (0.011, 0.015)])
def test_an_axis_ends_at_a_round_number(value, expected):
    """
    The next above, itself if it is one.
    """
    assert nice_top(value) == pytest.approx(expected)


def test_a_chart_says_what_it_shows_to_who_cannot_see_it():
    """
    A title, a description, both axes and each line by name; and it is well-formed.
    """
    svg = chart("A title", "What it says.", Axis("across"), Axis("up"), [LINE])

    assert parsed(svg).get("role") == "img"
    assert [parsed(svg).findtext("title"), parsed(svg).findtext("desc")] == ["A title", "What it says."]
    assert {"across", "up", "a line", "0 %", "100 %"} <= set(texts(svg))


def test_points_stand_where_the_axes_say():
    """
    The ends of the line at the corners of the plot, the middle one above the middle.
    """
    first, middle, last = points(chart("t", "d", Axis("x"), Axis("y"), [LINE]))

    assert (first[0], middle[0], last[0]) == (LEFT, LEFT + PLOT_WIDTH / 2, LEFT + PLOT_WIDTH)
    assert (first[1] - middle[1]) / (first[1] - last[1]) == pytest.approx(0.8, abs=0.01)


def test_a_diagonal_goes_where_both_axes_say_the_same():
    """
    From corner to corner where they are alike, and nowhere unless it is asked for.
    """
    drawn = chart("t", "d", Axis("x"), Axis("y"), [LINE], diagonal=True)
    first, _, last = points(drawn)

    (ideal,) = (each for each in parsed(drawn).iter("polyline") if each.get("class") == "ideal")
    assert ideal.get("points") == " ".join(f"{x:.1f},{y:.1f}" for x, y in (first, last))
    assert "ideal" not in chart("t", "d", Axis("x"), Axis("y"), [LINE])


def test_what_lies_beyond_the_axes_is_cut_off():
    """
    The lines stand in an <svg> of their own, which shows nothing beyond its edges.
    """
    svg = parsed(chart("t", "d", Axis("x", 0.8, 1), Axis("y"), [LINE]))

    (inner,) = svg.findall("svg")
    assert inner.find("polyline") is not None
    assert float(inner.get("x", 0)) + float(inner.get("width", 0)) <= WIDTH


def test_an_interval_ends_where_the_axis_does():
    """
    A mark's arms never stick out of the plot.
    """
    mark = Mark("m", "model", Estimate(0.9, 0.7, 0.95), Estimate(0.5, 0.4, 0.6))
    svg = parsed(chart("t", "d", Axis("x", 0.8, 1), Axis("y"), [], [mark]))

    (arms,) = (found.get("d", "") for found in svg.findall("path") if found.get("class") == "range model")
    assert arms.startswith(f"M{LEFT:.1f} ")


def test_names_are_never_markup():
    """
    A customer's column may be called anything.
    """
    evil = '<script>alert("1")</script>'
    for svg in (
        chart(evil, evil, Axis(evil), Axis(evil), [Series(evil, "model", (0.0,), (0.0,))]),
        interval(Estimate(0.5, 0.4, 0.6), evil),
        bars(evil, evil, evil, [0, 1], [1]),
    ):
        assert "<script" not in svg
        assert "script" in "".join(parsed(svg).itertext())


@pytest.mark.parametrize("kinds", [1, 4])
def test_no_letter_stands_beyond_the_edge(kinds):
    """
    As wide as a phone: a long legend takes another line, and the last tick ends at the edge.
    """
    lines = [Series("TF-IDF + logistic regression", "beside", (0.0, 1.0), (0.0, 1.0))] * kinds
    svg = parsed(chart("t", "d", Axis("x"), Axis("y"), lines))

    for found in svg.iter("text"):
        wide = 6.6 * len(found.text or "")
        start = float(found.get("x", 0)) - {"middle": wide / 2, "end": wide}.get(found.get("text-anchor", ""), 0)
        assert start >= -2
        assert start + wide <= WIDTH + 2, found.text


def test_a_histogram_has_a_bar_for_each_count():
    """
    As high as its count, against a round top.
    """
    svg = parsed(bars("t", "d", "tokens", [0, 4, 8, 12], [10, 0, 40]))

    heights = [float(bar.get("height", 0)) for bar in svg.findall("rect")]
    assert heights[1] == 0
    assert heights[2] == pytest.approx(4 * heights[0], abs=0.5)
    assert {"0", "4", "8", "12", "tokens"} <= {found.text for found in svg.iter("text")}


def test_an_interval_of_a_table_shows_value_and_promise():
    """
    The dot between the ends, and the line where the promise is.
    """
    svg = interval(Estimate(0.5, 0.25, 0.75), "told", 0.9)

    places = [
        float(number)
        for number in re.findall(r'd="M([\d.]+)|H([\d.]+)"|cx="([\d.]+)"', svg)
        for number in number
        if number
    ]
    assert len(places) >= 4
    assert float(parsed(svg).find("circle").get("cx")) == 60  # type: ignore[union-attr, arg-type]
    assert '<path class="ideal" d="M104.8 0V14"/>' in svg, "nine tenths of the way"
