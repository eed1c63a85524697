from consumer.allowed import allowed
from consumer.names import LEAVES


def test_every_setting_can_say_what_it_takes_and_what_it_is() -> None:
    """Errors and documentation speak of each in words, never in Python's types."""
    for leaf in LEAVES:
        assert allowed(leaf.info)
        assert "<" not in allowed(leaf.info)
        assert leaf.info.description.endswith(".")


def test_no_two_settings_share_a_spelling() -> None:
    """Neither a flag nor a variable stands for two settings."""
    assert len({leaf.flag for leaf in LEAVES}) == len({leaf.variable for leaf in LEAVES}) == len(LEAVES)
