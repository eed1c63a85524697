import pytest

from consumer.errors import SettingsError
from tests.training.interrupted import TEXTS
from training.fitting import learn, model, tokenizer
from training.recipe import Recipe

pytestmark = pytest.mark.train


def test_tokens_cannot_be_dropped_where_there_is_no_mask(tmp_path, monkeypatch):
    """
    Nothing would be, and nobody would be told.
    """
    words = tokenizer.train(TEXTS, 60)
    words.mask_token = None
    monkeypatch.setattr(model, "from_checkpoint", lambda *_: (None, words))
    asked = {"name": "a", "output": "o", "data": {"train": ["x"]}, "model": {"base": "somebody/base"}}
    learn.start(Recipe.model_validate(asked), TEXTS, tmp_path)

    with pytest.raises(SettingsError, match=r"token_dropout .* 'somebody/base' has no token for it"):
        learn.start(Recipe.model_validate({**asked, "fit": {"token_dropout": 0.1}}), TEXTS, tmp_path)
