"""One link as the desk shows it: both sides, why it is suggested, how rare that is, the next best, and what it does not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from tipline import access, policy
from tipline.actor import Actor, ProgramKeys
from tipline.cases.things import find_things
from tipline.errors import NotFound
from tipline.inbox.queries import staff_names
from tipline.linking.decisions import DecisionRow, list_decisions, rows_of_link, to_undo
from tipline.linking.kinds import CONFIDENCES, kind_words, kinds_for
from tipline.linking.measured import measured_error
from tipline.linking.names import looked_for
from tipline.linking.queue import RANK, QueueRow, rows_of
from tipline.linking.resemblance import Resemblance, read_resemblance
from tipline.linking.rules import shorten
from tipline.linking.sides import Key, Marked, Side, Sides, read_sides
from tipline.models.cases import Link, SamplePerson
from tipline.samples.rules import IN_WORDS, mask_date, mask_name, mask_number
from tipline.search.index import ProgramIndex
from tipline.search.words import COMPLETE, Span
from tipline.work import Work

PEOPLE = 25  # of a sample that are listed; all are counted
SURE = {3: "settled", 2: "likely"}
PHRASES = 8  # that are listed; all are marked in the texts
PHRASE_WORDS = 14  # of one that is listed, and counted elsewhere
MOST_COUNTED = 500  # texts with a phrase; beyond, it is common
NO_OTHER = "No other text yet"
UNDER_SEAL = "What it rests on stands in words that only named colleagues read."


@dataclass(frozen=True)
class SharedRow:
    """An indicator that both hold: "1 of 12 texts" beside these two is said as "1 other of 12"."""

    name: str
    value: str
    elsewhere: str


@dataclass(frozen=True)
class PhraseRow:
    """A phrase of both texts, and in how many others it stands; None where the index was not asked."""

    words: str
    length: int
    elsewhere: int | None


@dataclass(frozen=True)
class PersonRow:
    """A person of the sample, masked, and in what they agree."""

    name: str
    born: str
    number: str
    kinds: str
    where: str
    sure: str


@dataclass(frozen=True)
class Finding:
    """What the method found; empty where a person made the link."""

    reason: str = ""
    method: str = ""
    does_not_say: str = ""
    corpus: int = 0
    shared: tuple[SharedRow, ...] = ()
    people: tuple[PersonRow, ...] = ()
    found: int = 0
    of: int = 0
    digest: str = ""
    inputs: tuple[tuple[str, str, str], ...] = ()  # number of the thing, file name, digest
    sealed: str = ""  # why a part of it is not shown to this person
    measured: str = ""  # how often suggestions of this kind were right, and on what that was measured


@dataclass(frozen=True)
class LinkView:
    """Everything that the desk shows of a link. `said` is the reason that a person gave."""

    id: str
    kind: str
    kind_name: str
    state: str
    tier: str | None
    sides: tuple[Side, Side]
    finding: Finding
    rival: QueueRow | None
    made_at: datetime
    made_by: str
    decided_at: datetime | None
    decided_by: str
    confidence: str
    said: str
    kinds: Mapping[str, str]
    version: int
    later_until: datetime | None
    decisions: list[DecisionRow]
    undoes: str  # what an undo would take back; empty where there is nothing
    phrases: tuple[PhraseRow, ...]
    resemblance: Resemblance | None


def get_link(work: Work, actor: Actor, link_id: str, *, lock: bool = False) -> Link:
    """Return a link.

    Raises:
        NotFound: there is none, or the actor does not hold its program's key: both look alike.
    """
    query = select(Link).where(Link.id == link_id, access.sees(actor, Link))
    link = work.session.scalar(query.with_for_update() if lock else query)
    if link is None:
        raise NotFound("There is no such link that you can read.", "Choose one at the linking desk.")
    return link


def read_link(work: Work, actor: Actor, link_id: str) -> LinkView:
    """Open a link with the words of both its ends; VIEWED is on record for these before this returns.

    Raises:
        NotFound: the link, or one of its ends, is not there for this person.
    """
    policy.require(actor, "link.read")
    link = get_link(work, actor, link_id)
    keys = actor.keyring.program(link.program_id)
    things = find_things(work, actor, [(link.from_kind, link.from_id), (link.to_kind, link.to_id)])
    start, end = things.get((link.from_kind, link.from_id)), things.get((link.to_kind, link.to_id))
    if start is None or end is None:
        raise NotFound("One end of this link is gone.", "Choose another one at the linking desk.")
    found: dict[str, Any] = keys.open_json("link", "findings", link.id, link.findings) if link.findings else {}
    sides = read_sides(work, actor, (start, end), _marked(link, found))
    names = staff_names(work)
    return LinkView(
        id=link.id,
        kind=link.kind,
        kind_name=kind_words(link.kind),
        state=link.state,
        tier=link.tier,
        sides=sides.both(),
        finding=_finding(work, keys, link, found, sides),
        rival=_rival(work, actor, link),
        made_at=link.made_at,
        made_by=names.get(link.made_by, "") if link.made_by else "",
        decided_at=link.decided_at,
        decided_by=names.get(link.decided_by, "") if link.decided_by else "",
        confidence=CONFIDENCES.get(link.confidence or "", ""),
        said=keys.open("link", "reason", link.id, link.reason) if link.reason and link.decided_by else "",
        kinds=kinds_for(link.from_kind, link.to_kind),
        version=link.version,
        later_until=link.later_until if link.later_until and link.later_until > work.now() else None,
        decisions=list_decisions(work, keys, link),
        undoes=_undoes(work, link),
        phrases=_phrases(work, keys, link, sides),
        resemblance=read_resemblance(work, actor, keys, sides),
    )


def _marked(link: Link, found: Mapping[str, Any]) -> Marked:
    indicators = frozenset((one["kind"], one["normal"]) for one in found["indicators"]) if "indicators" in found else None
    names = frozenset(name for one in found.get("names", []) for name in looked_for(one["said"]))
    return Marked(indicators, names, link.kind == "same_template")


def _undoes(work: Work, link: Link) -> str:
    last = to_undo(rows_of_link(work, link.id))
    return last.decision if last else ""


def _phrases(work: Work, keys: ProgramKeys, link: Link, sides: Sides) -> tuple[PhraseRow, ...]:
    """The longest phrases of both texts, the rarest first, each with how many other things hold it."""
    found = [phrase[:PHRASE_WORDS] for phrase in sides.phrases[:PHRASES]]
    counts = _elsewhere_said(work, keys, link, found) if found else []
    rows = [
        PhraseRow(_short(phrase), len(phrase), count) for phrase, count in zip(sides.phrases, counts or [None] * len(found), strict=False)
    ]
    return tuple(sorted(rows, key=lambda row: (row.elsewhere or 0, -row.length)))


def _elsewhere_said(work: Work, keys: ProgramKeys, link: Link, phrases: Sequence[Sequence[str]]) -> list[int | None]:
    """In how many other things each phrase stands, by the search index; None where that is not whole yet."""
    ends = {link.from_id, link.to_id}
    with ProgramIndex(work.settings.index_folder, keys, write=False) as index:
        if not index.words.noted(COMPLETE):
            return [None] * len(phrases)
        hits = [index.words.newest(f'body : "{" ".join(phrase)}"', Span(), MOST_COUNTED) for phrase in phrases]
        return [len({one.thing for one in index.words.candidates(ids)} - ends) for ids in hits]


def _short(phrase: Sequence[str]) -> str:
    return " ".join(phrase) if len(phrase) <= PHRASE_WORDS else f"{' '.join(phrase[:PHRASE_WORDS])} …"


def _finding(work: Work, keys: ProgramKeys, link: Link, found: dict[str, Any], sides: Sides) -> Finding:
    if not found:
        return Finding()
    shared, names = found.get("indicators", []), found.get("names", [])
    corpus = max((one["corpus"] for one in [*shared, *names, found.get("template", {"corpus": 0})]), default=0)
    measured = measured_error(link.kind, found["method"])
    said = {"method": found["method"], "does_not_say": found["does_not_say"], "corpus": corpus, "measured": measured}
    if any(side.sealed for side in sides.both()):
        return Finding(**said, shared=(*_shared(shared, sides.shared), *_named(names, sides.named)), sealed=UNDER_SEAL)
    inputs = found.get("inputs", {"from": [], "to": []})
    return Finding(
        **said,
        reason=found["reason"],
        shared=(*_shared(shared, None), *_named(names, None)),
        people=tuple(_people(work, keys, link, found.get("matches", []))),
        found=found.get("found", 0),
        of=found.get("people", 0),
        digest=found.get("digest", ""),
        inputs=tuple(
            (side.thing.number, one["name"], one["sha256"])
            for side, name in zip(sides.both(), ("from", "to"), strict=True)
            for one in inputs[name]
        ),
    )


def _shared(found: Sequence[dict[str, Any]], only: frozenset[Key] | None) -> tuple[SharedRow, ...]:
    return tuple(
        SharedRow(one["name"], shorten(one["normal"]), _elsewhere(one))
        for one in found
        if only is None or (one["kind"], one["normal"]) in only
    )


def _named(found: Sequence[dict[str, Any]], only: frozenset[str] | None) -> tuple[SharedRow, ...]:
    return tuple(
        SharedRow(one["name"], shorten(one["said"]), f"{one['texts'] - 1:,} of {one['corpus'] - 1:,}" if one["corpus"] > 1 else NO_OTHER)
        for one in found
        if only is None or any(name in only for name in looked_for(one["said"]))
    )


def _elsewhere(one: dict[str, Any]) -> str:
    return f"{one['texts'] - 2:,} of {one['corpus'] - 2:,}" if one["corpus"] > 2 else NO_OTHER


def _people(work: Work, keys: ProgramKeys, link: Link, matches: Sequence[dict[str, Any]]) -> list[PersonRow]:
    """The people of the sample that agree, surest first, with masked values."""
    listed = sorted(matches, key=lambda match: (-match["weight"], match["person"]))[:PEOPLE]
    positions = [match["person"] for match in listed]
    query = select(SamplePerson).where(SamplePerson.sample_id.in_([link.from_id, link.to_id]), SamplePerson.position.in_(positions))
    rows = {row.position: row for row in work.session.scalars(query)}
    shown = []
    for match in listed:
        row = rows.get(match["person"])
        values = keys.open_json("sample_person", "person", row.id, row.person)["values"] if row else {}
        shown.append(
            PersonRow(
                name=mask_name(values.get("last_name", ""), values.get("first_name", "")),
                born=mask_date(values.get("birth_date", "")),
                number=mask_number(values.get("member_id", "") or values.get("ssn", "")),
                kinds=", ".join(IN_WORDS[kind] for kind in match["kinds"][:2] if kind in IN_WORDS),
                where=match["locator"],
                sure=SURE.get(min(3, match["weight"]), "a hint"),
            )
        )
    return shown


def _rival(work: Work, actor: Actor, link: Link) -> QueueRow | None:
    """The strongest other link of this kind that shares an end with this one: what else it could be."""
    ends = [link.from_id, link.to_id]
    query = select(Link).where(
        Link.kind == link.kind,
        Link.id != link.id,
        Link.state != "rejected",
        Link.program_id == link.program_id,
        access.sees(actor, Link),
        or_(Link.from_id.in_(ends), Link.to_id.in_(ends)),
    )
    rows = rows_of(work, actor, list(work.session.scalars(query.order_by(RANK, Link.made_at, Link.id).limit(1))))
    return rows[0] if rows else None
