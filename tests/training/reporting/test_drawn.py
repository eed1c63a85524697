"""What each plot shows of the files' figures, to the eye and to who cannot see it."""

from xml.etree import ElementTree

import pytest

from tests.training.made_up_run import usual
from training.evaluating.figures import TFIDF
from training.reporting.drawn import (
    interval_bar,
    lengths,
    precision_recall,
    reliability,
    roc,
    shorter,
    tradeoff,
    urgencies,
)
from training.reporting.plots import LEFT, PLOT_WIDTH

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def found():
    _, _, files = usual()
    return files


def both(found):
    return found.evaluation["precisions"]["int8"], found.evaluation[TFIDF]


def dots(svg: str, kind: str) -> list[float]:
    """Those in the plot, without the legend's."""
    found = [each for each in ElementTree.fromstring(svg).iter() if each.get("class") == f"dot {kind}"]
    return [float(each.get("cx", "nan")) for each in found][1:]


def places(svg: str, kind: str) -> list[tuple[float, float]]:
    lines = [each for each in ElementTree.fromstring(svg).iter("polyline") if each.get("class") == f"line {kind}"]
    return [tuple(map(float, point.split(","))) for point in lines[0].get("points", "").split()]  # type: ignore[misc]


def words(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter("text")]


def test_every_plot_names_its_axes_and_tells_its_figures(found):
    """
    Axes in words, both lines by name, and the figures in the description.
    """
    model, beside = both(found)
    calibrated = found.operating_point["calibration"]["int8"]
    plots = {
        tradeoff(model, beside, "this model"): ("3 to 5 stars answered (needless)", model["operating_point"]["recall"]),
        roc(model, beside, "int8"): ("very unsatisfied answered", model["curves"]["roc"]["area"]),
        precision_recall(model, beside, "int8"): (
            "very unsatisfied of the answered (precision)",
            model["curves"]["precision_recall"]["area"],
        ),
        reliability("t", calibrated["before"], calibrated["after"], "urgency"): (
            "share that came true",
            calibrated["after"]["urgency"]["error"]["value"],
        ),
    }
    for svg, (axis, figure) in plots.items():
        told = ElementTree.fromstring(svg).findtext("desc") or ""
        assert axis in words(svg)
        assert {f"{figure:.3f}", f"{figure:.1%}"} & set(told.replace(",", " ").replace(".  ", " ").rstrip(".").split())
        assert len({each for each in words(svg) if "TF-IDF" in each or "temperature" in each}) >= 1


def test_curves_stand_where_their_figures_say(found):
    """
    Needless answers to the right in the ROC, recall in the others; the mark of the trade-off on its own figures.
    """
    model, beside = both(found)
    curves = model["curves"]
    svg = tradeoff(model, beside, "this model")
    least = min(0.8, model["recall"]["low"] - 0.02, beside["recall"]["low"] - 0.02)

    drawn = places(roc(model, beside, "int8"), "model")
    assert [x for x, _ in drawn] == [pytest.approx(LEFT + x * PLOT_WIDTH, abs=0.1) for x in curves["roc"]["x"]]
    drawn = places(precision_recall(model, beside, "int8"), "model")
    assert drawn[0][0] == pytest.approx(LEFT + curves["precision_recall"]["x"][1] * PLOT_WIDTH, abs=0.1)
    places_of_recall = [LEFT + (recall - least) / (1 - least) * PLOT_WIDTH for recall in curves["roc"]["y"]]
    assert [x for x, _ in places(svg, "model")] == [pytest.approx(x, abs=0.1) for x in places_of_recall]
    dots = [each for each in ElementTree.fromstring(svg).iter("circle") if each.get("r") == "5"]
    recall = (model["recall"]["value"] - least) / (1 - least)
    assert float(dots[-1].get("cx", 0)) == pytest.approx(LEFT + recall * PLOT_WIDTH, abs=0.1)


def test_the_last_of_the_very_unsatisfied_do_not_flatten_the_tradeoff():
    """
    Its axis ends with what a recall of 98 % costs, or where the mark's interval does.
    """
    share = {"value": 0.9, "low": 0.85, "high": 0.95}
    model = {
        "recall": share,
        "needless": {"value": 0.1, "low": 0.05, "high": 0.14},
        "operating_point": {"recall": 0.9, "needless": 0.1},
        "curves": {"roc": {"x": [0.0, 0.1, 0.17, 1.0], "y": [0.0, 0.9, 0.98, 1.0]}},
    }

    assert [each for each in words(tradeoff(model, None, "m")) if each.endswith("%")][:5] == [
        "0 %",
        "5 %",
        "10 %",
        "15 %",
        "20 %",
    ]


def test_a_slices_bar_begins_below_the_worst_of_them():
    """
    So that the lowest end of an interval is still on it.
    """
    svg = ElementTree.fromstring(interval_bar({"value": 0.6, "low": 0.47, "high": 0.7}, "answered", 0.9, 0.47))

    start = next(each.get("d", "") for each in svg.iter("path") if each.get("class") == "range model")
    assert float(start[1:].split()[0]) == pytest.approx(4 + (0.47 - 0.3) / 0.7 * 112, abs=0.1)
    assert interval_bar(None, "answered") == ""


def test_the_temperature_is_told_before_and_after(found):
    """
    Each at its own points, which no line joins: what lies between two of them nobody has seen.
    """
    calibrated = found.operating_point["calibration"]["int8"]

    svg = reliability("t", calibrated["before"], calibrated["after"], "top_label")

    for kind, which in (("before", "before"), ("model", "after")):
        first = calibrated[which]["top_label_points"][0]
        assert dots(svg, kind)[0] == pytest.approx(LEFT + first["predicted"] * PLOT_WIDTH, abs=0.1)
    assert "polyline" not in svg.replace('<polyline class="ideal"', "")
    assert {"before the temperature", "after the temperature"} <= set(words(svg))


def test_precision_of_no_message_at_all_is_not_drawn(found):
    """
    At a recall of 0 it is 1 by convention, and a line down from there would be no message's.
    """
    model, _ = both(found)

    drawn = places(precision_recall(model, None, "int8"), "model")

    assert len(drawn) == len(model["curves"]["precision_recall"]["x"]) - 1


def test_urgencies_are_spread_by_stars_and_cut_by_the_threshold():
    """
    Shares of each group's own messages in steps; a straight line where the threshold is.
    """
    counts = [[0] * 20 for _ in range(5)]
    counts[0][19], counts[1][10], counts[2][0], counts[3][0], counts[4][1] = 40, 7, 20, 20, 10
    edges = [step / 20 for step in range(21)]

    svg = urgencies({"urgency": {"edges": edges, "counts": counts}}, 0.25)

    top, bottom = (y for _, y in sorted(places(svg, "limit"), key=lambda place: place[1]))
    assert {x for x, _ in places(svg, "limit")} == {LEFT + PLOT_WIDTH / 4}
    happy, angry = places(svg, "beside"), places(svg, "model")
    assert (bottom - happy[0][1]) / (bottom - top) == pytest.approx(0.8, abs=0.01)
    assert happy[1] == (pytest.approx(LEFT + PLOT_WIDTH / 20, abs=0.1), happy[0][1])
    assert angry[-1] == (pytest.approx(LEFT + PLOT_WIDTH), pytest.approx(top))
    assert {"1 star", "2 stars", "3 to 5 stars", "threshold", "urgency"} <= set(words(svg))


def test_lengths_end_with_the_longest():
    """
    Room for 512 tokens says nothing of messages that are cut at 64.
    """
    svg = lengths({"edges": [0, 8, 16, 64, 512], "counts": [3, 0, 7, 0]}, 16)

    assert len(list(ElementTree.fromstring(svg).iter("rect"))) == 3
    assert {"0", "8", "16", "64"} <= set(words(svg))
    assert "512" not in words(svg)
    assert "10 messages" in (ElementTree.fromstring(svg).findtext("desc") or "")


def test_shares_of_shorter_messages_rise_to_all():
    """
    Each point is the share of the messages, of all classes, that are shorter than its edge.
    """
    counts = [[1, 1], [2, 0], [0, 0], [0, 3], [0, 3]]
    svg = shorter({"edges": [0, 8, 64], "counts": counts}, 64)

    (_, bottom), (_, middle), (_, top) = places(svg, "model")
    assert (bottom - middle) / (bottom - top) == pytest.approx(3 / 10, abs=0.01)
    assert "10 messages" in (ElementTree.fromstring(svg).findtext("desc") or "")
