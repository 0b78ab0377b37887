"""Other tips like this one, each with the reason: the same file, a shared address or wallet, the same or nearly the same words.

Hints, not links: nothing is kept of them, nobody decides on them, and they say how much agrees. They come from the program's index.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import aliased, defer

from tipline import access, logs, policy
from tipline.actor import Actor
from tipline.inbox.originals import closed_tip, closed_tips
from tipline.models.custody import Exhibit
from tipline.models.tips import Tip, TipItem
from tipline.search.index import IndexDamaged, ProgramIndex, path_of
from tipline.search.likeness import ENOUGH, Part
from tipline.work import Work

MOST = 8
LOOKED_AT = 40  # in the index, of each kind: what the actor may not see falls away then


@dataclass(frozen=True)
class Similar:
    """Another tip, and what it has in common with this one. `duplicate`: all its first words."""

    number: str
    title: str
    state: str
    received_on: date
    reasons: tuple[str, ...]
    duplicate: bool


@dataclass(frozen=True)
class Hints:
    """The nearest others. `flood`: very many tips say the same, and these are only some."""

    found: tuple[Similar, ...] = ()
    flood: bool = False


@dataclass(frozen=True)
class _Reason:
    """Why, and how much it weighs: a same file or the same words before nearly the same, those before an address."""

    weight: int
    words: str


_NONE = _Reason(0, "")
SHARED = {  # what an indicator is, as a row says it
    "bitcoin": "a Bitcoin wallet",
    "monero": "a Monero wallet",
    "ethereum": "an Ethereum wallet",
    "email": "an e-mail address",
    "onion": "an onion address",
    "tox": "a Tox ID",
    "session": "a Session ID",
    "telegram": "a Telegram account",
    "url": "a web address",
    "domain": "a domain",
    "phone": "a telephone number",
}


def find_similar(work: Work, actor: Actor, tip: Tip) -> Hints:
    """Return the tips most like one that the caller looked up. Three queries, and the index.

    A tip whose original words the actor does not read has no hints, nor is it one: they would tell of the words.
    """
    policy.require(actor, "tip.read")
    keys = actor.keyring.program(tip.program_id)
    if not path_of(work.settings.index_folder, tip.program_id).exists() or closed_tips(work.session, actor.staff_id, [tip.id]):
        return Hints()
    try:
        with ProgramIndex(work.settings.index_folder, keys, write=False) as index:
            reasons, flood = _reasons(index, tip, _words_of(work, tip))
    except IndexDamaged as error:  # a cache: the tip is read all the same, and the linking desk makes it again
        logs.failure("no hints: the index is damaged", error)
        return Hints()
    return Hints(_shown(work, actor, reasons), flood)


@dataclass(frozen=True)
class RowHint:
    """What the row of a tip says of the nearest other one, in words, and how many more there are."""

    why: str
    number: str
    more: int


def hint_rows(work: Work, actor: Actor, numbers: Collection[str]) -> dict[str, RowHint]:
    """Return for the tips of a page what is similar to each, by number. Two queries, and one statement to the index of each program.

    As for `find_similar`, neither a tip whose original words the actor does not read has a hint, nor is it one.
    """
    policy.require(actor, "tip.read")
    words = aliased(TipItem), aliased(Exhibit)
    of_words = (words[0].tip_id == Tip.id) & (words[0].position == 0)
    query = select(Tip.id, Tip.number, Tip.program_id, words[1].id).outerjoin(words[0], of_words)
    query = query.outerjoin(words[1], (words[1].id == words[0].exhibit_id) & (words[1].kind == "tip_text"))
    rows = work.session.execute(query.where(Tip.number.in_(numbers), access.sees(actor, Tip), ~closed_tip(actor.staff_id))).all()
    texts = {row[3] for row in rows}
    reasons: dict[str, dict[str, _Reason]] = {}
    for program_id in {row[2] for row in rows}:
        parts = _likenesses(work, actor, program_id, [row[0] for row in rows if row[2] == program_id])
        reasons |= _best_reasons([one for one in parts if one.what not in texts])
    wanted = {other for found in reasons.values() for other in found}
    seen = select(Tip.id, Tip.number).where(Tip.id.in_(wanted), access.sees(actor, Tip), ~closed_tip(actor.staff_id))
    names = dict(work.session.execute(seen).all()) if wanted else {}
    return {number: hint for tip_id, number, _, _ in rows if (hint := _row_hint(reasons.get(tip_id, {}), names))}


def _likenesses(work: Work, actor: Actor, program_id: str, tip_ids: Sequence[str]) -> list[Part]:
    if not path_of(work.settings.index_folder, program_id).exists():
        return []
    try:
        with ProgramIndex(work.settings.index_folder, actor.keyring.program(program_id), write=False) as index:
            return index.likenesses(tip_ids)
    except IndexDamaged as error:
        logs.failure("no hints: the index is damaged", error)
        return []


def _best_reasons(parts: Iterable[Part]) -> dict[str, dict[str, _Reason]]:
    """By tip, and by the other: the reason that weighs most. The nearest of each tip only."""
    agree: Counter[tuple[str, str]] = Counter()
    marks: Counter[str] = Counter()
    found: dict[str, dict[str, _Reason]] = defaultdict(dict)
    for part in parts:
        marks[part.tip_id] += part.how == "mark"
        for other in part.others:
            if part.how == "mark":
                agree[part.tip_id, other] += 1
            elif part.how == "file":
                found[part.tip_id][other] = _Reason(8, "Same file as")
            else:
                found[part.tip_id].setdefault(other, _Reason(3, f"Shares {SHARED.get(part.what, part.what)} with"))
    for (tip_id, other), common in agree.items():
        if common >= min(ENOUGH, marks[tip_id]):
            found[tip_id][other] = max(_Reason(4 + common, "Near the same text as"), found[tip_id].get(other, _NONE), key=_weight)
    return {tip_id: dict(sorted(others.items(), key=lambda one: -one[1].weight)[:LOOKED_AT]) for tip_id, others in found.items()}


def _row_hint(found: Mapping[str, _Reason], names: Mapping[str, str]) -> RowHint | None:
    seen = [(reason.words, names[other]) for other, reason in found.items() if other in names]
    return RowHint(*seen[0], len(seen) - 1) if seen else None


def _weight(reason: _Reason) -> int:
    return reason.weight


def _words_of(work: Work, tip: Tip) -> set[str]:
    """The exhibits that are a tip's words: that these agree is said of the words, not of a file."""
    texts = select(TipItem.exhibit_id).join(Exhibit, Exhibit.id == TipItem.exhibit_id)
    return set(work.session.scalars(texts.where(TipItem.tip_id == tip.id, Exhibit.kind == "tip_text")))


def _reasons(index: ProgramIndex, tip: Tip, words: set[str]) -> tuple[Mapping[str, list[_Reason]], bool]:
    item = ("tip", tip.id)
    found: dict[str, list[_Reason]] = defaultdict(list)
    for mine, (kind, other), _ in index.same_bytes(item, LOOKED_AT):
        if kind == "tip" and mine.exhibit_id not in words:
            found[other].append(_Reason(8, f"Same file: {mine.name}"))
    near, flood = index.alike(tip.id, LOOKED_AT)
    for one in near:
        nearly = f"Nearly the same words: {one.common} of {one.of} marks agree"
        found[one.item_id].append(_Reason(9, "The same words") if one.same else _Reason(one.common, nearly))
    held = {(one.kind, one.normal): one for one in index.held(item)}
    for kind, other in index.sharing(item, LOOKED_AT) if held else ():
        shared = [one for one in index.held((kind, other)) if (one.kind, one.normal) in held] if kind == "tip" else []
        found[other] += [_Reason(3, f"Shares {one.kind.replace('_', ' ')} {one.normal}") for one in shared[:2]]
    return found, flood


def _shown(work: Work, actor: Actor, reasons: Mapping[str, Sequence[_Reason]]) -> tuple[Similar, ...]:
    if not any(reasons.values()):
        return ()
    best = sorted((key for key, found in reasons.items() if found), key=lambda key: -sum(reason.weight for reason in reasons[key]))
    query = select(Tip).where(Tip.id.in_(best), access.sees(actor, Tip), ~closed_tip(actor.staff_id))
    seen = {tip.id: tip for tip in work.session.scalars(query.options(defer(Tip.packet, raiseload=True)))}
    return tuple(_similar(actor, seen[tip_id], reasons[tip_id]) for tip_id in best if tip_id in seen)[:MOST]


def _similar(actor: Actor, tip: Tip, reasons: Sequence[_Reason]) -> Similar:
    keys = actor.keyring.program(tip.program_id)
    title = keys.open("tip", "title", tip.id, tip.title) if tip.title is not None else ""
    words = dict.fromkeys(reason.words for reason in sorted(reasons, key=lambda reason: -reason.weight))
    return Similar(tip.number, title, tip.state, tip.received_on, tuple(words), "The same words" in words)
