from types import SimpleNamespace

import pytest

pytest.importorskip("datasets")

import datasets
from huggingface_hub.utils import _http

from consumer.errors import SettingsError, SurroundingsError
from tests.training.local_hub import lead_client, local_hub
from training.data.data_set_errors import why

pytestmark = pytest.mark.train

NAME = "somebody/reviews"


def asked_for(name, monkeypatch, url, home):
    """What is told of a data set, by the error that `load_dataset` raises."""
    lead_client(monkeypatch, url, home)
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", url)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(home))
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=lambda seconds: None))  # not everybody's sleep
    with pytest.raises(Exception) as raised:  # noqa: PT011 - datasets' errors have nothing else in common
        datasets.load_dataset(name, split="train")
    return why(raised.value, name)


@pytest.mark.parametrize(
    ("status", "headers", "error", "message"),
    [
        (404, {"X-Error-Code": "RepoNotFound"}, SettingsError, "is not on the Hub, or it is private"),
        (403, {"X-Error-Code": "GatedRepo"}, SurroundingsError, "is gated: ask for access on its page"),
        (404, {"X-Error-Code": "RevisionNotFound"}, SettingsError, "there is no such revision"),
        (401, {"X-Error-Message": "Invalid credentials in Authorization header"}, SurroundingsError, "token is wrong"),
    ],
)
def test_a_data_set_that_is_not_given_says_why(monkeypatch, tmp_path, status, headers, error, message):
    """
    As far as datasets lets its cause be known.
    """
    with local_hub() as hub:
        hub.refuse["HEAD"] = (status, headers)
        told = asked_for(NAME, monkeypatch, hub.url, tmp_path)

    assert isinstance(told, error)
    assert f"The data set '{NAME}'" in str(told)
    assert message in str(told)


def test_no_network_is_told(monkeypatch, tmp_path):
    """
    A port at which nobody listens.
    """
    with local_hub() as gone:
        pass

    told = asked_for(NAME, monkeypatch, gone.url, tmp_path)

    assert isinstance(told, SurroundingsError)
    assert "was not reached" in str(told)


def test_what_is_no_fault_of_the_hubs_is_left_to_whoever_asked(monkeypatch, tmp_path):
    """
    Such as a folder without a file of data.
    """
    assert asked_for(str(tmp_path / "none"), monkeypatch, "http://127.0.0.1:9", tmp_path) is None
