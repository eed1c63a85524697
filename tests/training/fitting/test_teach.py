import numpy as np
import pytest

from training import recipe
from training.data import Labelled
from training.fitting import teach
from training.fitting.learn import lessons
from training.fitting.teach import fit_teacher, fragments, taught, taught_in_folds

pytestmark = pytest.mark.train

MESSAGES = Labelled(
    (
        "Awful! Never again, you thieves.",
        "It broke. I was a bit annoyed.",
        "When do you open?",
        "Good value, fast enough.",
        "Superb! Thank you, thank you.",
    )
    * 3,
    np.array([0, 1, 2, 3, 4] * 3),
    np.zeros(15, dtype=np.int64),
)


def test_fragments_are_made_of_whole_clauses_of_the_messages():
    """
    Nothing is invented, and the same seed makes the same.
    """
    made = fragments(MESSAGES.texts, 40, seed=1)

    assert len(made) == 40
    assert made == fragments(MESSAGES.texts, 40, seed=1)
    clauses = {clause for text in MESSAGES.texts for clause in text.replace(", ", ",|").replace("! ", "!|").split("|")}
    assert any(piece in clauses for piece in made)
    assert {word for piece in made for word in piece.split()} <= {w for text in MESSAGES.texts for w in text.split()}


def test_the_teacher_gives_probabilities_that_sharpness_pulls_apart():
    """
    Rows sum to one; the likeliest class gains.
    """
    teacher = fit_teacher(MESSAGES)

    modest, sharp = (taught(teacher, ["Never again!"], sharpness) for sharpness in (1.0, 3.0))

    assert modest.sum() == pytest.approx(1.0, abs=1e-6)
    assert modest.argmax() == sharp.argmax() == 0
    assert sharp.max() > modest.max()


def test_of_a_million_messages_a_teacher_learns_from_some(monkeypatch):
    """
    Of each class its share: the memory that parts of words take would have no end.
    """
    monkeypatch.setattr(teach, "MOST_ROWS", 30)
    labels = np.repeat(np.arange(5), (20, 40, 60, 80, 100))
    messages = Labelled([f"one{label} number{row}" for row, label in enumerate(labels)], labels, labels)

    words = fit_teacher(messages)[0].transformer_list[0][1].vocabulary_

    numbers = [int(word.removeprefix("number")) for word in words if word.startswith("number") and " " not in word]
    assert np.bincount(labels[numbers]).tolist() == [2, 4, 6, 8, 10]


def test_in_folds_no_message_is_taught_by_a_teacher_that_has_seen_its_label():
    """
    A word that one message alone has tells its own teacher everything, and one that has not seen it nothing.
    """
    labels = np.random.default_rng(0).permutation(50) % 5
    messages = Labelled([f"parcel number{row}" for row in range(50)], labels, np.zeros(50, dtype=np.int32))

    seen = taught(fit_teacher(messages), messages.texts, 1.0)
    unseen = taught_in_folds(messages, 5, 1.0, seed=0)

    own = np.arange(50), messages.labels
    assert seen[own].mean() > 0.4
    assert unseen[own].mean() < 0.25
    np.testing.assert_allclose(unseen.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("drawn", [{}, {"max_per_class": 2}, {"balance": "resample"}])
def test_teachers_speak_for_the_class_shares_that_an_epoch_has(drawn):
    """
    Texts that say nothing: what they teach is how many of each class are drawn.
    """
    labels = np.repeat(np.arange(5), (2, 4, 6, 8, 40))
    messages = Labelled([f"parcel {'very ' * row}" for row in range(60)], labels, np.zeros(60, dtype=np.int32))
    plan = {"teach": recipe.Teach(folds=2, weight=1.0, sharpness=1.0), "fit": recipe.Fit(**drawn)}
    made = recipe.Recipe.model_validate({"name": "a", "output": "o", "data": {"train": ["a.csv"]}}).model_copy(
        update=plan
    )

    taught_shares = lessons(made, messages)[1].mean(axis=0)

    shares = np.full(5, 0.2) if drawn else np.bincount(labels) / 60
    np.testing.assert_allclose(taught_shares, shares, atol=0.05)


def test_folds_teach_the_messages_alone_where_no_fragments_are_asked_for():
    """
    Stars and teachers mix by `weight`, and without either nothing is taught.
    """
    plain = recipe.Recipe.model_validate({"name": "a", "output": "o", "data": {"train": ["a.csv"]}})
    in_folds = plain.model_copy(update={"teach": recipe.Teach(folds=3, weight=0.25, sharpness=1.0)})

    apart = Labelled(tuple(f"{text} {row}" for row, text in enumerate(MESSAGES.texts)), MESSAGES.labels, MESSAGES.files)

    texts, targets = lessons(in_folds, apart)

    said = taught_in_folds(apart, 3, 1.0, plain.seed)
    assert texts == apart.texts
    np.testing.assert_allclose(targets, 0.75 * lessons(plain, apart)[1] + 0.25 * said, atol=1e-6)
