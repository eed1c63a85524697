"""`shikyu-train sign`, as an engineer calls it."""

import shutil
import subprocess

import pytest

pytest.importorskip("torch")

from click.testing import CliRunner

from consumer import artifact
from consumer.manifest import SIGNATURE_FILE
from training.cli import train

pytestmark = pytest.mark.train


def test_what_openssl_made_signs_an_artifact(tiny, tmp_path):
    """The commands are those of --help; a damaged artifact is not signed."""
    private, public, folder = tmp_path / "private.pem", tmp_path / "public.pem", tmp_path / "artifact"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(private)], check=True)
    subprocess.run(["openssl", "pkey", "-in", str(private), "-pubout", "-out", str(public)], check=True)
    shutil.copytree(tiny, folder)

    done = CliRunner().invoke(train, ["sign", str(folder), "--key", str(private)], catch_exceptions=False)

    assert done.exit_code == 0
    assert "manifest.sig signs tiny 1" in done.output
    assert artifact.verify(folder, "int8", public_key=public)
    (folder / SIGNATURE_FILE).unlink()
    (folder / "tokenizer.json").write_bytes(b"{}")
    assert CliRunner().invoke(train, ["sign", str(folder), "--key", str(private)]).exit_code != 0
    assert not (folder / SIGNATURE_FILE).exists()
