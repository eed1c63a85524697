"""Reads the recipe's messages, looks at them, and keeps the splits that every later step reads."""

import math
from typing import Any

from consumer.errors import LimitError
from training.data.labelled import Labelled
from training.operating.basis import require_promise
from training.operating.operating_point import total_needed
from training.preparing import splits
from training.preparing.inspection import inspected
from training.preparing.limits import checks
from training.preparing.prepare import FIFTH_OF_TRAIN, HALF_OF_VALIDATION, Prepared, Reading, prepare
from training.progress import Say
from training.recipe import Recipe
from training.reporting.data_page import Examples, data_page, pairs
from training.run_folder import DATA, DATA_PAGE
from training.steps.job import Job

FOLDS = "[calibration] folds = 5"
POINTS_APART = 20  # of a source's share


def data(job: Job) -> None:
    """LimitError when a limit of the recipe's is not met; what was found is kept all the same, and no split."""
    job.folder.root.mkdir(parents=True, exist_ok=True)
    reading = Reading(scratch=job.folder.root)
    messages = prepare(job.recipe, job.files, reading)
    job.say(told(messages))
    found, refused = judged(job.recipe, messages, reading, job.say)
    job.folder.write_json(DATA, found)
    job.folder.write(DATA_PAGE, data_page(job.recipe, found, _examples(messages, reading)).encode())
    job.say(f"data: {job.folder.root / DATA_PAGE} (it holds customers' texts)")
    if refused:
        splits.remove(job.folder)
        raise LimitError("\n".join(refused))
    splits.write(messages, job.folder)


def told(messages: Prepared) -> str:
    parts = {name: getattr(messages, name) for name in splits.SPLITS if name != "everything"}
    counts = ", ".join(f"{name} {len(some)} {some.class_counts()}" for name, some in parts.items() if some is not None)
    dropped = f"; {messages.dropped} training messages dropped that stand in the test too, {messages.held_out} "
    others = f"; {messages.dropped_held_out} of these two dropped that stand in the test, or in both"
    decided = "".join(
        f"; {len(some)} messages with a decision alone, to {what}"
        for some, what in ((messages.decided, "learn from"), (messages.judged, "be measured on"))
        if some is not None
    )
    return (
        f"data: {counts}{dropped}that stand in validation or calibration"
        f"{others if messages.dropped_held_out else ''}{decided}"
        f"{f'; warning: {apart}' if (apart := _apart(messages)) else ''}"
    )


def _apart(messages: Prepared) -> str:
    """A warning where calibration is made of other sources than the test, since the promise is kept as they are."""
    if messages.test is None:
        return ""
    calibration, test = (_source_percents(some) for some in (messages.for_calibration, messages.test))
    between = {name: abs(calibration.get(name, 0) - test.get(name, 0)) for name in {**calibration, **test}}
    most = max(between, key=lambda name: between[name], default="")
    if between.get(most, 0) <= POINTS_APART:
        return ""
    return (
        f"{most} is {calibration.get(most, 0):.0f}% of calibration and {test.get(most, 0):.0f}% of test, "
        "and the promise is about messages like those of calibration: [[data.sources]] calibrates = false is for "
        "sources that are only learned from"
    )


def _source_percents(messages: Labelled) -> dict[str, float]:
    return {name: 100 * count / len(messages) for name, count in messages.source_counts().items()}


def judged(recipe: Recipe, messages: Prepared, reading: Reading, say: Say) -> tuple[dict[str, Any], list[str]]:
    """What data.json holds, and a line for each limit that is not met."""
    found = inspected(recipe, messages, reading, say)
    limits = checks(found, recipe.data.limits)
    promise = None
    try:
        require_promise(messages.for_calibration, recipe.promise, recipe.temperature_share)
    except LimitError as error:
        promise = f"{error}{kept_from(recipe)}"
    refused = [*(f"{check.line}." for check in limits if not check.met), *([promise] if promise else [])]
    judged_by = {"checks": [check.as_json() for check in limits], "promise": promise}
    return {**found.as_json(), **judged_by, "warning": _apart(messages) or None}, refused


def kept_from(recipe: Recipe) -> str:
    """What the calibration messages are part of, for people who find them too few; nothing where they have files."""
    plan, sources = recipe.calibration, recipe.data.all_sources
    if plan.folds is not None or any(source.calibration for source in sources):
        return ""
    part, share = _calibrates(recipe)
    own = ", ".join(source.name for source in sources if source.calibrates and source.patterns(part))
    of = f"{100 * share:.3g}% of {part}{f' of {own}' if recipe.data.not_calibrating else ''}"
    files = "name files of their own under [data] calibration"
    todo = f"or {files}" if recipe.data.not_calibrating else f"or {files}; or let all of train calibrate ({FOLDS})"
    return f" They are those kept for calibration, {of}{_in_all(recipe, part, share)}; {todo}."


def _calibrates(recipe: Recipe) -> tuple[str, float]:
    """Of which files' messages what share is drawn for calibration, where it has none of its own."""
    share = recipe.calibration.share
    if any(source.validation for source in recipe.data.all_sources):
        return "validation", share or HALF_OF_VALIDATION
    if recipe.data.validation_share:
        return "train", recipe.data.validation_share * (share or HALF_OF_VALIDATION)
    return "train", share or FIFTH_OF_TRAIN


def _in_all(recipe: Recipe, part: str, share: float) -> str:
    """How many it takes there, for only a share of what is labelled there is kept."""
    promise = recipe.promise
    if promise.by != "recall" or promise.slices:
        return ": label as many more as that takes"
    needed = math.ceil(total_needed(promise.recall, promise.confidence, recipe.temperature_share) / share - 1e-9)
    thinned = [source.max_per_class for source in recipe.data.all_sources] if part == "train" else [None]
    if None not in thinned and sum(filter(None, thinned)) < needed:
        return f", so it takes {needed} very unsatisfied messages in {part}: raise max_per_class, and label as many"
    return f", so it takes {needed} very unsatisfied messages in {part}: label more"


def _examples(messages: Prepared, reading: Reading) -> Examples:
    assert reading.read is not None
    shared = [] if messages.test is None else pairs(reading.in_train, messages.test, reading.read)
    return Examples(pairs(reading.copies, reading.read, reading.read), shared)
