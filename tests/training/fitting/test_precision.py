import pytest
import torch

from consumer.errors import SettingsError
from training.fitting import precision

pytestmark = pytest.mark.train

ON_CPU = {"use_cpu": True}


@pytest.mark.parametrize(
    ("units", "fp32_s", "chosen"),
    [(True, 3.0, {"bf16": True, "use_cpu": True}), (True, 1.2, {}), (False, 3.0, {})],
)
def test_a_cpu_takes_bf16_where_it_is_quicker_with_it(monkeypatch, units, fp32_s, chosen):
    """
    By its units, and by a measurement with matrices as large as the model's.
    """
    monkeypatch.setattr(precision, "_has_bf16_units", lambda: units)
    monkeypatch.setattr(precision, "_seconds", lambda width, kind: fp32_s if kind == torch.float32 else 1.0)

    assert precision.options("auto", ON_CPU, 256) == chosen


def test_a_run_that_goes_on_keeps_what_it_measured(monkeypatch, tmp_path):
    """
    A busy machine measures otherwise, and checkpoints in other bits would be thrown away; another width is asked anew.
    """
    monkeypatch.setattr(precision, "_has_bf16_units", lambda: True)
    for fp32_s, width, chosen in (
        (3.0, 256, {"bf16": True, **ON_CPU}),
        (1.0, 256, {"bf16": True, **ON_CPU}),
        (1.0, 64, {}),
    ):
        monkeypatch.setattr(precision, "_seconds", lambda _, kind, s=fp32_s: s if kind == torch.float32 else 1.0)

        assert precision.options("auto", ON_CPU, width, tmp_path / "start" / "measured.json") == chosen


@pytest.mark.parametrize(
    ("bf16", "capability", "chosen"), [(True, (9, 0), "bf16"), (False, (7, 5), "fp16"), (False, (6, 1), None)]
)
def test_a_gpu_takes_what_it_has_units_for(monkeypatch, bf16, capability, chosen):
    """
    bf16 before fp16, which needs tensor cores to be quicker.
    """
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)

    assert precision.options("auto", {}, 256) == ({chosen: True} if chosen else {})


def test_training_arguments_own_names_win():
    """
    Whatever [fit] precision says.
    """
    assert precision.options("bf16", {"fp16": False}, 256) == {}
    assert precision.options("fp32", ON_CPU, 256) == {}


def test_fp16_on_a_cpu_is_refused():
    """
    With what to say instead.
    """
    with pytest.raises(SettingsError, match="needs a GPU"):
        precision.options("fp16", ON_CPU, 256)
