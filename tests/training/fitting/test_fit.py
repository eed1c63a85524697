import numpy as np
import pytest
import torch

from consumer.errors import SettingsError
from training.fitting import fit, tokenizer
from training.fitting.arguments import training_arguments
from training.fitting.model import checkpoint_config, classifier, config_from_scratch, from_checkpoint, replaced_classes

pytestmark = pytest.mark.train

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "position_buckets": 16,
    "initializer_range": 0.2,
}
WORDS = ("lost", "late", "plain", "good", "great")
TEXTS = [f"{word} parcel number {number}" for number in range(10) for word in WORDS]
LABELS = np.array([0, 1, 2, 3, 4] * 10)


def fitted(tmp_path, seed: int, **options):
    torch.manual_seed(seed)
    words = tokenizer.train(TEXTS, 60)
    model = classifier(config_from_scratch(SIZES, len(words)), None)
    ids = words(TEXTS)["input_ids"]
    arguments = {"num_train_epochs": 20, "per_device_train_batch_size": 10, "learning_rate": 1e-2, "seed": seed}
    arguments = {**arguments, "save_strategy": "no", **options}
    fit.fit(model, words, fit.Examples(ids, fit.soft_targets(LABELS, 0.0)), tmp_path, arguments)
    return model, ids


def test_it_learns_what_can_be_learned(tmp_path):
    """
    A word that names the class is found out in seconds, and one seed always gives the same model.
    """
    model, ids = fitted(tmp_path / "once", 1)
    again, _ = fitted(tmp_path / "again", 1)

    logits = fit.predict(model, ids)

    assert (logits.argmax(axis=1) == LABELS).mean() > 0.9
    assert np.array_equal(logits, fit.predict(again, ids))


def test_a_fit_that_comes_apart_ends_at_once(tmp_path):
    """
    Weights that are no numbers any more would be fitted for hours, and the quantizer would stumble over them.
    """
    with pytest.raises(SettingsError, match=r"came apart: by step [1-9]0? its weights .* Lower learning_rate"):
        fitted(tmp_path, 1, learning_rate=1e38)


def test_an_option_that_the_trainer_refuses_is_told_in_its_words(tmp_path):
    """
    TrainingArguments lets it pass.
    """
    with pytest.raises(SettingsError, match=r"does not take .* fsdp"):
        fitted(tmp_path, 1, fsdp="full_shard")


def test_smoothing_goes_to_the_neighbouring_stars():
    """
    Two neighbours share it, one at the end has it all, and the far end gets nothing.
    """
    targets = fit.soft_targets(np.array([0, 2]), 0.2)

    np.testing.assert_allclose(targets, [[0.8, 0.2, 0, 0, 0], [0, 0.1, 0.8, 0.1, 0]], atol=1e-7)


def test_dropped_tokens_are_masked_and_the_ends_stay():
    """
    At a share of nearly one, all but [CLS] and [SEP] go; without any, nothing does.
    """
    targets = fit.soft_targets(np.array([0]), 0.0)

    dropped = fit.Examples([[1, 5, 6, 7, 2]], targets, token_dropout=0.999999, mask_id=9)[0]["input_ids"].tolist()

    assert dropped == [1, 9, 9, 9, 2]
    assert fit.Examples([[1, 5, 6, 7, 2]], targets)[0]["input_ids"].tolist() == [1, 5, 6, 7, 2]


def test_lengths_are_known_without_a_look_at_the_rows(monkeypatch):
    """
    A million looks would take minutes, and draw the tokens to drop each time.
    """
    rows = [[1, 5, 6, 2], [1, 2], [1, 7, 2]]
    examples = fit.Examples(rows, fit.soft_targets(np.array([0, 1, 2]), 0.0), token_dropout=0.5, mask_id=9)
    state = torch.get_rng_state()
    monkeypatch.delattr(fit.Rows, "__getitem__")

    assert examples.lengths() == [4, 2, 3]

    assert torch.equal(torch.get_rng_state(), state)


def test_a_misspelt_training_argument_is_named(tmp_path):
    """
    TrainingArguments' own names pass through, and only those.
    """
    with pytest.raises(SettingsError, match=r"\[fit.arguments\] holds 'learning_rat', .*did you mean learning_rate\?"):
        training_arguments("fit.arguments", tmp_path, {"learning_rat": 1})


def test_a_base_model_that_is_not_there_says_so(tmp_path):
    """
    The folder is named, with what it must hold.
    """
    with pytest.raises(SettingsError, match="cannot be loaded"):
        from_checkpoint(str(tmp_path))


def test_a_base_model_whose_weights_are_damaged_says_so(tmp_path):
    """
    What safetensors raises is an error of its own kind.
    """
    words = tokenizer.train(TEXTS, 60)
    config_from_scratch(SIZES, len(words)).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"damaged")

    with pytest.raises(SettingsError, match=r"cannot be loaded .SafetensorError"):
        from_checkpoint(str(tmp_path))


def test_a_checkpoint_with_another_head_gets_one_of_five(tmp_path):
    """
    A folder that transformers saved is a base model, whatever it told apart before; and that can be told.
    """
    from transformers import DebertaV2ForSequenceClassification

    words = tokenizer.train(TEXTS, 60)
    config = config_from_scratch(SIZES, len(words))
    config.id2label, config.label2id = {0: "spam", 1: "ham"}, {"spam": 0, "ham": 1}
    DebertaV2ForSequenceClassification(config).save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)

    model, loaded = from_checkpoint(str(tmp_path))

    assert replaced_classes(checkpoint_config(str(tmp_path))) == ["spam", "ham"]
    assert replaced_classes(model.config) == []
    assert model.classifier.out_features == 5
    assert loaded("late parcel")["input_ids"] == words("late parcel")["input_ids"]
