"""Artifacts that were signed, were not, or were changed since."""

import os
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from consumer import artifact, signature
from consumer.classify import load
from consumer.errors import ArtifactError, SettingsError
from consumer.manifest import MANIFEST_FILE, SIGNATURE_FILE

PEM = serialization.Encoding.PEM
PRIVATE = serialization.PrivateFormat.PKCS8
PUBLIC = serialization.PublicFormat.SubjectPublicKeyInfo
OPEN = serialization.NoEncryption()


def keys(folder: Path, name: str, key=None) -> tuple[Path, Path]:
    """A private and a public one, as openssl writes them."""
    key = key or ed25519.Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(key.private_bytes(PEM, PRIVATE, OPEN))
    public.write_bytes(key.public_key().public_bytes(PEM, PUBLIC))
    return private, public


@pytest.fixture
def signed(tiny, tmp_path) -> tuple[Path, Path]:
    """An artifact, and the public key that it is signed for."""
    private, public = keys(tmp_path, "ours")
    folder = tmp_path / "artifact"
    shutil.copytree(tiny, folder)
    (folder / SIGNATURE_FILE).write_bytes(signature.sign((folder / MANIFEST_FILE).read_bytes(), private))
    return folder, public


def test_a_signed_artifact_is_served(signed):
    """Whether its signature is asked for, or not."""
    folder, public = signed

    assert artifact.verify(folder, "fp32", public_key=public).precision == "fp32"
    assert artifact.verify(folder, "fp32").precision == "fp32"
    assert load(folder, "fp32", threads=1, public_key=public).classify(["hello"])


def test_an_unsigned_artifact_is_refused_where_a_signature_is_asked_for(tiny, signed):
    """With what signs it."""
    with pytest.raises(ArtifactError, match=r"is not signed .* model.public_key asks for it: .*shikyu-train sign"):
        load(tiny, "fp32", public_key=signed[1])


def test_another_s_signature_is_refused(signed, tmp_path):
    """And so is one of a manifest that was changed since, by a single byte."""
    folder, public = signed
    with pytest.raises(ArtifactError, match="was not signed by the key of"):
        artifact.verify(folder, "fp32", public_key=keys(tmp_path, "theirs")[1])

    manifest = folder / MANIFEST_FILE
    manifest.write_bytes(manifest.read_bytes() + b" ")
    with pytest.raises(ArtifactError, match="or its manifest was changed since"):
        artifact.verify(folder, "fp32", public_key=public)
    assert artifact.verify(folder, "fp32")


@pytest.mark.parametrize("content", [b"", b"no base64!", b"QUJD\n", b"A" * 5000])
def test_a_signature_that_is_none_is_refused(signed, content):
    """Whatever it holds."""
    folder, public = signed
    (folder / SIGNATURE_FILE).write_bytes(content)

    with pytest.raises(ArtifactError, match="was not signed by the key of"):
        artifact.verify(folder, "fp32", public_key=public)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_signature_that_is_no_plain_file_is_refused(signed, tmp_path, kind):
    """At once: a pipe would be waited for."""
    folder, public = signed
    path = folder / SIGNATURE_FILE
    if kind == "link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.unlink()
        os.mkfifo(path)

    with pytest.raises(ArtifactError, match=r"is a symbolic link|is no plain file"):
        artifact.verify(folder, "fp32", public_key=public)


def test_a_swapped_file_is_refused_under_a_good_signature(signed):
    """The manifest is signed, and has its hash."""
    folder, public = signed
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_bytes(tokenizer.read_bytes().replace(b"a", b"b", 1))

    with pytest.raises(ArtifactError, match="was damaged or changed"):
        artifact.verify(folder, "fp32", public_key=public)


def test_keys_of_another_kind_are_told(signed, tmp_path):
    """With the command that makes the right one."""
    folder, _ = signed
    private, public = keys(tmp_path, "rsa", rsa.generate_private_key(65537, 2048))
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")

    for key in (public, nothing):
        with pytest.raises(SettingsError, match=f"{key.name} is no public Ed25519 key in PEM: `openssl pkey"):
            artifact.verify(folder, "fp32", public_key=key)
    for key in (private, nothing):
        with pytest.raises(SettingsError, match=f"{key.name} is no private Ed25519 key in PEM: `openssl genpkey"):
            signature.sign(b"", key)
    with pytest.raises(SettingsError, match=r"none.pem cannot be read \(No such file"):
        artifact.verify(folder, "fp32", public_key=tmp_path / "none.pem")


def test_a_locked_key_is_told(tmp_path):
    """Nobody is asked for a password."""
    key = ed25519.Ed25519PrivateKey.generate()
    locked = tmp_path / "locked.pem"
    locked.write_bytes(key.private_bytes(PEM, PRIVATE, serialization.BestAvailableEncryption(b"canary-7f3a")))

    with pytest.raises(SettingsError, match="is locked by a password"):
        signature.sign(b"", locked)
