import re

import pytest
from huggingface_hub import ModelCard
from pydantic import ValidationError

from tests.training.made_up_run import recipe, run, usual
from training.evaluating.figures import TFIDF
from training.reporting.card import card
from training.reporting.card_metadata import WIDGET_TEXTS, OnTheHub
from training.reporting.drawn import TFIDF_NAME

pytestmark = pytest.mark.train

HUB = {"name": "public", "hub": "owner/reviews", "revision": "abc", "train": ["train"], "test": ["test"]}
OWN = {"name": "own", "train": ["a.csv"]}


def made(hub: OnTheHub | None = None, **changed: object) -> tuple[ModelCard, str]:
    _, description, found = usual()
    text = card(recipe(**changed), description, found.eval_results, found.evaluation, hub)
    return ModelCard(text), text


def test_the_hub_reads_the_metrics_of_the_checkpoint():
    """
    huggingface_hub parses them back: fp32's, with recall and needless answers at the operating point among them.
    """
    _, _, found = usual()
    fp32 = found.evaluation["precisions"]["fp32"]

    read, _ = made()

    values = {each.metric_type: each.metric_value for each in read.data.eval_results}
    assert values == {
        "accuracy": pytest.approx(fp32["accuracy"], abs=1e-4),
        "loss": pytest.approx(fp32["loss"], abs=1e-4),
        "recall": pytest.approx(fp32["operating_point"]["recall"], abs=1e-4),
        "needless": pytest.approx(fp32["operating_point"]["needless"], abs=1e-4),
        "f1": pytest.approx(fp32["confusion"]["macro_f1"]["value"], abs=1e-4),
        "mae": pytest.approx(fp32["confusion"]["mean_absolute_error_stars"]["value"], abs=1e-4),
    }
    assert all(
        "operating point" in each.metric_name
        for each in read.data.eval_results
        if each.metric_type in ("recall", "needless")
    )
    assert {each.dataset_name for each in read.data.eval_results} == {"made-up test messages"}
    assert read.data.model_name == "made-up"


def test_no_other_precisions_figures_are_the_checkpoints():
    """
    The Hub shows what its own box answers with, which is fp32.
    """
    settings, description, found = usual()
    other = {"macro_f1": {"value": 0.5}, "mean_absolute_error_stars": {"value": 3.0}}
    precisions = {**found.evaluation["precisions"], "int8": {"confusion": other}}

    text = card(settings, description, found.eval_results, {**found.evaluation, "precisions": precisions})

    values = {each.metric_type: each.metric_value for each in ModelCard(text).data.eval_results}
    assert values["f1"] != 0.5
    assert values["mae"] != 3.0


def test_what_was_measured_stands_in_a_row_for_each():
    """
    Of the operating point, and by argmax in a column of its own.
    """
    _, _, found = usual()
    _, text = made()

    for name, each in (("int8", found.eval_results["precisions"]["int8"]), (TFIDF_NAME, found.eval_results[TFIDF])):
        point, argmax = each["operating_point"], each["argmax"]
        shares = [point["recall"], point["needless"], argmax["recall"], argmax["needless"]]
        recall, needless, by_argmax, needless_by_argmax = (f"{100 * share:.1f}\u00a0%" for share in shares)
        figures = f"{each['accuracy']:.3f} | {each['loss']:.3f} | {recall} | {needless}"
        assert f"| {name} | {figures} | {by_argmax} / {needless_by_argmax} |" in text


def test_a_fit_that_read_less_than_what_is_served_says_so():
    """
    The tokens of the fit are not those of calibration.
    """
    _, text = made(fit={"max_length": 32}, pretrain={"arguments": {"num_train_epochs": 1}})

    assert "at most 32 tokens of each, and 64 where it is calibrated and served. Temperature" in text
    assert "at most 64 tokens of each. Temperature" in made()[1]


def test_a_precision_beyond_its_limits_is_said_to_be_none_to_serve():
    """
    Behind its promise, and behind none other's.
    """
    settings, description, found = usual()
    precisions = dict(description.precisions)
    precisions["int8"] = precisions["int8"].model_copy(update={"servable": False})

    text = card(settings, description.model_copy(update={"precisions": precisions}), found.eval_results)

    (promise,) = (line for line in text.splitlines() if "not servable" in line)
    assert promise.startswith("- int8: at least 80\u00a0%")


def test_what_nobody_said_is_not_claimed():
    """
    No licence, no language, no base model, no data set.
    """
    read, text = made()

    assert read.data.license is read.data.language is read.data.base_model is read.data.datasets is None
    assert not re.search(r"^(license|language|base_model|datasets):", text, re.MULTILINE)


def test_what_the_recipe_says_stands_in_it():
    """
    Licence, languages and intended use as they were given.
    """
    read, text = made(card={"language": "de", "licence": "cc-by-nc-4.0", "intended_use": "For the night shift."})

    assert (read.data.license, read.data.language) == ("cc-by-nc-4.0", ["de"])
    assert "For the night shift." in text
    assert "Made for messages in: de." in text


@pytest.mark.parametrize("card", [{"language": "German"}, {"licence": "MIT License"}, {"license": "mit"}])
def test_a_licence_or_language_that_the_hub_has_no_name_for_is_refused(card):
    """
    Before the fit, and not by the Hub after it.
    """
    with pytest.raises(ValidationError):
        recipe(card=card)


@pytest.mark.parametrize(("language", "texts"), [((), "en"), (("fr",), "fr"), (("ja", "es"), "es"), (("ja",), "en")])
def test_the_hubs_box_has_texts_to_try(language, texts):
    """
    Three that were written for it, in the model's language where there are some.
    """
    read, _ = made(card={"language": list(language)})

    assert [each["text"] for each in read.data.widget] == list(WIDGET_TEXTS[texts])
    assert all(each["example_title"] for each in read.data.widget)
    assert read.data.pipeline_tag == "text-classification"
    assert read.data.library_name == "transformers"


def test_no_text_of_the_data_and_no_value_of_a_column_is_in_it():
    """
    It goes to the Hub.
    """
    settings, description, found = run(text="customer {row} wrote this", channel="hotline seven")

    text = card(settings, description, found.eval_results, found.evaluation)

    assert "wrote this" not in text
    assert "hotline" not in text


def test_data_sets_of_the_hub_are_named_and_folders_are_not(tmp_path):
    """
    With the test split's place there, where the test messages are of one data set alone.
    """
    (tmp_path / "local" / "reviews").mkdir(parents=True)
    settings = recipe(data={"sources": [OWN, HUB, {**OWN, "name": "folder", "hub": "local/reviews"}]})

    read, _ = made(OnTheHub.of(settings, tmp_path), data={"sources": [OWN, HUB]})

    assert read.data.datasets == ["owner/reviews"]
    first = read.data.eval_results[0]
    assert (first.dataset_type, first.dataset_split, first.dataset_revision) == ("owner/reviews", "test", "abc")


def test_a_base_model_of_this_machine_is_no_page_of_the_hub(tmp_path, monkeypatch):
    """
    A checkpoint's name is one; a folder is none, whatever it is called.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "model").mkdir(parents=True)

    assert OnTheHub.of(recipe(model={"base": "owner/model"}), tmp_path).base_model is None
    assert OnTheHub.of(recipe(model={"base": "owner/other"}), tmp_path).base_model == "owner/other"
    assert OnTheHub.of(recipe(), tmp_path).base_model is None
    assert made(OnTheHub(base_model="owner/other"))[0].data.base_model == "owner/other"


def test_a_promise_of_slices_is_told_as_one():
    """
    With the column's name, and not as one of all messages together; nor the other way round.
    """
    settings, description, found = usual()
    promise = description.precisions["fp32"].promise
    sliced = {
        name: each.model_copy(update={"promise": promise.model_copy(update={"slices": "shop"})})
        for name, each in description.precisions.items()
    }

    plain = card(settings, description, found.eval_results)
    of_slices = card(settings, description.model_copy(update={"precisions": sliced}), found.eval_results)

    assert "of all the very unsatisfied together" in plain
    assert "whatever their" not in plain
    assert "are answered, whatever their `shop`, with" in of_slices
    assert "of each `shop` that they had" in of_slices
    assert "together" not in of_slices


def test_without_test_messages_it_claims_no_figures():
    """
    The promise stands, a model-index does not.
    """
    settings, description, _ = usual()
    figures = {"test_rows": 0, "precisions": {}, "eval_samples": 9}

    text = card(settings, description, figures)

    assert "model-index" not in text
    assert "nothing was measured" in text
    assert "with 95\u00a0% confidence" in text
    assert ModelCard(text).data.eval_results is None


def test_the_card_names_no_package_that_is_not_ours():
    """
    shikyu is installed from its clone; whoever owns that name on PyPI, it is not this project.
    """
    _, text = made()

    assert "pip install ." in text
    assert "pip install shikyu" not in text


@pytest.mark.parametrize("weight", [1.0, 0.1])
def test_what_the_promise_costs_two_stars_is_said(weight):
    """
    Where they do not count in full.
    """
    _, description, found = usual()
    shares = description.class_shares.model_copy(update={"unsatisfied_weight": weight})
    described = description.model_copy(update={"class_shares": shares})

    text = card(recipe(), described, found.eval_results, found.evaluation, None)

    assert ("A message with 2 stars counts 0.1 times in urgency" in text) is (weight < 1)
