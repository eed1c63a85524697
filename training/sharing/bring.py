"""An artifact of the Hub's into a folder of versions, and the next one when its revision names another commit."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import HfApi

from consumer import artifact, versions
from consumer.errors import ArtifactError, SettingsError, ShikyuError, SurroundingsError
from consumer.manifest import MANIFEST_FILE
from training.sharing import hub
from training.sharing.hub_errors import saying

MARK_FILE = ".pulled"  # the commit that was named last: a rollback since then is not undone
LOOK_S = 0.2  # between two looks whether to leave


class Bring:
    """From one revision of one repository, signed by `public_key`'s other half where one is given."""

    def __init__(self, repository: str, folder: Path, revision: str, public_key: Path | None = None) -> None:
        self._repository = repository
        self._folder = folder
        self._revision = revision
        self._public_key = public_key
        self._refused: str | None = None

    def once(self) -> list[str]:
        """
        What was done, in words; nothing where the revision's commit was brought, or refused, before.

        The version is whole and verified before `current` names it. Raises what `hub.pull` raises.
        """
        commit = hub.commit_of(self._repository, self._revision)
        try:
            if commit in (self._refused, self._marked()):
                return []
            version = self._brought(commit)
            named = versions.use(self._folder, version)
            (self._folder / MARK_FILE).write_text(f"{commit}\n", encoding="utf-8")
        except ArtifactError:
            self._refused = commit
            raise
        except OSError as error:
            raise SurroundingsError(f"{self._folder} cannot be written ({error.strerror})") from error
        return [f"{version} is current in {named.folder}: {self._repository} at {commit}"]

    def _marked(self) -> str | None:
        try:
            return (self._folder / MARK_FILE).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None

    def _brought(self, commit: str) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as draft, saying(f"{self._repository} at {commit}"):
            HfApi().hf_hub_download(self._repository, MANIFEST_FILE, revision=commit, local_dir=draft)
            manifest, content = artifact.read_manifest(Path(draft)), (Path(draft) / MANIFEST_FILE).read_bytes()
        versions.require_name(manifest.version)
        target = self._folder / manifest.version
        if not target.exists():
            hub.pull(self._repository, target, commit, public_key=self._public_key)
        elif (target / MANIFEST_FILE).read_bytes() != content:
            raise ArtifactError(
                f"{target} is there already, and {self._repository} at {commit} has another artifact of the same "
                "version: give each one a version of its own"
            )
        if self._public_key is not None:
            artifact.read_manifest(target, self._public_key)
        return manifest.version


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
