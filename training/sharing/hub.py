"""An artifact to the Hugging Face Hub and back: what its manifest names and nothing else, verified at both ends."""

import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperation, CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.hf_api import ModelInfo

from consumer import artifact
from consumer.errors import ArtifactError, SettingsError, SurroundingsError
from consumer.manifest import MANIFEST_FILE, SIGNATURE_FILE, Manifest
from training.sharing.hub_errors import saying
from training.sharing.shareable import require_no_texts, require_same, require_shareable
from training.whole_folder import require_folder, whole

MAIN = "main"
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Shared:
    """An artifact as it stands on the Hub, pinned to `commit`."""

    repository: str
    commit: str
    manifest: Manifest
    private: bool


def push(
    folder: Path, repository: str, *, public: bool = False, branch: str = MAIN, message: str | None = None
) -> Shared:
    """
    The artifact's files, verified, in one commit. A repository that is not there yet is made, private unless `public`.

    ArtifactError for what is no whole artifact or names what is not to be shared, before anything is sent;
    SettingsError for a wrong name, or a repository that is public unasked; SurroundingsError for no network, no login.
    """
    manifest = _pushable(folder)
    if COMMIT.fullmatch(branch):
        raise SettingsError(f"{branch} is a commit, and only branches take new ones: name a branch.")
    api = HfApi()
    with saying(repository):
        open_repository(api, repository, public=public)
        if branch != MAIN:
            api.create_branch(repository, branch=branch, exist_ok=True)
        before = api.model_info(repository, revision=branch, files_metadata=True)
        commit = api.create_commit(
            repository,
            _changes(folder, manifest, _sizes(before)),
            commit_message=message or f"{manifest.name} {manifest.version}",
            revision=branch,
        ).oid
        after = api.model_info(repository, revision=commit, files_metadata=True)
    _require_arrived(folder, manifest, _sizes(after), f"{repository} at {commit}")
    return Shared(repository, commit, manifest, bool(after.private))


def pushed_lines(shared: Shared) -> list[str]:
    """What was pushed, and how to have it back."""
    name = f"{shared.manifest.name} {shared.manifest.version}"
    seen_by = "private" if shared.private else "public"
    return [
        f"{name} is at {shared.repository} ({seen_by}), commit {shared.commit}",
        f"to fetch it: shikyu-train pull {shared.repository} FOLDER --revision {shared.commit}",
    ]


def pulled_lines(shared: Shared, folder: Path, revision: str) -> list[str]:
    """What was fetched, and which commit a name stood for."""
    where = f"{shared.manifest.name} {shared.manifest.version} of {shared.repository} is in {folder}"
    if revision == shared.commit:
        return [f"{where}, commit {shared.commit}"]
    return [f"{where}; {revision} is commit {shared.commit} now: pin it with --revision {shared.commit}"]


def _pushable(folder: Path) -> Manifest:
    manifest = artifact.read_manifest(folder)
    require_shareable(manifest, str(folder))
    verified = _verified(folder, manifest)
    require_no_texts(folder, verified)
    return verified


def _changes(folder: Path, manifest: Manifest, before: Mapping[str, int]) -> list[CommitOperation]:
    """All files of the artifact; and away with those that this one leaves out, which would not be its own."""
    own = _own(folder, manifest)
    return [
        *(CommitOperationAdd(name, folder / name) for name in own),
        *(
            CommitOperationDelete(name)
            for name in sorted({*manifest.files, SIGNATURE_FILE})
            if name in before and name not in own
        ),
    ]


def _own(folder: Path, manifest: Manifest) -> list[str]:
    """The checkpoint, what an unserved precision needs, and a signature may be absent."""
    return [name for name in sorted({*manifest.files, MANIFEST_FILE, SIGNATURE_FILE}) if (folder / name).exists()]


def _require_arrived(folder: Path, manifest: Manifest, after: Mapping[str, int], where: str) -> None:
    require_same(manifest, after, where)
    if left_out := [name for name in _own(folder, manifest) if name not in after]:
        raise ArtifactError(f"{where} lacks {', '.join(left_out)}: take its names out of the .gitignore there.")


def open_repository(api: HfApi, repository: str, *, public: bool) -> None:
    """There when this returns. SettingsError when it is public, and nobody said `public`."""
    _require_owner(repository)
    try:
        found = api.model_info(repository)
    except RepositoryNotFoundError:
        api.create_repo(repository, private=not public)
        return
    if not public and not found.private:
        raise SettingsError(
            f"{repository} is public, so everybody would have the model: say --public if that is meant, or make the "
            "repository private in its settings."
        )


def commit_of(repository: str, revision: str) -> str:
    """The commit that a branch or tag names now. Raises as `pull` does."""
    _require_owner(repository)
    with saying(f"{repository} at {revision}"):
        return _pinned(HfApi().model_info(repository, revision=revision), revision)


def manifest_at(repository: str, commit: str) -> tuple[Manifest, bytes]:
    """The manifest alone, and its bytes: which artifact stands there. Raises as `pull` does."""
    api, where = HfApi(), f"{repository} at {commit}"
    with saying(where), tempfile.TemporaryDirectory() as draft:
        found = api.model_info(repository, revision=commit, files_metadata=True)
        manifest = _manifest(api, repository, found, Path(draft), where)
        return manifest, (Path(draft) / MANIFEST_FILE).read_bytes()


def pull(
    repository: str, folder: Path, revision: str, *, replace: bool = False, public_key: Path | None = None
) -> Shared:
    """
    The artifact at one commit, in `folder`, whole and verified, of plain files; or nothing there at all. With
    `public_key` it has to be signed.

    A branch or tag is resolved once, to `commit`. ArtifactError for what is no artifact, was changed or holds code;
    SettingsError for a name that is not there; SurroundingsError for no network, no login, a full disk.
    """
    require_folder(folder, replace=replace)
    _require_owner(repository)
    api = HfApi()
    try:
        with saying(f"{repository} at {revision}"):
            found = api.model_info(repository, revision=revision, files_metadata=True)
            commit = _pinned(found, revision)
            with whole(folder, replace=replace) as draft:
                manifest = _download(api, repository, found, draft)
                if public_key is not None:
                    artifact.read_manifest(draft, public_key)
    except OSError as error:
        raise SurroundingsError(f"{folder} cannot be written ({error.strerror}): name another folder.") from error
    return Shared(repository, commit, manifest, bool(found.private))


def _download(api: HfApi, repository: str, found: ModelInfo, draft: Path) -> Manifest:
    """The manifest first, so that nothing is fetched that it does not name, or that has another size."""
    where, sizes = f"{repository} at {found.sha}", _sizes(found)
    manifest = _manifest(api, repository, found, draft, where)
    require_shareable(manifest, where)
    require_same(manifest, sizes, where)
    for name in sorted({*manifest.files, SIGNATURE_FILE} & set(sizes)):
        api.hf_hub_download(repository, name, revision=found.sha, local_dir=draft)
    shutil.rmtree(draft / ".cache")  # the client's own notes
    return _verified(draft, manifest)


def _manifest(api: HfApi, repository: str, found: ModelInfo, draft: Path, where: str) -> Manifest:
    """Fetched to `draft`, once its size is known to be one of a manifest."""
    _require_manifest(_sizes(found), where)
    # With local_dir they are files; in the cache they would be links.
    api.hf_hub_download(repository, MANIFEST_FILE, revision=found.sha, local_dir=draft)
    return artifact.read_manifest(draft)


def _require_manifest(sizes: Mapping[str, int], where: str) -> None:
    if MANIFEST_FILE not in sizes:
        raise ArtifactError(
            f"{where} has no {MANIFEST_FILE}, so it is no artifact of shikyu: a checkpoint of transformers is named as "
            "a recipe's [model] base instead."
        )
    if sizes[MANIFEST_FILE] > artifact.MAX_MANIFEST_BYTES:
        raise ArtifactError(f"{where} has a {MANIFEST_FILE} of {sizes[MANIFEST_FILE]} bytes: push the artifact again.")


def _pinned(found: ModelInfo, revision: str) -> str:
    commit = str(found.sha)
    if not COMMIT.fullmatch(commit) or (COMMIT.fullmatch(revision) and commit != revision):
        raise ArtifactError(f"{revision} was answered with the commit {commit!r}: name the commit that is meant.")
    return commit


def _verified(folder: Path, manifest: Manifest) -> Manifest:
    return artifact.verify(folder, artifact.best_precision(manifest)).manifest


def _sizes(found: ModelInfo) -> Mapping[str, int]:
    return {each.rfilename: each.size or 0 for each in found.siblings or ()}


def _require_owner(repository: str) -> None:
    if repository.count("/") != 1:
        raise SettingsError(f"{repository!r} is no name of a repository on the Hub: write OWNER/NAME.")
