"""What a person sees of a fit: a bar at a terminal, lines elsewhere."""

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import datasets
from huggingface_hub.utils import logging as hub_logging
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from transformers import (
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.utils import logging

from training.fitting.metrics_of_fit import NEEDLESS
from training.progress import Say


class Watched(TrainerCallback):
    """In the place of the Trainer's own printing while the block runs; of several processes, the main one speaks."""

    def __init__(self, what: str, say: Say) -> None:
        self._what, self._say = what, say
        self._open = ExitStack()
        self._bar: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.__exit__(kind, error, at)
        self._bar = None

    def watch(self, trainer: Trainer) -> None:
        for kind in [type(each) for each in trainer.callback_handler.callbacks]:
            if issubclass(kind, (PrinterCallback, ProgressCallback)):
                trainer.remove_callback(kind)
        trainer.add_callback(self)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        del control, kwargs
        console = Console(stderr=True)
        if state.is_world_process_zero and console.is_terminal and not args.disable_tqdm:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            bar = self._open.enter_context(Progress(*columns, console=console, transient=True, redirect_stdout=False))
            self._bar = bar, bar.add_task(self._what, total=state.max_steps, completed=state.global_step)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        del args, control, kwargs
        if self._bar is not None:
            self._bar[0].update(self._bar[1], completed=state.global_step)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        del args, control
        told = line(kwargs.get("logs") or {})
        if not told or not state.is_world_process_zero:
            return
        if self._bar is not None:
            self._bar[0].update(self._bar[1], description=f"{self._what}: {told}")
        else:
            self._say(f"{self._what}: step {state.global_step} of {state.max_steps}, {told}")


def line(logs: Mapping[str, Any]) -> str:
    """Of one log entry of the Trainer's; empty for the one at the end, which train_results.json keeps."""
    if f"eval_{NEEDLESS}" in logs:
        return (
            f"validation: {logs[f'eval_{NEEDLESS}']:.1%} answered needlessly at the promised recall, "
            f"accuracy {logs['eval_accuracy']:.3f}, loss {logs['eval_loss']:.3f}"
        )
    if "loss" in logs:
        return f"epoch {logs['epoch']:.2f}, loss {logs['loss']:.4f}, learning rate {logs['learning_rate']:.1e}"
    return ""


def quiet_libraries() -> None:
    """Their bars would stand in files and pipes, too, and their warnings are of what is meant."""
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    # The Hub's client has a line for each time that it asks again; what comes of it is told at the end.
    hub_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    if not Console(stderr=True).is_terminal:
        datasets.disable_progress_bars()
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
