"""`shikyu` as processes of their own, the way a user runs it."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.cluster import Cluster
from local.ports import free_port
from local.processes import Child
from local.steps import ChildEnded

ROOT = Path(__file__).parent.parent
SETTINGS = Path(__file__).with_name("demo.toml")
SHIKYU = (str(Path(sys.executable).with_name("shikyu")),)
READY_LIMIT_S = 60
STOP_PATIENCE_S = 15  # it promises to leave within 10


def register_schemas(cluster: Cluster, shikyu: Sequence[str] = SHIKYU, options: Sequence[str] = ()) -> None:
    """`shikyu schemas register`, with further flags in `options`. Raises ChildEnded."""
    where = ["--config", str(SETTINGS), "--registry-url", cluster.registry_url]
    command = [*shikyu, "schemas", "register", *where, *options]
    done = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ChildEnded(f"{' '.join(command)} said:\n{(done.stderr or done.stdout).strip()}", done.returncode)


def typed(verb: str, cluster: Cluster, port: int) -> list[str]:
    """
    `shikyu run`, `page` or `top` on this cluster and the sample model, as one would type it where the demo was started.

    All of them take the same flags, so that who watches finds the metrics on `port`.
    """
    settings, artifact = os.path.relpath(SETTINGS), os.path.relpath(ROOT / "artifacts" / "sample")
    model = ["--config", settings, "--model-artifact", artifact]
    return [os.path.relpath(SHIKYU[0]), verb, *model, *_addresses(cluster), "--http-port", str(port)]


def _addresses(cluster: Cluster) -> list[str]:
    kafka = f"bootstrap.servers={cluster.bootstrap_servers}"
    return ["--kafka", kafka, "--registry-url", cluster.registry_url]


@contextmanager
def running(
    cluster: Cluster,
    folder: Path,
    shikyu: Sequence[str] = SHIKYU,
    options: Sequence[str] = (),
    port: int | None = None,
) -> Iterator[Child]:
    """`shikyu run`, ready for messages, its metrics on `port`; stopped as a service manager would stop it."""
    port = port or free_port()
    where = [*_addresses(cluster), "--http-port", str(port)]
    command = [*shikyu, "run", "--config", str(SETTINGS), *where, *options]
    child = Child.start(command, folder=ROOT, log=folder / "shikyu.log", environment=_environment())
    try:
        _until_ready(cluster, child, port)
        yield child
    finally:
        child.stop(STOP_PATIENCE_S)


def replay(cluster: Cluster, folder: Path, options: Sequence[str], shikyu: Sequence[str] = SHIKYU) -> None:
    """`shikyu replay`, to its end. Raises ChildEnded when it does not reach it."""
    command = [*shikyu, "replay", "--config", str(SETTINGS), *_addresses(cluster), *options]
    with (folder / "replay.log").open("wb") as log:
        code = subprocess.run(command, cwd=ROOT, env=_environment(), stdout=log, stderr=log, check=False).returncode
    if code:
        words = "\n".join((folder / "replay.log").read_text(errors="replace").splitlines()[-5:])
        raise ChildEnded(f"shikyu replay ended with exit code {code}:\n{words}", code)


def check(child: Child) -> None:
    """Raise ChildEnded when it ended by itself."""
    code = child.exit_code()
    if code is not None:
        raise ChildEnded(f"shikyu run ended with exit code {code}; the end of its log:\n{child.last_lines()}", code)


def _environment() -> dict[str, str]:
    # What the user has set for a service of their own is not meant for the demo.
    return {name: value for name, value in os.environ.items() if not name.startswith("SHIKYU_")}


def _until_ready(cluster: Cluster, child: Child, port: int) -> None:
    end = time.monotonic() + READY_LIMIT_S
    while not _is_ready(port):
        cluster.check()
        check(child)
        if time.monotonic() > end:
            raise ChildEnded(f"shikyu run was not ready within {READY_LIMIT_S} s:\n{child.last_lines()}", 3)
        time.sleep(0.05)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as response:
            return bool(response.status == 200)
    except OSError:
        return False
