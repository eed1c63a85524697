import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.training.made_up_run import run
from training.evaluating.figures import TFIDF
from training.operating.effort import estimated
from training.reporting import in_words
from training.reporting.report import Found, report

pytestmark = pytest.mark.train

EVIL = "<script>alert('1')</script> & \"more\" http://example.com/x"
VOID = {"meta", "link", "br", "img", "hr", "input"}
LOADS = {"src", "href", "srcset", "data", "action", "poster", "background", "xlink:href"}
SECTIONS = (
    "short",
    "calibration",
    "ranking",
    "classes",
    "slices",
    "mistakes",
    "precisions",
    "data",
    "fit",
    "recipe",
    "versions",
)


class Page(HTMLParser):
    """Tags that do not close, addresses that would be loaded, ids, and the words of all of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.loaded += [str(value) for name, value in attrs if name in LOADS]
        self.ids += [str(value) for name, value in attrs if name == "id"]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data


def told(html: str) -> str:
    return re.sub(r"[ \n]+", " ", Page(html).words)


@pytest.fixture(scope="module")
def page() -> str:
    return report(*run())


def test_every_part_is_there(page):
    """
    From the promise to the versions; plots, all of them, with names for who cannot see them.
    """
    found = Page(page)

    assert [each for each in found.ids if each in SECTIONS] == list(SECTIONS)
    assert found.tags.count("figure") == page.count('<svg class="plot"') == 6
    assert "not measured" in told(page).lower()  # the fit left no train_results.json
    for words in (
        "1 ★",
        "int8",
        "TF-IDF + logistic regression",
        "recall = 0.8",
        "torch2.8.0",
        "message 1",
        "channel: web",
    ):
        assert words in told(page).replace("\u00a0", " "), words


def test_it_is_html_that_needs_nothing_else(page):
    """
    Every tag closes; nothing is loaded, from the network or elsewhere; no script, and a policy that forbids both.
    """
    found = Page(page)

    assert found.open == []
    assert page.startswith("<!doctype html>")
    assert "script" not in found.tags
    assert [each for each in found.loaded if not each.startswith("#")] == ["data:,"]
    assert not re.search(r"@import|url\(", page)
    assert "default-src 'none'" in page
    assert len(found.ids) == len(set(found.ids))
    assert {each[1:] for each in found.loaded if each.startswith("#")} <= set(found.ids)


def test_customers_words_are_never_markup():
    """
    Texts, values of columns and descriptions are shown as they are, and do nothing.
    """
    page = report(*run(text=EVIL + " {row}", channel=EVIL, description=EVIL))

    assert "script" not in Page(page).tags
    assert page.count("<script") == 0
    assert "<script>alert('1')</script> & \"more\"" in told(page)


def test_a_text_that_turns_the_page_around_is_shown_by_number():
    """
    No direction of writing is overridden, and nothing that cannot be seen is hidden in it.
    """
    page = report(*run(text="abc\u202edef\x00 {row}"))

    assert "\u202e" not in page
    assert "\x00" not in page
    assert "abc\\u{202e}def\\u{0}" in page


def test_the_promise_and_the_figures_are_those_of_the_files():
    """
    Each as in the JSON, rounded; a promise only downwards.
    """
    recipe, description, found = run()
    words = told(report(recipe, description, found))
    model = found.evaluation["precisions"]["int8"]
    point = found.operating_point["chosen"]["precisions"]["int8"]
    after = found.operating_point["calibration"]["int8"]["after"]

    assert words.count(f"At least {in_words.at_least(point['recall'])} of the very unsatisfied") == 1
    for share in (model["recall"], model["needless"], after["urgency"]["error"], after["class_wise"]["error"]):
        assert in_words.percent(share["value"]) + in_words.percent_range(share, "–") in words
    for each in model["confusion"]["classes"].values():
        for figure in (each["precision"], each["recall"], each["f1"]):
            assert in_words.figure(figure["value"]) + in_words.figure_range(figure, "–") in words
    for row in model["confusion"]["counts"]:
        assert "".join(f"{count}" for count in row) in words
    assert f"int8 {model['curves']['roc']['area']:.3f}" in words
    assert f"{found.evaluation[TFIDF]['loss']:.3f}" in words
    assert in_words.points(found.evaluation[f"gain_over_{TFIDF}"]["needless_at_recall"]) in words
    for name, value in found.prediction_results.items():
        assert f"{name}{in_words.figure(value, 4)}" in words
    assert f"{len(found.flips['int8'])} calibration messages that int8" in words


def test_a_day_is_reckoned_from_the_test_messages_of_each_class():
    """
    For as many messages as the recipe says, with its live shares; TF-IDF's in the same way.
    """
    recipe, description, found = run()
    words = told(report(recipe, description, found))

    for name, each in (("model", found.evaluation["precisions"]["int8"]), ("beside", found.evaluation[TFIDF])):
        counts = each["per_class"]
        day = estimated(20_000, description.class_shares.live, counts["answered"], counts["rows"])
        assert in_words.count(day.looked_at.value) in words, name
        assert f"{day.looked_at.low:,.0f} to {day.looked_at.high:,.0f}" in words, name
    assert "A day with 20,000 messages, 1,000 of them very unsatisfied" in words


def test_without_test_messages_it_says_what_was_not_measured():
    """
    The promise and the day stand, of the calibration messages; the rest is not made up.
    """
    recipe, description, found = run()
    bare = Found(found.operating_point, eval_results={"precisions": {}}, counts=found.counts)
    page = report(recipe, description, bare)

    assert "the recipe names no test messages" in told(page)
    assert "Measured on the calibration messages" in told(page)
    assert Page(page).tags.count("figure") == 3
    assert Page(page).open == []


def test_nothing_but_an_operating_point_is_enough():
    """
    Whatever a step has not left yet is not measured, and the page is whole.
    """
    recipe, description, found = run()

    assert "not measured" in told(report(recipe, description, Found(found.operating_point)))
    assert (
        "not measured"
        in told(report(recipe, description, replace(found, operating_point=without_calibration(found)))).lower()
    )


def without_calibration(found: Found) -> dict[str, object]:
    return {**found.operating_point, "calibration": {}}


def test_a_promise_that_the_test_messages_break_is_said_to_be_broken():
    """
    Not like those of calibration: the report's top says so, and that a day is worse.
    """
    assert "kept there" in told(report(*run(rows=1000, noise=0.5)))
    assert "broken there" in told(report(*run(rows=1000, noise=8.0)))


def test_it_says_what_this_promise_assumes():
    """
    In folds and by slices, other things than otherwise.
    """
    recipe, description, found = run(calibration={"folds": 2})
    assert "scored by models that had not seen them" in told(report(recipe, description, found))

    chosen = {**found.operating_point["chosen"], "slices": "language"}
    page = told(
        report(recipe, description, replace(found, operating_point={**found.operating_point, "chosen": chosen}))
    )
    assert "whatever their language" in page
    assert "says nothing of others" in page
