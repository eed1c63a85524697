import json
import socket
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from huggingface_hub import constants, hf_hub_download
from huggingface_hub.utils import _http

from consumer.errors import SettingsError, SurroundingsError
from tests.training.local_hub import TOKEN, lead_client, local_hub
from training.fitting import loading as module
from training.fitting import tokenizer
from training.fitting.loading import commit, loading, reach, refuse_no_weights
from training.fitting.model import checkpoint_config, classifier, config_from_scratch, from_checkpoint, save
from training.sharing.hub_errors import NotReached

pytestmark = pytest.mark.train

BASE = "somebody/base"
TINY = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
CONFIG = config_from_scratch(TINY, 100).to_json_string().encode()


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.setenv("DISABLE_SAFETENSORS_CONVERSION", "1")  # it would ask a service beside the Hub
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=lambda seconds: None))  # not everybody's sleep
    with local_hub() as running:
        lead_client(monkeypatch, running.url, tmp_path)
        yield running


def test_a_base_model_is_found_on_the_hub(hub):
    """
    What is named as it is named there.
    """
    hub.add(BASE, {"config.json": CONFIG})

    assert checkpoint_config(BASE).hidden_size == 16


def test_a_pinned_revision_is_what_is_loaded(hub, tmp_path):
    """
    Configuration, weights and tokenizer, though main has gone on to other ones.
    """
    words = tokenizer.train(["some words to cut into pieces", "and some more of them"], 60)
    save(classifier(config_from_scratch(TINY, len(words)), None), words, tmp_path / "base")
    pinned = hub.add(BASE, {path.name: path.read_bytes() for path in (tmp_path / "base").iterdir()})
    wider = config_from_scratch({**TINY, "hidden_size": 32}, 100).to_json_string().encode()
    now = hub.repositories[BASE].commit("main", {"config.json": wider, "model.safetensors": None})

    model, loaded = from_checkpoint(BASE, pinned)

    assert (model.config.hidden_size, len(loaded)) == (16, len(words))
    assert not any("/resolve/main/" in each for each in hub.asked)
    assert commit(BASE, pinned) == pinned
    checkpoint_config(BASE)
    assert commit(BASE, None) == now
    with pytest.raises(SettingsError, match="there is no such revision"):
        checkpoint_config(BASE, "v1")


def test_a_folder_has_no_revision(tmp_path):
    """
    transformers would load it, and leave the pin out without a word.
    """
    (tmp_path / "config.json").write_bytes(CONFIG)

    with pytest.raises(
        SettingsError, match=r"is a folder, and \[model\] revision \('v1'\) pins a checkpoint of the Hub"
    ):
        checkpoint_config(str(tmp_path), "v1")
    assert commit(str(tmp_path), None) is None


@pytest.mark.parametrize("kind", ["deberta-v2", "its-own"])
def test_a_base_model_with_code_is_refused(hub, kind):
    """
    Also where transformers knows its kind, and would leave the code out without a word.
    """
    config = {**json.loads(CONFIG), "model_type": kind, "auto_map": {"AutoConfig": "code.Config"}}
    hub.add(BASE, {"config.json": json.dumps(config).encode(), "code.py": b"raise SystemExit('ran')"})

    with pytest.raises(SettingsError, match=f"'{BASE}' comes with code of its own .* such code is never run"):
        checkpoint_config(BASE)

    assert not any("code.py" in each for each in hub.asked)


def test_a_folder_with_code_is_refused(tmp_path):
    """
    As on the Hub.
    """
    (tmp_path / "config.json").write_text('{"model_type": "its-own", "auto_map": {"AutoConfig": "code.Config"}}')

    with pytest.raises(SettingsError, match="comes with code of its own"):
        checkpoint_config(str(tmp_path))


@pytest.mark.parametrize("weights", [{}, {"pytorch_model.bin": b"pickle"}])
def test_a_base_model_without_safetensors_is_told(hub, weights):
    """
    A pickle is code, and not opened.
    """
    hub.add(BASE, {"config.json": CONFIG, **weights})

    with pytest.raises(SettingsError, match=r"name a folder with .* model.safetensors .* pickles .* are never loaded"):
        from_checkpoint(BASE)

    assert not any("GET" in each and "pytorch_model" in each for each in hub.asked)


@pytest.mark.parametrize("there", [{}, {"pytorch_model.bin": b"pickle"}])
def test_weights_that_are_not_there_are_missed_without_a_look_at_any(hub, tmp_path, there):
    """
    By the list of files, in a folder and on the Hub: before messages are read, not hours after.
    """
    hub.add(BASE, {"config.json": CONFIG, **there})
    for name, content in there.items():
        (tmp_path / name).write_bytes(content)

    for base in (BASE, str(tmp_path)):
        with pytest.raises(SettingsError, match=r"has no model.safetensors: .* pickles .* are never loaded"):
            refuse_no_weights(base, None)

    assert not any("pytorch_model" in each for each in hub.asked)


@pytest.mark.parametrize("name", ["model.safetensors", "model.safetensors.index.json"])
def test_weights_that_are_there_are_asked_for_once_at_most(hub, monkeypatch, tmp_path, name):
    """
    Whole or in parts; of what is in the cache already, not even that.
    """
    hub.add(BASE, {"config.json": CONFIG, name: b"weights"})
    (tmp_path / name).touch()
    hub.asked.clear()

    refuse_no_weights(str(tmp_path), None)
    refuse_no_weights(BASE, None)
    assert len(hub.asked) == 1

    hf_hub_download(BASE, name)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refuse_no_weights(BASE, None)
    with pytest.raises(SurroundingsError, match="is not in the Hub's cache, and HF_HUB_OFFLINE is set"):
        refuse_no_weights("somebody/else", None)


def test_a_file_that_the_hub_does_not_have_is_no_refusal(hub):
    """
    The name is right, and what is there is not enough.
    """
    hub.add(BASE, {"config.json": CONFIG})

    with pytest.raises(SettingsError, match=r"name a folder with config.json"), loading(BASE):
        hf_hub_download(BASE, "added_tokens.json")


def test_a_base_model_without_a_tokenizer_is_told(tmp_path):
    """
    transformers would make one of which every word is unknown.
    """
    classifier(config_from_scratch(TINY, 100), None).save_pretrained(tmp_path)

    with pytest.raises(SettingsError, match=r"comes without a tokenizer: put its tokenizer.json"):
        from_checkpoint(str(tmp_path))


@pytest.mark.parametrize(
    ("status", "headers", "error", "message"),
    [
        (404, {"X-Error-Code": "RepoNotFound"}, SettingsError, "is not on .* check the name, or log in"),
        (401, {"X-Error-Code": "RepoNotFound"}, SettingsError, "is not on .* check the name, or log in"),
        (403, {"X-Error-Code": "GatedRepo"}, SurroundingsError, "is gated: ask for access on its page"),
        (401, {"X-Error-Message": "Invalid credentials in Authorization header"}, SurroundingsError, "token is wrong"),
        (403, {}, SurroundingsError, "answered 403"),
        (503, {}, SurroundingsError, "answered 503, try again later"),
    ],
)
def test_a_base_model_that_is_not_given_says_why(hub, status, headers, error, message):
    """
    Each by its cause, from under what transformers makes of it.
    """
    hub.refuse["HEAD"] = (status, headers)

    with pytest.raises(error, match=message) as told:
        checkpoint_config(BASE)

    assert TOKEN not in str(told.value)


@pytest.mark.parametrize("name", ["/no/such/folder", "no name", "../beside"])
def test_what_is_neither_folder_nor_name_is_told(hub, name):
    """
    Most often a folder that is misspelt.
    """
    with pytest.raises(SettingsError, match="cannot be loaded: it is neither a folder that is there nor a name"):
        checkpoint_config(name)


def test_no_network_is_told(hub, monkeypatch, tmp_path):
    """
    A port at which nobody listens.
    """
    with local_hub() as gone:
        pass
    lead_client(monkeypatch, gone.url, tmp_path)

    with pytest.raises(SurroundingsError, match=rf"'{BASE}' was not reached, for {gone.url} did not answer \(ConnectE"):
        checkpoint_config(BASE)


def test_a_hub_that_takes_the_question_and_gives_no_answer_is_given_up(hub, monkeypatch, tmp_path):
    """
    After three times as long as the Hub's own setting says, each of them told; its client would take minutes.
    """
    lines = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        lead_client(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path)
        monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.05)
        monkeypatch.setattr(module, "PAUSE_S", 0)

        with pytest.raises(NotReached, match=r"did not answer \(ReadTimeout\).*HF_HUB_OFFLINE=1.*HF_HUB_ETAG_TIMEOUT="):
            reach(BASE, lines.append)

    assert [line.partition(" (ReadTimeout), ")[2] for line in lines] == [
        "",
        "1 of 3 times; asking again",
        "2 of 3 times; asking again",
    ]
    assert "given up after 3 times 0.05 s (HF_HUB_ETAG_TIMEOUT)" in lines[0]


def test_a_hub_that_answers_is_asked_once_and_one_whose_model_is_cached_not_at_all(hub):
    """
    Whatever the answer is.
    """
    reach(BASE, print)
    assert hub.asked == ["HEAD /"]

    hub.add(BASE, {"config.json": CONFIG})
    checkpoint_config(BASE)
    hub.asked.clear()
    reach(BASE, print)
    assert hub.asked == []


def test_a_hub_whose_name_has_no_address_is_asked_once(hub, monkeypatch, tmp_path):
    """Where the cache has nothing of the model either, there is nothing to wait for."""

    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr(_http, "time", None)  # which it would wait by

    with pytest.raises(SurroundingsError, match=r"was not found by its name.*HF_HUB_OFFLINE=1.*recipes/scratch.toml"):
        checkpoint_config("somebody/unknown")


def test_offline_mode_is_told(hub, monkeypatch):
    """
    And only of what is not in the cache.
    """
    hub.add(BASE, {"config.json": CONFIG})
    checkpoint_config(BASE)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    assert checkpoint_config(BASE).hidden_size == 16
    with pytest.raises(SurroundingsError, match=r"HF_HUB_OFFLINE is set, .* bring the cache .* name is OWNER/NAME"):
        checkpoint_config("somebody/else")


def saved(folder: Path, texts: Sequence[str] = ("some words to cut into pieces", "and some more of them")) -> Path:
    words = tokenizer.train(texts, 60)
    save(classifier(config_from_scratch(TINY, len(words)), None), words, folder)
    return folder


def change(file: Path, **changes: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_a_tokenizer_that_comes_with_code_is_refused(tmp_path):
    """
    Its own kind would be passed over for a plain one, which cuts texts otherwise.
    """
    change(saved(tmp_path) / "tokenizer_config.json", auto_map={"AutoTokenizer": ["own.Slow", "own.Fast"]})

    with pytest.raises(SettingsError, match="comes with code of its own"):
        from_checkpoint(str(tmp_path))


@pytest.mark.parametrize("changes", [{"vocab_size": 20}, {"num_hidden_layers": 2}])
def test_weights_that_do_not_fit_their_configuration_are_refused(tmp_path, changes):
    """
    transformers would draw at random what is missing or of another size, and fit that.
    """
    change(saved(tmp_path) / "config.json", **changes)

    with pytest.raises(SettingsError, match=r"no weights for 'deberta\."):
        from_checkpoint(str(tmp_path))


def test_another_model_s_tokenizer_is_refused(tmp_path):
    """
    Its ids lie beyond the vectors: some texts would fail, in the fit or when they are served.
    """
    saved(tmp_path)
    tokenizer.train(
        [f"{letter}{letter} words of many letters {letter}" for letter in "qwzxvjkbfg"], 80
    ).save_pretrained(tmp_path)

    with pytest.raises(SettingsError, match="it is another model's tokenizer"):
        from_checkpoint(str(tmp_path))
