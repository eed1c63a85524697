"""
The same parts, answered by a Ray cluster: `map_batches` over the function that answers one here.

A part that is answered twice, because its worker died before it said so, is written under the same name. Every machine
has to see the files, the folder and the artifact under the same paths, and to have shikyu installed.
"""

import logging
import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from consumer.backfill.answering import Guards
from consumer.backfill.folder import Run
from consumer.backfill.parts import Part, is_done
from consumer.backfill.rows import Reading
from consumer.backfill.to_parquet import answer_part
from consumer.errors import ArtifactError, SettingsError, ShikyuError, SurroundingsError
from consumer.publish import Dropped
from consumer.settings import Settings
from consumer.stop import Stop

LOOK_EVERY_S = 0.1  # whether to leave
LOCAL = "local"  # a cluster of this machine, for as long as the command runs
_TOLD = {"SettingsError": SettingsError, "ArtifactError": ArtifactError, "UnreadableTopic": SettingsError}


def connect(address: str) -> None:
    """Raises SettingsError when Ray is not installed, SurroundingsError when no cluster answers there."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else it tells its makers how it is used
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise SettingsError(f"--ray needs the ray extra ({error}): pip install '.[ray,parquet]'") from error
    try:
        ray.init(address, log_to_driver=False, include_dashboard=False if address == LOCAL else None)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise SurroundingsError(
            f"no Ray cluster answers at --ray {address} ({type(error).__name__}): start one by `ray start --head`, or "
            f"give --ray {LOCAL}"
        ) from error
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    ray.data.DataContext.get_current().enable_progress_bars = False  # we draw our own


class Answering:
    """One worker: it loads the model once, with its first part."""

    def __init__(self, settings: Settings, to: Path, run: Run) -> None:
        self._settings, self._to, self._run = settings, to, run
        self._parts = {(part.file, part.first): part for part in run.parts}
        self._middle: Any = None
        self._reading, self._guards = Reading(settings.input.max_value_bytes), Guards(settings)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Of each part how many rows it has, or the error that nobody gets by with; raised, Ray would wrap it."""
        told: dict[str, list[Any]] = {"rows": [], "error": [], "why": []}
        for file, first in zip(batch["file"], batch["first"], strict=True):
            part, error = self._parts[int(file), int(first)], None
            try:
                self._answer(part)
            except ShikyuError as problem:
                error = problem
            told["rows"].append(part.rows)
            told["error"].append("" if error is None else type(error).__name__)
            told["why"].append("" if error is None else str(error))
        return told

    def _answer(self, part: Part) -> None:
        if is_done(self._to, part):
            return  # by a worker that died before it said so
        if self._middle is None:
            self._middle = self._loaded()
        files, reading, guards = self._run.files, self._reading, self._guards
        answer_part(self._settings, self._to, files, part, self._middle, reading, guards, lambda _: None)

    def _loaded(self) -> Any:
        from consumer.backfill.answering import steps
        from consumer.model_settings import loaded

        classifier = loaded(self._settings)
        return steps(self._settings, classifier, classifier.model, self._run.run)


def answer(
    settings: Settings,
    to: Path,
    run: Run,
    due: list[Part],
    workers: int,
    stop: Stop,
    moved: Callable[[int], None],
) -> None:
    """Raises what a worker met, and Dropped when told to leave: what is not written then is left for the next start."""
    import ray
    import ray.data

    threads = settings.model.threads or 1
    items = [{"file": part.file, "first": part.first} for part in due]
    told = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        Answering,
        fn_constructor_args=(_of_workers(settings, threads), to.resolve(), run),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(items))),
        num_cpus=threads,
    )
    for row in _until_told_to_leave(told.iter_rows(), stop):
        if row["error"]:
            raise _TOLD.get(row["error"], SurroundingsError)(row["why"])
        moved(row["rows"])


def _of_workers(settings: Settings, threads: int) -> Settings:
    """A worker's working directory is not ours but the one in which its Ray was started."""
    model = settings.model
    paths = {"artifact": model.artifact, "public_key": model.public_key}
    here = {name: path.absolute() for name, path in paths.items() if path is not None}
    return settings.model_copy(update={"model": model.model_copy(update={"threads": threads, **here})})


def _until_told_to_leave(rows: Iterable[dict[str, Any]], stop: Stop) -> Iterator[dict[str, Any]]:
    """
    The rows as they come. Raises Dropped soon after it is told to leave, and not when the next part is done.

    What goes wrong with the cluster from then on is no news: the same signal may have reached its processes.
    """
    came: queue.SimpleQueue[dict[str, Any] | Exception | None] = queue.SimpleQueue()

    def drain() -> None:
        try:
            for row in rows:
                came.put(row)
        except Exception as problem:  # noqa: BLE001 - raised again where it is waited for
            came.put(problem)
        else:
            came.put(None)

    threading.Thread(target=drain, name="ray-rows", daemon=True).start()
    while True:
        try:
            row = came.get(timeout=LOOK_EVERY_S)
        except queue.Empty:
            row = {}
        if row is None:
            return
        if stop():
            raise Dropped("told to leave between two parts")
        if isinstance(row, Exception):
            raise row
        if row:
            yield row
