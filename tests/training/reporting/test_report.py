import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from consumer.pages import in_words
from tests.training.made_up_run import run, usual
from training.evaluating.figures import TFIDF
from training.operating.effort import estimated
from training.operating.kept import verdict
from training.reporting.report import Found, ahead, kept, looks, report

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
    return report(*usual())


def test_every_part_is_there(page):
    """
    From the promise to the versions; plots, all of them, with names for who cannot see them.
    """
    found = Page(page)

    assert [each for each in found.ids if each in SECTIONS] == list(SECTIONS)
    assert found.tags.count("figure") == page.count('<svg class="plot"') == 7
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
    recipe, description, found = usual()
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
    assert in_words.points_more(found.evaluation[f"gain_over_{TFIDF}"]["needless_at_recall"]) in words
    for name, value in found.prediction_results.items():
        assert f"{name}{in_words.figure(value, 4)}" in words
    assert f"{len(found.flips['int8'])} calibration messages that int8" in words


def test_a_day_is_reckoned_from_the_test_messages_of_each_class():
    """
    For as many messages as the recipe says, with its live shares; TF-IDF's in the same way.
    """
    recipe, description, found = usual()
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
    recipe, description, found = usual()
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
    recipe, description, found = usual()

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
    assert "the promise was kept there" in told(report(*run(rows=1000, noise=0.5)))
    assert "On the test messages it was not kept" not in told(report(*usual()))
    broken = told(report(*run(rows=1000, noise=8.0)))
    assert "95\u00a0% confidence. On the test messages it was not kept." in broken
    assert "the promise was broken there Do not rely on it" in broken


def evaluated(**slices: tuple[int, int]) -> dict[str, object]:
    each = {value: verdict(of - answered, of, 0.9, 0.95, 2).as_json() for value, (answered, of) in slices.items()}
    return {"verdicts": {"int8": each}}


def test_a_promise_is_judged_by_the_verdict_that_was_kept_of_it():
    """
    Of slices by the worst of them, however high the others: broken before too few to tell before kept.
    """
    found = evaluated(web=(200, 200), phone=(70, 100), mail=(10, 10))

    assert kept(found, "int8") == verdict(30, 100, 0.9, 0.95, 2)
    assert kept(evaluated(web=(200, 200), mail=(10, 10)), "int8").outcome == "too few to tell"
    assert kept(evaluated(web=(200, 200)), "int8").outcome == "kept"
    assert kept(found, "fp32") is None
    assert kept(None, "int8") is None


def test_test_messages_with_too_many_slices_are_said_to_be_unjudged():
    """
    `check` would refuse their column; the page says so, and that they were measured.
    """
    recipe, description, found = usual()

    words = told(report(recipe, description, replace(found, evaluation={**found.evaluation, "verdicts": {}})))

    assert "was not judged: they have too many different values" in words
    assert "names no test messages" not in words


def test_where_the_test_messages_cannot_tell_it_says_how_many_would():
    """
    In the words of the top, with the number that `check` gives.
    """
    recipe, description, found = usual()
    page = json.loads(json.dumps(found.evaluation))
    recall = found.operating_point["chosen"]["precisions"]["int8"]["recall"]
    page["verdicts"]["int8"] = {"": verdict(1, 10, recall, 0.95, 2).as_json()}

    words = told(report(recipe, description, replace(found, evaluation=page)))

    assert "too few to tell whether it was kept there" in words
    needed = verdict(1, 10, recall, 0.95, 2).needed
    assert f"About {needed:,} very unsatisfied messages like these would tell." in words


def test_a_days_looks_are_told_by_class():
    """
    Together they are what is looked at: live messages of each class, by the share of it that is answered.
    """
    recipe, description, found = usual()
    model, live = found.evaluation["precisions"]["int8"], description.class_shares.live
    counts, each = model["per_class"], looks(20_000, live, model)

    assert each[1] == pytest.approx(20_000 * live[1] * counts["answered"][1] / counts["rows"][1])
    assert sum(each) == pytest.approx(estimated(20_000, live, counts["answered"], counts["rows"]).looked_at.value)
    words = (
        f"{each[0]:,.0f} very unsatisfied, {each[1]:,.0f} with two stars, and {sum(each[2:]):,.0f} with three to five"
    )
    assert words in told(report(recipe, description, found))


def test_what_is_not_missed_has_no_weakest_place():
    """
    Where all slices are as good as the whole, the page names none.
    """
    recipe, description, found = run(rows=1000)
    assert "It is weakest where" in told(report(recipe, description, found))
    page = json.loads(json.dumps(found.evaluation))
    model = page["precisions"]["int8"]
    for each in (model, *model["slices"]):
        each["recall"] = {"value": 1.0, "low": 0.9, "high": 1.0}
    model["per_class"]["answered"][0] = model["per_class"]["rows"][0]

    words = told(report(recipe, description, replace(found, evaluation=page)))

    assert "None of the 200 very unsatisfied test messages was missed." in words
    assert "It is weakest where" not in words


@pytest.mark.parametrize(
    ("low", "high", "verdict", "words"),
    [
        (-0.2, -0.1, "ahead", "no: this model is ahead By more than chance."),
        (0.1, 0.2, "behind", "better: this model is behind By more than chance: a word count does better."),
        (
            -0.1,
            0.1,
            "neither",
            "perhaps: not told apart If more test messages cannot tell them apart either, use the word count",
        ),
    ],
)
def test_it_says_whether_a_word_count_would_do(low, high, verdict, words):
    """
    Before any figure: no, better, or not to be told.
    """
    recipe, description, found = usual()
    gain = {"needless_at_recall": {"value": (low + high) / 2, "low": low, "high": high}, "at_recall": 0.8}

    page = report(recipe, description, replace(found, evaluation={**found.evaluation, f"gain_over_{TFIDF}": gain}))

    assert ahead(gain) == verdict
    assert words in told(page)


def test_sources_have_their_shares_and_their_own_results():
    """
    Of several: how much of each split is of each, its weight, and how the model does on its test messages.
    """
    sources = [{"name": name, "train": ["t.csv"], "weight": weight} for name, weight in (("own", 2), ("public", 1))]
    recipe, description, found = run(channel="own", data={"sources": sources})
    evaluation = json.loads(json.dumps(found.evaluation).replace('"channel"', '"source"'))
    (own,) = (each for each in evaluation["precisions"]["int8"]["slices"] if each["value"] == "own")
    counts = {"own": {"train": 14, "test": 500}, "public": {"train": 21, "test": 0}}

    words = told(report(recipe, description, replace(found, evaluation=evaluation, sources=counts)))

    shares = "own counts 2 times in the loss 1440.0\u00a0%500100.0\u00a0%"
    figures = "".join(
        in_words.percent(own[key]["value"]) + in_words.percent_range(own[key], "–")
        for key in ("recall", "needless", "accuracy")
    )
    assert (shares + figures).replace(" ", "") in words.replace(" ", "")
    assert "public2160.0\u00a0%00.0\u00a0%–––" in words.replace(" ", "")
    one = replace(found, sources={"own": counts["own"]})
    assert "Messages by source" not in told(report(recipe, description, one))


def test_many_slices_are_folded():
    """
    The worst twenty stand open, the rest can be opened; none is left out.
    """
    recipe, description, found = usual()
    evaluation = json.loads(json.dumps(found.evaluation))
    model = evaluation["precisions"]["int8"]
    model["slices"] = [{**model["slices"][0], "value": f"shop {row}"} for row in range(33)]

    page = report(recipe, description, replace(found, evaluation=evaluation))

    assert "<details><summary>13 more</summary>" in page
    assert page.index("shop 19") < page.index("13 more") < page.index("shop 20")
    assert "shop 32" in page


def test_it_says_what_this_promise_assumes():
    """
    In folds and by slices, other things than otherwise.
    """
    recipe, description, found = run(calibration={"folds": 2})
    page = told(report(recipe, description, found))
    assert "by models fitted without them" in page
    assert "their words alone may have served" in page
    assert "come from the same messages" not in page

    same = {**found.operating_point["chosen"], "messages": {"temperature": 500, "promise": 500, "apart": False}}
    page = told(report(recipe, description, replace(found, operating_point={**found.operating_point, "chosen": same})))
    assert "Temperature and threshold come from the same messages" in page, "in folds too"
    assert "with intervals of about 95\u00a0%" in page.replace("95 %", "95\u00a0%")

    chosen = {**found.operating_point["chosen"], "slices": "language"}
    page = told(
        report(recipe, description, replace(found, operating_point={**found.operating_point, "chosen": chosen}))
    )
    assert "whatever their language" in page
    assert "says nothing of others" in page
