import subprocess
import sys

import numpy as np
import pytest

from consumer.classify import load
from training.data.labelled import Labelled
from training.evaluating import answers
from training.evaluating.answers import answer, ask, lengths, of_decisions

pytestmark = pytest.mark.train


def test_every_text_is_answered_in_its_place_however_many_there_are(tiny, monkeypatch):
    """
    In windows, so that a million texts take little memory; who waits is told of each.
    """
    classifier = load(tiny, "fp32")
    texts = [f"message {number} " * (1 + number % 7) for number in range(10)]
    monkeypatch.setattr(answers, "WINDOW_TEXTS", 4)
    done: list[int] = []

    found, expected = ask(classifier, texts, done.append), of_decisions(classifier.classify(texts))

    assert done == [4, 4, 2]
    assert found.probabilities == pytest.approx(expected.probabilities, abs=1e-6)
    assert found.urgency == pytest.approx(expected.urgency, abs=1e-6)
    assert found.urgent.tolist() == expected.urgent.tolist()
    assert lengths(classifier, texts).tolist() == [len(each.ids) for each in classifier.tokenize(texts)]
    assert lengths(classifier, texts).dtype == np.int64


def test_the_consumer_is_given_what_customers_wrote(tiny):
    """
    It cleans texts itself: an entity that is cleaned twice would be a tag, and gone.
    """
    messages = Labelled(("cleaned",), np.array([0]), np.array([0]), raw=("as &amp;lt;b&gt; written",))
    classifier = load(tiny, "fp32")

    answered, tokens = answer(tiny, messages, "fp32")

    assert answered["fp32"].urgency.tolist() == of_decisions(classifier.classify(messages.raw)).urgency.tolist()
    assert tokens.tolist() == [len(classifier.tokenize(messages.raw)[0].ids)]
    assert tokens.tolist() != [len(classifier.tokenize(messages.texts)[0].ids)]


def test_who_measures_an_artifact_waits_for_no_torch():
    """
    It takes half a minute to import on a busy machine, and answers come from ONNX Runtime.
    """
    needed = "data, evaluating.answers, evaluating.diff, evaluating.findings, reporting.tables, reporting.told"
    modules = ", ".join(f"training.{name}" for name in needed.split(", "))
    code = f"import sys; import {modules}; print(sorted({{'torch', 'transformers'}} & set(sys.modules)))"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
