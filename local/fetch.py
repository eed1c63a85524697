"""
The files that Kafka and the registry run from: fetched once, checked always.

`jars.toml` pins every file by its SHA-256. Nothing is resolved at start-up, so nothing but these files can be run;
jgo knows where Maven's files live, and a user's own mirror (`[repositories]` in jgo's settings).
"""

import fcntl
import hashlib
import json
import os
import shutil
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests
from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import Artifact, MavenContext

from consumer.errors import SurroundingsError
from local.disk import require_space

PINS = Path(__file__).with_name("jars.toml")
DOWNLOADS_AT_ONCE = 8
ATTEMPTS = 3
TIMEOUT_S = 30
DOWNLOAD_MB = 201
SPACE_MB = 500  # both downloads, and the registry unpacked beside its archive

Pins = Mapping[str, str]  # Maven coordinate -> SHA-256


def pins(part: str, path: Path = PINS) -> Pins:
    """The files of `part`, "kafka" or "registry"."""
    content: dict[str, dict[str, str]] = tomllib.loads(path.read_text())
    return content[part]


def default_cache() -> Path:
    """$XDG_CACHE_HOME/shikyu, else ~/.cache/shikyu."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shikyu"


def notice(cache: Path) -> str | None:
    """What the next start will download, to be told before; None when it has all."""
    there = (cache / "jars").is_dir() and _registry_folder(cache, *pins("registry").values()).is_dir()
    return (
        None if there else f"fetching Kafka and a Schema Registry, once: {DOWNLOAD_MB} MB from Maven Central to {cache}"
    )


def kafka_jars(cache: Path) -> list[Path]:
    """Kafka's jars, each as pinned. Raises SurroundingsError."""
    with _alone(cache):
        return _files(pins("kafka"), cache)


def registry_folder(cache: Path) -> Path:
    """The unpacked registry, from the pinned archive. Raises SurroundingsError."""
    [(coordinate, sha256)] = pins("registry").items()
    folder = _registry_folder(cache, sha256)
    with _alone(cache):
        if not _as_unpacked(folder):
            [archive] = _files({coordinate: sha256}, cache)
            _unpack(archive, folder)
            archive.unlink()
    return folder


def _registry_folder(cache: Path, sha256: str) -> Path:
    return cache / f"registry-{sha256[:16]}"


def context(repo_cache: Path) -> MavenContext:
    mirrors = GlobalSettings.load().repositories
    return MavenContext(
        repo_cache=repo_cache, remote_repos=mirrors | {"central": MAVEN_CENTRAL_URL} | mirrors, timeout=TIMEOUT_S
    )


def artifact(maven: MavenContext, coordinate: str) -> Artifact:
    """`group:artifact:packaging[:classifier]:version`, as Maven writes it; jgo's own parser doesn't know tar.gz."""
    group, name, packaging, *classifier, version = coordinate.split(":")
    return maven.project(group, name).at_version(version).artifact("".join(classifier), packaging)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """One process at a time; a second one finds all in place when its turn comes."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _files(wanted: Pins, cache: Path) -> list[Path]:
    folder = cache / "jars"
    folder.mkdir(parents=True, exist_ok=True)
    paths = {coordinate: folder / file_name(coordinate) for coordinate in wanted}
    missing = [c for c, path in paths.items() if not path.exists() or sha256_of(path) != wanted[c]]
    if missing:
        require_space(cache, SPACE_MB)
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        list(pool.map(lambda c: _fetch(c, wanted[c], paths[c]), missing))
    return list(paths.values())


def file_name(coordinate: str) -> str:
    return str(artifact(context(Path()), coordinate).filename)


def _fetch(coordinate: str, sha256: str, path: Path) -> None:
    """Download, compare, then move into place: a half-written file never has its final name."""
    with tempfile.TemporaryDirectory(dir=path.parent) as staging:
        fetched = _download(coordinate, Path(staging))
        found = sha256_of(fetched)
        if found != sha256:
            raise SurroundingsError(
                f"{coordinate} is not the file this project was tested with: SHA-256 {found}, pinned is {sha256}. "
                "It was thrown away. Try again; if it stays so, look at the mirror or proxy in between"
            )
        fetched.replace(path)


def _download(coordinate: str, staging: Path) -> Path:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return Path(artifact(context(staging / str(attempt)), coordinate).resolve())
        except (requests.RequestException, RuntimeError) as error:
            cause = error
    raise SurroundingsError(
        f"{coordinate} could not be fetched ({type(cause).__name__}, {ATTEMPTS} attempts): the first start needs "
        "Maven Central, or a mirror of it named under [repositories] in jgo's settings (~/.config/jgo.conf)"
        + _ca(cause)
    ) from cause


def _ca(cause: Exception) -> str:
    if not isinstance(cause, requests.exceptions.SSLError):
        return ""
    return ". Its certificate is not trusted: if it is your company's, name the CA's file in REQUESTS_CA_BUNDLE"


def _unpack(archive: Path, folder: Path) -> None:
    require_space(folder.parent, SPACE_MB)
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as staging:
        unpacked = Path(staging) / "registry"
        with tarfile.open(archive) as files:
            files.extractall(unpacked, filter="data")
        (unpacked / "sizes.json").write_text(json.dumps(_sizes(unpacked)))
        unpacked.rename(folder)


def _as_unpacked(folder: Path) -> bool:
    # Names and sizes: hashing 200 MB at each start would cost more than the registry's own start.
    sizes = folder / "sizes.json"
    return sizes.exists() and json.loads(sizes.read_text()) == _sizes(folder)


def _sizes(folder: Path) -> dict[str, int]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "sizes.json")
    return {str(path.relative_to(folder)): path.stat().st_size for path in files}
