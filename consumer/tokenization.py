"""Text to token ids, by the artifact's tokenizer.json: the same ids as transformers gives for it."""

import json
import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
import tokenizers

from consumer.errors import ArtifactError
from consumer.records import Tokens

Truncate = Literal["head", "head-tail"]

# No tokenizer's pieces are this long on average (SentencePiece's longest has 16 characters), so that
# this many characters for each token that is kept hold all of them.
MAX_CHARACTERS_PER_TOKEN = 64
SPACES = re.compile(r"\s{2,}")
BARE_SPACE = "▁"  # SentencePiece's mark of a word's start; alone it says nothing


class Tokenizer:
    """
    `truncate`: of a text longer than max_length, keep the head, or half of head and half of tail.

    A text of more than 64 characters a token is cut to about as many before it is tokenized, so that a huge one costs
    no more than a long one. The ids are the whole text's, unless a run of characters unknown to the tokenizer (one
    token, however long) is longer than that.
    """

    def __init__(self, tokenizer_json: bytes, max_length: int, truncate: Truncate = "head") -> None:
        try:
            self._tokenizer = tokenizers.Tokenizer.from_buffer(tokenizer_json)
        except Exception as error:  # it raises Exception itself
            raise ArtifactError(
                f"tokenizers {tokenizers.__version__} cannot read tokenizer.json; "
                "make the artifact again, or install the version it was made with"
            ) from error
        # Truncation is ours: theirs cannot keep a tail, nor tell cheaply that it cut.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        probe = self._tokenizer.encode("a")
        own = [place for place, special in enumerate(probe.special_tokens_mask) if not special] or [len(probe.ids)]
        self._before, self._after = probe.ids[: own[0]], probe.ids[own[-1] + 1 :]
        self._budget = max_length - self.special_tokens
        if self._budget < 1:
            raise ArtifactError(f"max_length {max_length} leaves no token for the text; make the artifact again")
        # Two tokens more than are kept: WordPiece calls a word of more than 100 characters unknown as a whole, so that
        # one that begins within those must not be cut shorter.
        self._most_characters = MAX_CHARACTERS_PER_TOKEN * (self._budget + 2)
        self._folds_spaces = self._tokenizer.encode("a \n\t b").ids == self._tokenizer.encode("a b").ids
        self._truncate = truncate
        self._bare_space = self._tokenizer.token_to_id(BARE_SPACE)
        self._unknown = _unknown_id(tokenizer_json, self._tokenizer)

    @property
    def special_tokens(self) -> int:
        """How many tokens an empty text has."""
        return len(self._before) + len(self._after)

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """One Tokens per text, whatever it holds: nothing, emoji, control characters, a megabyte."""
        cut = [self._cut(well_formed(text)) for text in texts]
        encodings = self._tokenizer.encode_batch_fast([text for text, _ in cut], add_special_tokens=False)  # no offsets
        return [self._tokens(text, was_cut, each) for (text, was_cut), each in zip(cut, encodings, strict=True)]

    def _cut(self, text: str) -> tuple[str, bool]:
        most = self._most_characters
        if len(text) > most and self._folds_spaces:
            text = SPACES.sub(" ", text)  # a page of blank lines is one space to the tokenizer too
        if len(text) <= most:
            return text, False
        if self._truncate == "head":
            return text[:most], True
        return f"{text[: most // 2]} {text[-(most // 2) :]}", True

    def _tokens(self, text: str, was_cut: bool, encoding: tokenizers.Encoding) -> Tokens:
        ids = encoding.ids
        kept = self._kept(len(ids))
        own = [ids[place] for place in kept]
        whole = np.array([*self._before, *own, *self._after], dtype=np.int64)
        # To a tokenizer of bytes, spaces are tokens that it knows.
        unknown_share = 1.0 if not text.strip() else self._unknown_share(text, own, kept)
        return Tokens(whole, was_cut or len(own) < len(ids), unknown_share)

    def _kept(self, tokens: int) -> Sequence[int]:
        if tokens <= self._budget:
            return range(tokens)
        if self._truncate == "head":
            return range(self._budget)
        tail = self._budget // 2
        return [*range(self._budget - tail), *range(tokens - tail, tokens)]

    def _unknown_share(self, text: str, own: list[int], kept: Sequence[int]) -> float:
        """A run of unknown characters is one token to the model; here, each character of it counts."""
        spaces = own.count(self._bare_space) if self._bare_space is not None else 0
        runs = own.count(self._unknown) if self._unknown is not None else 0
        known = len(own) - spaces - runs
        if not runs:
            return 0.0 if known else 1.0
        offsets = self._tokenizer.encode(text, add_special_tokens=False).offsets
        places = (place for place, token in zip(kept, own, strict=True) if token == self._unknown)
        unknown = sum(max(1, offsets[place][1] - offsets[place][0]) for place in places)
        return unknown / (unknown + known)


def _unknown_id(tokenizer_json: bytes, tokenizer: tokenizers.Tokenizer) -> int | None:
    # Unigram names it by its id and the other models by its token; the library shows neither.
    model = json.loads(tokenizer_json)["model"]
    if isinstance(model.get("unk_id"), int):
        return int(model["unk_id"])
    token = model.get("unk_token")
    return tokenizer.token_to_id(token) if token else None


def well_formed(text: str) -> str:
    """JSON can spell half a surrogate pair, which no UTF-8 can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
