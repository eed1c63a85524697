"""A SentencePiece Unigram tokenizer of the project's own, in DeBERTa-v2's clothes."""

import io
from collections.abc import Sequence
from pathlib import Path

import sentencepiece
from transformers import DebertaV2Tokenizer

from consumer.errors import SettingsError

MOST_TEXTS = 200_000  # SentencePiece holds all that it learns from, several times over
PAD, CLS, SEP, UNK, MASK = "[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"


def train(texts: Sequence[str], vocab_size: int, *, lower_case: bool = False) -> DebertaV2Tokenizer:
    """
    A tokenizer of at most `vocab_size` tokens, the five special ones included, of MOST_TEXTS spread evenly at most.

    Ids are DeBERTa-v3's: [PAD] 0, [CLS] 1, [SEP] 2, [UNK] 3, [MASK] last. Its `tokenizer.json` gives the same ids
    through `tokenizers` and through transformers. Raises SettingsError when the texts are too few for any vocabulary.
    """
    some = texts[:: -(-len(texts) // MOST_TEXTS) or 1]
    pieces = _unigram(_normalized(some, lower_case), vocab_size - 4)
    special = [(token, 0.0) for token in (PAD, CLS, SEP, UNK)]
    return DebertaV2Tokenizer(vocab=[*special, *pieces, (MASK, 0.0)], do_lower_case=lower_case)


def load(folder: str | Path) -> DebertaV2Tokenizer:
    tokenizer: DebertaV2Tokenizer = DebertaV2Tokenizer.from_pretrained(folder)
    return tokenizer


def _normalized(texts: Sequence[str], lower_case: bool) -> list[str]:
    # What SentencePiece learns from must be what the finished tokenizer will cut.
    normalizer = DebertaV2Tokenizer(do_lower_case=lower_case).backend_tokenizer.normalizer
    return [line for text in texts if (line := normalizer.normalize_str(text).replace("\0", " ")).strip()]


def _unigram(texts: Sequence[str], vocab_size: int) -> list[tuple[str, float]]:
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type="unigram",
            vocab_size=vocab_size,
            hard_vocab_limit=False,  # few texts hold few pieces
            character_coverage=0.9999,
            normalization_rule_name="identity",
            split_digits=True,
            max_sentence_length=65536,
            num_threads=1,  # the order of floating-point sums decides close calls
            bos_id=-1,
            eos_id=-1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise SettingsError(f"{len(texts)} texts are too few for a vocabulary of {vocab_size} pieces.") from error
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    ids = (number for number in range(processor.get_piece_size()) if not processor.is_unknown(number))
    return [(processor.id_to_piece(number), processor.get_score(number)) for number in ids]
