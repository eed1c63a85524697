import numpy as np
import pytest

from tests.training.made_up_run import recipe
from tests.training.reporting.made_up_inspection import inspection, of_a_fit
from tests.training.reporting.test_report import Page, told
from training.data.duplicates import Duplicate
from training.data.labelled import Labelled
from training.preparing.inspection import SourcePart, Split, Unused
from training.reporting.data_page import MOST_EXAMPLES, Examples, Pair, data_page, pairs

pytestmark = pytest.mark.train

EVIL = "<script>alert('1')</script> & \"more\" http://example.com/x"
PAIR = Pair("Where is it?", "own.csv, line 2", 1, "where  is it?", "own.csv, line 1", 2, 1.0)
EXAMPLES = Examples([PAIR], [PAIR])


def page(examples: Examples = EXAMPLES, **changed) -> str:
    return data_page(recipe(), inspection(**changed), examples)


def test_every_part_is_there():
    """
    The verdict first; a plot of lengths for each split.
    """
    found = Page(page())

    assert found.ids == ["verdict", "balance", "lengths", "unused", "alike"]
    assert found.tags.count("figure") == page().count('<svg class="plot"') == 2
    words = told(page()).replace("\u00a0", " ")
    for each in (
        "Nothing is trained on these messages as they are.",
        "train: 1 of 1,003 rows (0.1 %) without a text (own.csv, line 7); at most 0 %",
        "train: public",
        "own.csv, line 8",
        "30 of 1,000 messages (3.0 %): 20 word for word but for case, digits and spaces, 10 nearly",
        "3 of them have other stars",
        "5 that validation or calibration hold word for word, too, are not learned from",
        "4 training messages are dropped",
        "public is only learned from: none of it is drawn for validation or calibration",
        "6 of validation or calibration are dropped",
        "Where is it?",
    ):
        assert each in words, each


def test_what_the_fit_reads_of_train_is_told_where_it_is_less():
    """
    At the plot of train; at the others, what the model reads.
    """
    words = told(data_page(recipe(), of_a_fit(), EXAMPLES))

    assert "512 of each message, and the rest is cut off; its fit reads the first 128 of those in train." in words
    assert words.count("25.0\u00a0% are longer than 128 tokens") == 1
    assert words.count("25.0\u00a0% are longer than 512 tokens") == 1
    assert "its fit reads" not in told(page())


def test_it_says_that_it_holds_texts_and_where_it_belongs():
    """
    Whoever passes it on knows what is in it, and which file has none.
    """
    assert "shows a few customers’ texts, so it stands in the run’s folder, apart from the artifact" in told(page())


def test_when_all_limits_are_met_it_says_so():
    """
    In the place of what is not; a promise that the messages cannot carry is a limit, too.
    """
    unused = {}

    assert "All limits are met: these messages may be trained on." in told(page(unused=unused))
    assert "Nothing is trained on these" in told(page(unused=unused, promise="too few to promise"))
    assert "too few to promise" in told(page(unused=unused, promise="too few to promise"))


def test_a_label_that_is_no_star_is_told_where_there_is_no_mapping():
    """
    By the value that stands there, if it may be told.
    """
    words = told(page(unused={"train": Unused(100, 0, 4, (), ("a.csv, line 7",), False, (("7", 3), ("empty", 1)))}))

    assert "train: no star from 1 to 5" in words
    assert "7 (3 times), empty." in words
    assert "outside the mapping" not in words


def test_one_source_needs_no_table_of_sources():
    """
    It would say again how many there are of each class.
    """
    one = {"train": Split(10, (2,) * 5, {"messages": SourcePart(10, (2,) * 5, 1, 1, 1)}, None)}

    assert "Where they come from" in told(page())
    assert "Where they come from" not in told(page(splits=one, not_calibrating=()))


def test_a_source_s_figures_have_their_names_where_a_phone_leaves_no_room_for_columns():
    """
    Ten columns are wider than it is, and those with the stars stood beyond its edge.
    """
    html = page()

    for name in ("messages", "share", "weight", "of the loss", *(f"{stars} ★" for stars in range(1, 6))):
        assert html.count(f'data-name="{name}"') == 3, name


def test_what_is_not_there_is_said():
    """
    No tokenizer, no test messages, nothing twice.
    """
    words = told(page(Examples(), unmeasured="The base model was not reached.", test_in_train=None))

    assert "Not measured: The base model was not reached." in words
    assert "The recipe names no test messages." in words


def test_it_is_html_that_needs_nothing_else():
    """
    Every tag closes; nothing is loaded, from the network or elsewhere; no script, and a policy that forbids both.
    """
    found = Page(page())

    assert found.open == []
    assert page().lstrip().startswith("<!doctype html>")
    assert "script" not in found.tags
    assert found.loaded == ["data:,"]
    assert "default-src 'none'" in page()


def test_customers_words_are_never_markup():
    """
    Texts, and the names of files and sources, are shown as they are and do nothing.
    """
    pair = Pair(EVIL, EVIL, 1, EVIL, EVIL, 2, 0.8)
    splits = inspection()["splits"]
    found = inspection()
    found["splits"]["train"]["sources"] = {EVIL: splits["train"]["sources"]["own"]}

    shown = data_page(recipe(), found, Examples([pair], [pair]))

    assert "script" not in Page(shown).tags
    assert "<script" not in shown
    assert "alert('1')" in told(shown)


def messages(count: int) -> Labelled:
    return Labelled(tuple(f"text {row}" for row in range(count)), np.arange(count) % 5, np.zeros(count, dtype=np.int64))


@pytest.mark.parametrize(
    ("near", "equal", "shown"), [(20, 20, (3, 3)), (1, 20, (1, 5)), (20, 1, (5, 1)), (2, 1, (2, 1))]
)
def test_a_few_pairs_of_each_kind_are_shown(near, equal, shown):
    """
    Near ones first, and as many equal ones as far as there are.
    """
    rows = messages(50)
    found = [Duplicate(row + 1, 0, 0.8 if row < near else 1.0) for row in range(near + equal)]

    some = pairs(found, rows, rows)

    assert (sum(each.similarity < 1 for each in some), sum(each.similarity == 1 for each in some)) == shown
    assert len(some) <= MOST_EXAMPLES
    assert (some[0].text, some[0].other_text, some[0].where) == ("text 1", "text 0", "file 0, row 2")
    assert (some[0].stars, some[0].other_stars) == (2, 1)
