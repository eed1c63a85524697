from pathlib import Path

import consumer
from consumer.kafka_options import OWNED
from consumer.names import LEAVES
from consumer.settings_text import documented

PAGE = Path(consumer.__file__).parent.parent / "docs" / "configuration.md"


def test_the_page_is_the_one_that_the_settings_make() -> None:
    """When this fails: shikyu config docs --output docs/configuration.md."""
    assert PAGE.read_text(encoding="utf-8") == documented(OWNED)


def test_every_setting_has_its_three_spellings_on_the_page() -> None:
    """In the file, in the environment and as a flag."""
    page = documented(OWNED)

    for leaf in LEAVES:
        assert f"`{leaf.variable}" in page
        assert f"`{leaf.flag}" in page
