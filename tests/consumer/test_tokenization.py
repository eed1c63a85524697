"""Text to token ids: transformers' ids, a budget, and no text that cannot be read."""

import time
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.errors import ArtifactError
from consumer.tokenization import MAX_CHARACTERS_PER_TOKEN, Tokenizer

HARD = (
    "",
    " ",
    "  two  spaces   and more ",
    "tabs\tand\nlines\r\n\r\nand\x0bmore\u2028lines",
    "nul\x00 bell\x07 escape\x1b[31m",
    "😡😡 👩‍👩‍👧‍👦 ☎️",
    "商品が届きません。返金してください。",
    "لم يصل طلبي بعد \u202eabc\u202c",
    "zero\u200bwidth\u200d\ufeff",
    "e\u0301 is é, ﬁ is fi, ½",
    "[CLS] [SEP] [UNK] [MASK] [PAD]",
    "▁ the ▁▁ meta space",
    "x" * 5000,
)


@pytest.fixture(scope="module")
def tokenizer_json() -> bytes:
    return (Path(__file__).parents[1] / "artifacts" / "tiny" / "tokenizer.json").read_bytes()


@pytest.fixture(scope="module")
def theirs():
    """transformers' tokenizer, on a vocabulary learned from these texts too."""
    pytest.importorskip("transformers")
    from training.fitting import tokenizer

    texts = ["The parcel has not arrived, and nobody answers my letters.", "I want my money back!", *HARD[2:6]]
    return tokenizer.train(texts * 3, vocab_size=150)


@pytest.mark.train
@pytest.mark.parametrize("max_length", [3, 16, 512])
@pytest.mark.parametrize("text", HARD)
def test_gives_the_ids_that_transformers_gives(theirs, text, max_length):
    """What the model was trained on is what it is served, whatever people write."""
    ours = Tokenizer(theirs.backend_tokenizer.to_str().encode(), max_length)

    (tokens,) = ours.encode([text])

    assert tokens.ids.tolist() == theirs(text, truncation=True, max_length=max_length)["input_ids"]


@pytest.mark.train
def test_gives_the_ids_that_transformers_gives_for_any_text(theirs):
    """Of any characters, half surrogates aside, and of any length within the budget or beyond."""
    ours = Tokenizer(theirs.backend_tokenizer.to_str().encode(), 24)

    @settings(max_examples=100, deadline=None)
    @given(st.text(max_size=200))
    def same(text: str) -> None:
        (tokens,) = ours.encode([text])
        assert tokens.ids.tolist() == theirs(text, truncation=True, max_length=24)["input_ids"]

    same()


@pytest.fixture(scope="module", params=["bert", "roberta", "xlm-roberta"])
def other(request):
    """transformers' tokenizer of another architecture: words in pieces, bytes in pairs, SentencePiece with <s>."""
    pytest.importorskip("transformers")
    from tests.tiny_padded import padded_tokenizer

    return padded_tokenizer(request.param)


@pytest.mark.train
@pytest.mark.parametrize("max_length", [3, 16, 512])
def test_gives_the_ids_that_transformers_gives_for_other_architectures(other, max_length):
    """Special tokens and all, from tokenizer.json alone."""
    ours = Tokenizer(other.backend_tokenizer.to_str().encode(), max_length)
    texts = [*HARD, "The parcel has not arrived. " * 400, "blank" + " \n" * 40_000 + "lines", "-" * 70_000]

    for text, tokens in zip(texts, ours.encode(texts), strict=True):
        theirs = other(text, truncation=True, max_length=max_length)["input_ids"]
        assert tokens.ids.tolist() == theirs, text[:40]


@pytest.mark.train
def test_a_blank_text_says_nothing_in_any_architecture(other):
    """Bytes in pairs have tokens for spaces, and they are no words."""
    for tokens in Tokenizer(other.backend_tokenizer.to_str().encode(), 64).encode(["", "   ", "\n\t "]):
        assert tokens.unknown_share == 1.0


def test_a_text_within_the_budget_is_not_truncated(tokenizer_json):
    """Exactly max_length tokens are all kept; one less, and it says so."""
    (whole,) = Tokenizer(tokenizer_json, 512).encode(["the box was a little damaged"])
    length = len(whole.ids)

    (fits,) = Tokenizer(tokenizer_json, length).encode(["the box was a little damaged"])
    (cut,) = Tokenizer(tokenizer_json, length - 1).encode(["the box was a little damaged"])

    assert (fits.truncated, cut.truncated) == (False, True)
    assert fits.ids.tolist() == whole.ids.tolist()
    assert cut.ids.tolist() == [*whole.ids[: length - 2], whole.ids[-1]]


def test_head_tail_keeps_the_first_and_the_last_tokens(tokenizer_json):
    """The order number opens a mail and the demand ends it; what lies between is what goes."""
    text = "my parcel is late " * 30 + "I want my money back"
    (whole,) = Tokenizer(tokenizer_json, 4096).encode([text])
    own = whole.ids[1:-1].tolist()

    (kept,) = Tokenizer(tokenizer_json, 23, "head-tail").encode([text])

    assert kept.truncated
    assert kept.ids.tolist() == [whole.ids[0], *own[:11], *own[-10:], whole.ids[-1]]


@pytest.mark.parametrize("truncate", ["head", "head-tail"])
def test_a_huge_text_gives_the_whole_text_s_tokens_in_no_time(tokenizer_json, truncate):
    """A megabyte is cut before it is tokenized, and the kept tokens do not notice."""
    tokenizer = Tokenizer(tokenizer_json, 64, truncate)
    text = "You charged my card twice and nobody answers the phone. " * 20_000
    shorter = text[: MAX_CHARACTERS_PER_TOKEN * 62 // 56 * 56]  # whole sentences, and still far beyond the budget

    started = time.perf_counter()
    (huge,) = tokenizer.encode([text])

    assert time.perf_counter() - started < 1
    assert huge.truncated
    (long,) = tokenizer.encode([shorter[: len(shorter) // 2]])
    assert huge.ids.tolist() == long.ids.tolist()


def test_a_page_of_blank_lines_hides_nothing(tokenizer_json):
    """Space is no text: what comes after a megabyte of it is still read."""
    tokenizer = Tokenizer(tokenizer_json, 64)

    blank, plain = tokenizer.encode(["refund" + "\n" * 1_000_000 + "today", "refund\n\ntoday"])

    assert blank.ids.tolist() == plain.ids.tolist()
    assert not blank.truncated


def test_an_empty_text_has_only_special_tokens_and_nothing_known(tokenizer_json):
    """[CLS] [SEP], and an unknown share of 1, for the model knows nothing of it."""
    for tokens in Tokenizer(tokenizer_json, 64).encode(["", "   ", "\n"]):
        assert tokens.ids.tolist() == [1, 2]
        assert tokens.unknown_share == 1.0
        assert not tokens.truncated


def test_unknown_characters_count_one_by_one(tokenizer_json):
    """The tokenizer makes one token of a run of them, which would hide a whole foreign sentence."""
    texts = ["refund", "返金してください", "refund 返金"]
    known, foreign, mixed = Tokenizer(tokenizer_json, 64).encode(texts)
    bare_space = tokenizers.Tokenizer.from_buffer(tokenizer_json).token_to_id("▁")
    own = [token for token in known.ids[1:-1] if token != bare_space]

    assert known.unknown_share == 0.0
    assert foreign.unknown_share == 1.0
    assert mixed.unknown_share == pytest.approx(2 / (2 + len(own)))


def test_half_a_surrogate_pair_is_read_as_a_replacement(tokenizer_json):
    """JSON can spell what UTF-8 cannot, and no text may be refused for it."""
    (tokens,) = Tokenizer(tokenizer_json, 64).encode(["refund \ud83d today"])

    assert len(tokens.ids) > 2
    assert tokens.ids.dtype == np.int64


def test_a_file_that_is_no_tokenizer_is_refused():
    """With what to do, and not with a parser's words."""
    with pytest.raises(ArtifactError, match=r"cannot read tokenizer\.json"):
        Tokenizer(b"{}", 64)


def test_a_budget_without_room_for_text_is_refused(tokenizer_json):
    """[CLS] and [SEP] alone say nothing."""
    with pytest.raises(ArtifactError, match="max_length 2"):
        Tokenizer(tokenizer_json, 2)
