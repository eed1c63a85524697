import numpy as np
import pytest

from training.data import Labelled
from training.fitting.teach import fit_teacher, fragments, taught

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
