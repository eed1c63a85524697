"""From answers and corrections to what `shikyu recall` says."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from consumer.artifact import read_manifest
from consumer.audit import live
from consumer.audit.count import Asked, figures
from consumer.audit.estimate import BANDS, URGENT, Estimate
from consumer.audit.live import require_kept
from consumer.audit.population import Population, stratum_of
from consumer.audit.promise import Promised, promised, verdict
from consumer.audit.told import told
from consumer.corrections.settle import Rules, settle
from consumer.errors import LimitError, SettingsError
from consumer.settings import Audit, Model, Output, Settings
from tests.consumer.audit.live_window import KEY, MODEL, Live, judged, lived

EVERYTHING = Audit(share=1, key=KEY)
HALF = Audit(share=0.3, share_at_threshold=0.6, key=KEY)
RULES = Rules(frozenset({"shikyu"}), floor=100_000)
DAYS = 2.0


def population_of(messages: list[Live], corrections: list) -> Population:
    population = Population({each.event_id for each in corrections})
    for each in messages:
        population.add(each.answer())
    return population


def told_of(messages: list[Live], corrections: list, promise=None, asked=None, population=None) -> dict:
    population = population or population_of(messages, corrections)
    return figures(population, settle(corrections, population.known, RULES), promise, DAYS, asked or Asked())


def real_recall(messages: list[Live], of: str, by_model: bool = False) -> float:
    chosen = [each for each in messages if not by_model or each.decision.reason == "model"]
    asked = [each for each in chosen if (each.is_very_unsatisfied if of == "very-unsatisfied" else each.should)]
    return sum(each.decision.urgent for each in asked) / len(asked)


def test_where_everything_is_judged_the_estimates_are_what_was():
    """Of both kinds, of all messages and of those that the model decided; a rule's are not the model's merit."""
    messages = lived(3000, EVERYTHING)

    made = told_of(messages, list(judged(messages)))

    for of in ("very-unsatisfied", "should-be-urgent"):
        assert made["recall"][of]["value"] == pytest.approx(real_recall(messages, of))
        urgent = [each for each in messages if each.decision.urgent]
        right = sum(each.is_very_unsatisfied if of == "very-unsatisfied" else each.should for each in urgent)
        assert made["precision"][of]["value"] == pytest.approx(right / len(urgent))
    assert made["live"]["value"] == pytest.approx(real_recall(messages, "very-unsatisfied", by_model=True))
    assert made["live"]["value"] < made["recall"]["very-unsatisfied"]["value"]
    missed = sum(each.should and not each.decision.urgent for each in messages)
    assert made["missed_a_day"]["should-be-urgent"]["value"] == pytest.approx(missed / DAYS)
    assert made["messages"]["all"] == 3000
    assert made["notes"] == []


def test_a_part_of_them_speaks_for_all():
    messages = lived(6000, HALF)

    made = told_of(messages, list(judged(messages)))

    estimate = made["recall"]["very-unsatisfied"]
    assert estimate["low"] <= real_recall(messages, "very-unsatisfied") <= estimate["high"]
    assert abs(estimate["value"] - real_recall(messages, "very-unsatisfied")) < 0.04
    assert 0.3 < (made["marked"]["urgent"] + made["marked"]["routine"]) / 6000 < 0.6


def test_what_was_said_of_unmarked_messages_changes_no_estimate():
    """Customers who complain, and agents who put right what they stumbled over, are no sample of anything."""
    messages = lived(3000, HALF)
    corrections = list(judged(messages))
    stumbled = [each for each in messages if each.decision.audit is None and each.should and not each.decision.urgent]
    more = [each.correction(len(corrections) + at) for at, each in enumerate(stumbled)]

    made, with_more = (told_of(messages, each) for each in (corrections, [*corrections, *more]))

    assert len(stumbled) > 20
    assert with_more["unmarked"] == {"missed": len(stumbled)}
    assert with_more["recall"] == made["recall"]


def test_marked_messages_that_nobody_judged_are_neither_right_nor_wrong():
    """Not even urgent ones, which agents have looked at without a word: a third judged is a third of the evidence."""
    messages = lived(6000, HALF)
    corrections = list(judged(messages))
    some = corrections[::3]

    made, less = (told_of(messages, each) for each in (corrections, some))

    assert abs(less["precision"]["should-be-urgent"]["value"] - made["precision"]["should-be-urgent"]["value"]) < 0.05
    assert less["live"]["half_width"] > made["live"]["half_width"]
    assert any("33% of the marked messages are judged" in note for note in less["notes"])


def test_a_message_that_was_answered_twice_is_marked_once():
    """At least once may say so after a crash."""
    messages = lived(500, EVERYTHING)
    population = population_of(messages, [])
    population.add(messages[0].answer())

    assert len(population.marked) == 500


def test_replays_and_dead_letters_are_not_what_was_decided_live():
    messages = lived(300, EVERYTHING)
    population = population_of(messages, [])
    population.add(messages[0].answer(run="new-model"))
    population.add(messages[0].answer(fate="dead"))

    made = told_of(messages, [], population=population)

    assert made["messages"]["all"] == 300
    assert any("1 answers of replays are not counted" in note for note in made["notes"])


def test_a_change_of_the_share_in_the_window_is_told():
    """The marked ones then speak for another number than came."""
    before, after = lived(3000, Audit()), lived(3000, HALF, topic="other")

    made = told_of([*before, *after], list(judged(after)))

    assert any("audit off, for a part of the window" in note for note in made["notes"])
    assert not any("audit off" in note for note in told_of(after, list(judged(after)))["notes"])


def test_without_marks_it_says_what_to_set():
    messages = lived(300, Audit())

    made = told_of(messages, [each.correction(at) for at, each in enumerate(messages[:50])])

    assert made["recall"] == {"very-unsatisfied": None, "should-be-urgent": None}
    assert made["known"]["in_days"] is None
    assert "set audit.share" in made["notes"][0]


def test_without_satisfactions_the_promise_is_not_judged_by_something_else():
    messages = lived(2000, EVERYTHING)
    corrections = list(judged(messages, satisfaction=False))

    made = told_of(messages, corrections, Promised(0.99))
    other = told_of(messages, corrections, Promised(0.99), Asked(of="should-be-urgent"))

    assert made["promise"]["verdict"] == "too few to tell"
    assert any("--of should-be-urgent" in note for note in made["notes"])
    assert other["promise"]["verdict"] == "broken"


def test_several_models_and_foreign_promises_are_told():
    messages = lived(500, EVERYTHING)
    population = population_of(messages, [])
    population.add(lived(1, EVERYTHING, topic="new")[0].answer(model=("demo", "2", "int8")))

    made = told_of(messages, [], Promised(0.95, ("other", "1", "fp32")), population=population)

    assert any("several models answered, and are counted together: demo 1 int8 (500)" in each for each in made["notes"])
    assert any("that of other 1 fp32, which answered none" in each for each in made["notes"])


def test_what_is_held_back_is_told_and_not_counted():
    messages = lived(500, EVERYTHING)
    corrections = [each.correction(at, writer="stranger") for at, each in enumerate(messages[:9])]

    made = told_of(messages, corrections)

    assert made["corrections"]["held"] == {"unknown-writer": 9}
    assert any("9 unknown writer" in note for note in made["notes"])
    assert made["recall"]["should-be-urgent"] is None


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.95, 0.99, "kept"), (0.94, 0.96, "too few to tell"), (0.90, 0.95, "too few to tell"), (0.9, 0.949, "broken")],
)
def test_the_verdict_needs_the_whole_interval_on_one_side(low, high, said):
    assert verdict(Promised(0.95), Estimate((low + high) / 2, low, high)) == said
    assert verdict(Promised(0.95), None) == "too few to tell"


def test_the_terminal_says_promise_and_estimate_in_one_line():
    messages = lived(6000, HALF)
    made = told_of(messages, list(judged(messages)), Promised(0.95, (MODEL.name, MODEL.version, MODEL.precision)))
    console = Console(record=True, width=140, file=io.StringIO())

    console.print(told({**made, "made_at": "2026-11-29T18:00:00.000Z"}))

    words = console.export_text()
    line = r"95\.0 % promised, live estimate \d+\.\d % ± \d\.\d \(\d+\.\d % to \d+\.\d %\): broken"
    assert re.search(line, words), words
    assert "± 2 points: " in words
    assert "marked for review" in words
    with pytest.raises(LimitError, match="the promise is broken"):
        require_kept(made)


def test_bands_rise_with_urgency():
    message = lived(1, Audit())[0]
    bands = [stratum_of(message.answer(fate="routine", urgency=u, threshold=0.4)) for u in np.linspace(0, 0.39, 9)]

    assert bands == sorted(bands)
    assert (bands[0], bands[-1]) == (1, BANDS)
    assert stratum_of(message.answer(fate="urgent", urgency=0.1)) == URGENT
    assert stratum_of(message.answer(fate="routine", urgency=0.9)) == BANDS, "left to model.when_unsure"
    assert stratum_of(message.answer(fate="routine", urgency=None)) == BANDS


def test_the_promise_is_the_artifacts_own(tiny):
    """Of the precision that is served; what was stated goes first, and an artifact may promise nothing."""
    sample = Path(__file__).parents[3] / "artifacts" / "sample"
    assert promised(Settings(), None) is None
    assert promised(Settings(model=Model(artifact=sample)), 0.9) == Promised(0.9)
    assert promised(Settings(model=Model(artifact=tiny)), None) is None

    found = promised(Settings(model=Model(artifact=sample, precision="fp32")), None)

    manifest = read_manifest(sample)
    assert found == Promised(manifest.precisions["fp32"].promise.recall, (manifest.name, manifest.version, "fp32"))


def test_texts_carry_no_marks():
    with pytest.raises(SettingsError, match="carries no `audit`"):
        live.require_marks(Settings(output=Output(format="text")))
