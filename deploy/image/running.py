"""An image's program as Kubernetes would run it: by nobody, on a root that is read-only, without a shell."""

import json
import os
import shlex
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from consumer.errors import SurroundingsError
from deploy.image.building import buildah
from local.processes import Child

# One file system of the image, mounted read-only over itself; only /tmp can be written. `exec chroot` leaves no shell.
_ENTER = """
set -e
mount --bind "$1" "$1"
mount -t proc none "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs -o mode=1777 none "$1/tmp"
[ -z "$2" ] || mount --bind -o ro "$2" "$1/artifact"
mount -o remount,bind,ro "$1"
cd /
user=$3; shift 3
exec "$chroot" --userspec="$user" "$root" "$@"
"""


@dataclass(frozen=True)
class Image:
    """Its files, and what it says of how it is run."""

    root: Path
    settings: Mapping[str, Any] = field(repr=False)

    @property
    def variables(self) -> dict[str, str]:
        return dict(each.split("=", 1) for each in self.settings["Env"])

    def command(self, arguments: Sequence[str], artifact: Path | None = None) -> list[str]:
        """Its entry point with `arguments`, in a mount name space of its own."""
        words = [*self.settings["Entrypoint"], *arguments]
        # The image's PATH is in force by then.
        chroot = shutil.which("chroot", path=f"{os.defpath}:/usr/sbin:/sbin") or "chroot"
        enter = f"root={shlex.quote(str(self.root))} chroot={shlex.quote(chroot)}\n{_ENTER}"
        where = [str(self.root), str(artifact or ""), self.settings["User"]]
        return ["unshare", "--mount", "sh", "-c", enter, "sh", *where, *words]


def image(name: str, root: Path) -> Image:
    """Raises SurroundingsError."""
    told = json.loads(buildah("inspect", "--type", "image", name))["Docker"]["config"]
    for place in ("artifact", "proc", "dev", "tmp", told["WorkingDir"].strip("/")):
        (root / place).mkdir(parents=True, exist_ok=True)  # as a container's runtime makes what is mounted
    return Image(root, told)


def as_python(image: Image) -> Image:
    """With the interpreter of its environment as its entry point."""
    return replace(image, settings={**image.settings, "Entrypoint": ["python"]})


def done(image: Image, arguments: Sequence[str], variables: Mapping[str, str] | None = None) -> str:
    """What it printed. Raises SurroundingsError when it failed."""
    told = subprocess.run(
        image.command(arguments),
        env={**image.variables, **(variables or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        raise SurroundingsError(f"{' '.join(arguments)} ended with {told.returncode}: {told.stderr or told.stdout}")
    return told.stdout


def until_ready(child: Child, port: int, within_s: float) -> float:
    """Seconds until /readyz said yes. Raises SurroundingsError."""
    began = time.monotonic()
    while time.monotonic() - began < within_s:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return time.monotonic() - began
        except OSError:
            pass
        if child.exit_code() is not None:
            break
        time.sleep(0.02)
    raise SurroundingsError(f"the image's consumer was not ready within {within_s:.0f} s:\n{child.last_lines()}")
