import tomllib

import pytest

from tests.training.made_up_run import recipe
from training.recipe import Recipe
from training.reporting.recipe_lines import recipe_lines

pytestmark = pytest.mark.train

SOURCES = [
    {"name": "own", "train": ["a*.csv"], "labels": {"very bad": 1, "5 ★": 5}, "where": {"lang": ["en", "de"]}},
    {"name": "public", "hub": "owner/reviews", "train": ["train"], "weight": 0.3},
]


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"description": 'two\nlines, "quotes", a \\ and \x7f', "seed": 7},
        {"data": {"sources": SOURCES, "limits": {"max_cut": 0.9}}},
        {
            "fit": {
                "arguments": {"learning_rate": 2e-5, "report_to": ["none"], "lr_scheduler_kwargs": {"a b": {"c": 1}}}
            }
        },
    ],
)
def test_a_recipe_told_with_its_defaults_is_the_same_recipe(changed):
    """
    As TOML, whatever it holds; so that what the report shows can be run.
    """
    made = recipe(**changed)

    assert Recipe.model_validate(tomllib.loads("\n".join(recipe_lines(made)))) == made
