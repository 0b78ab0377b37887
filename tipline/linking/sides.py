"""The two sides of a link as the desk shows them: their words, opened on record, with the shared indicators marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from tipline.actor import Actor
from tipline.cases.overview import Thing
from tipline.errors import Unsound
from tipline.inbox.reading import Opened, open_exhibits, read_bytes, record_reading
from tipline.inbox.reports import find_reports
from tipline.intake.rules import read_tip_text
from tipline.letters.indicators import find_indicators
from tipline.letters.services import words as letter_words
from tipline.models.cases import Letter, Sample
from tipline.models.custody import Exhibit
from tipline.models.tips import TipItem, TipMessage
from tipline.vault import shown_name
from tipline.work import Work

SHOWN = 3_000  # characters of one passage: what is shared, how sure it is and the decision should not be pages away
BEFORE = 500  # of them before the first mark, where the passage is longer
READ_FOR = "words, at the linking desk"
Key = tuple[str, str]  # kind and normal form of an indicator


@dataclass(frozen=True)
class Segment:
    """A piece of a text; `marked` where it is a shared indicator."""

    text: str
    marked: bool = False


@dataclass(frozen=True)
class Passage:
    """Words of one exhibit. `trouble` says why they are not shown, `cut` that there are more of them."""

    heading: str
    exhibit_id: str
    segments: tuple[Segment, ...] = ()
    cut: bool = False
    trouble: str = ""


@dataclass(frozen=True)
class Side:
    thing: Thing
    passages: tuple[Passage, ...] = ()
    exhibit_id: str = ""
    digest: str = ""


@dataclass
class _Text:
    """An exhibit's words on their way to a passage."""

    heading: str
    exhibit: Exhibit
    words: str = ""
    trouble: str = ""
    keys: frozenset[Key] = field(default_factory=frozenset)


def read_sides(work: Work, actor: Actor, things: tuple[Thing, Thing], shared: frozenset[Key] | None) -> tuple[Side, Side]:
    """Open the words of both ends; VIEWED is on record for each exhibit before this returns.

    Args:
        shared: the indicators to mark; None marks whatever both hold.
    """
    exhibits = [_exhibits_of(work, thing) for thing in things]
    opened = _open(work, actor, [row for side in exhibits for row in side])
    words = [one for one in opened.values() if one.exhibit.kind != "attachment"]
    record_reading(work, actor, words, READ_FOR)  # before their first byte is read; attachments follow where they are shown
    texts = [_texts(work, actor, thing, side, opened) for thing, side in zip(things, exhibits, strict=True)]
    if shared is None:
        shared = frozenset.intersection(*(frozenset().union(*(text.keys for text in side)) for side in texts))
    shown = [[text for text in side if text.exhibit.kind != "attachment" or text.keys & shared] for side in texts]
    seen = [opened[text.exhibit.id] for side in shown for text in side if text.exhibit.id in opened]
    record_reading(work, actor, list({one.exhibit.id: one for one in seen}.values()), READ_FOR)
    first, second = (
        _side(work, actor, thing, next(iter(rows), None), tuple(_passage(text, shared) for text in side))
        for thing, rows, side in zip(things, exhibits, shown, strict=True)
    )
    return first, second


def _side(work: Work, actor: Actor, thing: Thing, exhibit: Exhibit | None, passages: tuple[Passage, ...]) -> Side:
    if exhibit is None:
        return Side(thing, passages)
    facts = work.vault.facts(exhibit, actor.keyring.program(str(exhibit.program_id)))
    return Side(thing, passages, exhibit.id, facts.digest)


def _exhibits_of(work: Work, thing: Thing) -> list[Exhibit]:
    """A tip's words and files in order; a letter's, a sample's or an exhibit's own one."""
    if thing.kind == "tip":
        query = (
            select(Exhibit)
            .join(TipItem, TipItem.exhibit_id == Exhibit.id)
            .join(TipMessage, TipMessage.id == TipItem.message_id)
            .where(TipItem.tip_id == thing.id)
            .order_by(TipMessage.seq, TipItem.position)
        )
        return list(work.session.scalars(query))
    if thing.kind == "exhibit":
        return list(work.session.scalars(select(Exhibit).where(Exhibit.id == thing.id)))
    of: Any = {"letter": Letter, "sample": Sample}[thing.kind]
    return list(work.session.scalars(select(Exhibit).join(of, of.exhibit_id == Exhibit.id).where(of.id == thing.id)))


def _open(work: Work, actor: Actor, exhibits: Sequence[Exhibit]) -> dict[str, Opened]:
    wanted = {row.id: row for row in exhibits if row.state == "held" and row.kind in ("tip_text", "letter", "attachment")}
    return open_exhibits(work, actor, list(wanted.values()))


def _texts(work: Work, actor: Actor, thing: Thing, exhibits: Sequence[Exhibit], opened: dict[str, Opened]) -> list[_Text]:
    """The words of a tip or letter with the indicators in them; other things have none."""
    if thing.kind not in ("tip", "letter"):
        return []
    reports = find_reports(work, actor.keyring, [row.id for row in exhibits if row.kind == "attachment"])
    found: list[_Text] = []
    for row in exhibits:
        if row.kind == "attachment":
            examined = reports.get(row.id)
            name = shown_name(work.vault.facts(row, actor.keyring.program(str(row.program_id))).name)
            text = _Text(f"Text found in {name}", row, (examined.report.text or examined.words) if examined else "")
        else:
            text = _own_words(work, actor, thing, row, opened.get(row.id))
        if row.id not in opened:
            text.words, text.trouble = "", f"This exhibit is {row.state}. Its custody page says why."
        text.keys = frozenset((one.kind, one.normal) for one in find_indicators(text.words))
        found.append(text)
    return found


def _own_words(work: Work, actor: Actor, thing: Thing, row: Exhibit, opened: Opened | None) -> _Text:
    if thing.kind == "letter":
        letter = work.session.scalars(select(Letter).where(Letter.id == thing.id)).one()
        return _Text("", row, letter_words(work, actor.keyring.program(letter.program_id), letter))
    if opened is None:
        return _Text("", row)
    try:
        return _Text("", row, read_tip_text(read_bytes(work, opened.keyfile))[0])
    except Unsound as error:
        return _Text("", row, trouble=f"{error.message} {error.next_step}")


def _passage(text: _Text, shared: frozenset[Key]) -> Passage:
    marks = [(one.start, one.end) for one in find_indicators(text.words) if (one.kind, one.normal) in shared]
    start = max(0, marks[0][0] - BEFORE) if marks and len(text.words) > SHOWN else 0
    end = min(len(text.words), start + SHOWN)
    segments, at = [], start
    for first, last in marks:
        if last <= end:
            segments += [Segment(text.words[at:first]), Segment(text.words[first:last], marked=True)]
            at = last
    segments.append(Segment(text.words[at:end]))
    whole = start == 0 and end == len(text.words)
    return Passage(text.heading, text.exhibit.id, tuple(one for one in segments if one.text), not whole, text.trouble)
