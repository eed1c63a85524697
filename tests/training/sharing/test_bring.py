"""What a branch of the Hub names comes into a folder of versions, whole, and named last."""

import json
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")

from click.testing import CliRunner

from consumer import artifact, versions
from consumer.errors import ArtifactError
from tests.consumer.lifecycle.made_up import version
from tests.training.local_hub import MAIN, lead_client, local_hub
from training.cli import train
from training.sharing import old_versions
from training.sharing.bring import Bring, watch

pytestmark = pytest.mark.train
REPOSITORY = "me/tiny"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with local_hub() as running:
        lead_client(monkeypatch, running.url, tmp_path / "home")
        yield running


@pytest.fixture
def made(tmp_path):
    """The files of a version, as somebody would push them."""

    def files(name: str) -> dict[str, bytes]:
        made = version(tmp_path / "made", name)
        content = {path.name: path.read_bytes() for path in made.iterdir()}
        shutil.rmtree(made)
        return content

    return files


def test_a_new_commit_is_brought_and_named_and_an_old_one_is_left(hub, made, tmp_path):
    """A rollback since then stands, also when the watcher starts anew."""
    hub.add(REPOSITORY, made("1"))
    models = tmp_path / "models"
    bring = Bring(REPOSITORY, models, MAIN)

    assert "1 is current" in bring.once()[0]
    assert bring.once() == []
    hub.repositories[REPOSITORY].commit(MAIN, made("2"))
    assert "2 is current" in bring.once()[0]
    assert artifact.verify(models / "2", "int8").manifest.version == "2"
    assert sorted(path.name for path in models.iterdir()) == [".pulled", "1", "2", "current"]

    versions.rollback(models)
    assert Bring(REPOSITORY, models, MAIN).once() == []
    assert versions.read(models).version == "1"


def test_what_is_damaged_is_not_named_and_not_fetched_again(hub, made, tmp_path):
    """Until the branch names another commit."""
    hub.add(REPOSITORY, made("1"))
    bring = Bring(REPOSITORY, tmp_path / "models", MAIN)
    bring.once()
    hub.repositories[REPOSITORY].commit(MAIN, {**made("2"), "tokenizer.json": made("2")["tokenizer.json"][::-1]})

    with pytest.raises(ArtifactError, match=r"tokenizer\.json has SHA-256"):
        bring.once()
    asked = len(hub.asked)
    assert bring.once() == []
    assert len(hub.asked) == asked + 1
    assert versions.read(tmp_path / "models").version == "1"


def test_another_artifact_of_the_same_version_is_refused(hub, made, tmp_path):
    """Events could not be told apart."""
    files = made("1")
    hub.add(REPOSITORY, files)
    bring = Bring(REPOSITORY, tmp_path / "models", MAIN)
    bring.once()
    hub.repositories[REPOSITORY].commit(MAIN, {"manifest.json": files["manifest.json"] + b"\n"})

    with pytest.raises(ArtifactError, match="give each one a version of its own"):
        bring.once()


def test_what_was_damaged_since_is_brought_anew(hub, made, tmp_path):
    """The manifest alone would not tell."""
    hub.add(REPOSITORY, made("1"))
    models = tmp_path / "models"
    Bring(REPOSITORY, models, MAIN).once()
    tokenizer = models / "1" / "tokenizer.json"
    was = tokenizer.read_bytes()
    tokenizer.write_bytes(was[::-1])
    hub.repositories[REPOSITORY].commit(MAIN, {"LICENSE": b"another commit of the same artifact"})

    assert "1 is current" in Bring(REPOSITORY, models, MAIN).once()[0]

    assert tokenizer.read_bytes() == was
    assert not list(models.glob(".1.*"))


def test_what_is_whole_is_not_fetched_again(hub, made, tmp_path):
    """A branch may move without another artifact."""
    hub.add(REPOSITORY, made("1"))
    Bring(REPOSITORY, tmp_path / "models", MAIN).once()
    hub.repositories[REPOSITORY].commit(MAIN, {"LICENSE": b"another commit of the same artifact"})
    hub.asked.clear()

    Bring(REPOSITORY, tmp_path / "models", MAIN).once()

    assert {path.rpartition("/")[2] for path in hub.asked if "/resolve/" in path} == {"manifest.json"}


def test_a_manifest_that_is_too_large_is_not_fetched(hub, made, tmp_path):
    """Its size is asked for first."""
    hub.add(REPOSITORY, {**made("1"), "manifest.json": b" " * (artifact.MAX_MANIFEST_BYTES + 1)})

    with pytest.raises(ArtifactError, match=r"manifest\.json of 1048577 bytes"):
        Bring(REPOSITORY, tmp_path / "models", MAIN).once()
    assert not [path for path in hub.asked if "/resolve/" in path]


def test_old_versions_are_removed_and_a_rollback_stays_possible(hub, made, tmp_path):
    """By when they came and not by name, of those that were brought alone: what others have put there is theirs."""
    hub.add(REPOSITORY, made("8"))
    models = tmp_path / "models"
    version(models, "own")
    bring = Bring(REPOSITORY, models, MAIN, keep=2)
    for name in ("8", "9", "10"):
        hub.repositories[REPOSITORY].commit(MAIN, made(name))
        lines = bring.once()

    assert lines[1] == f"8 removed from {models}, of which 2 versions are kept"
    assert sorted(path.name for path in models.iterdir()) == [".pulled", "10", "9", "current", "own"]
    assert versions.rollback(models).version == "9"


def remaining(folder: Path, brought: Sequence[str], keep: int) -> tuple[list[str], str]:
    """What `remove` returns, and what is there then."""
    gone = old_versions.remove(folder, brought, keep)
    return gone, "".join(sorted(path.name for path in folder.iterdir() if path.name != "current"))


@pytest.fixture
def five(tmp_path) -> Path:
    """Versions 1 to 5 by name."""
    for name in "12345":
        (tmp_path / name).mkdir()
    return tmp_path


def test_the_current_one_and_the_one_before_it_stay_however_old_they_are(five):
    """They are of those that are kept; below two nobody goes."""
    for name in ("3", "2", "1"):
        versions.use(five, name)

    assert remaining(five, "54321", keep=3) == (["4", "3"], "125")
    assert remaining(five, "54321", keep=1) == (["5"], "12")


def test_one_before_that_is_gone_already_makes_room_for_the_one_before_that(five):
    for name in ("1", "4", "5"):
        versions.use(five, name)
    shutil.rmtree(five / "4")

    assert remaining(five, "54321", keep=2) == (["3", "2"], "15")


def test_nothing_is_removed_where_nobody_can_tell_what_is_current(five):
    (five / "current").write_text("")

    assert remaining(five, "54321", keep=2) == ([], "12345")


def test_what_a_killed_process_had_put_aside_is_removed_by_the_next(five):
    versions.use(five, "5")
    (five / ".4.removed").mkdir()

    assert remaining(five, "54321", keep=4) == (["1"], "2345")


def test_an_unsigned_one_is_not_named_where_a_key_is_given(hub, made, tmp_path):
    """By the key that `shikyu run` has too."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = Ed25519PrivateKey.generate().public_key()
    key = tmp_path / "public.pem"
    key.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    hub.add(REPOSITORY, made("1"))

    with pytest.raises(ArtifactError, match="not signed"):
        Bring(REPOSITORY, tmp_path / "models", MAIN, key).once()
    assert not (tmp_path / "models" / "current").exists()


def without(files: dict[str, bytes], precision: str, *, name: str) -> dict[str, bytes]:
    """That version with this precision marked as not to be served."""
    manifest = json.loads(files["manifest.json"])
    manifest["precisions"][precision]["servable"] = False
    manifest["version"] = name
    return {**files, "manifest.json": json.dumps(manifest).encode()}


def test_one_that_lacks_the_precision_that_is_served_is_not_named(hub, made, tmp_path):
    """Nor fetched, for nobody would remove it; where no precision was asked for, it is named, and that is told."""
    hub.add(REPOSITORY, made("1"))
    models = tmp_path / "models"
    insisting = Bring(REPOSITORY, models, MAIN, precision="int8")
    insisting.once()
    hub.repositories[REPOSITORY].commit(MAIN, without(made("2"), "int8", name="2"))

    with pytest.raises(ArtifactError, match=r"has no int8 that may be served.* not fetched: it can serve fp32\. Push"):
        insisting.once()
    assert (versions.read(models).version, (models / "2").exists(), insisting.once()) == ("1", False, [])

    named, warned = Bring(REPOSITORY, models, MAIN).once()
    assert "2 is current" in named
    assert warned.startswith("warning: 2 cannot be served in int8, as 1 can: a consumer with model.precision = int8")


def test_one_whose_file_of_that_precision_was_left_out_is_not_named(hub, made, tmp_path):
    """Its manifest still speaks of it."""
    files = made("1")
    hub.add(REPOSITORY, {name: content for name, content in files.items() if name != "model.onnx"})

    with pytest.raises(ArtifactError, match=r"lacks model\.onnx, which fp32 needs"):
        Bring(REPOSITORY, tmp_path / "models", MAIN, precision="fp32").once()
    assert not (tmp_path / "models" / "current").exists()


def test_it_watches_and_goes_on_when_the_hub_is_away(hub, made, tmp_path):
    """What goes wrong is told once."""
    hub.add(REPOSITORY, made("1"))
    hub.refuse["GET /api/models"] = (500, {})
    told, stopped = [], threading.Event()
    bring = Bring(REPOSITORY, tmp_path / "models", MAIN)
    thread = threading.Thread(target=watch, args=(bring, 0.01, stopped.is_set, told.append))
    thread.start()
    until = time.monotonic() + 60
    while len(hub.asked) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    hub.refuse.clear()
    while len(told) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    stopped.set()
    thread.join()

    assert "answered 500" in told[0]
    assert "1 is current" in told[1]


def test_the_command_brings_once_or_says_that_it_did(hub, made, tmp_path):
    """As an init container would."""
    hub.add(REPOSITORY, made("1"))
    command = ["pull", REPOSITORY, str(tmp_path / "models"), "--revision", MAIN, "--versions"]

    first, second = (CliRunner().invoke(train, command, catch_exceptions=False) for _ in range(2))

    assert "1 is current" in first.output
    assert "was brought" in second.output
    assert CliRunner().invoke(train, [*command, "--keep", "1"]).exit_code == 2
    without = CliRunner().invoke(train, [*command[:-1], "--keep", "3"])
    assert "--precision go with --versions" in str(without.exception)
