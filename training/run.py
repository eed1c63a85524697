"""`shikyu-train run`: from a recipe to an artifact under its final name, every step in order."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from training import processes
from training import recipe as recipes
from training.data.sources import Limits
from training.feasible import require_arguments, require_exportable
from training.fitting.watched import quiet_libraries
from training.held import clear, held, require_apart
from training.run_folder import RunFolder, fingerprint
from training.steps.data import data
from training.steps.evaluate import evaluate
from training.steps.export import export
from training.steps.fit import fit
from training.steps.graphs import graphs
from training.steps.job import Job, Say
from training.steps.operate import operate
from training.steps.report import report
from training.whole_folder import require_folder

Step = Callable[[Job], None]

# Each step with the parts of the recipe that it, and not those before it, depends on.
STEPS: Mapping[str, tuple[Step, tuple[str, ...]]] = {
    "data": (data, ("seed", "data", "calibration")),
    "fit": (fit, ("model", "pretrain", "teach", "fit")),
    "graphs": (graphs, ("export",)),
    "operate": (operate, ("name", "version", "promise", "gate")),
    "evaluate": (evaluate, ("description",)),
    "report": (report, ("card",)),
    "export": (export, ("output",)),
}
TOGETHER = "fit"  # what all processes do; none but the main one goes on from there


def job(
    path: Path,
    say: Say,
    data: Path | None = None,
    output: Path | None = None,
    work: Path | None = None,
    *,
    replace: bool = False,
) -> Job:
    """What the recipe at `path` asks for; the run's folder is beside the artifact unless `work` names one."""
    recipe = recipes.read(path)
    artifact = output or path.parent / recipe.output
    folder = RunFolder(work or artifact.with_name(f"{artifact.name}.run"))
    require_apart(folder.root, artifact)
    quiet_libraries()
    told = say if processes.is_main() else lambda _: None
    return Job(recipe, folder, data or path.parent, artifact, told, replace)


def run(job: Job) -> None:
    """
    Everything the recipe asks for. The artifact is there whole when this returns, and not at all otherwise.

    A run that was interrupted goes on with the step it was in; one that had come to its end begins anew. Of several
    processes, all fit, and the main one does the rest.
    """
    if processes.is_main():
        require_folder(job.artifact, replace=job.replace)
    require_arguments(job.recipe)
    require_exportable(job.recipe, job.say)
    with alone(job):
        if processes.is_main() and (job.folder.root / "done" / "export.json").exists():
            clear(job.folder.root)
        for step in STEPS:
            finish(job, step)


def alone(job: Job) -> AbstractContextManager[None]:
    """No other run in the job's folder meanwhile; of several processes, the main one sees to it."""
    return held(job.folder.root) if processes.is_main() else nullcontext()


def until(last: str) -> list[str]:
    """The steps from the first to `last`."""
    return list(STEPS)[: list(STEPS).index(last) + 1]


def finish(job: Job, step: str) -> None:
    """The step, unless it was done with the very same settings and messages. Messages are always read again."""
    if step not in until(TOGETHER):
        if processes.is_main() and _is_due(job, step):
            _do(job, step)
    elif processes.decided(lambda: _is_due(job, step)):  # which waits for the step before it, too
        _do(job, step)


def do(job: Job, step: str) -> None:
    """One step alone."""
    with alone(job):
        _do(job, step)


def _do(job: Job, step: str) -> None:
    if processes.is_main():
        job.folder.forget(step)
        STEPS[step][0](job)
        job.folder.done(step, _fingerprint(job, step), _settings(job, STEPS[step][1]))
    elif step == TOGETHER:
        STEPS[step][0](job)


def _is_due(job: Job, step: str) -> bool:
    return step == "data" or not job.folder.is_done(step, _fingerprint(job, step))


def _fingerprint(job: Job, step: str) -> str:
    """Of the messages, and of all the recipe's parts that the step and those before it depend on."""
    parts = [part for each in until(step) for part in STEPS[each][1]]
    settings = _settings(job, parts)
    settings["data"]["limits"] = Limits().model_dump(mode="json")  # the recipe's judge messages, and change none
    return fingerprint(settings, job.folder.messages())


def _settings(job: Job, parts: Iterable[str]) -> dict[str, Any]:
    return job.recipe.model_dump(mode="json", include=set(parts))
