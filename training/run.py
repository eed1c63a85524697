"""`shikyu-train run`: from a recipe to an artifact under its final name, every step in order."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from consumer.errors import SettingsError
from training import processes
from training import recipe as recipes
from training.data.sources import Limits
from training.evaluating.figures import TFIDF
from training.feasible import require_arguments, require_exportable
from training.fitting.fit import TOLD
from training.fitting.loading import identity, reach
from training.fitting.watched import quiet_libraries
from training.foreseen import located, require_place
from training.held import clear, held, require_apart
from training.progress import Say
from training.reporting.told import behind_lines
from training.run_folder import EVALUATION, RunFolder, fingerprint
from training.steps.data import data
from training.steps.evaluate import evaluate
from training.steps.export import export
from training.steps.fit import fit, tidy
from training.steps.graphs import graphs
from training.steps.job import Job
from training.steps.operate import operate
from training.steps.report import report

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
# How int8 is made: graphs that were made otherwise are made again, for some of them are no longer served.
GRAPHS_MADE = "int8 by token, a GELU's from its least"
DESCRIBED = "a reference by class and precision"  # what the manifest says of the same scores
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
    recipe = located(recipes.read(path), data or path.parent)
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
    require_place(job.artifact, replace=job.replace)
    require_arguments(job.recipe)
    require_exportable(job.recipe, job.say)
    with alone(job):
        if processes.is_main() and (job.folder.root / "done" / "export.json").exists():
            clear(job.folder.root)
        for step in STEPS:
            finish(job, step)
        if processes.is_main():
            _tell_if_behind(job)


def _tell_if_behind(job: Job) -> None:
    """Last of all: the figures stand far above, and an artifact that is there looks like one to serve."""
    if (job.folder.root / EVALUATION).exists():
        found = job.folder.read_json(EVALUATION, "evaluate")
        scratch = job.recipe.model.base == recipes.SCRATCH
        for line in behind_lines(found.get(f"gain_over_{TFIDF}"), found["served"], scratch=scratch):
            job.say(line)


def alone(job: Job) -> AbstractContextManager[None]:
    """No other run in the job's folder meanwhile; of several processes, the main one sees to it."""
    return held(job.folder.root) if processes.is_main() else nullcontext()


def until(last: str) -> list[str]:
    """The steps from the first to `last`."""
    return list(STEPS)[: list(STEPS).index(last) + 1]


def since(first: str) -> list[str]:
    """The steps from `first` to the last."""
    return list(STEPS)[list(STEPS).index(first) :]


def finish(job: Job, step: str) -> None:
    """The step, unless it was done with the very same settings and messages. Messages are always read again."""
    if step not in until(TOGETHER):
        if processes.is_main() and _is_due(job, step):
            _do(job, step)
    elif processes.decided(lambda: _is_due(job, step)):  # which waits for the step before it, too
        _do(job, step)


def do(job: Job, step: str) -> None:
    """One step alone. SettingsError where one before it was never done, or not since an earlier one was done anew."""
    if step in until(TOGETHER):  # else a misspelt one would be found out after the messages were read, or fitted on
        require_arguments(job.recipe)
    model = job.recipe.model
    if step == TOGETHER and model.base != recipes.SCRATCH:
        reach(model.base, job.say)
    if step == "data" and model.base == recipes.SCRATCH and model.config:  # the Hub is asked for another's by `run`
        require_exportable(job.recipe)
    with alone(job):
        require_before(job, step)
        _do(job, step)


def require_before(job: Job, step: str) -> None:
    """SettingsError names the first step before this one that is due."""
    if due := next((each for each in until(step)[:-1] if job.folder.stamp(each) is None), None):
        raise SettingsError(
            f"{step} goes on from {due}, which was not done, or not since a step before it was done anew: run "
            f"`shikyu-train {due}` first, or `shikyu-train run` for all."
        )


def _do(job: Job, step: str) -> None:
    if processes.is_main():
        undone = [step] if step == "data" else since(step)  # the messages' stamp tells whether they are others
        with job.folder.undone(undone), _interruptible(job, step):
            STEPS[step][0](job)
        job.folder.done(step, _fingerprint(job, step), _settings(job, STEPS[step][1]))
        if step == "fit":
            tidy(job)  # not before it counts as done, or a kill would cost the whole fit
    elif step == TOGETHER:
        STEPS[step][0](job)


@contextmanager
def _interruptible(job: Job, step: str) -> Iterator[None]:
    """Who ends it with Ctrl-C hears what is kept: of a fit that is under way, from the fit itself."""
    try:
        yield
    except KeyboardInterrupt as error:
        if TOLD not in getattr(error, "__notes__", ()):
            job.say(f"{step}: interrupted; the same command begins {step} again, what was done before it stays")
        raise


def _is_due(job: Job, step: str) -> bool:
    return step == "data" or job.folder.stamp(step) != _fingerprint(job, step)


def _fingerprint(job: Job, step: str) -> str:
    """Of the recipe's parts that the step depends on, of the step before it as it was done, and of what it reads."""
    settings, before = _settings(job, STEPS[step][1]), [job.folder.stamp(each) for each in until(step)[-2:-1]]
    if step == "data":
        settings["data"]["limits"] = Limits().model_dump(mode="json")  # the recipe's judge messages, and change none
    return fingerprint(settings, before, _read(job, step), *_chosen_by(job, step))


def _read(job: Job, step: str) -> str | None:
    if step == "data":
        return job.folder.messages()
    model = job.recipe.model
    return identity(model.base, model.revision) if step == "fit" and model.base != recipes.SCRATCH else None


def _chosen_by(job: Job, step: str) -> tuple[Any, ...]:
    """
    What the best checkpoint of a fit is chosen by, beside the messages (without validation there is no choice), by
    what int8 keeps in fp32, and what is written of the calibration messages.
    """
    promise = job.recipe.promise
    if step == "graphs":
        return GRAPHS_MADE, job.recipe.gate.min_agreement
    if step == "operate":
        return (DESCRIBED,)
    if step != "fit" or not job.recipe.validated:
        return ()
    # Told only where it is another than it always was, so that older runs go on.
    weight = () if promise.unsatisfied_weight == 1 else (promise.unsatisfied_weight,)
    return promise.recall, promise.live_shares, *weight


def _settings(job: Job, parts: Iterable[str]) -> dict[str, Any]:
    return job.recipe.model_dump(mode="json", include=set(parts))
