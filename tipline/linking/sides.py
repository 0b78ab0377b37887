"""The two sides of a link as the desk shows them: their words, opened on record, with what they share marked.

Of a tip whose original is for named colleagues, all others get the redacted words, which need no record of reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select

from tipline.actor import Actor
from tipline.cases.things import Thing
from tipline.errors import Unsound
from tipline.inbox.lettered import MAY_BE_WRONG, lettered_words
from tipline.inbox.originals import closed_exhibits, read_redacted
from tipline.inbox.reading import Opened, open_exhibits, read_bytes, record_reading
from tipline.inbox.reports import Examined, find_reports
from tipline.intake.rules import read_tip_text
from tipline.letters.indicators import find_indicators
from tipline.letters.services import words as letter_words
from tipline.linking.names import name_spans
from tipline.linking.phrases import Phrase, phrase_spans, shared_phrases, words_of
from tipline.linking.templates import Likeness, Slot, compare, differences
from tipline.models.cases import Letter, Sample
from tipline.models.custody import Exhibit
from tipline.models.desk import Subject
from tipline.models.tips import Tip, TipItem, TipMessage
from tipline.vault import shown_name
from tipline.work import Work

SHOWN = 3_000  # characters of one passage: what is shared, how sure it is and the decision should not be pages away
BEFORE = 500  # of them before the first mark, where the passage is longer
MOST_COMPARED = 40  # pairs of texts, of which the most alike are compared word by word
READ_FOR = "words, at the linking desk"
Key = tuple[str, str]  # kind and normal form of an indicator


INDICATOR, PHRASE = "indicator", "phrase"


@dataclass(frozen=True)
class Segment:
    """A piece of a text; `mark` is "indicator" or "phrase" where the other text has it too."""

    text: str
    mark: str = ""


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
    """One end with its passages. `sealed`: its original is for others, and the words are the redacted ones."""

    thing: Thing
    passages: tuple[Passage, ...] = ()
    exhibit_id: str = ""
    digest: str = ""
    sealed: bool = False
    known: tuple[tuple[str, str], ...] = ()  # of a subject: what is on record


@dataclass(frozen=True)
class Sides:
    """Both ends, the indicators and names that stand in what is shown of both, and the phrases that their own words share.

    `likeness` and `slots` say how much the two most similar texts share, and what differs between the same passages; `differing` is their
    number.
    """

    start: Side
    end: Side
    shared: frozenset[Key] = frozenset()
    phrases: tuple[Phrase, ...] = ()
    named: frozenset[str] = frozenset()
    likeness: Likeness | None = None
    slots: tuple[Slot, ...] = ()
    differing: int = 0

    def both(self) -> tuple[Side, Side]:
        return self.start, self.end


@dataclass
class _Text:
    """An exhibit's words on their way to a passage."""

    heading: str
    exhibit: Exhibit
    words: str = ""
    trouble: str = ""
    keys: frozenset[Key] = field(default_factory=frozenset)
    original: bool = True  # showing it is a reading of the exhibit


@dataclass(frozen=True)
class Marked:
    """What is marked in the words: these indicators, None for whatever both hold; names by what they are looked for; what is compared."""

    indicators: frozenset[Key] | None = None
    names: frozenset[str] = frozenset()
    compared: bool = False


@dataclass(frozen=True)
class _End:
    """One end on its way: its exhibits with the message of each, and those that stay shut for this person."""

    thing: Thing
    exhibits: Sequence[Exhibit]
    messages: Mapping[str, str]
    closed: frozenset[str]

    @property
    def of_words(self) -> bool:
        return self.thing.kind in ("tip", "letter")


def read_sides(work: Work, actor: Actor, things: tuple[Thing, Thing], wanted: Marked) -> Sides:
    """Open the words of both ends; VIEWED is on record for each exhibit before this returns."""
    ends = [_end(work, actor, thing) for thing in things]
    opened = _open(work, actor, ends)
    words = [one for one in opened.values() if one.exhibit.kind != "attachment"]
    record_reading(work, actor, words, READ_FOR)  # before their first byte is read; attachments follow where they are shown
    texts = [_texts(work, actor, end, opened) for end in ends]
    keys = [frozenset[Key]().union(*(text.keys for text in side)) for side in texts]
    both = keys[0] & keys[1]
    marked = both if wanted.indicators is None else wanted.indicators
    pair = _most_alike(texts) if wanted.compared else None
    shown = [[text for text in side if _is_shown(text, marked, wanted, pair)] for side in texts]
    seen = [opened[text.exhibit.id] for side in shown for text in side if text.original and text.exhibit.id in opened]
    record_reading(work, actor, list({one.exhibit.id: one for one in seen}.values()), READ_FOR)
    phrases = shared_phrases(*([text.words for text in side] for side in shown))
    first, second = (
        _side(work, actor, end, tuple(_passage(text, _marks(text.words, marked, phrases, wanted.names)) for text in side))
        for end, side in zip(ends, shown, strict=True)
    )
    named = frozenset(name for side in shown for text in side for _, _, name in name_spans(text.words, wanted.names))
    sides = Sides(first, second, both, tuple(phrases), named)
    if pair is None:
        return sides
    slots, differing = differences(pair[0].words, pair[1].words)
    return replace(sides, likeness=compare(*(words_of(text.words) for text in pair)), slots=tuple(slots), differing=differing)


def _is_shown(text: _Text, marked: frozenset[Key], wanted: Marked, pair: tuple[_Text, _Text] | None) -> bool:
    """Of attachments only those in which something is marked are opened."""
    if text.exhibit.kind != "attachment" or text.keys & marked or (pair is not None and any(text is one for one in pair)):
        return True
    return bool(wanted.names) and bool(name_spans(text.words, wanted.names))


def _most_alike(texts: Sequence[Sequence[_Text]]) -> tuple[_Text, _Text] | None:
    """The two texts that share the most of their words."""
    pairs = [(one, two) for one in texts[0] for two in texts[1] if one.words and two.words][:MOST_COMPARED]
    return max(pairs, key=lambda pair: compare(words_of(pair[0].words), words_of(pair[1].words)).share, default=None)


def _end(work: Work, actor: Actor, thing: Thing) -> _End:
    rows = _exhibits_of(work, thing)
    exhibits = [exhibit for exhibit, _ in rows]
    closed = closed_exhibits(work.session, actor.keyring, [row.id for row in exhibits])
    return _End(thing, exhibits, {exhibit.id: message for exhibit, message in rows}, frozenset(closed))


def _side(work: Work, actor: Actor, end: _End, passages: tuple[Passage, ...]) -> Side:
    if end.thing.kind == "subject":
        return Side(end.thing, known=_known(work, actor, end.thing))
    exhibit = next((row for row in end.exhibits if row.id not in end.closed), None)
    if exhibit is None:
        return Side(end.thing, passages, sealed=bool(end.closed))
    facts = work.vault.facts(exhibit, actor.keyring.program(str(exhibit.program_id)))
    return Side(end.thing, passages, exhibit.id, facts.digest, bool(end.closed))


def _known(work: Work, actor: Actor, thing: Thing) -> tuple[tuple[str, str], ...]:
    row = work.session.get_one(Subject, thing.id)
    details = actor.keyring.program(row.program_id).open_json("subject", "details", row.id, row.details)
    found = [("Name", details["name"]), *(("Also known as", name) for name in details["also"])]
    found += [("Identifier", one) for one in details["identifiers"]]
    return (*found, ("What is known", details["words"])) if details["words"] else tuple(found)


def _exhibits_of(work: Work, thing: Thing) -> list[tuple[Exhibit, str]]:
    """A tip's words and files in order, each with its message; a letter's, a sample's or an exhibit's own one. A subject has none."""
    if thing.kind == "subject":
        return []
    if thing.kind == "tip":
        query = (
            select(Exhibit, TipItem.message_id)
            .join(TipItem, TipItem.exhibit_id == Exhibit.id)
            .join(TipMessage, TipMessage.id == TipItem.message_id)
            .where(TipItem.tip_id == thing.id)
            .order_by(TipMessage.seq, TipItem.position)
        )
        return [(row[0], row[1]) for row in work.session.execute(query)]
    own = select(Exhibit).where(Exhibit.id == thing.id)
    if thing.kind != "exhibit":
        of: Any = {"letter": Letter, "sample": Sample}[thing.kind]
        own = select(Exhibit).join(of, of.exhibit_id == Exhibit.id).where(of.id == thing.id)
    return [(row, "") for row in work.session.scalars(own)]


def _open(work: Work, actor: Actor, ends: Sequence[_End]) -> dict[str, Opened]:
    kinds = ("tip_text", "letter", "attachment")
    wanted = {row.id: row for end in ends for row in end.exhibits if row.state == "held" and row.kind in kinds and row.id not in end.closed}
    return open_exhibits(work, actor, list(wanted.values()))


def _texts(work: Work, actor: Actor, end: _End, opened: dict[str, Opened]) -> list[_Text]:
    """The words of a tip or letter with the indicators in them; other things have none."""
    if not end.of_words:
        return []
    reports = find_reports(work, actor.keyring, [row.id for row in end.exhibits if row.kind == "attachment"])
    lettered = lettered_words(work, actor.keyring, list(reports))
    redacted = _redacted(work, actor, end) if end.closed else {}
    found: list[_Text] = []
    for row in end.exhibits:
        if row.id in end.closed:
            text = _Text("Redacted for a wider audience", row, redacted.get(end.messages[row.id], ""), original=False)
            if row.kind != "tip_text":
                continue
            text.trouble = "" if text.words else "These words are under seal, for named colleagues."
        elif row.id not in opened:
            text = _Text("", row, trouble=f"This exhibit is {row.state}. Its custody page says why.")
        elif row.kind == "attachment":
            text = _attached_words(work, actor, row, reports.get(row.id), lettered.get(row.id, ""))
        else:
            text = _own_words(work, actor, end.thing, row, opened[row.id])
        text.keys = frozenset((one.kind, one.normal) for one in find_indicators(text.words))
        found.append(text)
    return found


def _redacted(work: Work, actor: Actor, end: _End) -> Mapping[str, str]:
    tip = work.session.get_one(Tip, end.thing.id)
    return read_redacted(actor.keyring.program(tip.program_id), tip).words


def _attached_words(work: Work, actor: Actor, row: Exhibit, examined: Examined | None, lettered: str) -> _Text:
    name = shown_name(work.vault.facts(row, actor.keyring.program(str(row.program_id))).name)
    words = (examined.report.text or examined.words) if examined else ""
    if not lettered:
        return _Text(f"Text found in {name}", row, words)
    if not words:
        return _Text(f"Words in {name}, {MAY_BE_WRONG}", row, lettered)
    return _Text(f"Text found in {name}, then words in its pictures, {MAY_BE_WRONG}", row, f"{words}\n\n{lettered}")


def _own_words(work: Work, actor: Actor, thing: Thing, row: Exhibit, opened: Opened) -> _Text:
    if thing.kind == "letter":
        letter = work.session.scalars(select(Letter).where(Letter.id == thing.id)).one()
        return _Text("", row, letter_words(work, actor.keyring.program(letter.program_id), letter))
    try:
        return _Text("", row, read_tip_text(read_bytes(work, opened.keyfile))[0])
    except Unsound as error:
        return _Text("", row, trouble=f"{error.message} {error.next_step}")


def _passage(text: _Text, marks: Sequence[tuple[int, int, str]]) -> Passage:
    first = next((mark for mark in marks if mark[2] == INDICATOR), marks[0] if marks else None)
    start = max(0, first[0] - BEFORE) if first and len(text.words) > SHOWN else 0
    end = min(len(text.words), start + SHOWN)
    segments, at = [], start
    for begins, ends, mark in marks:
        if begins >= at and begins < end:
            segments += [Segment(text.words[at:begins]), Segment(text.words[begins : min(ends, end)], mark)]
            at = min(ends, end)
    segments.append(Segment(text.words[at:end]))
    whole = start == 0 and end == len(text.words)
    return Passage(text.heading, text.exhibit.id, tuple(one for one in segments if one.text), not whole, text.trouble)


def _marks(words: str, shared: frozenset[Key], phrases: Sequence[Phrase], names: frozenset[str]) -> list[tuple[int, int, str]]:
    """Where indicators, names and phrases stand, in order; an indicator or name inside a phrase cuts the phrase in two."""
    marks = [(one.start, one.end, INDICATOR) for one in find_indicators(words) if (one.kind, one.normal) in shared]
    marks += [(start, end, INDICATOR) for start, end, _ in name_spans(words, names)] if names else []
    cuts = sorted(marks)
    for start, end in phrase_spans(words, phrases):
        for first, last, _ in cuts:
            if start <= first < end:
                marks += [(start, first, PHRASE)] if words[start:first].strip() else []
                start = min(last, end)
        marks += [(start, end, PHRASE)] if words[start:end].strip() else []
    return sorted(marks)
