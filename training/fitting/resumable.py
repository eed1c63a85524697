"""A Trainer whose interrupted runs end as unbroken ones do: same data order, same losses, same weights."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import Dataset, Sampler
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler
from transformers.trainer_utils import TrainOutput

from consumer.errors import SettingsError
from training import processes
from training.fitting import layer_rates
from training.fitting.average import WeightAverage
from training.fitting.checkpoints import place_file, writing
from training.fitting.order import Draw, Drawn, Order, Place

UNWRAPPED = "batch_rebalance"  # a sampler of batches, with an order of its own


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a checkpoint knows beyond the Trainer: the place in its epoch, losses not yet logged, seconds taken."""

    place: Place
    unlogged: Tensor
    loss_sum: float
    logged_step: int
    runtime_s: float

    def write(self, path: Path) -> None:
        states = {"epoch": self.place.epoch, "batch": self.place.batch, "now": self.place.now}
        numbers = {"done": self.place.done, "loss_sum": self.loss_sum, "logged_step": self.logged_step}
        told = {name: repr(value) for name, value in {**numbers, "runtime_s": self.runtime_s}.items()}
        save_file({**states, "unlogged": self.unlogged.cpu()}, path, told)

    @classmethod
    def read(cls, path: Path) -> Self:
        with safe_open(path, framework="pt") as file:
            told = file.metadata()
            epoch, batch, now, unlogged = (file.get_tensor(name) for name in ("epoch", "batch", "now", "unlogged"))
        place = Place(epoch, batch, now, int(told["done"]))
        return cls(place, unlogged, float(told["loss_sum"]), int(told["logged_step"]), float(told["runtime_s"]))


class ResumableTrainer(Trainer):
    """
    Trainer's own arguments, and: an `average` that checkpoints keep, a `layer_decay` of the learning rate, and a
    `draw` where each epoch has so many rows of each class.
    """

    def __init__(
        self,
        *,
        average: WeightAverage | None = None,
        layer_decay: float = 1.0,
        draw: Draw | None = None,
        callbacks: Sequence[TrainerCallback] = (),
        **kwargs: Any,
    ) -> None:
        own = [_GoOn(self), _Finite(), *([average] if average is not None else [])]
        with _taking_options():
            super().__init__(callbacks=[*own, *callbacks], **kwargs)
        self.average = average
        self._layer_decay = layer_decay
        self._draw = draw
        self._order: Order | None = None
        self._earlier: Earlier | None = None
        self._started_s = 0.0

    def train(self, resume_from_checkpoint: Any = None, *args: Any, **kwargs: Any) -> TrainOutput:
        self._started_s = time.monotonic()
        if resume_from_checkpoint:
            self._earlier = Earlier.read(Path(resume_from_checkpoint) / place_file(processes.rank()))
            if self.average is not None:
                self.average.load(Path(resume_from_checkpoint), self.args.device)
        done = super().train(resume_from_checkpoint, *args, **kwargs)
        return TrainOutput(done.global_step, done.training_loss, self._of_all_calls(done.metrics))

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Leaves the random state alone: the fit is the same however often it is looked at."""
        with torch.random.fork_rng(devices=[]):
            return super().evaluate(*args, **kwargs)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        with _taking_options():
            return self._optimizer(model)

    def _optimizer(self, model: Any) -> torch.optim.Optimizer:
        if self._layer_decay == 1.0 or self.optimizer is not None:
            return super().create_optimizer(model)
        fitted: Any = self.model if model is None else model
        kind, options = self.get_optimizer_cls_and_kwargs(self.args, fitted)
        groups = layer_rates.parameter_groups(
            fitted.named_parameters(),
            set(self.get_decay_parameter_names(fitted)),
            self.args.learning_rate,
            self.args.weight_decay,
            self._layer_decay,
        )
        self.optimizer = kind(groups, **options)
        return self.optimizer

    @property
    def work(self) -> Path:
        return Path(str(self.args.output_dir))

    def go_on(self) -> None:
        """Puts back what the Trainer has just set to nothing, at the beginning of `train`."""
        if (earlier := self._earlier) is None:
            return
        self._tr_loss = earlier.unlogged.to(self.args.device)
        self._total_loss_scalar = earlier.loss_sum
        self._globalstep_last_logged = earlier.logged_step
        self._initial_global_step = 0

    def _get_train_sampler(self, train_dataset: Dataset[Any] | None = None) -> Sampler[int] | None:
        rows: Any = self.train_dataset if train_dataset is None else train_dataset
        inner = self._inner(rows)
        if inner is None or self.args.train_sampling_strategy == UNWRAPPED:
            return inner
        self._order = Order(inner, self.args.train_batch_size * self.args.world_size, self.args.world_size)
        if self._earlier is not None and self._earlier.place.done:
            self._order.go_back(self._earlier.place)
        return self._order

    def _inner(self, rows: Any) -> Sampler[int] | None:
        """Grouped for all processes together, so that their number changes nothing."""
        together = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        if self._draw is not None:
            return Drawn(self._draw, rows.lengths(), together)
        if self.args.train_sampling_strategy == "group_by_length":
            return LengthGroupedSampler(together, lengths=rows.lengths())
        return super()._get_train_sampler(rows)

    def _init_training_state(self, max_steps: int, a_epoch: int, epochs: int, *rest: Any) -> tuple[int, int]:
        """A fit that had stopped, early maybe, has no epoch left: the Trainer would let it take another step."""
        begun: tuple[int, int] = super()._init_training_state(max_steps, a_epoch, epochs, *rest)
        return (epochs, 0) if self.control.should_training_stop else begun

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        checkpoint = self.work / f"checkpoint-{self.state.global_step}"
        with writing(checkpoint):
            checkpoint.mkdir(parents=True, exist_ok=True)
            self._now().write(checkpoint / place_file(processes.rank()))
            if self.average is not None and processes.is_main():
                self.average.save(checkpoint)
            processes.wait()  # the Trainer's own state, its last file, says that all of this is there
            super()._save_checkpoint(model, trial)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        fetched = torch.get_rng_state()
        super()._load_rng_state(checkpoint)
        if self._order is not None and self._order.is_ahead and self.args.dataloader_num_workers == 0:
            torch.set_rng_state(fetched)

    def _now(self) -> Earlier:
        accumulated = self.args.gradient_accumulation_steps
        batches: Any = self.callback_handler.train_dataloader
        steps = -(-len(batches) // accumulated)
        done = self.state.global_step % steps * accumulated
        here = torch.get_rng_state()
        place = self._order.place(done) if self._order is not None else Place(here, here, here, 0)
        return Earlier(
            place,
            self._tr_loss,
            self._total_loss_scalar,
            self._globalstep_last_logged,
            self._runtime_before() + self._runtime(),
        )

    def _runtime(self) -> float:
        return time.monotonic() - self._started_s

    def _runtime_before(self) -> float:
        return 0.0 if self._earlier is None else self._earlier.runtime_s

    def _of_all_calls(self, metrics: dict[str, float]) -> dict[str, float]:
        """The Trainer counts all steps of a resumed run, but the seconds of this call alone."""
        seconds = metrics["train_runtime"] + self._runtime_before()
        share = metrics["train_runtime"] / seconds if seconds else 1.0
        rates = {name: value * share for name, value in metrics.items() if name.endswith("_per_second")}
        return {**metrics, **rates, "train_runtime": seconds}


@contextmanager
def _taking_options() -> Iterator[None]:
    """SettingsError for what TrainingArguments let pass and the Trainer, or a package it lacks, does not."""
    try:
        yield
    except (ImportError, ValueError) as error:
        raise SettingsError(f"The Trainer does not take the recipe's arguments: {error}") from error


class _Finite(TrainerCallback):
    """SettingsError as soon as the weights are no numbers any more: nothing better can come of such a fit."""

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        del args, control
        if not all(bool(weight.isfinite().all()) for weight in kwargs["model"].parameters()):
            raise SettingsError(
                f"The fit came apart: by step {state.global_step} its weights were no numbers any more. Lower "
                "learning_rate, or raise warmup_steps."
            )


class _GoOn(TrainerCallback):
    def __init__(self, trainer: ResumableTrainer) -> None:
        self._trainer = trainer

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        del args, state, control, kwargs
        self._trainer.go_on()
