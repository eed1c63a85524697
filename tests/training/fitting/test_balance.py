from dataclasses import replace

import numpy as np
import pytest
import torch

from consumer.errors import SettingsError
from tests.training.interrupted import SIZES, TEXTS
from training.data.labelled import Labelled
from training.data.labels import DECISIONS
from training.fitting import balance, fit, learn, tokenizer
from training.fitting.loss import cross_entropy
from training.fitting.model import classifier, config_from_scratch
from training.fitting.order import Draw, Drawn
from training.recipe import Recipe

pytestmark = pytest.mark.train

LABELS = np.array([0] + [1] * 3 + [2] * 6 + [3] * 10 + [4] * 30)
EVENER = np.array([0] * 4 + [1, 2, 3, 4] * 4)
TARGETS = fit.soft_targets(LABELS, 0.0)


def test_weights_make_the_classes_even():
    """
    Each has a fifth of the loss, and a row weighs 1 on average.
    """
    weighed = TARGETS * balance.class_weights(TARGETS)

    np.testing.assert_allclose(weighed.sum(axis=0), len(LABELS) / 5, rtol=1e-6)


def test_the_prior_makes_logits_for_even_classes():
    """
    The best constant logits of skewed rows are all alike, when their shares are added in training.
    """
    logits = torch.zeros(5, requires_grad=True)
    loss = cross_entropy(balance.log_prior(TARGETS))
    rows = type("Outputs", (), {"logits": logits.expand(len(LABELS), 5)})()

    loss(rows, torch.from_numpy(TARGETS)).backward()

    np.testing.assert_allclose(logits.grad.numpy(), 0, atol=1e-6)


def test_a_step_over_several_batches_and_processes_is_one_mean():
    """
    The Trainer counts all targets of the step; texts weigh the same in a small batch and a large one.
    """
    logits, targets = torch.randn(7, 5), torch.from_numpy(TARGETS[:7])
    loss = cross_entropy()

    def part(rows: slice) -> torch.Tensor:
        outputs = type("Outputs", (), {"logits": logits[rows]})()
        return loss(outputs, targets[rows], torch.tensor(35))

    whole = loss(type("Outputs", (), {"logits": logits})(), targets)

    torch.testing.assert_close(part(slice(0, 5)) + part(slice(5, 7)), whole)


def test_an_epoch_draws_each_class_as_often_as_it_is_told():
    """
    The rare again and again, all of them as often; of the frequent others each time; like lengths together.
    """
    torch.manual_seed(0)
    lengths = [1 + row % 9 for row in range(len(LABELS))]
    sampler = Drawn(Draw(LABELS, balance.evenly(balance.counted(LABELS))), lengths, 5)
    first, second = list(sampler), list(sampler)

    assert np.bincount(LABELS[first]).tolist() == [10, 10, 10, 10, 10]
    assert max(first.count(row) for row in np.flatnonzero(LABELS == 1)) == 4
    assert set(first) & set(np.flatnonzero(LABELS == 4)) != set(second) & set(np.flatnonzero(LABELS == 4))
    assert sum(np.ptp([lengths[row] for row in first[start : start + 5]]) for start in range(0, 50, 5)) < 45


def test_counts_without_a_class_or_that_do_not_divide():
    """
    A fold may lack a class: it is not drawn. What is left over goes to the first classes.
    """
    assert balance.evenly(np.array([0, 2, 9])).tolist() == [0, 6, 5]
    assert len(Drawn(Draw(np.array([1, 1, 2]), np.array([0, 1, 1])), [1, 1, 1], 2)) == 2


WAYS = [
    *({"balance": way} for way in ("none", "weights", "resample", "prior")),
    *({"balance": way, "max_per_class": 6} for way in ("none", "weights", "prior")),
]


@pytest.mark.parametrize("calibrated", [LABELS, EVENER], ids=["drawn", "of-its-own"])
@pytest.mark.parametrize("plan", WAYS, ids=lambda plan: "-".join(map(str, plan.values())))
def test_the_shares_that_count_are_in_the_head(tmp_path, plan, calibrated):
    """
    From texts that say nothing, each way ends at the shares of calibration's labels.
    """
    shares = fitted(tmp_path, messages_of(LABELS), messages_of(calibrated), **plan)

    np.testing.assert_allclose(shares, np.bincount(calibrated) / len(calibrated), atol=0.05)


@pytest.mark.parametrize("plan", [{"max_per_class": 2}, {"balance": "resample"}], ids=["capped", "resampled"])
def test_a_message_is_of_its_label_s_class_however_its_target_is_smoothed(tmp_path, monkeypatch, plan):
    """
    Smoothed by 0.9, most of one star's target says two: it would be drawn as one of them.
    """
    asked = []
    monkeypatch.setattr(learn, "fit", lambda *given: asked.append(given[5]))

    fitted(tmp_path, messages_of(LABELS), messages_of(LABELS), label_smoothing=0.9, **plan)

    assert asked[0].draw.classes.tolist() == LABELS.tolist()
    assert asked[0].draw.counts.tolist() == ([1, 2, 2, 2, 2] if "max_per_class" in plan else [10] * 5)


@pytest.mark.parametrize("plan", WAYS, ids=lambda plan: "-".join(map(str, plan.values())))
def test_the_shares_that_were_learned_are_those_that_the_loss_saw(tmp_path, monkeypatch, plan):
    """
    By the weights of the sources, smoothed, with a teacher's fragments among them: calibration's are put in their
    place, and validation judges by them before.
    """
    told, seen = [], []

    def judge(model_shares, **rest):
        told.append(model_shares)
        return lambda asked: seen.append(softmax(asked.predictions[0])) or {"needless_at_recall": 0.5, "accuracy": 0.5}

    monkeypatch.setattr(learn, "judge", judge)
    weighed = replace(messages_of(LABELS), sources=np.int16(LABELS >= 3), source_weights={"own": 1.0, "bought": 0.1})
    drawn = "max_per_class" in plan or plan["balance"] == "resample"  # which go without fragments
    teach = {"fragments_per_message": 0.0 if drawn else 0.5, "weight": 0.3}

    shares = fitted(tmp_path, weighed, messages_of(EVENER), messages_of(EVENER), teach, **plan, label_smoothing=0.2)

    np.testing.assert_allclose(shares, np.bincount(EVENER) / len(EVENER), atol=0.05)
    np.testing.assert_allclose(seen[-1], told[0], atol=0.05)


@pytest.mark.parametrize("plan", [{"max_per_class": 2}, {"balance": "resample"}], ids=["capped", "resampled"])
def test_messages_with_a_decision_alone_are_of_no_class_and_drawn_once(tmp_path, monkeypatch, plan):
    """
    An epoch has each of them once, and as many of each class as without them; in the shares they count as it has these.
    """
    asked = []
    monkeypatch.setattr(learn, "fit", lambda *given: asked.append(given))
    monkeypatch.setattr(balance, "spoken_for", lambda in_epoch, _: asked.append(in_epoch) or np.full(5, 0.2))
    decided = messages_of(np.array([DECISIONS["urgent"]] * 7 + [DECISIONS["routine"]] * 3))

    fitted(tmp_path, messages_of(LABELS), messages_of(LABELS), decided=decided, **plan)

    in_epoch, draw = asked[0], asked[1][5].draw
    classes = [1, 2, 2, 2, 2] if "max_per_class" in plan else [10] * 5
    assert draw.counts.tolist() == [*classes, 10]
    rows = list(Drawn(draw, [1] * 60, 5))
    assert sorted(row for row in rows if row >= len(LABELS)) == list(range(50, 60))
    urgent, routine = sum(classes[:2]), sum(classes[2:])
    each = [7 / urgent] * 2 + [3 / routine] * 3
    np.testing.assert_allclose(in_epoch.sum(axis=0), classes * (1 + np.array(each)), rtol=1e-5)


def test_what_was_not_learned_from_is_not_moved():
    """
    A fold without one class: its logit has no shares to be moved from, and infinity would be put into the head.
    """
    shift = balance.moved(np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.5, 0.25]))

    np.testing.assert_allclose(shift, [np.log(0.5), 0, 0], atol=1e-6)


def test_a_head_without_a_bias_is_refused(tmp_path):
    """
    Before it is fitted, with the setting that asks for one.
    """
    model, words = blank()
    model.classifier.bias = None
    examples = fit.Examples(words(["nothing"])["input_ids"], TARGETS[:1])

    with pytest.raises(SettingsError, match="no bias to keep the class shares in"):
        fit.fit(model, words, examples, tmp_path, {}, fit.Ways(put_back=np.zeros(5, dtype=np.float32)))


def test_a_fit_may_read_less_of_a_text_than_what_is_served(tmp_path, monkeypatch):
    """
    Validation reads what is served.
    """
    asked = []
    monkeypatch.setattr(learn, "fit", lambda *given: asked.append((given[2], given[6])))
    long = replace(messages_of(LABELS), texts=(" ".join(["nothing"] * 40),) * len(LABELS))

    fitted(tmp_path, long, long, long, pretrain={"arguments": {"num_train_epochs": 1}}, max_length=16)

    [(examples, validation)] = asked
    assert (set(examples.lengths()), set(validation.examples.lengths())) == ({16}, {128})


@pytest.mark.parametrize(("weight", "told"), [(1, None), (0.1, 0.1)])
def test_validation_judges_by_the_weight_that_two_stars_will_have(weight, told):
    """
    Told where it is not 1 alone: a fit that is begun already goes on.
    """
    model, words = blank()
    recipe = {"name": "even", "output": "o", "data": {"train": ["x"]}, "promise": {"unsatisfied_weight": weight}}
    start = learn.Start(words, model.config, None, "scratch")

    found = learn._validation(Recipe.model_validate(recipe), start, messages_of(LABELS), np.full(5, 0.2))

    assert found.judged_by.get("unsatisfied_weight") == told


def fitted(work, messages, calibration, validation=None, teach=None, decided=None, pretrain=None, **plan):
    """The class shares that it answers with."""
    model, words = blank()
    steps = {"max_steps": 60, "save_steps": 60, **({"eval_steps": 60} if validation else {})}
    arguments = {**steps, "per_device_train_batch_size": 50, "learning_rate": 0.1}
    recipe = Recipe.model_validate(
        {
            "name": "even",
            "output": "artifact",
            "data": {"train": ["x"]},
            "pretrain": pretrain or {},
            "teach": teach or {},
            "fit": {"precision": "fp32", "arguments": arguments, **plan},
        }
    )
    start = learn.Start(words, model.config, None, "scratch")
    made = learn.learn(recipe, start, messages, work, calibration, validation, decided=decided)
    return softmax(fit.predict(made, words(["nothing"])["input_ids"])[0])


def softmax(logits):
    return torch.softmax(torch.from_numpy(logits), dim=-1).numpy()


def messages_of(labels):
    return Labelled(("nothing",) * len(labels), labels, np.zeros_like(labels))


def blank():
    words = tokenizer.train(TEXTS, 60)
    sizes = {**SIZES, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return classifier(config_from_scratch(sizes, len(words)), None), words
