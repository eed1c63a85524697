import pytest

from consumer.errors import SettingsError
from training.data import read
from training.data.named_labels import classes, nearest_label

pytestmark = pytest.mark.train

TONES = {"furious": 1, "angry": 2, "neutral": 3, "pleased": 4, "happy": 5}


def test_classes_are_few_short_and_there_again_and_again():
    """
    What stands there once is no class, unless it is nearly one that is known.
    """
    column = ["Angry", "happy", "neutral"] * 5

    assert classes(column) == {"Angry", "happy", "neutral"}
    assert classes([*column, "Smith"]) == {"Angry", "happy", "neutral"}
    assert classes([*column, "Smith", "hapy"], TONES) == {"Angry", "happy", "neutral", "hapy"}


@pytest.mark.parametrize(
    "column",
    [
        ["canary", "canary 2", "canary 3"],
        [f"canary {number}" for number in range(21)] * 5,
        ["a", "b", "the canary sang until it was blue in the face"] * 5,
        ["canary@example.org"] * 5,
        ["0172 1234567"] * 5,
        ["canary sang very loud"] * 5,
        [""] * 5,
    ],
)
def test_what_a_customer_may_have_written_is_no_class(column):
    """
    Texts, names, addresses, telephone numbers: shown nowhere, whatever the column was meant to hold.
    """
    assert classes(column) == frozenset()


def test_the_nearest_label_is_told_whatever_its_case():
    """
    A spreadsheet's "Angry " is "angry".
    """
    assert nearest_label("ANGRY ", TONES) == ' (did you mean "angry"?)'
    assert nearest_label("Zufrieden", TONES) == ""


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        (
            TONES,
            r"line 2 holds \"Angry\" \(did you mean \"angry\"\?\): 'tone' is none of the labels \"furious\", \"angry\"",
        ),
        ({}, r"line 2 holds \"Angry\": 'tone' is no number of stars: .* say what each label means"),
    ],
)
def test_a_label_that_no_mapping_names_is_told(tmp_path, mapping, told):
    """
    With what was meant; the text beside it never.
    """
    lines = [f"canary {row},{tone}" for row in range(4) for tone in ("Angry", "happy")]
    (tmp_path / "a.csv").write_text("\n".join(["text,tone", *lines]), "utf-8")

    with pytest.raises(SettingsError, match=told) as caught:
        read([tmp_path / "a.csv"], stars="tone", mapping=mapping)

    assert "canary" not in str(caught.value)
