import pytest

from consumer.names import LEAVES
from consumer.settings_types import allowed, check_topic_or_pattern


def test_every_setting_can_say_what_it_takes_and_what_it_is() -> None:
    """Errors and documentation speak of each in words, never in Python's types."""
    for leaf in LEAVES:
        assert allowed(leaf.info)
        assert "<" not in allowed(leaf.info)
        assert leaf.info.description.endswith(".")


def test_no_two_settings_share_a_spelling() -> None:
    """Neither a flag nor a variable stands for two settings."""
    assert len({leaf.flag for leaf in LEAVES}) == len({leaf.variable for leaf in LEAVES}) == len(LEAVES)


@pytest.mark.parametrize("pattern", ["^(", "^" + "(" * 3000 + ")" * 3000])
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    """Also one that Python's own reader gives up on."""
    with pytest.raises(ValueError, match="regular expression"):
        check_topic_or_pattern(pattern)
