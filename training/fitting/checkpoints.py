"""Checkpoints that a fit can go on from: whole, and made from the very same weights, messages and settings."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from consumer.errors import SettingsError, SurroundingsError
from training import processes
from training.run_folder import write_atomically

MADE_FROM = "made_from.json"
STATE_FILE = "trainer_state.json"  # the last that the Trainer writes
CHANGING_NOTHING = (
    "save_",
    "logging_",
    "log_",
    "hub_",
    "push_to_hub",
    "report_to",
    "run_name",
    "project",
    "disable_tqdm",
)
WRITING = ("PytorchStreamWriter", "inline_container", "iostream")  # what torch names when a disk takes no more


def place_file(rank: int) -> str:
    """Beside the Trainer's own files: where in its epoch each process was."""
    return f"place-{rank}.safetensors"


def to_go_on_from(work: Path, made_from: str, say: Callable[[str], None]) -> Path | None:
    """
    The last whole checkpoint in `work`, None to begin anew; what cannot be gone on from is removed.

    SettingsError when as many processes as now did not make them.
    """
    return processes.decided(lambda: _to_go_on_from(work, made_from, say))


def _to_go_on_from(work: Path, made_from: str, say: Callable[[str], None]) -> Path | None:
    found = _checkpoints(work)
    kept = _kept(work / MADE_FROM)
    if found and kept.get("fingerprint") != made_from:
        say(f"fit: {work.name}'s checkpoints are of other messages, weights or settings: beginning anew")
        clear(work)
        found = []
    if found and kept.get("processes") != processes.count():
        raise SettingsError(
            f"The checkpoints in {work} were made by {kept.get('processes')} processes, and this is one of "
            f"{processes.count()}: launch as many as before, or remove that folder to begin anew."
        )
    write_atomically(
        work / MADE_FROM, json.dumps({"fingerprint": made_from, "processes": processes.count()}).encode() + b"\n"
    )
    for checkpoint in found:
        if (damaged := _damaged(checkpoint)) is None:
            return checkpoint
        say(f"fit: {work.name}'s {checkpoint.name} was not written to its end ({damaged}): removed")
        shutil.rmtree(checkpoint)
    return None


def latest(work: Path) -> str:
    """For people: what an interrupted fit goes on from."""
    found = next((each for each in _checkpoints(work) if _damaged(each) is None), None)
    return f"goes on from {found.name}" if found else "begins anew, since there was no checkpoint yet"


def clear(work: Path) -> None:
    """Removes the checkpoints, and keeps what was told of the fit."""
    for checkpoint in _checkpoints(work):
        shutil.rmtree(checkpoint)
    (work / MADE_FROM).unlink(missing_ok=True)


def deciding(options: Mapping[str, Any]) -> dict[str, Any]:
    """Of TrainingArguments, those that change what a fit makes: one whose disk was full may save less often."""
    return {name: value for name, value in options.items() if not name.startswith(CHANGING_NOTHING)}


def fingerprint(model: torch.nn.Module, *parts: bytes | Mapping[str, Any]) -> str:
    """SHA-256 of the weights that a fit begins with, and of all else that decides what becomes of them."""
    digest = hashlib.sha256()
    for name, weight in model.state_dict().items():
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    for part in parts:
        content = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=str).encode()
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """SurroundingsError when it, a folder or a file, cannot be written to its end; of a folder then nothing is left."""
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else _words(error)
        if why is None:
            raise
        free_mb = shutil.disk_usage(next(each for each in path.parents if each.exists())).free / 1e6
        shutil.rmtree(path, ignore_errors=True)
        raise SurroundingsError(
            f"{path} could not be written ({why}; {free_mb:.0f} MB were free): make room there and run the same "
            "command again, which goes on from the last whole checkpoint."
        ) from error


def _words(error: Exception) -> str | None:
    """Of a file that could not be written; torch tells it as a RuntimeError, as it tells much else."""
    if isinstance(error, SafetensorError):
        return str(error)
    return "torch could not write all of it" if any(word in str(error) for word in WRITING) else None


def _checkpoints(work: Path) -> list[Path]:
    """The latest first."""
    numbered = [(path.name.removeprefix("checkpoint-"), path) for path in work.glob("checkpoint-*") if path.is_dir()]
    return [path for _, path in sorted(((int(step), path) for step, path in numbered if step.isdigit()), reverse=True)]


def _kept(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _damaged(checkpoint: Path) -> str | None:
    """What is missing or cut off, or None; the files that the Trainer writes say themselves how long they are."""
    count = processes.count()
    states = ["rng_state.pth"] if count == 1 else [f"rng_state_{rank}.pth" for rank in range(count)]
    for name in [STATE_FILE, *states, *(place_file(rank) for rank in range(count))]:
        if not (checkpoint / name).is_file():
            return f"{name} is missing"
    return next((f"{path.name} is cut off" for path in sorted(checkpoint.iterdir()) if not _readable(path)), None)


def _readable(path: Path) -> bool:
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt"):
                return True
        if path.suffix == ".json":
            json.loads(path.read_bytes())
        return path.suffix not in (".pt", ".pth", ".bin") or zipfile.is_zipfile(path)
    except (SafetensorError, ValueError, OSError):
        return False
