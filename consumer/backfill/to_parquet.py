"""`shikyu backfill --to FOLDER` from its settings to its last line."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from consumer import logs, priority
from consumer.answer import Steps
from consumer.backfill import files, folder, parts
from consumer.backfill.answering import Guards, steps
from consumer.backfill.files import File
from consumer.backfill.folder import Run
from consumer.backfill.parquet_rows import NEEDS
from consumer.backfill.parts import Part
from consumer.backfill.rows import Reading
from consumer.errors import LimitError, SettingsError
from consumer.publish import Dropped
from consumer.replay.start import model_of, options_of
from consumer.replay.window import named
from consumer.settings import Settings
from consumer.stop import Stop, on_signals
from consumer.timestamps import iso_millis

log = structlog.get_logger()

TELL_EVERY_S = 10.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for. `ray` is a cluster's address, None to answer in this process."""

    named: tuple[Path, ...]
    to: Path
    run_id: str | None = None
    part_rows: int = 10_000
    ray: str | None = None
    workers: int = 1


def serve(settings: Settings, request: Request, *, say: Say, is_shown: bool) -> str:
    """
    Answers what is not answered yet, and says so.

    Raises SettingsError where pyarrow or Ray is missing, LimitError when told to leave before its end.
    """
    try:
        import pyarrow  # type: ignore[import-untyped]  # noqa: F401 - asked for before anything is read
    except ImportError as error:
        raise SettingsError(NEEDS) from error
    for each in request.named:
        if request.to.resolve().is_relative_to(each.resolve()):
            raise SettingsError(f"--to {request.to} lies within {each}, and would be read back in: name another folder")
    logs.configure(settings.log.model_copy(update={"level": "warning"}) if is_shown else settings.log)
    priority.as_asked()
    if request.ray is not None:
        from consumer.backfill import on_ray

        on_ray.connect(request.ray)  # before signals are ours: it takes them for itself
    with folder.held(request.to), on_signals() as stop:
        run = _begun(settings, request, stop, say=say)
        due = folder.to_do(request.to, run)
        say(f"run {run.run}: {run.rows:,} lines of {len(run.files)} files, in {request.to}; {len(due):,} parts to do")
        if due:
            _answer(settings, request, run, due, stop, is_shown=is_shown)
        return _told(request.to, run, folder.complete(request.to, run))


def _begun(settings: Settings, request: Request, stop: Stop, *, say: Say) -> Run:
    found = files.found(request.named)
    model, options = model_of(settings), {**options_of(settings), "input.format": "json"}
    if (run := folder.begun(request.to)) is not None:
        folder.must_be_the_same(run, request.to, run_id=request.run_id, files=found, model=model, options=options)
        # As this machine sees them.
        paths = [(old, new.path) for old, new in zip(run.files, found, strict=True)]
        return run.model_copy(update={"files": tuple(old.model_copy(update={"path": path}) for old, path in paths)})
    now = datetime.now(UTC)
    run_id = named(request.run_id, now)
    say(f"counting the rows of {len(found)} files")
    counted = files.all_counted(found, request.part_rows, stop)
    run = Run(
        run=run_id, part_rows=request.part_rows, files=counted, model=model, options=options, created_at=iso_millis(now)
    )
    folder.begin(request.to, run)
    return run


def _answer(settings: Settings, request: Request, run: Run, due: list[Part], stop: Stop, *, is_shown: bool) -> None:
    answered = run.rows - sum(part.rows for part in due)
    with _shown(run, answered, is_shown=is_shown) as moved:
        try:
            if request.ray is None:
                _here(settings, request.to, run, due, stop, moved)
            else:
                from consumer.backfill import on_ray

                on_ray.answer(settings, request.to, run, due, request.workers, stop, moved)
        except Dropped as why:
            left = sum(part.rows for part in folder.to_do(request.to, run))
            raise LimitError(
                f"run {run.run} is not done, for it was told to leave ({stop.signal}): {left:,} of {run.rows:,} lines "
                "are left. The same command goes on with it"
            ) from why


def _here(
    settings: Settings, to: Path, run: Run, due: Iterable[Part], stop: Stop, moved: Callable[[int], None]
) -> None:
    from consumer.model_settings import loaded  # which takes its time

    classifier = loaded(settings)
    middle = steps(settings, classifier, classifier.model, run.run, stop.hurry)
    reading, guards = Reading(settings.input.max_value_bytes), Guards(settings)
    for part in due:
        if stop():
            raise Dropped("told to leave between two parts")
        answer_part(settings, to, run.files, part, middle, reading, guards, moved)


def answer_part(
    settings: Settings,
    to: Path,
    read: tuple[File, ...],
    part: Part,
    middle: Steps,
    reading: Reading,
    guards: Guards,
    moved: Callable[[int], None],
) -> None:
    """One part, here or on a worker; `reading` and `guards` are those of the process."""
    fates = parts.write(to, read[part.file], part, middle, settings, reading, guards.of(part), moved)
    log.info("part-written", part=part.name, **fates)


@contextmanager
def _shown(run: Run, answered: int, *, is_shown: bool) -> Iterator[Callable[[int], None]]:
    """What is told of rows that are answered: it draws a bar, or logs."""
    columns = [TextColumn("{task.completed:,.0f} of {task.total:,.0f} lines"), BarColumn(), TimeRemainingColumn()]
    console = Console(stderr=True)
    since, first, done = time.monotonic(), answered, [answered]
    closing = threading.Event()

    def tell() -> None:
        while not closing.wait(TELL_EVERY_S):
            per_s = (done[0] - first) / (time.monotonic() - since)
            left = run.rows - done[0]
            left_s = round(left / per_s) if per_s > 0 else None
            log.info("backfilled", run=run.run, rows=run.rows, left=left, per_s=round(per_s), left_s=left_s)

    with Progress(*columns, console=console, transient=True, redirect_stderr=False, disable=not is_shown) as bar:
        task = bar.add_task("backfill", total=run.rows, completed=answered)

        def moved(rows: int) -> None:
            done[0] += rows
            bar.update(task, completed=done[0])

        thread = threading.Thread(target=tell, name="shown", daemon=True)
        thread.start()
        try:
            yield moved
        finally:
            closing.set()
            thread.join()


def _told(to: Path, run: Run, fates: dict[str, int]) -> str:
    counted = ", ".join(f"{count:,} {name.replace('_', '-')}" for name, count in fates.items() if count)
    return f"run {run.run} is done: {counted or 'nothing'}; in {to}"
