import shutil
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from consumer.errors import SettingsError
from tests.training.local_hub import MAIN, lead_client, local_hub
from training import run
from training.compare import of_base
from training.fitting import fit, tokenizer
from training.fitting.arguments import training_arguments
from training.fitting.model import classifier, config_from_scratch
from training.fitting.push_at_save import PushAtSave, pushing, require_pushable, without_push

# huggingface_hub 2.4 uploads by an argument that its own HTTP library would see spelt otherwise.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")]

REPOSITORY = "me/tiny"
TEXTS = ["My parcel is canary7f3a late.", "Thank you!"]
TINY = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
PUSH = {"push_to_hub": True, "hub_model_id": REPOSITORY}


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with local_hub() as running:
        lead_client(monkeypatch, running.url, tmp_path / "home")
        yield running


def trainer(work, say, **options):
    """Three steps, with a checkpoint after each."""
    words = tokenizer.train(TEXTS, 60)
    model = classifier(config_from_scratch(TINY, len(words)), None)
    examples = [{**words(text), "labels": 0} for text in TEXTS]
    given = {"max_steps": 3, "save_strategy": "steps", "save_steps": 1, "report_to": "none", **options}
    arguments = TrainingArguments(str(work), dataloader_pin_memory=False, disable_tqdm=True, **{**PUSH, **given})
    callbacks = pushing(arguments, say)
    return Trainer(model, arguments, DataCollatorWithPadding(words), examples, callbacks=callbacks)


def test_the_model_is_pushed_at_each_save(hub, tmp_path):
    """
    Into a private repository, the last one surely; weights as safetensors, no pickle, and nothing of this machine.
    """
    told = []
    trainer(tmp_path / "work", told.append, hub_always_push=True).train()

    found = hub.repositories[REPOSITORY]
    assert found.private
    assert found.messages[1:] == [f"Training in progress, checkpoint {step}" for step in (1, 2, 3)]
    assert set(found.tree(MAIN)) == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    kept = (tmp_path / "work" / "checkpoint-3" / "model.safetensors").read_bytes()
    assert found.tree(MAIN)["model.safetensors"] == kept
    assert not any(str(tmp_path).encode() in content for content in found.tree(MAIN).values())
    assert told[-1] == f"push: Training in progress, checkpoint 3 is at {REPOSITORY}, {found.branches[MAIN]}"
    assert not (tmp_path / "work" / "pushed").exists()


def test_a_recipes_fit_pushes_what_it_ships(hub, tmp_path):
    """
    By the options of [fit.arguments]; a comparison of base models leaves the repository alone.
    """
    words = tokenizer.train(TEXTS, 60)
    model = classifier(config_from_scratch(TINY, len(words)), None)
    examples = fit.Examples(words(TEXTS)["input_ids"], fit.soft_targets(np.array([0, 4]), 0.0))
    (tmp_path / "recipe.toml").write_text(
        'name = "a"\noutput = "o"\n[data]\ntrain = ["x"]\n[fit.arguments]\n'
        f'max_steps = 2\nsave_steps = 2\npush_to_hub = true\nhub_model_id = "{REPOSITORY}"\n'
    )
    job = run.job(tmp_path / "recipe.toml", print)

    fit.fit(model, words, examples, tmp_path / "work", job.recipe.fit.arguments)

    assert set(hub.repositories[REPOSITORY].tree(MAIN)) >= {"config.json", "model.safetensors", "tokenizer.json"}
    assert hub.repositories[REPOSITORY].private
    assert "push_to_hub" not in of_base(job, "scratch").recipe.fit.arguments
    assert training_arguments("fit.arguments", tmp_path, {}).hub_private_repo is True


def test_it_is_pushed_at_the_end_alone_where_that_is_said(hub, tmp_path):
    """
    To the branch that is named.
    """
    trainer(tmp_path / "work", print, hub_strategy="end", hub_revision="next").train()

    assert hub.repositories[REPOSITORY].messages[1:] == ["Training in progress, checkpoint 3"]
    assert hub.repositories[REPOSITORY].tree(MAIN) == {}


def test_a_public_repository_is_refused_before_the_first_step(hub, tmp_path):
    """
    Unless the recipe says that it shall not be private.
    """
    hub.add(REPOSITORY, {})

    with pytest.raises(SettingsError, match="is public, so everybody would have the model"):
        trainer(tmp_path / "work", print).train()
    assert not (tmp_path / "work" / "checkpoint-1").exists()

    trainer(tmp_path / "work", print, hub_private_repo=False).train()
    assert "model.safetensors" in hub.repositories[REPOSITORY].tree(MAIN)


def test_a_push_that_fails_ends_no_fit(hub, tmp_path):
    """
    Hours of fitting are worth more than a network that was away.
    """
    told = []
    hub.refuse["/commit/"] = (500, {})
    run = trainer(tmp_path / "work", told.append)

    run.train()

    assert run.state.global_step == 3
    assert "me/tiny was refused" in told[-1]
    assert told[-1].endswith("The fit goes on.")


def test_a_full_disk_ends_no_fit(hub, tmp_path, monkeypatch):
    """
    Nor does a copy that does not fit; what was there before stays.
    """
    told = []

    def full(source, target):
        raise OSError(28, "No space left on device")

    run = trainer(tmp_path / "work", told.append)
    monkeypatch.setattr(shutil, "copyfile", full)

    run.train()

    assert "push: checkpoint-3 could not be copied (No space left on device). The fit goes on." in told
    assert hub.repositories[REPOSITORY].tree(MAIN) == {}


def test_of_several_processes_one_pushes(hub, tmp_path):
    """
    And no other takes away what it is sending.
    """
    callbacks = trainer(tmp_path / "work", print).callback_handler.callbacks
    [other] = [each for each in callbacks if isinstance(each, PushAtSave)]
    (tmp_path / "work" / "pushed" / "being-sent").mkdir(parents=True)
    state = SimpleNamespace(is_world_process_zero=False, global_step=1)

    for happens in (other.on_train_begin, other.on_save, other.on_train_end):
        happens(TrainingArguments(str(tmp_path / "work")), state, None)

    assert hub.asked == []
    assert (tmp_path / "work" / "pushed" / "being-sent").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hub_token": "hf_canary7f3a"}, "a recipe is no place for one: set HF_TOKEN"),
        ({"push_to_hub": True}, "set hub_model_id to OWNER/NAME"),
        ({"push_to_hub": True, "hub_model_id": "tiny"}, "set hub_model_id to OWNER/NAME"),
        ({**PUSH, "hub_strategy": "checkpoint"}, "pushes the optimizer's pickles: it is one of every_save, end"),
        ({**PUSH, "save_strategy": "no"}, "done at each save, and save_strategy is 'no'"),
    ],
)
def test_what_cannot_be_pushed_is_told_by_the_recipe(options, message):
    """
    Before the fit, and a token is never repeated.
    """
    with pytest.raises(SettingsError, match=message) as told:
        require_pushable("fit.arguments", options)

    assert "canary" not in str(told.value)


def test_what_pushes_nothing_needs_no_name():
    """
    As the fits whose models are not shipped.
    """
    require_pushable("fit.arguments", without_push({**PUSH, "hub_model_id": ""}))
    require_pushable("fit.arguments", PUSH)
