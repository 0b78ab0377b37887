"""Searching what colleagues may read: texts that fit from each program's index, checked against the database, a page at a time."""

from __future__ import annotations

import base64
import binascii
import heapq
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import islice
from typing import Any

from sqlalchemy import select, union_all

from evidence.errors import EvidenceError
from evidence.keys import aead_open, aead_seal, hkdf
from tipline import access, audit, policy, stale
from tipline.actor import Actor
from tipline.cases.services import list_programs
from tipline.errors import BadInput, NotFound
from tipline.models.cases import CaseFile, Letter, Sample
from tipline.models.custody import Exhibit
from tipline.models.desk import Note, SearchBuild, Subject
from tipline.models.programs import Program
from tipline.models.tips import Tip, TipItem
from tipline.search import building, rules
from tipline.search.building import Standing
from tipline.search.hits import Hit, Visible, read_hits, visible
from tipline.search.index import ProgramIndex
from tipline.search.rules import Query
from tipline.search.words import DAY, FIRST, LAST, Candidate, Span, Words
from tipline.work import Work

PAGE = 20
RANKED = 400  # texts that are ordered by how well they fit; where more fit, the newest come first
CHUNKS = (60, 340, 800, 800)  # candidates that are checked one after the other until a page is full
HINTS = 3
VIEW = "tipline search view"
_PLACE = re.compile(r"r(?P<seen>\d{1,4})|n(?P<id>\d{1,18})-(?P<program>\d{1,4})", re.ASCII)
HINTED_BY = 8  # known words near a misspelt one that are looked at


@dataclass(frozen=True)
class Found:
    """One page of hits.

    Args:
        after: where the next page begins; None where there is none.
        cut: only a part of what fits was looked through, so there may be more behind `after`.
        total: how many there are, where that is known.
        by_newest: the newest come first, though the best were asked for: too much fits.
        hint: the same search with a word put right.
    """

    query: Query
    hits: list[Hit]
    standings: list[Standing]
    after: str | None = None
    cut: bool = False
    total: int | None = None
    by_newest: bool = False
    hint: Query | None = None


@dataclass(frozen=True)
class Choices:
    """What a search can be narrowed by."""

    programs: list[tuple[str, str]]
    standings: list[Standing]


@dataclass(frozen=True)
class _Place:
    """After which candidate a page begins: by rank the number of those before it, else id and program."""

    ranked: bool = False
    seen: int = 0
    id: int = LAST
    program: int = -1

    def write(self) -> str:
        return f"r{self.seen}" if self.ranked else f"n{self.id}-{self.program}"

    @classmethod
    def read(cls, text: str | None) -> _Place:
        found = _PLACE.fullmatch(text or "")
        if found is None:
            return cls()
        if found["seen"]:
            return cls(ranked=True, seen=min(int(found["seen"]), RANKED))
        return cls(id=int(found["id"]), program=int(found["program"]))


@dataclass
class _Desk:
    """One search under way: the open indexes of the programs that are looked through, in a fixed order."""

    work: Work
    actor: Actor
    programs: list[str]
    words: list[Words]
    span: Span


def ask(work: Work, actor: Actor, query: Query) -> str:
    """Check a search and return its view: the name under which its pages are asked for, which nobody else can read.

    Raises:
        BadInput: it can't be looked for, or names a case or program that the person does not see.
    """
    policy.require(actor, "search.read")
    fault = query.fault()
    if fault:
        field = "last" if "day" in fault else "text"
        raise BadInput(fault, fields={field: fault})
    if query.program and query.program not in actor.keyring.program_ids():
        raise BadInput("Choose one of your programs.", fields={"program": "Choose one of your programs."})
    if query.case and _find_case(work, actor, query.case) is None:
        message = "There is no such case that you can read."
        raise BadInput(message, fields={"case": message})
    audit.record(work.session, work.now(), actor, "search.ask")
    work.session.flush()
    return seal_view(actor, query)


def seal_view(actor: Actor, query: Query) -> str:
    """Return a search as an address can carry it: sealed to the person, so that no word of it stands in the clear."""
    text = json.dumps(asdict(query), default=str, ensure_ascii=False)
    return base64.urlsafe_b64encode(aead_seal(_view_key(actor), text.encode(), VIEW)).decode().rstrip("=")


def open_view(actor: Actor, view: str) -> Query:
    """Return the search of a view.

    Raises:
        NotFound: it is none of this person's.
    """
    try:
        value = json.loads(aead_open(_view_key(actor), base64.urlsafe_b64decode(view + "=" * (-len(view) % 4)), VIEW))
    except (EvidenceError, binascii.Error, ValueError):
        raise NotFound("There is no such search of yours.", "Type it again.") from None
    days = {name: date.fromisoformat(value[name]) if value[name] else None for name in ("first", "last")}
    return Query(**{**value, "kinds": tuple(value["kinds"]), "states": tuple(value["states"]), **days})


def _view_key(actor: Actor) -> bytes:
    return hkdf(actor.keyring.identity.secret.encode(), VIEW, 32)


def choices(work: Work, actor: Actor, found: Found | None = None) -> Choices:
    """What the search form offers, and how far the indexes are: as a search has just found, or as they are now."""
    policy.require(actor, "search.read")
    programs = list_programs(work, actor)
    if found is not None:
        return Choices(programs, found.standings)
    return Choices(programs, [building.find_standing(work, actor.keyring.program(program_id)) for program_id, _ in programs])


def search(work: Work, actor: Actor, query: Query, after: str | None = None) -> Found:
    """Return the page of hits that begins after `after`. What changed lately is read first; VIEWED is on record before this returns.

    Raises:
        BadInput: it can't be looked for.
    """
    policy.require(actor, "search.read")
    if query.fault():
        raise BadInput(query.fault())
    held = sorted(actor.keyring.program_ids())
    programs = [one for one in held if query.program in ("", one)]
    standings = [building.settle(work, actor.keyring.program(one)) for one in programs]
    with _desk(work, actor, programs, query) as desk:
        found = _page(desk, query, _Place.read(after))
        hint = _hint(desk, query) if not found.hits and after is None else None
        shown = _show(desk, query, found.hits)
    hits = read_hits(work, actor, found.hits, shown)
    return Found(query, hits, standings, found.after, found.cut, found.total, found.by_newest, hint)


@contextmanager
def _desk(work: Work, actor: Actor, programs: list[str], query: Query) -> Iterator[_Desk]:
    folder = work.settings.index_folder
    with ExitStack() as stack:
        opened = [stack.enter_context(ProgramIndex(folder, actor.keyring.program(one), write=False)) for one in programs]
        yield _Desk(work, actor, programs, [index.words for index in opened], _span(work, actor, query))


def _span(work: Work, actor: Actor, query: Query) -> Span:
    low = query.first.toordinal() * DAY if query.first else FIRST
    high = (query.last.toordinal() + 1) * DAY if query.last else LAST
    return Span(low, high, _things_of(work, actor, query.case) if query.case else None)


def _find_case(work: Work, actor: Actor, number: str) -> str | None:
    return work.session.scalar(select(CaseFile.id).where(CaseFile.number == number, access.sees_case(actor)))


def _things_of(work: Work, actor: Actor, number: str) -> list[str]:
    """The ids of all that stands in a case, and of the notes on it: as the database says at this moment, whatever the index does."""
    case_id = _find_case(work, actor, number)
    tips = select(Tip.id).where(Tip.case_id == case_id)
    own = [select(model.id).where(model.case_id == case_id) for model in (Letter, Sample, Exhibit, Subject)]
    came = select(TipItem.exhibit_id).join(Tip, Tip.id == TipItem.tip_id).where(Tip.case_id == case_id)
    ids = list(work.session.scalars(union_all(tips, came, *own, select(CaseFile.id).where(CaseFile.id == case_id))))
    return [*ids, *work.session.scalars(select(Note.id).where(Note.on_id.in_(ids)))]


# a page


@dataclass(frozen=True)
class _Page:
    hits: list[Visible]
    after: str | None = None
    cut: bool = False
    total: int | None = None
    by_newest: bool = False


def _page(desk: _Desk, query: Query, place: _Place) -> _Page:
    match = query.match()
    first = _newest_of(desk, match, place, RANKED + 1)
    wants_best = query.sort == "best" and (place.ranked or place.id == LAST)
    if wants_best and len(first) <= RANKED:
        return _best(desk, query, match, place.seen)
    if place.ranked:  # more fits than when the page before was made
        number, one = first[max(place.seen, 1) - 1]
        return _page(desk, query, _Place(id=one, program=number))
    page = _fill(desk, query, first, place)
    if len(first) > RANKED and len(page.hits) < PAGE:  # much of what fits is not for this person, or not in the states asked for
        page = _fill(desk, query, _newest_of(desk, match, place, sum(CHUNKS) + 1), place)
    return replace(page, by_newest=query.sort == "best")


def _best(desk: _Desk, query: Query, match: str, seen: int) -> _Page:
    ranked = sorted((rank, -one, number) for number, words in enumerate(desk.words) for rank, one in words.best(match, desk.span, RANKED))
    return _fill(desk, query, [(number, -one) for _, one, number in ranked], _Place(ranked=True, seen=seen))


def _newest_of(desk: _Desk, match: str, place: _Place, most: int) -> list[tuple[int, int]]:
    """Program and id of the newest texts that fit and come after a place, at most so many."""
    lists = [
        [(-one, number) for one in words.newest(match, _before(desk.span, place, number), most)] for number, words in enumerate(desk.words)
    ]
    return [(number, -one) for one, number in islice(heapq.merge(*lists), most)]


def _before(span: Span, place: _Place, number: int) -> Span:
    """Of a program after the one at the place, the same id still comes."""
    return Span(span.low, min(span.high, place.id + (number > place.program)), span.things)


def _fill(desk: _Desk, query: Query, order: Sequence[tuple[int, int]], place: _Place) -> _Page:
    """Check candidates in their order until a page is full and one more is known, or as many were looked at as a page may."""
    at = place.seen
    found: list[tuple[int, Visible]] = []
    for size in CHUNKS:
        batch = order[at : at + size]
        numbered = _candidates(desk, batch)
        seen = visible(desk.work, desk.actor, [(desk.programs[number], one) for number, one in numbered.values()], query.states)
        places = {(desk.programs[number], one.id): index for index, (number, one) in numbered.items()}
        found += [(at + places[one.program_id, one.candidate.id], one) for one in seen]
        at += len(batch)
        if len(found) > PAGE or at >= len(order):
            break
    hits = [one for _, one in found[:PAGE]]
    if len(found) > PAGE:
        return _Page(hits, _at(order, found[PAGE - 1][0], place))
    if at < len(order):
        return _Page(hits, _at(order, at - 1, place), cut=True)
    whole = place.seen == 0 and place.id == LAST
    return _Page(hits, total=len(hits) if whole else None)


def _at(order: Sequence[tuple[int, int]], index: int, place: _Place) -> str:
    number, one = order[index]
    return (_Place(ranked=True, seen=index + 1) if place.ranked else _Place(id=one, program=number)).write()


def _candidates(desk: _Desk, batch: Sequence[tuple[int, int]]) -> dict[int, tuple[int, Candidate]]:
    """Candidates by their place in the batch. One look into each index."""
    found: dict[tuple[int, int], Candidate] = {}
    for number, words in enumerate(desk.words):
        ids = [one for of, one in batch if of == number]
        found.update({(number, one.id): one for one in words.candidates(ids)} if ids else {})
    return {index: (of, found[of, one]) for index, (of, one) in enumerate(batch) if (of, one) in found}


def _show(desk: _Desk, query: Query, hits: Sequence[Visible]) -> dict[tuple[str, int], Any]:
    match = query.match()
    shown = {}
    for program_id, words in zip(desk.programs, desk.words, strict=True):
        ids = [one.candidate.id for one in hits if one.program_id == program_id]
        if ids:
            shown.update({(program_id, one): text for one, text in words.show(match, ids).items()})
    return shown


# hints


def _hint(desk: _Desk, query: Query) -> Query | None:
    """The search with a misspelt word put right, if that finds something that this person sees: a hint gives nothing else away."""
    for other in islice(_corrections(desk, query), HINTS):
        if _page(desk, other, _Place()).hits:
            return other
    return None


def _corrections(desk: _Desk, query: Query) -> Iterator[Query]:
    for term in query.plain():
        wrong = rules.normal(term.text)
        near = {word for words in desk.words for word in words.near(wrong)}
        counted = {word: sum(words.texts_with(word) for words in desk.words) for word in rules.nearest(wrong, near, HINTED_BY)}
        for right in sorted(counted, key=lambda word: (rules.distance(wrong, word, 2), -counted[word], word)):
            yield query.correct(wrong, right)


# building


def rebuild(work: Work, actor: Actor, program_id: str, *, again: bool = False) -> str:
    """Let the worker make a program's index anew. Returns the id of the building; one that is under way goes on.

    Args:
        again: end one that is under way, and begin from the start.

    Raises:
        NotFound: the person does not hold this program.
    """
    return building.ask(work, actor, program_id, again=again).id


def programs_of(work: Work, actor: Actor, slug: str | None = None) -> list[tuple[str, str]]:
    """Id and name of the programs that the person holds, or of the one with this short name.

    Raises:
        NotFound: they hold none such.
    """
    policy.require(actor, "search.rebuild")
    found = select(Program.id, Program.slug).where(Program.id.in_(actor.keyring.program_ids())).order_by(Program.slug)
    rows = work.session.execute(found.where(Program.slug == slug) if slug else found).all()
    if not rows:
        raise NotFound("There is no such program, or nobody has given you its key.", "Choose one of your programs.")
    return [(program_id, name) for program_id, name in rows]


def find_building(work: Work, actor: Actor, build_id: str) -> SearchBuild:
    """Return a building of a program that the person holds.

    Raises:
        NotFound: there is none.
    """
    policy.require(actor, "search.rebuild")
    found = work.session.get(SearchBuild, build_id)
    if found is None or found.program_id not in actor.keyring.program_ids():
        raise NotFound("There is no such building.", "Start one.")
    return found


def note_changed(work: Work, program_id: str, kind: str, thing_id: str) -> None:
    """Say that a thing changed by a statement that sessions don't see (UPDATE, DELETE); rows that a session writes note it themselves."""
    stale.mark(work.session, program_id, kind, thing_id)


def standing_words(standing: Standing, programs: Mapping[str, str]) -> str:
    """How far an index is, in a sentence; empty where it is up to date."""
    of = f" of {programs[standing.program_id]}" if len(programs) > 1 and standing.program_id in programs else ""
    if standing.building:
        return f"The index{of} is being made: {standing.done:,} of {standing.total:,} read. Not everything is found yet."
    if not standing.complete:
        return f"The index{of} is not made yet, so not everything is found."
    if standing.waiting:
        return f"{standing.waiting:,} changed {'thing waits' if standing.waiting == 1 else 'things wait'} to be read into the index{of}."
    return ""
