"""An artifact of the Hub's into a folder of versions, and the next one when its revision names another commit."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from consumer import artifact, versions
from consumer.errors import ArtifactError, SettingsError, ShikyuError, SurroundingsError
from consumer.manifest import MANIFEST_FILE, Manifest, Precision
from training.sharing import hub, old_versions

# The commit that was named last: a rollback since then is not undone. Below it the versions that were brought and are
# there, the newest first.
MARK_FILE = ".pulled"
PRECISIONS = get_args(Precision)
LOOK_S = 0.2  # between two looks whether to leave


class Bring:
    """
    From one revision of one repository, signed by `public_key`'s other half where one is given, and with `precision`,
    where consumers serve that one alone; `keep` of them.
    """

    def __init__(
        self,
        repository: str,
        folder: Path,
        revision: str,
        public_key: Path | None = None,
        keep: int = old_versions.KEEP,
        precision: str | None = None,
    ) -> None:
        self._repository = repository
        self._folder = folder
        self._revision = revision
        self._public_key = public_key
        self._keep = keep
        self._precision = precision
        self._refused: str | None = None

    def once(self) -> list[str]:
        """
        What was done, in words; nothing where the revision's commit was brought, or refused, before.

        The version is whole and verified before `current` names it; then older ones are removed. Raises what `hub.pull`
        raises.
        """
        commit = hub.commit_of(self._repository, self._revision)
        try:
            if commit == self._refused:
                return []
            lines: list[str] = []
            last, *brought = self._marked()
            if commit != last:
                version = self._brought(commit)
                was = versions.read_if_there(self._folder)
                named = versions.use(self._folder, version)
                brought = [version, *(name for name in brought if name != version)]
                self._mark(commit, brought)
                lines = [f"{version} is current in {named.folder}: {self._repository} at {commit}", *_lost(was, named)]
            if gone := old_versions.remove(self._folder, brought, self._keep):
                lines.append(f"{', '.join(gone)} removed from {self._folder}, of which {self._keep} versions are kept")
            return lines
        except ArtifactError:
            self._refused = commit
            raise
        except OSError as error:
            raise SurroundingsError(f"{self._folder} cannot be written ({error.strerror})") from error

    def _marked(self) -> list[str]:
        """The commit, and what was brought."""
        commit, *names = (_read(self._folder / MARK_FILE) or b"").decode("utf-8", "replace").split() or [""]
        return [commit, *(name for name in names if versions.NAME.fullmatch(name))]

    def _mark(self, commit: str, brought: list[str]) -> None:
        there = (name for name in brought if (self._folder / name).is_dir())
        (self._folder / MARK_FILE).write_text("".join(f"{line}\n" for line in (commit, *there)), encoding="utf-8")

    def _brought(self, commit: str) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        manifest, content = hub.manifest_at(self._repository, commit)
        versions.require_name(manifest.version)
        self._require_precision(manifest, commit)
        target = self._folder / manifest.version
        if (there := _read(target / MANIFEST_FILE)) not in (None, content):
            raise ArtifactError(
                f"{target} is there already, and {self._repository} at {commit} has another artifact of the same "
                "version: give each one a version of its own"
            )
        if there is None or not self._is_sound(target, manifest):
            hub.pull(self._repository, target, commit, replace=target.exists(), public_key=self._public_key)
        if self._precision is not None:
            _glance(target, self._precision)
        return manifest.version

    def _require_precision(self, manifest: Manifest, commit: str) -> None:
        """Before anything large is fetched, which nobody would remove again."""
        has = [name for name, served in manifest.precisions.items() if served.servable]
        if self._precision not in (None, *has):
            raise ArtifactError(
                f"{self._repository} at {commit} has no {self._precision} that may be served, for which --precision "
                f"asks, and is not fetched: it can serve {', '.join(has) or 'none'}. Push a version that has it, or "
                "set model.precision and --precision to another"
            )

    def _is_sound(self, target: Path, manifest: Manifest) -> bool:
        """Every byte of its best precision: a disk or somebody may have damaged it since it was brought."""
        try:
            artifact.verify(target, artifact.best_precision(manifest), public_key=self._public_key)
        except ArtifactError:
            return False
        return True


def _glance(folder: Path, precision: str) -> None:
    """Raises ArtifactError unless it can be served there: fp16 is a GPU's."""
    artifact.glance(folder, precision, device="cuda" if precision == "fp16" else "cpu")


def _serves(folder: Path, precision: str) -> bool:
    try:
        _glance(folder, precision)
    except ArtifactError:
        return False
    return True


def _lost(was: versions.Current | None, named: versions.Current) -> list[str]:
    """A word where a consumer that insists on a precision would not follow."""
    if was is None:
        return []
    lost = [each for each in PRECISIONS if _serves(was.artifact, each) and not _serves(named.artifact, each)]
    return [
        f"warning: {named.version} cannot be served in {each}, as {was.version} can: a consumer with model.precision = "
        f"{each} refuses it; --precision {each} would not have named it"
        for each in lost
    ]


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def watch(bring: Bring, every_s: float, stopping: Callable[[], bool], say: Callable[[str], None]) -> None:
    """
    Brings, and looks again every so often, until told to leave; what goes wrong is told once, and tried again.

    A wrong name is raised at the first look: nobody would come to mend it.
    """
    last, is_first = "", True
    while not stopping():
        try:
            lines = bring.once()
        except ShikyuError as error:
            if is_first and isinstance(error, SettingsError):
                raise
            lines = [] if last == str(error) else [str(error)]
            last = str(error)
        else:
            last = ""
        for line in lines:
            say(line)
        is_first = False
        until = time.monotonic() + every_s
        while time.monotonic() < until and not stopping():
            time.sleep(LOOK_S)
