"""
Which transactional slot this process holds.

A slot is the stable end of a transactional.id: a process that starts again in the same slot aborts at once what
its predecessor left open, and two processes must never share one, for each would fence the other for ever.
"""

import fcntl
import hashlib
import os
import re
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from consumer.errors import SettingsError, SurroundingsError

SLOTS_PER_HOST = 1000
_STATEFUL_POD = re.compile(r"^.+-(\d{1,5})$")
_SAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that is ours until the process ends: the kernel frees the lock, also after kill -9."""

    name: str
    _lock: int  # a file descriptor

    def release(self) -> None:
        os.close(self._lock)


def claim(group_id: str, wanted: str | None, environ: Mapping[str, str] = os.environ) -> Slot:
    """
    The slot that was asked for, else the ordinal of a StatefulSet's pod, else this host's lowest free one.

    Raises SurroundingsError when the slot is taken on this host, or none is free.
    """
    hostname = socket.gethostname()
    name = wanted or ordinal_of_pod(environ, hostname)
    if name is not None:
        return _claim_named(group_id, name)
    for number in range(SLOTS_PER_HOST):
        name = _of_host(hostname, number)
        if (lock := _try_lock(group_id, name)) is not None:
            return Slot(name, lock)
    raise SurroundingsError(
        f"all {SLOTS_PER_HOST} transactional slots of group {group_id!r} are taken on this host: stop a consumer first"
    )


def likely(wanted: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The one that `claim` would try first; nothing is taken."""
    hostname = socket.gethostname()
    return wanted or ordinal_of_pod(environ, hostname) or _of_host(hostname, 0)


def ordinal_of_pod(environ: Mapping[str, str], hostname: str) -> str | None:
    """The ordinal at the end of a StatefulSet's pod name; None outside Kubernetes, or for a Deployment's pod."""
    if "KUBERNETES_SERVICE_HOST" not in environ:
        return None
    found = _STATEFUL_POD.match(environ.get("POD_NAME", hostname))
    return found[1] if found else None


def _of_host(hostname: str, number: int) -> str:
    return f"{_SAFE.sub('_', hostname)}-{number}"


def _claim_named(group_id: str, name: str) -> Slot:
    if _SAFE.search(name):
        raise SettingsError(f"delivery.slot is {name!r}: letters, digits, '.', '_' and '-' only")
    lock = _try_lock(group_id, name)
    if lock is None:
        raise SurroundingsError(
            f"slot {name!r} of group {group_id!r} is taken by another process on this host: "
            "stop that one, or give each consumer a --delivery-slot of its own"
        )
    return Slot(name, lock)


def _try_lock(group_id: str, name: str) -> int | None:
    # A group's name may be too long for a file's, and hold a slash.
    group = hashlib.sha256(os.fsencode(group_id)).hexdigest()[:16]
    path = _folder() / f"{group}.{name}.lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise SurroundingsError(f"cannot open the slot's lock file {path}: {problem.strerror}") from problem
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _folder() -> Path:
    """One folder per user: two users on one host are told apart by their hosts' ids, not by this lock."""
    try:
        folder = Path(tempfile.gettempdir()) / f"shikyu-slots-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = folder.stat().st_uid
    except OSError as problem:
        raise SurroundingsError(
            f"there is no folder for slots' lock files ({problem.strerror}): set TMPDIR to a folder that this user may "
            "write to; --delivery-slot needs it too"
        ) from problem
    if folder.is_symlink() or owner != os.getuid():
        raise SurroundingsError(f"{folder} belongs to somebody else: remove it, or set TMPDIR")
    return folder
