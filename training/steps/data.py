"""Reads the recipe's messages, and keeps the splits that every later step reads."""

from training.data import splits
from training.data.prepare import Prepared, prepare
from training.operating.basis import require_promise
from training.steps.job import Job


def data(job: Job) -> None:
    messages = prepare(job.recipe, job.files)
    job.say(told(messages))
    require_promise(messages.for_calibration, job.recipe.promise, job.recipe.temperature_share)
    splits.write(messages, job.folder)


def told(messages: Prepared) -> str:
    parts = {name: getattr(messages, name) for name in splits.SPLITS if name != "everything"}
    counts = ", ".join(f"{name} {len(some)} {some.class_counts()}" for name, some in parts.items() if some is not None)
    return f"data: {counts}; {messages.dropped} training messages dropped that stand in the test too"
