"""Templates that escape whatever they show."""

from collections.abc import Callable

from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup

from consumer.pages import in_words
from consumer.visible import seen, visible

MOST_CHARACTERS = 600

WORDS: tuple[Callable[..., str], ...] = (
    in_words.percent,
    in_words.percent_range,
    in_words.at_least,
    in_words.count,
    in_words.count_range,
    in_words.figure,
    in_words.figure_range,
    in_words.points_more,
    in_words.share,
    in_words.stars,
)


def environment(package: str) -> Environment:
    """Of the templates of `package` and those that all pages share, with `WORDS` and `shown` as filters."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("consumer.pages")]),
        autoescape=True,
        finalize=_seen,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {each.__name__: each for each in WORDS} | {"shown": lambda text: visible(text, MOST_CHARACTERS)}
    return made


def _seen(value: object) -> object:
    """Whatever is shown: a name of a column or a file may be a customer's, or somebody's joke, as well as a text."""
    return seen(value) if isinstance(value, str) and not isinstance(value, Markup) else value
