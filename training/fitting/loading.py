"""Why a base model cannot be loaded, cause by cause, and what to do about each. No code of its own is ever run."""

import hashlib
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from huggingface_hub import HfApi, constants, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError, RemoteEntryNotFoundError
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils import get_session, validate_repo_id  # type: ignore[attr-defined]
from transformers import PreTrainedConfig, PreTrainedTokenizerBase
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME

from consumer.errors import SettingsError, ShikyuError
from consumer.manifest import CONFIG_FILE
from training.progress import Say
from training.sharing.hub_errors import NO_ANSWER, NotReached, causes, endpoint, reason

MAIN = "main"
LOADED = (".json", ".model", ".safetensors", ".txt")  # what of a folder may be read
WHAT_IS_LOADED = (
    "name a folder with config.json, model.safetensors and tokenizer.json, or a Hub checkpoint with these; weights "
    "kept as pickles (pytorch_model.bin) are never loaded. Where the safetensors are in a pull request of the Hub's, "
    "pin its commit as [model] revision."
)
WITHOUT_NETWORK = (
    "Without a network, HF_HUB_OFFLINE=1 takes what the Hub's cache has, and a recipe like recipes/scratch.toml needs "
    "no base model. A slow network is waited for longer with HF_HUB_ETAG_TIMEOUT=60 (seconds)."
)
TRIES, PAUSE_S = 3, 1.0
PROXIES = {"http", "https", "all"}
FEWEST_TOKENS = 10  # an empty one of some kinds still has a space and an unknown word


@contextmanager
def loading(base: str) -> Iterator[None]:
    """SettingsError for what is wrong with the base model, SurroundingsError for the way to it."""
    try:
        _resolve(base)
        yield
    except Exception as error:  # transformers, safetensors and tokenizers raise what has only Exception in common
        raise _told(base, error) from error


def reach(base: str, say: Say, *, again: bool = False) -> None:
    """
    NotReached where the Hub does not answer, and the cache has nothing of the checkpoint. Each asking anew is told.

    By one small question first: the Hub's own client would ask on, a minute each time, and say nothing. `again`: what
    is cached by now was asked for before, and told.
    """
    if _is_folder(base):
        return
    with loading(base):
        cached = _is_cached(base)
    if again and cached:
        return
    say(
        f"start: asking {endpoint()} for {base}; a Hub that does not answer is given up after {TRIES} times "
        f"{constants.HF_HUB_ETAG_TIMEOUT} s (HF_HUB_ETAG_TIMEOUT)"
    )
    if constants.HF_HUB_OFFLINE or cached:
        return
    with loading(base):
        for number in range(1, TRIES + 1):
            try:
                get_session().head(constants.ENDPOINT, timeout=constants.HF_HUB_ETAG_TIMEOUT)
                return
            except Exception as error:
                if number == TRIES or not isinstance(error, NO_ANSWER):
                    raise
                why = type(error).__name__
                say(f"start: {endpoint()} did not answer ({why}), {number} of {TRIES} times; asking again")
                time.sleep(PAUSE_S)


def commit(base: str, revision: str | None) -> str | None:
    """Of a Hub checkpoint that was loaded: what its revision stood for. None of a folder."""
    if _is_folder(base):
        return None
    found = try_to_load_from_cache(base, CONFIG_FILE, revision=revision or MAIN)
    return Path(found).parent.name if isinstance(found, str) else None


def identity(base: str, revision: str | None) -> str | None:
    """What a base model's name stands for now: a Hub checkpoint's commit, SHA-256 of the files of a folder."""
    if not _is_folder(base):
        return commit(base, revision)
    whole = hashlib.sha256()
    for path in sorted(Path(base).iterdir()):
        if path.suffix in LOADED:
            with path.open("rb") as file:
                whole.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def refuse_code(base: str, options: Mapping[str, Any]) -> None:
    """
    SettingsError for a model, or a tokenizer, whose `options` say that it comes with code.

    Where its kind is known, transformers would leave the code out and load another one than its makers meant.
    """
    if options.get("auto_map"):
        raise _code(base)


def refuse_no_weights(base: str, revision: str | None) -> None:
    """SettingsError where no safetensors are among its files, of which none is opened."""
    with loading(base):
        there = _has_weights(base, revision)
    if not there:
        raise SettingsError(f"The base model {base!r} has no {SAFE_WEIGHTS_NAME}: {WHAT_IS_LOADED}")


def _has_weights(base: str, revision: str | None) -> bool:
    names = (SAFE_WEIGHTS_NAME, SAFE_WEIGHTS_INDEX_NAME)
    if _is_folder(base):
        return any((Path(base) / name).is_file() for name in names)
    cached = (try_to_load_from_cache(base, name, revision=revision or MAIN) for name in names)
    if any(isinstance(path, str) for path in cached):
        return True
    return not {*names}.isdisjoint(HfApi().list_repo_files(base, revision=revision or MAIN))


def refuse_parts(base: str, encoder: str, found: Mapping[str, Any]) -> None:
    """
    SettingsError where the `encoder`'s weights are not all there, in the sizes that its configuration gives.

    transformers draws such ones at random, as it must the head's and the pooler's, and says nothing.
    """
    drawn = sorted({*found["missing_keys"], *(name for name, *_ in found["mismatched_keys"])})
    if lacking := [name for name in drawn if name.startswith(f"{encoder}.") and ".pooler." not in name]:
        raise SettingsError(
            f"The base model {base!r} has no weights for {lacking[0]!r} (and {len(lacking) - 1} others) "
            "that fit its config.json: fetch both files anew, of the same commit."
        )


def refuse_unknown_ids(base: str, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig) -> None:
    """SettingsError for a tokenizer that gives ids beyond the model's vocabulary: no such text could be classified."""
    largest = max(tokenizer.get_vocab().values())
    if largest >= config.vocab_size:
        raise SettingsError(
            f"The base model {base!r} has vectors for {config.vocab_size} tokens, and its tokenizer gives ids up to "
            f"{largest}: it is another model's tokenizer; put its own beside config.json."
        )


def refuse_revision(base: str, revision: str | None) -> None:
    """SettingsError for a revision of a folder, which has none: transformers would not even look at it."""
    if revision is not None and _is_folder(base):
        raise SettingsError(
            f"The base model {base!r} is a folder, and [model] revision ({revision!r}) pins a checkpoint of the Hub: "
            "drop one."
        )


def refuse_no_words(base: str, tokenizer: PreTrainedTokenizerBase) -> None:
    """SettingsError where there is no tokenizer: transformers makes one that knows no word, and says nothing."""
    if len(set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens)) < FEWEST_TOKENS:
        raise SettingsError(
            f"The base model {base!r} comes without a tokenizer: put its tokenizer.json (or spm.model, vocab.txt) "
            "beside its config.json, or name a checkpoint that has one."
        )


def _resolve(base: str) -> None:
    """socket.gaierror where the Hub has no address: its client asks for a minute. Not where a cache may serve."""
    if (
        _is_folder(base) or constants.HF_HUB_OFFLINE or PROXIES & getproxies().keys()
    ):  # a proxy looks the name up itself
        return
    validate_repo_id(base)
    if not _is_cached(base):
        socket.getaddrinfo(urlsplit(constants.ENDPOINT).hostname, None)


def _is_cached(base: str) -> bool:
    """Whether the Hub's cache has something of it."""
    return (Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=base, repo_type="model")).is_dir()


def _told(base: str, error: Exception) -> ShikyuError:
    what = f"The base model {base!r}"
    found = list(causes(error))
    if any("trust_remote_code" in str(each) for each in found):
        return _code(base)
    if any(isinstance(each, HFValidationError) for each in found):
        return SettingsError(
            f"{what} cannot be loaded: it is neither a folder that is there nor a name on the Hub (OWNER/NAME)."
        )
    lacks_a_file = any(isinstance(each, RemoteEntryNotFoundError) for each in found)
    if not _is_folder(base) and not lacks_a_file and (told := reason(error, what)):
        return type(told)(f"{told} {WITHOUT_NETWORK}") if isinstance(told, NotReached) else told
    return SettingsError(f"{what} cannot be loaded ({type(error).__name__}): {WHAT_IS_LOADED}")


def _is_folder(base: str) -> bool:
    return os.path.isdir(base)  # noqa: PTH112 - Path's raises for a name too long


def _code(base: str) -> SettingsError:
    return SettingsError(
        f"The base model {base!r} comes with code of its own (auto_map in its configuration), and such code is never "
        "run: name one whose architecture transformers itself knows."
    )
