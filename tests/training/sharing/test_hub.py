import hashlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")

from huggingface_hub import constants

from consumer import artifact
from consumer.errors import ArtifactError, SettingsError, SurroundingsError
from consumer.manifest import MANIFEST_FILE, SIGNATURE_FILE
from tests.training.local_hub import MAIN, TOKEN, lead_client, local_hub
from training.sharing import hub as hub_module
from training.sharing.hub import pull, pulled_lines, push, pushed_lines

# huggingface_hub 2.4 uploads by an argument that its own HTTP library would see spelt otherwise.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")]

REPOSITORY = "me/tiny"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with local_hub() as running:
        lead_client(monkeypatch, running.url, tmp_path / "home")
        yield running


@pytest.fixture
def folder(tiny, tmp_path):
    """A copy of the tiny artifact, to spoil."""
    return Path(shutil.copytree(tiny, tmp_path / "artifact"))


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def rewrite(folder, change):
    """The manifest with `change` made, and its sizes and hashes as the files are."""
    manifest = json.loads((folder / MANIFEST_FILE).read_bytes())
    change(manifest)
    for name in manifest["files"]:
        if (folder / name).exists():
            content = (folder / name).read_bytes()
            manifest["files"][name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest))


def also(folder, name, content=b"x"):
    """Makes `name` part of the artifact."""
    (folder / name).write_bytes(content)

    def change(manifest):
        manifest["shared_files"].append(name)
        manifest["files"][name] = {}

    rewrite(folder, change)


def shikyu_train(hub, *arguments, home, **environment):
    return subprocess.run(
        [sys.executable, "-m", "training.cli", *map(str, arguments)],
        env={
            **os.environ,
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "NO_PROXY": "127.0.0.1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_was_pushed_is_what_is_pulled(tiny, tmp_path):
    """
    By the commands and HF_ENDPOINT: into a private repository, its commit told, and back as plain files.
    """
    with local_hub() as hub:
        pushed = shikyu_train(hub, "push", tiny, REPOSITORY, home=tmp_path, HF_TOKEN=TOKEN, HF_DEBUG="1")
        commit = hub.repositories[REPOSITORY].branches[MAIN]
        pulled = shikyu_train(
            hub, "pull", REPOSITORY, tmp_path / "out", "--revision", commit, home=tmp_path, HF_TOKEN=TOKEN
        )

    assert (pushed.returncode, pulled.returncode) == (0, 0), pushed.stderr + pulled.stderr
    assert f"tiny 1 is at me/tiny (private), commit {commit}" in pushed.stdout
    assert hub.repositories[REPOSITORY].private
    assert hub.repositories[REPOSITORY].tree(MAIN) == files(tiny) == files(tmp_path / "out")
    assert not any(path.is_symlink() for path in (tmp_path / "out").iterdir())
    assert TOKEN not in pushed.stdout + pushed.stderr + pulled.stdout + pulled.stderr


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "train.jsonl").write_text("{}"), "holds train.jsonl, which its manifest does not"),
        (lambda folder: (folder / "flips").mkdir(), "flips is no plain file"),
        (lambda folder: (folder / "extra.json").symlink_to("config.json"), "extra.json is a symbolic link"),
        (lambda folder: (folder / "config.json").write_text("{}"), "config.json has 2 bytes"),
        (lambda folder: also(folder, "pytorch_model.bin"), "names pytorch_model.bin as part of the artifact"),
        (lambda folder: also(folder, "mistakes.jsonl"), "names mistakes.jsonl as part of the artifact"),
        (lambda folder: also(folder, "train_results.json", b'{"a": [{"texts": ["Help!"]}]}'), "holds 'texts', which"),
        (lambda folder: also(folder, "train_results.json", b"["), "train_results.json cannot be read as JSON"),
        (
            lambda folder: rewrite(folder, lambda its: its["precisions"]["int8"].update(gate={"flips": ["Help!"]})),
            "'flips'",
        ),
    ],
)
def test_nothing_but_an_artifact_is_pushed(hub, folder, spoil, message):
    """
    What else is there, what is code or could be customers' words: refused before anything is sent.
    """
    spoil(folder)

    with pytest.raises(ArtifactError, match=message):
        push(folder, REPOSITORY)

    assert hub.asked == []


def test_the_sample_artifact_may_be_pushed(hub):
    """
    As the export writes it: nothing in it is taken for a text.
    """
    sample = Path(__file__).parents[3] / "artifacts" / "sample"

    push(sample, REPOSITORY)

    assert hub.repositories[REPOSITORY].tree(MAIN) == files(sample)


def test_figures_of_what_is_withheld_are_none_of_it(hub, folder):
    """
    A gate may say how many flips there were.
    """
    rewrite(folder, lambda manifest: manifest["precisions"]["int8"].update(gate={"flips": 3}))

    assert push(folder, REPOSITORY).manifest.precisions["int8"].gate == {"flips": 3}


def test_a_public_repository_takes_an_artifact_only_if_that_is_said(hub, tiny):
    """
    Private is the default for the artifact, not only for a repository that is yet to be made.
    """
    hub.add(REPOSITORY, {}, private=False)

    with pytest.raises(SettingsError, match="me/tiny is public, so everybody would have the model: say --public"):
        push(tiny, REPOSITORY)
    assert hub.repositories[REPOSITORY].tree(MAIN) == {}

    assert "(public)" in pushed_lines(push(tiny, REPOSITORY, public=True))[0]
    assert push(tiny, "me/new", public=True).private is False


def test_a_branch_takes_an_artifact_and_leaves_main(hub, tiny, tmp_path):
    """
    Pulled by its name, it is told which commit that was.
    """
    commit = push(tiny, REPOSITORY, branch="next", message="try").commit
    pulled = pull(REPOSITORY, tmp_path / "out", "next")

    assert (hub.repositories[REPOSITORY].tree(MAIN), hub.repositories[REPOSITORY].messages[-1]) == ({}, "try")
    assert pulled.commit == commit
    assert f"next is commit {commit} now: pin it" in pulled_lines(pulled, tmp_path / "out", "next")[0]
    with pytest.raises(SettingsError, match="only branches take new ones"):
        push(tiny, REPOSITORY, branch=commit)


def test_a_commit_has_no_file_of_an_earlier_artifact(hub, tiny, tmp_path):
    """
    This one leaves its checkpoint out; the earlier one's, under the same name, is not its own. What is nobody's stays.
    """
    hub.add(REPOSITORY, {"model.safetensors": b"older", "notes.txt": b"mine"}, private=True)

    commit = push(tiny, REPOSITORY).commit
    pull(REPOSITORY, tmp_path / "out", commit)

    assert set(hub.repositories[REPOSITORY].tree(MAIN)) == {*files(tiny), "notes.txt"}
    assert files(tmp_path / "out") == files(tiny)


def test_a_file_that_the_hub_left_out_is_told(hub, tiny):
    """
    A .gitignore there keeps files from being committed, without a word.
    """
    hub.ignored.add("model.onnx")

    with pytest.raises(ArtifactError, match=r"lacks model.onnx: take its names out of the .gitignore"):
        push(tiny, REPOSITORY)


def test_only_what_the_manifest_names_is_pulled(hub, tiny, tmp_path):
    """
    Pickles, code and texts that lie in the repository stay there.
    """
    hub.add(REPOSITORY, {**files(tiny), "pytorch_model.bin": b"x", "modeling.py": b"x", ".gitattributes": b"x"})

    pull(REPOSITORY, tmp_path / "out", MAIN)

    assert files(tmp_path / "out") == files(tiny)
    assert not [path for path in hub.asked if "pytorch_model" in path or "modeling" in path]


def test_a_signature_travels_with_its_artifact(hub, folder, tmp_path):
    """And goes with it: what is pushed unsigned shall not look signed, and broken."""
    (folder / SIGNATURE_FILE).write_bytes(b"signed")
    push(folder, REPOSITORY)
    pull(REPOSITORY, tmp_path / "signed", MAIN)
    (folder / SIGNATURE_FILE).unlink()
    push(folder, REPOSITORY)
    pull(REPOSITORY, tmp_path / "unsigned", MAIN)

    assert (tmp_path / "signed" / SIGNATURE_FILE).read_bytes() == b"signed"
    assert not (tmp_path / "unsigned" / SIGNATURE_FILE).exists()


def changed(folder):
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(bytes([content[0] ^ 1]) + content[1:])


def climbing(folder):
    def change(manifest):
        manifest["files"]["../config.json"] = manifest["files"].pop("config.json")

    rewrite(folder, change)


@pytest.mark.parametrize(
    ("spoil", "message", "fetched"),
    [
        (changed, "model.onnx has SHA-256 .*, and the manifest says", True),
        (
            lambda folder: (folder / "model.onnx").write_bytes(b"x"),
            "has 1 bytes of model.onnx, and its manifest",
            False,
        ),
        (lambda folder: (folder / "tokenizer.json").unlink(), "lacks tokenizer.json", True),
        (lambda folder: (folder / MANIFEST_FILE).unlink(), "has no manifest.json, so it is no artifact", False),
        (lambda folder: (folder / MANIFEST_FILE).write_bytes(b" " * 2**21), "has a manifest.json of 2097152", False),
        (lambda folder: also(folder, "weights.pkl"), "names weights.pkl as part of the artifact", False),
        (climbing, "manifest.json is wrong at files", False),
    ],
)
def test_what_is_no_sound_artifact_is_not_pulled(hub, folder, tmp_path, spoil, message, fetched):
    """
    Nothing appears, nothing that was there goes, and nothing large is fetched that can be known to be wrong.
    """
    out = tmp_path / "out"
    push(folder, "me/good")
    pull("me/good", out, MAIN)
    spoil(folder)
    hub.add(REPOSITORY, files(folder))
    kept = {path.name for path in tmp_path.iterdir()}

    with pytest.raises(ArtifactError, match=message):
        pull(REPOSITORY, out, MAIN, replace=True)

    assert artifact.verify(out, "int8")
    assert {path.name for path in tmp_path.iterdir()} == kept
    assert any(f"{REPOSITORY}/resolve" in each and "model.onnx" in each for each in hub.asked) is fetched


def test_a_folder_is_replaced_only_if_that_is_said(hub, tiny, folder):
    """
    Asked before the network is.
    """
    with pytest.raises(ArtifactError, match="say --replace"):
        pull(REPOSITORY, folder, MAIN)

    assert hub.asked == []


def test_a_commit_is_that_commit(hub, tiny, tmp_path, monkeypatch):
    """
    A pinned revision that is answered with another commit is no pin.
    """
    pinned, other = push(tiny, REPOSITORY).commit, "0" * 40
    found = hub.repositories[REPOSITORY]
    found.commits[other] = found.commits.pop(pinned)
    monkeypatch.setattr(found, "resolve", lambda revision: other)

    with pytest.raises(ArtifactError, match=f"{pinned} was answered with the commit '{other}'"):
        pull(REPOSITORY, tmp_path / "out", pinned)


GATED = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."}
NO_TOKEN = {"X-Error-Message": "Invalid credentials in Authorization header"}


@pytest.mark.parametrize(
    ("part", "status", "headers", "error", "message"),
    [
        (
            "GET /api/models",
            401,
            NO_TOKEN,
            SurroundingsError,
            "answered 401, the token is wrong or has expired: log in",
        ),
        ("GET /api/models", 403, {}, SurroundingsError, "answered 403, the token may not do this"),
        ("GET /api/models", 403, GATED, SurroundingsError, "is gated: ask for access on its page"),
        ("GET /api/models", 404, {"X-Error-Code": "RepoNotFound"}, SettingsError, "check the name, or log in"),
        (
            "GET /api/models",
            404,
            {"X-Error-Code": "RevisionNotFound"},
            SettingsError,
            "no such revision; name a commit",
        ),
        ("GET /api/models", 429, {}, SurroundingsError, "too many requests: try again in some minutes"),
        ("GET /api/models", 500, {}, SurroundingsError, "answered 500, try again later"),
        ("HEAD", 403, {}, SurroundingsError, "answered 403, the token may not do this"),
    ],
)
def test_a_refused_pull_says_what_to_do(hub, tiny, tmp_path, part, status, headers, error, message):
    """
    By the status that the Hub gives, never in its client's words, and with nothing left behind.
    """
    hub.add(REPOSITORY, files(tiny))
    hub.refuse[part] = (status, headers)

    with pytest.raises(error, match=message) as told:
        pull(REPOSITORY, tmp_path / "out", MAIN)

    assert TOKEN not in str(told.value)
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == []


@pytest.mark.parametrize(
    ("part", "status", "error", "message"),
    [
        ("POST /api/repos/create", 401, SurroundingsError, "me/tiny was refused: .* answered 401, .* log in"),
        ("POST /api/repos/create", 403, SurroundingsError, "must be able to write"),
        ("POST /api/models/me/tiny/commit", 412, SurroundingsError, "somebody else changed it in the meantime"),
        ("POST /api/models/me/tiny/commit", 404, SurroundingsError, "answered 404"),
        ("PUT /large", 403, SurroundingsError, "answered 403"),
    ],
)
def test_a_refused_push_says_what_to_do(hub, tiny, part, status, error, message):
    """
    Also from deep within an upload.
    """
    hub.refuse[part] = (status, {})

    with pytest.raises(error, match=message) as told:
        push(tiny, REPOSITORY)

    assert TOKEN not in str(told.value)


def test_who_is_not_logged_in_is_told_how(hub, tiny, monkeypatch):
    """
    For the Hub, a private repository and none are the same.
    """
    monkeypatch.delenv("HF_TOKEN")
    hub.add(REPOSITORY, files(tiny), private=True)

    with pytest.raises(SettingsError, match="or it is private and this login may not see it"):
        pull(REPOSITORY, Path("out"), MAIN)


@pytest.mark.parametrize("name", ["tiny", "a/b/c", "me/ti ny", "me/.."])
def test_a_wrong_name_is_told(hub, tiny, name):
    """
    Before anything is asked.
    """
    with pytest.raises(SettingsError, match="is no name of a repository on the Hub: write OWNER/NAME"):
        push(tiny, name)

    assert hub.asked == []


def test_no_network_is_told(tiny, tmp_path, monkeypatch):
    """
    A port that nobody listens at.
    """
    with local_hub() as gone:
        pass
    lead_client(monkeypatch, gone.url.replace("//", f"//user:{TOKEN}@"), tmp_path / "home")

    for ask in (lambda: push(tiny, REPOSITORY), lambda: pull(REPOSITORY, tmp_path / "out", MAIN)):
        with pytest.raises(SurroundingsError, match=r"did not answer \(ConnectError\)") as told:
            ask()
        assert TOKEN not in str(told.value)


def test_offline_mode_is_told(hub, tiny, monkeypatch):
    """
    Somebody set it, and may have forgotten.
    """
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    with pytest.raises(SurroundingsError, match="HF_HUB_OFFLINE is set"):
        push(tiny, REPOSITORY)


@pytest.mark.parametrize(
    ("number", "message"), [(28, "me/tiny at main did not fit on the disk"), (13, "out cannot be written")]
)
def test_a_disk_that_takes_nothing_is_told(hub, tiny, tmp_path, monkeypatch, number, message):
    """
    And the folder is not there.
    """
    hub.add(REPOSITORY, files(tiny))

    @contextmanager
    def refusing(folder, *, replace):
        raise OSError(number, os.strerror(number))
        yield

    monkeypatch.setattr(hub_module, "whole", refusing)

    with pytest.raises(SurroundingsError, match=message):
        pull(REPOSITORY, tmp_path / "out", MAIN)
