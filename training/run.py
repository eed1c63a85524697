"""`shikyu-train run`: from a recipe to an artifact under its final name, every step in order."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from consumer.manifest import Manifest
from consumer.records import Satisfaction
from training import recipe as recipes
from training.crossfit import Calibration, held_out, in_folds
from training.data import Labelled
from training.describe import class_shares, describe, model_files, result_files
from training.export import write_artifact
from training.feasible import require_exportable, require_folder
from training.learn import Start, learn, start
from training.measure import Results, measure
from training.model import replaced_classes
from training.operate import require_enough
from training.prepare import Prepared, prepare
from training.promise import served
from training.recipe import Recipe

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Made:
    folder: Path
    manifest: Manifest
    results: Results


def run(path: Path, say: Say, data: Path | None = None, output: Path | None = None, *, replace: bool = False) -> Made:
    """Everything the recipe asks for. The artifact is there whole when this returns, and not at all otherwise."""
    recipe = recipes.read(path)
    folder = output or path.parent / recipe.output
    require_folder(folder, replace=replace)
    config = require_exportable(recipe)
    messages = prepare(recipe, data or path.parent)
    say(told(messages))
    require_enough(messages.for_calibration.class_counts()[0], recipe.promise.recall, recipe.promise.confidence)
    if replaced := replaced_classes(config):
        say(f"start: the base model told {', '.join(replaced)} apart; from here on it is {', '.join(Satisfaction)}")
    with tempfile.TemporaryDirectory(prefix="shikyu-train-") as temporary:
        work = Path(temporary)
        begin = start(recipe, messages.train.texts, work)
        say(f"start: {len(begin.tokenizer)} tokens in the vocabulary")
        files, calibration = fit_and_score(recipe, begin, messages, work, say)
        shares = class_shares(recipe, calibration)
        precisions = served(calibration, shares, recipe.promise, recipe.gate)
        description = describe(recipe, messages, calibration, shares, precisions)
        results = measure(recipe, description, files, messages, work / "draft")
        made = {**files, **result_files(recipe, description, messages, results)}
        manifest = write_artifact(folder, description, made, replace=replace)
    return Made(folder, manifest, results)


def fit_and_score(
    recipe: Recipe, begin: Start, messages: Prepared, work: Path, say: Say
) -> tuple[Mapping[str, bytes], Calibration]:
    """The shipped model's files, and the scores that temperature and threshold are chosen on."""

    def fitted(some: Labelled) -> Mapping[str, bytes]:
        say(f"fit: {len(some)} messages")
        return model_files(learn(recipe, begin, some, work), begin.tokenizer)

    files = fitted(messages.train)
    if messages.calibration is not None:
        return files, held_out(files, messages.calibration, recipe.model.max_length)
    return files, in_folds(fitted, messages.train, messages.folds, recipe.model.max_length)


def told(messages: Prepared) -> str:
    parts = [("train", messages.train), ("calibration", messages.calibration), ("test", messages.test)]
    counts = ", ".join(f"{name} {len(some)} {some.class_counts()}" for name, some in parts if some is not None)
    return f"data: {counts}; {messages.dropped} training messages dropped that stand in the test too"
