"""What is done to a text before it is tokenized."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.classify import Classifier, load
from consumer.cleaning import STEPS, clean, html, quoted_reply, require_known, whitespace

MAIL = "<head><style>p {color: red}</style></head><body><p>Where is<br/>my &pound;5 &amp; my <b>refund</b>?</p></body>"


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("I <3 it, 5 < 6 > 4, <jo@example.com>", "I <3 it, 5 < 6 > 4, <jo@example.com>"),
        ("a<b>b</b>c", "abc"),
        ("<td>a</td><td>b</td>", "\na\n\nb\n"),
        ("a<!-- <p>secret</p> -->b<!-- never ended", "a b<!-- never ended"),
        ("<script>if (a < b) { <p> }</script >x<style>y", " xy"),
        ("<HEADER class='a'>Hello</HEADER>", "\nHello\n"),
        ("&lt;b&gt; &amp;amp; &#128544; &nosuch;", "<b> &amp; 😠 &nosuch;"),
        ("<!DOCTYPE html><p>Hi", "\nHi"),
    ],
)
def test_html_leaves_what_is_read(given, left):
    """
    Entities are decoded once, and what only looks like a tag stays.
    """
    assert html(given) == left


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("Still broken!\n\nOn 3 May 2026 at 10:00, Jo <jo@example.com> wrote:\n> Hello\n> there", "Still broken!"),
        ("Nein.\nAm 3. Mai 2026 um 10:00 schrieb Jo:\n> Hallo", "Nein."),
        ("No.\r\nOn Sun, 3 May 2026, Somebody With A Long Name\r\n<jo@example.com> wrote:\r\nHello", "No."),
        ("No.\n-----Original Message-----\nFrom: Jo", "No."),
        ("No.\nFrom: Jo\nSent: Monday\nTo: us\nHello", "No."),
        ("> you wrote this\nI do not agree\n> and this\nnor here", "I do not agree\nnor here"),
        ("On your site somebody wrote:\nnonsense", "On your site somebody wrote:\nnonsense"),
        ("From: the bottom of my heart, thanks", "From: the bottom of my heart, thanks"),
        ("> only a quotation", "> only a quotation"),
        ("Fine.\r\nThanks", "Fine.\r\nThanks"),
    ],
)
def test_a_quoted_reply_goes_and_the_answer_stays(given, left):
    """
    What a mail program put there is told from what a person wrote, and nobody's text becomes empty by it.
    """
    assert quoted_reply(given) == left


def test_white_space_says_where_paragraphs_end_and_no_more():
    """
    Unseen characters go, but not the one that joins an emoji's parts.
    """
    assert whitespace("\ufeff a\u00a0 \t b\r\n \r\n\r\n\r\nc\u200b\x00 👨\u200d👩 ") == "a b\n\nc 👨\u200d👩"


def test_the_steps_are_taken_in_their_order():
    """
    White space that tags leave behind goes if it is cleaned after them.
    """
    assert clean(MAIL, ("html", "whitespace")) == "Where is\nmy £5 & my refund?"
    assert clean(MAIL, ()) == MAIL


@given(st.text(alphabet="<>!-/ phead scriptyle&;\n\"'=>", max_size=200), st.sampled_from(sorted(STEPS)))
def test_any_text_can_be_cleaned(text, step):
    """
    Whatever is half open in it.
    """
    assert isinstance(clean(text, [step]), str)


@pytest.mark.parametrize(
    "piece", ["<!--", "<script>", "<p ", "<", "&", "<a '", "On 1 wrote", "> \n", "\n", "From: a\n", "-" * 9]
)
@pytest.mark.parametrize("step", sorted(STEPS))
def test_time_is_in_proportion_to_the_text(step, piece):
    """
    Half a megabyte made to be slow would stop the stream otherwise.
    """
    text = piece * (500_000 // len(piece))
    started = time.process_time()

    STEPS[step](text)

    assert time.process_time() - started < 2


def test_an_unknown_step_is_named_with_those_there_are():
    """
    An artifact that needs one is refused, for its texts would not be those it learned from.
    """
    with pytest.raises(ValueError, match=r"names striphtml, which .* knows html, quoted-reply, whitespace"):
        require_known(("html", "striphtml"))


def test_a_classifier_cleans_as_its_manifest_says(tiny):
    """
    A message in tags is answered as the same message without them, and one that is all tags as an empty one.
    """
    plain = load(tiny, "fp32", threads=1)
    manifest = plain.manifest.model_copy(update={"text_cleaning": ("html", "whitespace")})
    cleaning = Classifier(manifest, plain._tokenizer, plain._backend, plain.policy)

    marked, bare, nothing = cleaning.classify([MAIL, "Where is\nmy £5 & my refund?", "<p></p>"])

    assert marked == bare == plain.classify(["Where is\nmy £5 & my refund?"])[0]
    assert marked != plain.classify([MAIL])[0]
    assert nothing.reason == "fallback:empty-text"
