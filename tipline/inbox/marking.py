"""Hiding stretches of a source's words: an officer puts [[double brackets]] around them, and can change nothing else. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tipline.errors import BadInput

OPEN, CLOSE = "[[", "]]"
HIDDEN = "[redacted]"  # of one length, whatever it hides
SHORTEST = 2  # characters of a passage that is looked for elsewhere

Span = tuple[int, int]


def plain_ends(text: str) -> str:
    """Return words with one kind of line end, as a form sends them back; NUL can't be sent."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def with_marks(text: str, spans: Sequence[Span]) -> str:
    """Return the words for the form: brackets around what is hidden."""
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start]}{OPEN}{text[start:end]}{CLOSE}{text[end:]}"
    return text


def spans_of(original: str, marked: str) -> list[Span]:
    """Return the stretches that an officer marked.

    Brackets that stand in the words themselves are not marks.

    Raises:
        BadInput: a bracket is left open, or the words between the brackets are not those of the source.
    """
    text, marked = plain_ends(original), plain_ends(marked)
    spans: list[Span] = []
    at = begun = 0
    inside = False
    place = 0
    while place < len(marked):
        sign = marked[place : place + 2]
        if sign == (CLOSE if inside else OPEN) and text[at : at + 2] != sign:
            spans += [(begun, at)] if inside and begun < at else []
            begun, inside, place = at, not inside, place + 2
        elif at < len(text) and marked[place] == text[at]:
            at, place = at + 1, place + 1
        else:
            raise _changed()
    if inside:
        raise BadInput("A double bracket is left open.", "Close each [[ with ]].")
    if at != len(text):
        raise _changed()
    return spans


def _changed() -> BadInput:
    return BadInput(
        "These are not the words of the source any more.", "Only put [[ and ]] around what is to be hidden; change nothing else."
    )


def hidden_passages(text: str, spans: Sequence[Span]) -> list[str]:
    """Return the hidden stretches as words."""
    return [text[start:end] for start, end in spans]


def everywhere(text: str, spans: Sequence[Span], passages: Sequence[str]) -> list[Span]:
    """Return the spans with every other place of these passages in the text, whatever its case, laid together where they meet."""
    found = list(spans)
    for passage in {" ".join(one.split()) for one in passages}:
        if len(passage) >= SHORTEST:
            pattern = r"\s+".join(map(re.escape, passage.split()))
            found += [match.span() for match in re.finditer(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE)]
    return together(found)


def together(spans: Sequence[Span]) -> list[Span]:
    """Return spans in order, those that overlap or touch as one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def redacted(text: str, spans: Sequence[Span]) -> str:
    """Return the words as the wider audience reads them."""
    shown, at = [], 0
    for start, end in together(spans):
        shown += [text[at:start], HIDDEN]
        at = end
    return "".join([*shown, text[at:]])
