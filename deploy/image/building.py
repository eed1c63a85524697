"""buildah, which builds and keeps images without a daemon; and a base, where none can be fetched."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consumer.errors import SurroundingsError

ROOT = Path(__file__).parents[2]
# chroot and vfs work inside a container too, without rights over namespaces and file systems.
ENVIRONMENT = {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs"}
DEBIAN = "bookworm"
PACKAGES = "ca-certificates,python3,python3-venv"
# As Debian's slim images do, of which the base is one.
LEFT_OUT = (
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt",
    "var/lib/apt/lists",
)
CERTIFICATES = "/etc/ssl/certs"


def base_image() -> str:
    """The name under which the Dockerfile asks for its base."""
    [tag] = re.findall(r"^ARG PYTHON_TAG=(.*)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    return f"docker.io/library/python:{tag}"


def make_base(folder: Path) -> None:
    """Unless it is there: Debian's own Python under the base's name, by debootstrap. Raises SurroundingsError."""
    name = base_image()
    if buildah("images", "--quiet", "--filter", f"reference={name}"):
        return
    tree = folder / "base"
    if not (tree / "usr/bin/python3").exists():
        shutil.rmtree(tree, ignore_errors=True)
        call("debootstrap", "--variant=minbase", f"--include={PACKAGES}", DEBIAN, str(tree))
    for each in LEFT_OUT:
        shutil.rmtree(tree / each, ignore_errors=True)
    container = buildah("from", "scratch")
    try:
        buildah("copy", "--quiet", container, str(tree), "/")
        buildah("config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin", container)
        buildah("commit", "--quiet", "--format", "docker", container, name)
    finally:
        buildah("rm", container)


def build(target: str) -> str:
    """The image's name; of `TARGET+LOCK` with that lock. HEALTHCHECK is of Docker's format alone."""
    target, _, lock = target.partition("+")
    name = f"localhost/shikyu-{lock or target}:check"
    mounted = ["--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro"]
    given = ["--build-arg", f"PIP_CERT={CERTIFICATES}/ca-certificates.crt"]
    given += ["--build-arg", f"LOCK={lock}"] if lock else []
    buildah("bud", "--format", "docker", "--pull-never", *mounted, *given, "--target", target, "--tag", name, str(ROOT))
    return name


@contextmanager
def mounted(image: str) -> Iterator[Path]:
    """The image's files, as a container would have them before its first write."""
    container = buildah("from", "--pull-never", image)
    try:
        yield Path(buildah("mount", container))
    finally:
        buildah("umount", container)
        buildah("rm", container)


def size_mb(tree: Path) -> float:
    """What its files take, as `docker image ls` counts: links once."""
    return int(call("du", "--summarize", "--block-size=1", "--apparent-size", str(tree)).split()[0]) / 1e6


def buildah(*words: str) -> str:
    return call("buildah", *words)


def call(*words: str) -> str:
    """Its standard output. Raises SurroundingsError."""
    if shutil.which(words[0]) is None:
        raise SurroundingsError(f"{words[0]} is not installed: apt-get install {words[0]}")
    done = subprocess.run(words, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False)
    if done.returncode:
        told = "\n".join((done.stderr or done.stdout).splitlines()[-15:])
        raise SurroundingsError(f"{' '.join(words[:2])} ended with exit code {done.returncode}:\n{told}")
    return done.stdout.strip()
