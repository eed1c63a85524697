"""load(artifact).classify(texts), and the steps of it that the loop takes."""

import gc
import subprocess
import sys
import weakref
from collections import Counter

import numpy as np
import pytest

import consumer
from consumer import Decision, classify, load
from consumer.classify import Classifier
from consumer.errors import ArtifactError, BackendError, RecordError
from consumer.records import Satisfaction, Tokens

TEXTS = ["I want my money back!", "", "Thank you, all good. " * 40, "返金してください 😡", "ok"]


@pytest.fixture(params=["fp32", "int8"])
def classifier(request, tiny) -> Classifier:
    return load(tiny, request.param, threads=1)


class Backend:
    """Answers with the number of tokens, and as told on texts that hold a certain token."""

    at_once = 1

    def __init__(self, poison: int = -1, answer: float | Exception = 0.0) -> None:
        self.poison, self.answer = poison, answer

    def start(self, token_ids):
        return lambda: self.logits(token_ids)

    def give_back(self, token_ids):
        self.logits(token_ids)

    def logits(self, token_ids):
        rows = np.array([[len(ids), 0, 0, 0, 0] for ids in token_ids], dtype=np.float32)
        for row, ids in zip(rows, token_ids, strict=True):
            if self.poison in ids or self.poison == -2:
                if isinstance(self.answer, Exception):
                    raise self.answer
                row[:] = self.answer
        return rows


def with_backend(tiny, backend) -> Classifier:
    real = load(tiny, "fp32", threads=1)
    return Classifier(real.manifest, real._tokenizer, backend, real.policy)


def test_a_decision_per_text_in_their_order(classifier):
    """Whatever the texts are, and though the model takes them by length."""
    decisions = classifier.classify(TEXTS)

    assert len(decisions) == len(TEXTS)
    assert [decision.truncated for decision in decisions] == [False, False, True, False, False]
    assert decisions[1].reason == "fallback:empty-text"
    assert decisions[3].reason == "fallback:unknown-tokens"
    for text, decision in zip(TEXTS, decisions, strict=True):
        (alone,) = classifier.classify([text])
        assert alone == decision  # to the last bit
        assert sum(decision.probabilities) == pytest.approx(1)
        assert decision.satisfaction in Satisfaction


def test_no_texts_no_decisions(classifier):
    """And no batch."""
    assert classifier.classify([]) == []


def test_one_text_is_no_list(classifier):
    """Its letters would be answered one by one."""
    with pytest.raises(TypeError, match="put the one text into a list"):
        classifier.classify("refund")


def test_the_steps_one_by_one_give_the_same(classifier):
    """What the loop does is what the Python API does."""
    tokens = classifier.tokenize(TEXTS)
    decisions: dict[int, Decision] = {}
    for batch in classifier.batches(tokens):
        chosen = [tokens[index] for index in batch]
        decisions |= zip(batch, classifier.decide(classifier.infer(chosen), chosen, [None] * len(chosen)), strict=True)

    assert [decisions[index] for index in range(len(TEXTS))] == classifier.classify(TEXTS)


def test_a_loaded_model_is_healthy_warm_and_says_who_it_is(classifier, tiny):
    """Before the group is joined."""
    assert classifier.healthy()
    assert classifier.tokens_per_s > 0
    assert classifier.max_length == 64
    assert (classifier.model.name, classifier.model.version) == ("tiny", "1")
    assert load(tiny, threads=1).model.precision == "int8"


def test_batches_keep_to_the_limits_given(tiny):
    """As the settings say."""
    small = load(tiny, "fp32", threads=1, max_batch_records=2, max_batch_tokens=40)

    batches = small.batches([Tokens(np.arange(length), False, 0.0) for length in (10, 10, 10, 30, 30)])

    assert batches == [[3], [4], [0, 1], [2]]


def test_a_budget_is_measured_in_batches_as_large_as_it_allows(tiny, monkeypatch):
    """Each of them on each core: towards the end of a window they would be smaller."""
    two = load(tiny, "fp32", threads=2)
    measured: list[int] = []

    def start(tokens):
        measured.append(len(tokens) * max(len(each.ids) for each in tokens))
        return lambda: two.infer(tokens)

    monkeypatch.setattr(two, "start", start)
    monkeypatch.setattr(classify, "QUICK_S", 0.0)  # or what is done in no time is measured twice
    two._rate(1024)

    assert 512 < max(measured) <= 1024
    assert set(Counter(measured).values()) == {2}


def test_batches_are_as_large_as_the_model_is_fastest_with(tiny, monkeypatch):
    """And what it did then is the first guess at its rate."""
    rates = {128: 90.0, 256: 100.0, 512: 150.0, 1024: 152.0, 2048: 151.0, 4096: 100.0}
    monkeypatch.setattr(Classifier, "_rate", lambda _, budget: rates[budget])

    classifier = load(tiny, "fp32", threads=1)

    assert (classifier.max_batch_tokens, classifier.tokens_per_s) == (512, 150)


def test_a_text_that_the_model_refuses_is_named_by_its_place(tiny):
    """Never by what stands in it."""
    poison = load(tiny, "fp32", threads=1).tokenize(["?"])[0].ids[-2]
    for answer in (float("nan"), RuntimeError("engine")):
        classifier = with_backend(tiny, Backend(poison, answer))

        with pytest.raises(RecordError, match="text 1 of those given") as caught:
            classifier.classify(["fine", "why?", "fine too"])
        assert caught.value.stage == "inference"


def test_the_first_of_the_texts_that_the_model_refuses_is_named(tiny):
    """Not the first that the batches, which go by length, come upon."""
    poison = load(tiny, "fp32", threads=1).tokenize(["?"])[0].ids[-2]
    classifier = with_backend(tiny, Backend(poison, float("nan")))

    with pytest.raises(RecordError, match="text 0 of those given"):
        classifier.classify(["why, after all of this and so much more waiting than was promised?", "why?"])


@pytest.mark.parametrize("answer", [float("inf"), RuntimeError("engine")])
def test_a_model_that_fails_on_everything_is_not_the_texts_fault(tiny, answer):
    """Its health is asked first."""
    classifier = with_backend(tiny, Backend(-2, answer))

    assert not classifier.healthy()
    with pytest.raises(BackendError, match="known-good"):
        classifier.classify(["fine"])


def test_infer_leaves_rows_that_are_not_finite(tiny):
    """The caller decides what becomes of them."""
    classifier = with_backend(tiny, Backend(-2, float("nan")))

    assert np.isnan(classifier.infer(classifier.tokenize(["a", "b"]))).all()


def test_a_model_that_is_not_healthy_is_not_loaded(tiny, monkeypatch):
    """Refused before the group is joined."""
    monkeypatch.setattr("consumer.cpu_backend.OnnxBackend", lambda *_: Backend(-2, float("nan")))

    with pytest.raises(ArtifactError, match="no finite logits for a plain sentence"):
        load(tiny, "fp32")


def test_a_model_that_is_moved_by_batch_mates_is_not_loaded(tiny, monkeypatch):
    """As int8 with one scale for a whole batch is, which shikyu-train once made: a replay could decide otherwise."""

    class OneScale(Backend):
        def logits(self, token_ids):
            return super().logits(token_ids) * (1 + 0.001 * len(token_ids))

    monkeypatch.setattr("consumer.cpu_backend.OnnxBackend", lambda *_: OneScale())

    with pytest.raises(
        ArtifactError, match=r"the int8 model in .* answers a text otherwise by 0\.4% .*set model\.precision to fp32"
    ):
        load(tiny, "int8")


def test_a_model_that_has_no_number_in_company_is_not_loaded(tiny, monkeypatch):
    """NaN is not within the limit, whatever it is compared with."""

    class Spreading(Backend):
        def logits(self, token_ids):
            return super().logits(token_ids) * (np.nan if len(token_ids) > 1 else 1)

    monkeypatch.setattr("consumer.cpu_backend.OnnxBackend", lambda *_: Spreading())

    with pytest.raises(ArtifactError, match="answers a text otherwise by nan% when another shares"):
        load(tiny, "int8")


def test_threads_answer_the_same(tiny):
    """How many there are is a matter of speed alone."""
    one, two = load(tiny, "fp32", threads=1), load(tiny, "fp32", threads=2)

    for mine, theirs in zip(one.classify(TEXTS), two.classify(TEXTS), strict=True):
        assert mine == theirs


def test_the_package_gives_its_public_names_without_loading_the_engine():
    """`shikyu --help` must not wait for ONNX Runtime, nor anything of serving for torch."""
    program = (
        "import sys, consumer, consumer.records; consumer.Decision; assert 'onnxruntime' not in sys.modules;"
        "consumer.load; assert 'onnxruntime' in sys.modules; assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        consumer.lode  # noqa: B018


def test_a_model_that_nobody_needs_is_gone_without_a_collection(tiny):
    """The loop's collector never looks at what was loaded before it: a cycle would keep the old one's memory."""
    gc.collect()
    gc.disable()
    try:
        old = load(tiny, threads=1)
        old.classify(["The parcel arrived."])
        parts = [weakref.ref(each) for each in (old, old._tokenizer, old._backend, old._backend._session)]
        del old
        assert [each() for each in parts] == [None] * 4
    finally:
        gc.enable()
