"""
`push_to_hub` of a recipe: the model at each save, under the Trainer's own names for it, and nothing but the model.

The Trainer itself would push its arguments as a pickle beside it, and make the repository for everybody to see.
"""

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from huggingface_hub import CommitInfo, CommitOperationAdd, HfApi
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from consumer.errors import SettingsError
from training.sharing.hub import MAIN, open_repository
from training.sharing.hub_errors import reason, saying

# A checkpoint's other files are pickles, or tell of this machine.
MODEL_FILES = (
    "model*.safetensors",
    "model.safetensors.index.json",
    "config.json",
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
)
COPY = "pushed"
STRATEGIES = ("every_save", "end")


def require_pushable(section: str, options: Mapping[str, Any]) -> None:
    """SettingsError for what would push more than the model, or put a token where others read it."""
    here = f"The recipe's [{section}]"
    if "hub_token" in options:
        raise SettingsError(f"{here} holds hub_token, and a recipe is no place for one: set HF_TOKEN instead.")
    if not options.get("push_to_hub"):
        return
    if str(options.get("hub_model_id", "")).count("/") != 1:
        raise SettingsError(f"{here} says push_to_hub, and not where: set hub_model_id to OWNER/NAME.")
    if (strategy := options.get("hub_strategy", STRATEGIES[0])) not in STRATEGIES:
        raise SettingsError(
            f"{here} hub_strategy is {strategy!r}, which pushes the optimizer's pickles: it is one of "
            f"{', '.join(STRATEGIES)}."
        )
    if options.get("save_strategy") == "no":
        raise SettingsError(f"{here} says push_to_hub, which is done at each save, and save_strategy is 'no'.")


def without_push(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a fit whose model is not the one that is shipped."""
    return {name: value for name, value in options.items() if name != "push_to_hub"}


def pushing(arguments: TrainingArguments, say: Callable[[str], None]) -> list[TrainerCallback]:
    """Takes the Trainer's own push out of `arguments`, and gives what is done in its place."""
    if not arguments.push_to_hub:
        return []
    arguments.push_to_hub = False
    return [PushAtSave(arguments, say)]


class PushAtSave(TrainerCallback):
    """In the background, one at a time; a push that fails is told, and ends no fit."""

    def __init__(self, arguments: TrainingArguments, say: Callable[[str], None]) -> None:
        self._repository = str(arguments.hub_model_id)
        self._branch = arguments.hub_revision or MAIN
        self._public = arguments.hub_private_repo is False
        self._at_end = arguments.hub_strategy == STRATEGIES[1]
        self._waits = arguments.hub_always_push
        self._say = say
        self._api = HfApi()
        self._copy = Path(str(arguments.output_dir)) / COPY
        self._running: Future[CommitInfo] | None = None
        self._left: Path | None = None  # a checkpoint that is yet to be pushed

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        del args, control, kwargs
        if state.is_world_process_zero:
            with saying(self._repository):
                open_repository(self._api, self._repository, public=self._public)
                if self._branch != MAIN:
                    self._api.create_branch(self._repository, branch=self._branch, exist_ok=True)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        del control, kwargs
        if not state.is_world_process_zero:
            return
        self._left = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
        busy = self._running is not None and not self._running.done()
        if not self._at_end and (self._waits or not busy):
            self._push_left()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        del args, control, kwargs
        if state.is_world_process_zero:
            self._push_left()
            self._finish()
            shutil.rmtree(self._copy, ignore_errors=True)

    def _push_left(self) -> None:
        self._finish()
        if self._left is None:
            return
        checkpoint, self._left = self._left, None
        try:
            files = self._copied(checkpoint)
        except OSError as error:
            self._say(f"push: {checkpoint.name} could not be copied ({error.strerror}). The fit goes on.")
            return
        self._running = self._api.create_commit(
            self._repository,
            [CommitOperationAdd(path.name, path) for path in files],
            commit_message=f"Training in progress, {checkpoint.name.replace('-', ' ')}",
            revision=self._branch,
            run_as_future=True,
        )

    def _copied(self, checkpoint: Path) -> list[Path]:
        """The model's files, out of a checkpoint that may be gone before they are sent."""
        shutil.rmtree(self._copy, ignore_errors=True)
        self._copy.mkdir(parents=True)
        for path in {path for pattern in MODEL_FILES for path in checkpoint.glob(pattern)}:
            shutil.copyfile(path, self._copy / path.name)
        return sorted(self._copy.iterdir())

    def _finish(self) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        if (error := running.exception()) is None:
            self._say(f"push: {running.result().commit_message} is at {self._repository}, {running.result().oid}")
        else:
            told = reason(error, self._repository) or f"{type(error).__name__} while {self._repository} was pushed to."
            self._say(f"push: {told} The fit goes on.")
