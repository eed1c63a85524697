"""A recipe: everything that decides what a run makes, in one TOML file."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, Field, PositiveFloat, ValidationError, model_validator
from pydantic_core import ErrorDetails

from consumer.errors import SettingsError
from consumer.manifest import LEAST_WEIGHT, FileName, Precision, Shares, Weight, Word
from consumer.names import nearest
from training.data.sources import STRICT, Data

SCRATCH = "scratch"

Share = Annotated[float, Field(gt=0, lt=1)]
Language = Annotated[str, Field(pattern=r"^([a-z]{2,3}|multilingual)$")]


class Section(BaseModel):
    model_config = STRICT


class Model(Section):
    """
    `base` is "scratch" (with DebertaV2Config's own names under [model.config]), a folder, or a Hub checkpoint.

    `revision` pins a Hub checkpoint: a commit, best, or a branch, a tag, or a pull request (refs/pr/NUMBER).
    """

    base: str = SCRATCH
    revision: Annotated[str, Field(min_length=1)] | None = None
    config: dict[str, Any] = {}
    vocab_size: Annotated[int, Field(ge=16, le=1_000_000)] = 4000
    lower_case: bool = False
    max_length: Annotated[int, Field(ge=8, le=512)] = 128

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.base != SCRATCH and self.config:
            raise ValueError(
                f'[model.config] builds a model from scratch, and base = "{self.base}" is a checkpoint that '
                f'has its own: drop one, or say base = "{SCRATCH}"'
            )
        for name in ("vocab_size", "lower_case"):  # by value, for a recipe as it was run holds every default
            if self.base != SCRATCH and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} makes the tokenizer of a model from scratch, and a checkpoint has its own")
        if self.base == SCRATCH and self.revision is not None:
            raise ValueError(f'revision pins a checkpoint of the Hub, and base is "{SCRATCH}": drop one')
        return self


class Pretrain(Section):
    """
    From the training texts alone: `word_vectors` for tokens to begin with, then masked words for as many epochs as the
    `arguments` say. The rest of them are TrainingArguments.
    """

    word_vectors: bool = False
    mask_share: Share = 0.2
    arguments: dict[str, Any] = {"num_train_epochs": 0}

    @property
    def of_masked_words(self) -> bool:
        return bool(self.arguments.get("num_train_epochs", 3))


class Fit(Section):
    """
    `label_smoothing` goes to the neighbouring stars; `average_last` of the steps have their weights averaged.

    `precision` holds for pretraining too. `balance` is against skewed classes: by weights in the loss, by drawing each
    epoch evenly, or by the prior (logit adjustment). An epoch has `max_per_class` messages of a class at most,
    drawn anew in each. Of a text it reads `max_length` tokens, where the served model reads more ([model] max_length):
    few texts are long, and those make the longest steps. Each layer learns at `layer_decay` of the rate of the one
    above. `patience` is how many evaluations may pass without a better one.
    """

    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    token_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    average_last: Annotated[float, Field(ge=0, le=1)] = 0.0
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    balance: Literal["none", "weights", "resample", "prior"] = "none"
    max_per_class: Annotated[int, Field(ge=1)] | None = None
    # Left out where it is not given, so that what was fitted before there was one counts as done.
    max_length: Annotated[int | None, Field(ge=8, le=512, exclude_if=lambda length: length is None)] = None
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    patience: Annotated[int, Field(ge=1)] | None = None
    arguments: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_way_of_drawing(self) -> Self:
        if self.balance == "resample" and self.max_per_class is not None:
            raise ValueError('balance = "resample" draws each class as often, whatever max_per_class says: drop one')
        return self


class Teach(Section):
    """
    Soft labels of TF-IDF and logistic regression, on pieces made of the messages and on the messages themselves.

    Without fragments nothing is taught, unless `folds` says how many teachers there are: then each message is taught
    by one that has not seen its label, which knows what it does not know.
    """

    folds: Annotated[int, Field(ge=2, le=20)] | None = None
    fragments_per_message: Annotated[float, Field(ge=0)] = 0.0
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5  # against the stars, where a message has them
    sharpness: Annotated[float, Field(gt=0)] = 1.5


class Calibration(Section):
    """
    Held out from fit and from the choice of checkpoint, or, with `folds`, scored by models that saw no label of theirs.

    Held out are [data] calibration's files; else a `share` of validation (half, unless said otherwise); else one of
    train (a fifth). With `whole_files`, a file is never split between folds: its writers are as new as customers.
    """

    share: Share | None = None
    folds: Annotated[int, Field(ge=2, le=20)] | None = None
    whole_files: bool = False


class Promise(Section):
    """
    How the threshold is chosen, for live traffic with `live_shares`; what it promises holds with `confidence`.

    Urgency counts the unsatisfied (2 stars) `unsatisfied_weight` as often as they occur: the promise and the needless
    answers leave them out, so the less they count, mostly the better are the very unsatisfied told from 3 to 5.
    By recall: at least `recall` of the very unsatisfied are answered, in each slice if `slices` names a column.
    By cost: the least expected `cost_missed` and `cost_needless`.
    By capacity: at most `looks_per_day` of `messages_per_day`.
    `temperature_share` of the held-out messages serves the temperature (and chooses by cost or capacity), so that what
    the others promise is exact: a fifth by recall, else half; with 0, and in folds, all serve both.
    """

    by: Literal["recall", "cost", "capacity"] = "recall"
    recall: Share = 0.95
    confidence: Share = 0.95
    live_shares: Shares | None = None
    # Left out where it changes nothing: an older shikyu-train reads the recipe then, and what it did counts as done.
    unsatisfied_weight: Annotated[Weight, Field(strict=True, exclude_if=lambda weight: weight == 1)] = 1.0
    slices: Annotated[str, Field(min_length=1)] | None = None
    cost_missed: PositiveFloat | None = None
    cost_needless: PositiveFloat | None = None
    looks_per_day: PositiveFloat | None = None
    messages_per_day: PositiveFloat | None = None
    temperature_share: Annotated[float, Field(ge=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _fits_by(self) -> Self:
        for by, names in (("cost", ("cost_missed", "cost_needless")), ("capacity", ("looks_per_day",))):
            given = [name for name in names if getattr(self, name) is not None]
            if self.by == by and len(given) < len(names):
                raise ValueError(f'by = "{by}" needs {" and ".join(names)}')
            if self.by != by and given:
                raise ValueError(f'{given[0]} is for by = "{by}", and this is by = "{self.by}": drop one')
        if self.by == "capacity" and self.messages_per_day is None:
            raise ValueError('by = "capacity" needs messages_per_day')
        if self.by != "recall" and self.slices:
            raise ValueError(f'slices are promised by = "recall", and this is by = "{self.by}": drop one')
        return self


class Export(Section):
    """What is made of the fitted model; fp32 always, for the others are held against it."""

    precisions: list[Precision] = ["fp32", "fp16", "int8"]

    @model_validator(mode="after")
    def _fp32_too(self) -> Self:
        if "fp32" not in self.precisions:
            raise ValueError("the other precisions are held against fp32: name it too")
        return self


class Gate(Section):
    """What each other precision may cost against fp32 and still be served."""

    min_agreement: Annotated[float, Field(ge=0, le=1)] = 0.99
    max_more_needless: Annotated[float, Field(ge=0, le=1)] = 0.01


class Compare(Section):
    """The base models that `shikyu-train compare` fits on the same messages; `model.base` is not among them unasked."""

    bases: list[Annotated[str, Field(min_length=1)]] = []


def _several(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


class Card(Section):
    """
    What only people know of the model: `language` by ISO codes, `licence` by the Hub's name for it (apache-2.0, mit,
    cc-by-nc-4.0, other, …). None is claimed unasked.
    """

    language: Annotated[tuple[Language, ...], BeforeValidator(_several)] = ()
    licence: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]*$")] | None = None
    intended_use: str = ""


class Recipe(Section):
    name: FileName
    version: Word = "1"
    description: str = ""
    output: Annotated[str, Field(min_length=1)]
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    data: Data
    model: Model = Model()
    pretrain: Pretrain = Pretrain()
    teach: Teach = Teach()
    fit: Fit = Fit()
    calibration: Calibration = Calibration()
    promise: Promise = Promise()
    export: Export = Export()
    gate: Gate = Gate()
    compare: Compare = Compare()
    card: Card = Card()

    @model_validator(mode="after")
    def _pretrained_once(self) -> Self:
        if self.model.base != SCRATCH and self.pretrain != Pretrain():
            raise ValueError(
                f'[pretrain] is of a model with base = "{SCRATCH}", and a checkpoint is pretrained: drop it'
            )
        return self

    @model_validator(mode="after")
    def _fitted_on_what_is_read(self) -> Self:
        fitted, served = self.fit.max_length or self.model.max_length, self.model.max_length
        if fitted > served:
            raise ValueError(
                f"[fit] max_length is {fitted}, and the model reads {served} tokens of a text ([model] max_length): "
                "fit on as many or fewer, or raise [model] max_length"
            )
        if fitted < served and self.model.base == SCRATCH and not self.pretrain.of_masked_words:
            raise ValueError(
                f"[fit] max_length is {fitted}, and nothing else teaches a model from scratch what stands beyond it, "
                f"up to the {served} tokens that it reads ([model] max_length): leave it out, or let it learn masked "
                "words first (num_train_epochs under [pretrain.arguments])"
            )
        return self

    @model_validator(mode="after")
    def _taught_as_drawn(self) -> Self:
        drawn = self.fit.max_per_class is not None or self.fit.balance == "resample"
        if drawn and self.teach.fragments_per_message:
            raise ValueError(
                "[teach] fragments are labelled by a teacher of all messages, whose class shares [fit] max_per_class "
                'and balance = "resample" change: drop one, or name max_per_class under [data]'
            )
        return self

    @model_validator(mode="after")
    def _all_in_folds(self) -> Self:
        if self.calibration.folds is not None and (others := self.data.not_calibrating):
            raise ValueError(
                f"all of train calibrates in folds, and {', '.join(others)} has calibrates = false: drop one"
            )
        return self

    @property
    def validated(self) -> bool:
        """Whether validation messages choose between checkpoints."""
        return bool(self.data.validation_share or any(source.validation for source in self.data.all_sources))

    @property
    def temperature_share(self) -> float:
        """Of the calibration messages; see Promise."""
        if self.promise.temperature_share is not None:
            return self.promise.temperature_share
        if self.calibration.folds is not None:
            return 0.0
        return 0.2 if self.promise.by == "recall" else 0.5


def read(path: Path) -> Recipe:
    """SettingsError says which line of the recipe is wrong."""
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(f"The recipe {path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        lines = "; ".join(map(_told, error.errors()))
        raise SettingsError(f"The recipe {path} is wrong: {lines}{'' if lines.endswith('?') else '.'}") from error
    except (ValueError, RecursionError) as error:  # tomllib's own, not UTF-8, an integer of thousands of digits
        raise SettingsError(f"The recipe {path} is no TOML: {error}.") from error


def _told(problem: ErrorDetails) -> str:
    """One thing that pydantic found, with the nearest name where one is misspelt."""
    place, where = problem["loc"], ".".join(map(str, problem["loc"])) or "recipe"
    match problem["type"]:
        case "extra_forbidden":
            return f"{where}: no setting is called so{nearest(str(place[-1]), _names(place[:-1]))}"
        case "string_pattern_mismatch" if place in {("name",), ("version",)} and " " in problem["input"]:
            return f"{where} is {problem['input']!r:.80}: write it without spaces"
        case "missing":
            return f"{where} is missing"
        case "greater_than_equal" if place == ("promise", "unsatisfied_weight"):
            return f"{where} is {problem['input']!r:.80}: two stars hardly count with 0.01; the least is {LEAST_WEIGHT}"
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ").removeprefix("String ")
    if isinstance(problem["input"], dict | list):  # which may be the whole section
        return f"{where}: {message}"
    return f"{where} is {problem['input']!r:.80}: {'it ' if message.startswith('should') else ''}{message}"


def _names(place: tuple[int | str, ...]) -> list[str]:
    """What may stand in the recipe's section at `place`; the number of a source in its list is no name."""
    section: type[BaseModel] = Recipe
    for name in place:
        if isinstance(name, str):
            kind = section.model_fields[name].annotation
            kinds = (kind, *get_args(kind))
            section = next(each for each in kinds if isinstance(each, type) and issubclass(each, BaseModel))
    return list(section.model_fields)
