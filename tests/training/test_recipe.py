from pathlib import Path

import pytest

from consumer.errors import SettingsError
from consumer.manifest import LEAST_WEIGHT
from training import recipe as recipes
from training.commands.recalibrate import WEIGHT
from training.reporting.recipe_lines import as_run

pytestmark = pytest.mark.train

RECIPE = 'name = "a"\noutput = "o"\n[data]\ntrain = ["x"]\n[model]\nbase = "somebody/base"\n'


def read(folder: Path, words: str) -> recipes.Recipe:
    (folder / "recipe.toml").write_text(words, "utf-8")
    return recipes.read(folder / "recipe.toml")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("vocab_size = 8000", "vocab_size makes the tokenizer of a model from scratch"),
        ("lower_case = true", "lower_case makes the tokenizer of a model from scratch"),
        ("[pretrain]\nword_vectors = true", r"\[pretrain\] is of a model with base = \"scratch\""),
        ("[pretrain.arguments]\nnum_train_epochs = 1", r"\[pretrain\] is of a model with base = \"scratch\""),
    ],
)
def test_what_would_do_nothing_beside_a_checkpoint_is_refused(tmp_path, words, told):
    """
    Somebody who sets it believes that it does something; the same lines make a model from scratch.
    """
    with pytest.raises(SettingsError, match=told):
        read(tmp_path, RECIPE + words)
    read(tmp_path, (RECIPE + words).replace("somebody/base", "scratch"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ('[fit]\nmax_per_class = 5\nbalance = "resample"', "draws each class as often, whatever max_per_class says"),
        ("[fit]\nmax_per_class = 5\n[teach]\nfragments_per_message = 1", "whose class shares .* change: drop one"),
        ('[fit]\nbalance = "resample"\n[teach]\nfragments_per_message = 1', "whose class shares .* change: drop one"),
    ],
)
def test_two_ways_of_drawing_an_epoch_are_refused(tmp_path, words, told):
    """
    One of the two would do nothing, or the teacher's class shares would not be those that are learned from.
    """
    with pytest.raises(SettingsError, match=told):
        read(tmp_path, RECIPE.replace("somebody/base", "scratch") + words)


SOURCES = """\
name = "a"
output = "o"
[[data.sources]]
name = "own"
train = ["own.csv"]
{own}
[[data.sources]]
name = "public"
train = ["public.csv"]
calibrates = false
{public}
"""


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"own": "calibrates = false"}, "no source calibrates"),
        ({"public": 'calibration = ["c.csv"]'}, "calibrates = false beside calibration"),
        ({"public": 'validation = ["v.csv"]'}, "calibrates = false beside validation"),
        (
            {"public": "[calibration]\nfolds = 5"},
            r"all of train calibrates in folds, and public has calibrates = false",
        ),
    ],
)
def test_a_source_that_does_not_calibrate_holds_nothing_out(tmp_path, given, told):
    """
    What would be held out all the same, or leave nothing to hold out, is refused.
    """
    plain = {"own": "", "public": ""}

    assert [source.calibrates for source in read(tmp_path, SOURCES.format(**plain)).data.all_sources] == [True, False]
    with pytest.raises(SettingsError, match=told):
        read(tmp_path, SOURCES.format(**{**plain, **given}))


def test_a_recipe_as_it_was_run_can_be_run(tmp_path):
    """
    It holds every default, those that do nothing for its base model among them.
    """
    once = read(tmp_path, RECIPE)

    assert read(tmp_path, as_run(once, {})) == once


@pytest.mark.parametrize(("promise", "told"), [("", False), ("unsatisfied_weight = 0.1\n", True)])
def test_what_changes_nothing_is_told_to_no_older_version(tmp_path, promise, told):
    """
    Two stars that count in full, and a fit that reads what is served: a recipe with them was one before they had names.
    """
    once = read(tmp_path, f"{RECIPE}[promise]\n{promise}")

    words = as_run(once, {})

    assert ("unsatisfied_weight" in words) is told
    assert words.count("max_length") == 1
    assert read(tmp_path, words) == once


@pytest.mark.parametrize(
    ("fitted", "pretraining", "refused"),
    [
        (64, "", True),
        (64, "[pretrain]\nword_vectors = true\n", True),
        (64, "[pretrain.arguments]\nnum_train_epochs = 1\n", False),
        (128, "", False),
    ],
)
def test_a_model_from_scratch_is_fitted_on_all_that_it_reads(tmp_path, fitted, pretraining, refused):
    """
    Unless masked words have taught it the places that the fit does not see; a checkpoint knows them.
    """
    words = f"{RECIPE.replace('somebody/base', 'scratch')}[fit]\nmax_length = {fitted}\n{pretraining}"

    if refused:
        with pytest.raises(SettingsError, match="nothing else teaches a model from scratch what stands beyond it"):
            read(tmp_path, words)
    else:
        read(tmp_path, words)
    read(tmp_path, f"{RECIPE}[fit]\nmax_length = {fitted}\n")


LABELS = 'name = "a"\noutput = "o"\n[data]\ntrain = ["x.csv"]\nstars = "tone"\nlabels = {{ {labels} }}\n'


def test_stars_that_no_label_means_are_told_before_a_message_is_read(tmp_path):
    """
    Three tones make no five classes, whatever the limits are.
    """
    with pytest.raises(SettingsError, match="in train, no label means 2, 4 stars, and all five are needed: part"):
        read(tmp_path, LABELS.format(labels="angry = 1, neutral = 3, happy = 5"))
    read(tmp_path, LABELS.format(labels="angry = 1, upset = 2, neutral = 3, glad = 4, happy = 5"))


def test_another_source_may_have_the_other_stars(tmp_path):
    """
    One that counts stars itself may have any.
    """
    tones = 'train = ["a.csv"]\nstars = "tone"\nlabels = { angry = 1, happy = 5 }'

    read(tmp_path, SOURCES.format(own="", public='stars = "tone"\nlabels = { angry = 1, happy = 5 }'))
    with pytest.raises(SettingsError, match="in train, no label means 2, 3, 4 stars"):
        read(tmp_path, f'name = "a"\noutput = "o"\n[[data.sources]]\nname = "own"\n{tones}')


@pytest.mark.parametrize(
    ("weight", "told"),
    [
        ("0", "promise.unsatisfied_weight is 0: two stars hardly count with 0.01; the least is 1e-06"),
        ("5e-324", "promise.unsatisfied_weight is 5e-324: two stars hardly count with 0.01"),
        ("nan", "promise.unsatisfied_weight is nan: it should be a finite number"),
        ("true", "promise.unsatisfied_weight is True: it should be a valid number"),
    ],
)
def test_a_weight_that_two_stars_cannot_have_is_refused(tmp_path, weight, told):
    """
    One of next to nothing has no logarithm once it is multiplied by a share; true is no number, and 1 is one.
    """
    with pytest.raises(SettingsError, match=told):
        read(tmp_path, f"{RECIPE}[promise]\nunsatisfied_weight = {weight}\n")
    assert read(tmp_path, f"{RECIPE}[promise]\nunsatisfied_weight = 1\n").promise.unsatisfied_weight == 1


def test_the_least_weight_is_one_for_the_option_too():
    """
    Which names it itself, so that a `--help` need not wait for what the manifest imports.
    """
    assert (WEIGHT.min, WEIGHT.max, WEIGHT.min_open) == (LEAST_WEIGHT, 1, False)
