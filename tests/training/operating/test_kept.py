import numpy as np
import pytest

from consumer.errors import LimitError, SettingsError
from training.operating.kept import UndecidedError, require_kept, verdict, verdicts

pytestmark = pytest.mark.train


@pytest.mark.parametrize(
    ("misses", "size", "outcome"),
    [
        (0, 59, "kept"),
        (0, 58, "too few to tell"),
        (6, 59, "too few to tell"),
        (7, 59, "broken"),
        (0, 0, "too few to tell"),
    ],
)
def test_a_verdict_falls_where_the_exact_binomial_puts_it(misses, size, outcome):
    """
    At 95 % with 95 %: no miss in 59 is the least that shows it kept; P[7 or more of 59] is 0.03, P[6 or more] 0.08.
    """
    assert verdict(misses, size, 0.95, 0.95).outcome == outcome


@pytest.mark.parametrize("recall", [0.95, 0.9, 0.97])
def test_a_wrong_verdict_is_as_rare_as_the_promise_says(recall):
    """
    In 4,000 draws with a recall just kept, it is called broken in at most 5 of 100; just broken, kept as rarely.
    """
    size, draws = 300, 4000
    generator, error = np.random.default_rng(0), 3 * (0.05 * 0.95 / draws) ** 0.5
    missed = generator.binomial(size, 1 - recall, draws).tolist()
    outcomes = {each: verdict(each, size, recall, 0.95).outcome for each in set(missed)}

    for wrong in ("kept", "broken"):
        assert np.mean([outcomes[each] == wrong for each in missed]) <= 0.05 + error


@pytest.mark.parametrize(("misses", "size"), [(0, 10), (1, 60), (12, 150), (0, 0)])
def test_the_number_that_is_asked_for_would_tell(misses, size):
    """
    With the same share missed of as many; a fifth fewer would not.
    """
    needed = verdict(misses, size, 0.95, 0.95).needed
    share = misses / size if size else 0.0

    assert verdict(round(share * needed), needed, 0.95, 0.95).outcome != "too few to tell"
    assert verdict(round(share * needed * 0.8), int(needed * 0.8), 0.95, 0.95).outcome == "too few to tell"


def test_a_share_at_the_promise_itself_is_never_told():
    """
    Nobody labels ten million messages to find out.
    """
    found = verdict(5, 100, 0.95, 0.95)

    assert found.needed is None
    with pytest.raises(UndecidedError, match="so near the promise that labelling will not tell"):
        require_kept({"": found})


def test_slices_are_judged_each_by_itself_worst_first():
    """
    One broken slice breaks the promise; with several, each is given its part of the risk.
    """
    labels = np.array([0] * 400 + [3] * 10)
    slices = np.array(["en"] * 300 + ["de"] * 100 + ["en"] * 10)
    urgent = np.ones(410, dtype=bool)
    urgent[300:315] = False

    found = verdicts(urgent, labels, 0.95, 0.95, slices.tolist())

    assert {value: each.outcome for value, each in found.items()} == {"de": "broken", "en": "kept"}
    assert list(found) == ["de", "en"]
    assert verdict(10, 100, 0.95, 0.95).outcome == "broken"
    assert verdict(10, 100, 0.95, 0.95, tests=2).outcome == "too few to tell"
    with pytest.raises(LimitError, match='broken here in "de": '):
        require_kept(found)


def test_each_slice_that_cannot_be_told_says_how_many_it_takes():
    """
    The most first; of several precisions the one that takes more. What a slice is called may hold anything.
    """
    few, fewer, enough = verdict(0, 30, 0.95, 0.95), verdict(0, 10, 0.95, 0.95), verdict(0, 59, 0.95, 0.95)

    with pytest.raises(UndecidedError, match=r'label about 49 of "de", 29 of "\\u\{1b\}ja" more, if'):
        require_kept({"de": few, "\x1bja": few, "en": enough}, {"de": fewer, "en": enough})


def test_many_slices_are_not_all_named():
    few = verdict(0, 30, 0.95, 0.95)

    with pytest.raises(UndecidedError, match='29 of "j" and some of 15 others more'):
        require_kept(dict.fromkeys("abcdefghijklmnopqrstuvwxy", few))


def test_a_column_of_names_is_no_slices():
    """
    Each of its values would be shown, and have too few messages.
    """
    labels, names = np.zeros(100, dtype=np.int64), [f"somebody {number}" for number in range(100)]

    with pytest.raises(SettingsError, match="holds 100 different values") as refused:
        verdicts(labels == 0, labels, 0.95, 0.95, names)
    assert "somebody" not in str(refused.value)


def test_several_precisions_share_the_risk_of_being_called_broken():
    """
    One broken breaks all, so each has its part; in 4,000 draws of three just kept, in no more than 5 of 100.
    """
    labels, urgent = np.zeros(100, dtype=np.int64), np.arange(100) >= 10

    assert verdicts(urgent, labels, 0.95, 0.95)[""].outcome == "broken"
    assert verdicts(urgent, labels, 0.95, 0.95, precisions=3)[""].outcome == "too few to tell"
    slices = ["en", "de"] * 50
    both = verdicts(urgent, labels, 0.95, 0.95, slices, precisions=2)["en"]
    assert both == verdict(int((~urgent[::2]).sum()), 50, 0.95, 0.95, tests=4)

    missed = np.random.default_rng(0).binomial(300, 0.05, (4000, 3))
    broken = {
        each: verdicts(np.arange(300) >= each, np.zeros(300), 0.95, 0.95, precisions=3)[""].outcome == "broken"
        for each in np.unique(missed).tolist()
    }
    called = np.mean([any(broken[each] for each in draw) for draw in missed.tolist()])
    assert called <= 0.05 + 3 * (0.05 * 0.95 / 4000) ** 0.5


def test_without_slices_there_is_one_verdict():
    """
    Of the very unsatisfied alone: what others are answered breaks no promise.
    """
    labels, urgent = np.array([0] * 59 + [4] * 100), np.array([True] * 59 + [False] * 100)

    found = verdicts(urgent, labels, 0.95, 0.95)

    assert [each.outcome for each in found.values()] == ["kept"]
    require_kept(found)


def test_what_takes_thousands_of_labels_is_called_near_and_no_number_is_asked_for():
    """
    28 of 31 is 90.3 %, of 90 % that were promised.
    """
    found = verdict(3, 31, 0.9, 0.95)

    assert found.needed is not None
    assert found.needed - found.size > 5000
    with pytest.raises(UndecidedError, match='in "form" that labelling will not tell'):
        require_kept({"form": found, "chat": verdict(0, 10, 0.9, 0.95)})


def test_needless_answers_are_counted_beside_the_missed():
    """
    Of three to five stars in each slice; none where a slice has none of these.
    """
    urgent, labels = np.array([True, True, False, True, False]), np.array([0, 2, 4, 1, 0])

    found = verdicts(urgent, labels, 0.9, 0.95, ["web", "web", "web", "web", "mail"])

    assert (found["web"].needless, found["mail"].needless) == (0.5, None)
