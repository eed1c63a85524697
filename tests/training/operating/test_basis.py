import numpy as np
import pytest

from consumer.errors import LimitError, SettingsError
from training import recipe as recipes
from training.data import Labelled
from training.operating import basis as bases
from training.operating.basis import Basis

pytestmark = pytest.mark.train


def recipe(**sections) -> recipes.Recipe:
    return recipes.Recipe.model_validate({"name": "a", "output": "out", "data": {"train": ["x"]}, **sections})


def messages(per_class: int, **columns: tuple[str, ...]) -> Labelled:
    labels = np.arange(per_class * 5) % 5
    return Labelled(tuple(map(str, labels)), labels, np.zeros_like(labels), columns)


def basis(made: recipes.Recipe, some: Labelled) -> Basis:
    return bases.basis(some, made.promise, made.temperature_share, made.seed)


def require_promise(made: recipes.Recipe, some: Labelled) -> None:
    bases.require_promise(some, made.promise, made.temperature_share)


@pytest.mark.parametrize(
    ("sections", "share"),
    [
        ({}, 0.2),
        ({"promise": {"by": "cost", "cost_missed": 9, "cost_needless": 1}}, 0.5),
        ({"promise": {"temperature_share": 0.3}}, 0.3),
        ({"promise": {"temperature_share": 0.3}, "calibration": {"folds": 2}}, 0.3),
    ],
)
def test_the_temperature_has_messages_that_the_promise_does_not_use(sections, share):
    """
    A share of every class; the two parts have nothing in common and leave nothing out.
    """
    parts = basis(recipe(**sections), messages(100))

    assert parts.apart
    assert np.bincount(parts.temperature % 5).tolist() == [round(100 * share)] * 5
    assert sorted([*parts.temperature, *parts.promise]) == list(range(500))


def test_in_folds_all_messages_serve_both_as_they_did():
    """
    Where messages are few; a recipe can say so of held-out ones too.
    """
    for sections in ({"calibration": {"folds": 2}}, {"promise": {"temperature_share": 0}}):
        parts = basis(recipe(**sections), messages(10))

        assert not parts.apart
        assert parts.temperature.tolist() == parts.promise.tolist() == list(range(50))


def test_every_slice_gives_its_share_to_the_temperature():
    """
    Else one of just the size that is needed could lose more than its share by chance.
    """
    column = ("rare",) * 100 + ("often",) * 400
    parts = basis(recipe(promise={"slices": "kind"}), messages(100, kind=column))

    kept = [row for row in parts.promise if column[row] == "rare" and row % 5 == 0]
    assert len(kept) == 16
    assert parts.slices == column


def test_too_few_messages_are_told_with_what_the_temperature_takes():
    """
    74 of which a fifth serves the temperature leave the 59 that 95 % with 95 % needs.
    """
    require_promise(recipe(), messages(74))
    with pytest.raises(LimitError, match=r"label 1 more \(74 in all, 20% of which serve the temperature\)"):
        require_promise(recipe(), messages(73))
    column = ("rare",) * 50 + ("often",) * 450
    with pytest.raises(LimitError, match=r"1 of 2 slices .* \(still 64 of .rare.\)"):
        require_promise(recipe(promise={"slices": "kind"}), messages(100, kind=column))


def test_a_column_that_is_not_there_is_named():
    """
    With those that are.
    """
    with pytest.raises(SettingsError, match="column 'langauge', and the messages keep language"):
        require_promise(recipe(promise={"slices": "langauge"}), messages(100, language=("en",) * 500))


def test_a_class_of_one_cannot_both_choose_and_bound():
    """
    Half of one message is one: nothing would be left to say what the threshold keeps.
    """
    by_cost = recipe(promise={"by": "cost", "cost_missed": 9, "cost_needless": 1})

    require_promise(by_cost, messages(2))
    with pytest.raises(LimitError, match="1 calibration messages with 1 stars are too few"):
        require_promise(by_cost, messages(1))


def test_where_none_is_left_nothing_less_is_offered():
    """
    A recall of 0 is no promise.
    """
    with pytest.raises(LimitError) as refused:
        require_promise(recipe(), messages(1))
    assert "promise less" not in str(refused.value)
