import json
import zipfile
from pathlib import Path

import pytest
import torch

from consumer.errors import SurroundingsError
from tests.training.interrupted import fitted
from training.fitting import checkpoints
from training.fitting.fit import Ways
from training.fitting.resumable import ResumableTrainer

pytestmark = pytest.mark.train

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="a full disk is had from /dev/full")
def test_a_disk_that_is_full_during_a_checkpoint_is_told(tmp_path, monkeypatch):
    """
    What could not be written, and what to do; nothing half-written is left, and what was there before is gone on from.
    """
    save = ResumableTrainer._save_optimizer_and_scheduler

    def saved(trainer, folder):
        if trainer.state.global_step == 8:
            (Path(folder) / "optimizer.pt").symlink_to(FULL)
        save(trainer, folder)

    with monkeypatch.context() as patched:
        patched.setattr(ResumableTrainer, "_save_optimizer_and_scheduler", saved)
        with pytest.raises(SurroundingsError, match=r"checkpoint-8 could not be written .*make room there"):
            fitted(tmp_path, Ways())

    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == ["checkpoint-4"]
    fitted(tmp_path, Ways(), say=(said := []).append)
    assert f"fit: {tmp_path.name} goes on from checkpoint-4" in said


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("trainer_state.json", b'{"epoch": 1'),
        ("model.safetensors", b"\x10\0\0\0\0\0\0\0{"),
        ("scheduler.pt", b"PK\x03\x04 and no end"),
        ("rng_state.pth", None),
        ("place-0.safetensors", None),
    ],
)
def test_what_is_missing_or_cut_off_makes_a_checkpoint_useless(tmp_path, name, content):
    """
    Each file says itself whether it is whole.
    """
    older, newer = (whole(tmp_path / f"checkpoint-{step}") for step in (9, 10))
    if content is None:
        (newer / name).unlink()
    else:
        (newer / name).write_bytes(content)
    (tmp_path / checkpoints.MADE_FROM).write_text(json.dumps({"fingerprint": "this", "processes": 1}))
    said: list[str] = []

    assert checkpoints.latest(tmp_path) == "goes on from checkpoint-9"
    assert checkpoints.to_go_on_from(tmp_path, "this", said.append) == older

    assert not newer.exists()
    assert name in said[0]


def test_the_fingerprint_is_of_weights_and_settings():
    """
    One weight, or one number of the settings, makes it another fit.
    """
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 2)
    first = checkpoints.fingerprint(model, b"rows", {"learning_rate": 1})

    assert checkpoints.fingerprint(model, b"rows", {"learning_rate": 1}) == first
    assert checkpoints.fingerprint(model, b"rows", {"learning_rate": 2}) != first
    assert checkpoints.fingerprint(model, b"other", {"learning_rate": 1}) != first
    model.bias.data[0] += 1
    assert checkpoints.fingerprint(model, b"rows", {"learning_rate": 1}) != first


def whole(folder: Path) -> Path:
    folder.mkdir()
    (folder / "trainer_state.json").write_text("{}")
    for name in ("scheduler.pt", "rng_state.pth"):
        with zipfile.ZipFile(folder / name, "w") as file:
            file.writestr("data.pkl", "")
    for name in ("model.safetensors", "place-0.safetensors"):
        (folder / name).write_bytes((2).to_bytes(8, "little") + b"{}")
    return folder
