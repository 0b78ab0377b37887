"""Other tips like this one, each with the reason: the same file, a shared address or wallet, the same or nearly the same words.

Hints, not links: nothing is kept of them, nobody decides on them, and they say how much agrees. They come from the program's index.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import defer

from tipline import access, logs, policy
from tipline.actor import Actor
from tipline.inbox.originals import closed_tip, closed_tips
from tipline.models.custody import Exhibit
from tipline.models.tips import Tip, TipItem
from tipline.search.index import IndexDamaged, ProgramIndex, path_of
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
