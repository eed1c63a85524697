"""
What may be done to a text before it is tokenized, where a model is trained and where it is served: the same code.

A step never changes once an artifact names it: another behaviour is another name. Each takes time in proportion to the
text, whatever stands in it.
"""

import html as entities
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

# What a page holds and nobody reads, by how it begins and how it ends.
_HIDDEN = re.compile(r"<(!--|(?:head|script|style)(?=[\s/>])[^<>]*>)", re.IGNORECASE)
_ENDS: Mapping[str, re.Pattern[str]] = {
    "!--": re.compile("-->"),
    **{name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in ("head", "script", "style")},
}
_TAG = re.compile(r"<(?:!doctype|/?([a-z][a-z0-9:-]*))(?:[\s/][^<>]*)?>", re.IGNORECASE)
_OWN_LINE = re.compile(
    r"address|article|aside|blockquote|br|caption|d[dlt]|div|fieldset|figure|footer|form|h[1-6]|header|hr|li|main|nav|"
    r"ol|option|p|pre|section|t[dhr]|table|tbody|tfoot|thead|title|ul",
    re.IGNORECASE,
)

_LONGEST_HEADING = 300
_SEPARATOR = re.compile(
    r"\s*[-_]{2,}\s*(?:(?:original|forwarded) message|(?:ursprüngliche|weitergeleitete) nachricht"
    r"|message (?:d['’]origine|transféré)|mensaje (?:original|reenviado)|messaggio (?:originale|inoltrato)"
    r"|oorspronkelijk bericht)\s*[-_]{2,}\s*",
    re.IGNORECASE,
)
_WROTE = re.compile(
    r"\s*(?:on\b.*\bwrote|am\b.*\bschrieb.*|le\b.*\ba écrit|el\b.*\bescribió|il\b.*\bha scritto|op\b.*\bschreef.*)"
    r"\s?:\s*",
    re.IGNORECASE,
)
_FROM = re.compile(r"\s*\**(?:from|von|de|da|van):\**\s*\S.*", re.IGNORECASE)
_SENT = re.compile(
    r"\s*\**(?:sent|date|gesendet|datum|envoyé|enviado|fecha|inviato|data|verzonden):\**\s*\S.*", re.IGNORECASE
)

_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f\xad\u200b\u2060\ufeff]")
_BLANK_LINES = re.compile(r"\n{3,}")


def html(text: str) -> str:
    """
    Without tags, comments, scripts and styles; `&amp;` and its like are what they stand for.

    A tag that begins or ends a paragraph, a row or a line is a line break. `<3` and `<jo@example.com>` are no tags.
    """
    if "<" in text:
        text = _TAG.sub(_instead, _without_hidden(text))
    return entities.unescape(text)


def quoted_reply(text: str) -> str:
    """
    Without what a mail program quoted: lines that begin with `>`, and all from `On 3 May 2026, Jo wrote:`, from
    `-----Original Message-----` or from `From: …` above `Sent: …`, in six languages.

    A text that is nothing else stays as it is.
    """
    lines = text.splitlines()
    end = next((place for place, pair in enumerate(pairwise([*lines, ""])) if _heads_a_quotation(*pair)), len(lines))
    own = [line for line in lines[:end] if not line.lstrip().startswith(">")]
    return "\n".join(own) if len(own) < len(lines) and any(line.strip() for line in own) else text


def whitespace(text: str) -> str:
    """One space for a run of them, one blank line for several, none at the ends; no unseen characters."""
    lines = (" ".join(line.split()) for line in _UNSEEN.sub("", text).splitlines())
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


STEPS: Mapping[str, Callable[[str], str]] = {"html": html, "quoted-reply": quoted_reply, "whitespace": whitespace}


def clean(text: str, steps: Iterable[str]) -> str:
    """The text after each of the `steps`, in their order."""
    for step in steps:
        text = STEPS[step](text)
    return text


def require_known(steps: tuple[str, ...]) -> tuple[str, ...]:
    """ValueError names the steps that this version of shikyu cannot do."""
    if unknown := [step for step in steps if step not in STEPS]:
        raise ValueError(
            f"names {', '.join(unknown)}, which this version of shikyu cannot do; it knows {', '.join(STEPS)}"
        )
    return steps


def _without_hidden(text: str) -> str:
    kept, place, unended = [], 0, set[str]()
    for begun in _HIDDEN.finditer(text):
        name = re.split(r"[\s/>]", begun[1].lower(), maxsplit=1)[0]
        if begun.start() < place or name in unended:
            continue
        ended = _ENDS[name].search(text, begun.end())
        if ended is None:
            unended.add(name)  # nor will it be found from a later place, and each search takes the whole rest
            continue
        kept += [text[place : begun.start()], " "]
        place = ended.end()
    return "".join([*kept, text[place:]])


def _instead(tag: re.Match[str]) -> str:
    return "\n" if tag[1] and _OWN_LINE.fullmatch(tag[1]) else ""


def _heads_a_quotation(line: str, below: str) -> bool:
    """Mail programs break a long `On …, … wrote:` in two."""
    if len(line) > _LONGEST_HEADING:
        return False
    below = below[:_LONGEST_HEADING]
    if _SEPARATOR.fullmatch(line) or (_FROM.fullmatch(line) and _SENT.fullmatch(below)):
        return True
    return any(_WROTE.fullmatch(each) and any(map(str.isdigit, each)) for each in (line, f"{line} {below}"))
