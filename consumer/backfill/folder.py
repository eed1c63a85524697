"""The folder that a run writes to: what the run reads, which parts are done, and that it is complete."""

import fcntl
import os
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from consumer.backfill.files import File, digest_of
from consumer.backfill.parts import CLASSIFIED, DEAD, TEMPORARY, Part, fates_of, is_done, of_file, put
from consumer.errors import SettingsError, SurroundingsError

RUN, COMPLETE, LOCK = "run.json", "complete.json", ".lock"


class Run(BaseModel):
    """What a run reads and by what: it must be the same for whoever goes on with it."""

    model_config = ConfigDict(frozen=True)

    run: str
    part_rows: int
    files: tuple[File, ...]
    model: dict[str, str]
    options: dict[str, Any]
    created_at: str

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def parts(self) -> Iterator[Part]:
        for file in self.files:
            yield from of_file(file, self.part_rows)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Made where it is missing, and nobody else's meanwhile. Raises SettingsError, SurroundingsError."""
    try:
        for each in (folder, folder / CLASSIFIED, folder / DEAD):
            if each == folder and each.exists() and not (each / RUN).exists() and _foreign(each):
                raise SettingsError(f"{folder} holds something else than a backfill: name another folder by --to")
            each.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise SurroundingsError(f"{folder} can't be written ({error.strerror}): name another folder by --to") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _swept(folder)
        yield
    except BlockingIOError as error:
        raise SurroundingsError(f"another process writes to {folder}: wait for it, or name another folder") from error
    finally:
        os.close(lock)


def begun(folder: Path) -> Run | None:
    """The run that writes there; None where none does yet. Raises SettingsError for what is none."""
    try:
        return Run.model_validate_json((folder / RUN).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise SettingsError(f"{folder / RUN} can't be read ({type(error).__name__}): name another folder") from error


def begin(folder: Path, run: Run) -> None:
    _put(folder / RUN, run.model_dump(mode="json"))


def to_do(folder: Path, run: Run) -> list[Part]:
    return [part for part in run.parts if not is_done(folder, part)]


def completed(folder: Path) -> bool:
    return (folder / COMPLETE).exists()


def complete(folder: Path, run: Run) -> dict[str, int]:
    """
    Says so, for whoever reads the folder; how many rows had which fate.

    Raises SurroundingsError for a part that somebody took away.
    """
    if missing := to_do(folder, run):
        raise SurroundingsError(f"{folder} lacks part {missing[0].name}, which was written: start again")
    _swept(folder)
    fates = Counter[str]()
    for part in run.parts:
        fates.update(fates_of(folder, part))
    parts = [part.name for part in run.parts]
    _put(folder / COMPLETE, {"run": run.run, "lines": run.rows, **fates, "parts": parts})
    return dict(fates)


def must_be_the_same(
    run: Run, folder: Path, *, run_id: str | None, files: list[File], model: dict[str, str], options: dict[str, Any]
) -> None:
    """Raises SettingsError for what differs from how the run was begun."""
    begun_with = {"--run": run.run, "its files' digest": digest_of(run.files)[:16], **_flat(run.model, run.options)}
    now = {
        "--run": run_id or run.run,
        "its files' digest": digest_of(files)[:16],
        **_flat(model, options),
    }
    for name in dict.fromkeys((*begun_with, *now)):
        if begun_with.get(name) != now.get(name):
            raise SettingsError(
                f"the run in {folder} was begun with {name} = {begun_with.get(name)!r}, and now it is "
                f"{now.get(name)!r}: a run gives one kind of answer from its beginning to its end; set it as it was, "
                "or name another folder by --to"
            )


def _flat(model: dict[str, str], options: dict[str, Any]) -> dict[str, Any]:
    return {**{f"model.{name}": value for name, value in model.items()}, **options}


def _foreign(folder: Path) -> bool:
    ours = {CLASSIFIED, DEAD, LOCK}
    return any(each.name not in ours and not each.name.startswith(TEMPORARY) for each in folder.iterdir())


def _swept(folder: Path) -> None:
    """Without what a process left behind that was killed, or had no room."""
    for each in (folder, folder / CLASSIFIED, folder / DEAD):
        for left in each.glob(f"{TEMPORARY}*"):
            left.unlink(missing_ok=True)


def _put(path: Path, content: dict[str, Any]) -> None:
    written = path.with_name(f"{TEMPORARY}{path.name}.{uuid.uuid4().hex}")
    try:
        written.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        put(written, path)
    except OSError as error:
        raise SurroundingsError(f"{path} can't be written ({error.strerror}): make room, or name another") from error
