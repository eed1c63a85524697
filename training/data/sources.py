"""The [data] of a recipe: where labelled messages come from, what their columns mean, what is done to the texts."""

from collections.abc import Collection
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from consumer.cleaning import require_known
from consumer.manifest import Word

STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
SPLITS = ("train", "validation", "test", "calibration")
ONE_SOURCE = "messages"

Pattern = Annotated[str, Field(min_length=1)]
Stars = Literal[1, 2, 3, 4, 5]
Column = Annotated[str, Field(min_length=1)]
Value = str | int | float | bool
Bound = Annotated[float, Field(ge=0, le=1)]


def require_every_star(meant: Collection[int], where: str = "") -> None:
    """ValueError names the stars that no label means: such a class could not be learned, calibrated or measured."""
    if absent := [str(stars) for stars in get_args(Stars) if stars not in meant]:
        raise ValueError(
            f"{where}no label means {', '.join(absent)} stars, and all five are needed: part a label "
            "that stands for two of them (the happy into 4 and 5) and label messages so, or add messages with stars; "
            "docs/training.md, Your messages, says how"
        )


class Named(BaseModel):
    """
    Files (patterns allowed), relative to the recipe, and the columns in them; of a Hub data set, its splits' names.

    Several `text` columns are joined by a blank line. `labels` says how many stars a label means where it is none;
    `where` takes only rows with these values; `columns` are kept for slices.
    """

    model_config = STRICT

    train: list[Pattern] = []
    validation: list[Pattern] = []
    test: list[Pattern] = []
    calibration: list[Pattern] = []
    text: Column | Annotated[list[Column], Field(min_length=1)] = "text"
    stars: Column = "stars"
    labels: dict[str, Stars] = {}
    where: dict[Column, Value | list[Value]] = {}
    columns: list[Column] = []
    max_per_class: Annotated[int, Field(ge=1)] | None = None

    def patterns(self, split: str) -> list[str]:
        named: list[str] = getattr(self, split)
        return named

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text,) if isinstance(self.text, str) else tuple(self.text)


class Source(Named):
    """
    `weight` is how much each of its messages counts in the loss; `hub` a data set's name, or a folder of one.

    One that does not calibrate is only learned from: none of its messages are drawn for validation or calibration.
    `decision` is a column that says urgent or routine of rows without stars, which `shikyu corrections export` writes.
    Such rows of train are learned from, or with `learn_decisions = false` evaluated alone, as those of test are.
    """

    name: Word
    hub: Annotated[str, Field(min_length=1)] | None = None
    configuration: str | None = None
    revision: str | None = None
    weight: Annotated[float, Field(gt=0, le=1000)] = 1.0
    calibrates: bool = True
    decision: Column | None = None
    learn_decisions: bool = True

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns that are read of each row."""
        judged = () if self.decision is None else (self.decision,)
        return tuple(dict.fromkeys((*self.texts, self.stars, *judged, *self.columns, *self.where)))

    @model_validator(mode="after")
    def _of_a_hub(self) -> Self:
        if self.hub is None and (self.configuration or self.revision):
            raise ValueError("configuration and revision are a Hub data set's: name it as hub, or drop them")
        return self

    @model_validator(mode="after")
    def _only_learned_from(self) -> Self:
        for split in ("validation", "calibration"):
            if not self.calibrates and self.patterns(split):
                raise ValueError(f"calibrates = false beside {split}, whose messages are held out: drop one")
        return self

    @model_validator(mode="after")
    def _decisions_calibrate_nothing(self) -> Self:
        for split in ("validation", "calibration"):
            if self.decision is not None and self.patterns(split):
                raise ValueError(f"decision beside {split}, which needs stars in every row: name train or test")
        if self.decision is None and not self.learn_decisions:
            raise ValueError(
                "learn_decisions is about rows with a decision alone: name their column by decision, or drop it"
            )
        return self


class Limits(BaseModel):
    """
    What `data` lets pass, in shares of a split's messages: more of it, and nothing is trained.

    `empty` texts and labels `outside` the mapping are left out; `cut` are texts longer than max_length (in train,
    than the fit's); `copies` stand in train more than once, word for word or nearly; `test_in_train` in both (they are
    taken out of train).
    """

    model_config = STRICT

    min_per_class: Annotated[int, Field(ge=1)] = 10
    max_empty: Bound = 0.0
    max_outside: Bound = 0.0
    max_cut: Bound = 0.5
    max_copies: Bound = 0.2
    max_test_in_train: Bound = 0.1


class Data(Named):
    """
    One source in the short form, or several [[data.sources]].

    `validation` chooses between checkpoints: files of its own, or a `validation_share` of train. `cleaning` names the
    steps that every text goes through, here and where the model is served.
    """

    sources: list[Source] = []
    validation_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    cleaning: Annotated[tuple[str, ...], AfterValidator(require_known)] = ()
    limits: Limits = Limits()

    @property
    def all_sources(self) -> list[Source]:
        if self.sources:
            return self.sources
        own = {name: getattr(self, name) for name in Named.model_fields}
        return [Source(name=ONE_SOURCE, **own)]

    @property
    def not_calibrating(self) -> tuple[str, ...]:
        """The names of the sources that are only learned from."""
        return tuple(source.name for source in self.all_sources if not source.calibrates)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        given = self.model_fields_set & set(Named.model_fields)
        if self.sources and given:
            raise ValueError(f"{', '.join(sorted(given))} beside [[data.sources]]: give each source its own")
        names = [source.name for source in self.sources]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two sources are called {', '.join(sorted(twice))}: give each a name of its own")
        if not any(source.train for source in self.all_sources):
            raise ValueError("no train: name files to learn from, or several [[data.sources]] with train")
        if not any(source.calibrates for source in self.all_sources):
            raise ValueError("no source calibrates: the promise needs one without calibrates = false")
        return self

    @model_validator(mode="after")
    def _every_class(self) -> Self:
        """A source without labels counts the stars itself, and may have any."""
        for split in SPLITS:
            named = [source for source in self.all_sources if source.patterns(split)]
            if named and all(source.labels for source in named):
                require_every_star({stars for source in named for stars in source.labels.values()}, f"in {split}, ")
        return self

    @model_validator(mode="after")
    def _one_validation(self) -> Self:
        if self.validation_share and any(source.validation for source in self.all_sources):
            raise ValueError("validation names files, and validation_share takes messages from train: drop one")
        return self
