import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from consumer.errors import SettingsError
from consumer.tokenization import Tokenizer as ServingTokenizer
from training.fitting import tokenizer

pytestmark = pytest.mark.train

TEXTS = tuple(
    f"{opening} my {thing} {verb}, and I {feel} about it!"
    for opening in ("Hello,", "WHY does", "Yesterday")
    for thing in ("parcel", "bill", "phone line", "washing machine", "booking")
    for verb in ("never came", "was wrong", "broke again", "arrived early")
    for feel in ("am furious", "do not care", "smile")
)
HARD = (
    "",
    " ",
    "two  spaces\n\nand\ttabs ",
    "😀 naïve café e\u0301",
    "日本語のテキスト",
    "null \x00 bell \x07 zero\u200bwidth",
    "مرحبا",
    "[SEP] [MASK] <s>",
    "my parcel never came " * 60,
)


@pytest.mark.parametrize("lower_case", [False, True])
def test_serving_and_training_cut_every_text_alike(tmp_path, lower_case):
    """
    tokenizers, transformers and the consumer give the same ids from the same tokenizer.json.
    """
    made = tokenizer.train(TEXTS, 200, lower_case=lower_case)
    made.save_pretrained(tmp_path)
    plain = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    serving = ServingTokenizer((tmp_path / "tokenizer.json").read_bytes(), 64)
    again = [tokenizer.load(tmp_path), AutoTokenizer.from_pretrained(tmp_path)]

    for text in (*TEXTS, *HARD):
        ids = made(text)["input_ids"]
        assert plain.encode(text).ids == ids
        assert [each(text)["input_ids"] for each in again] == [ids, ids]
        assert serving.encode([text])[0].ids.tolist() == made(text, truncation=True, max_length=64)["input_ids"]


def test_special_tokens_have_debertas_ids():
    """
    Padding is 0, and the mask, which serving never sees, comes last.
    """
    made = tokenizer.train(TEXTS, 200)

    assert made.convert_tokens_to_ids(["[PAD]", "[CLS]", "[SEP]", "[UNK]"]) == [0, 1, 2, 3]
    assert made.mask_token_id == len(made) - 1
    assert len(made) <= 200


def test_the_same_texts_make_the_same_tokenizer():
    """
    Nothing random, and no race between threads, is in it.
    """
    one, other = (tokenizer.train(TEXTS, 150) for _ in range(2))

    assert one.backend_tokenizer.to_str() == other.backend_tokenizer.to_str()


def test_texts_that_are_too_few_are_refused():
    """
    SentencePiece's own words are about its flags; ours say what to do.
    """
    with pytest.raises(SettingsError, match="1 texts are too few"):
        tokenizer.train(["the quick brown fox jumps over the lazy dog"], 16)
