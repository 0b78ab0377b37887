"""Earlier tips on the same information: whoever recommends or approves a claim sees them all.

From links that a person confirmed or nobody rejected, and from the index itself: equal files, and shared indicators however many
share them. Four queries, whatever is found.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, or_, select
from sqlalchemy.orm import defer

from tipline import access
from tipline.actor import Actor, ProgramKeys
from tipline.linking.indexing import waiting
from tipline.models.cases import Link
from tipline.models.custody import CustodyEvent, LogLeaf
from tipline.models.rewards import RewardClaim
from tipline.models.tips import Tip, TipItem
from tipline.search.index import ProgramIndex
from tipline.work import Work

MOST = 200
WHY = {"same_file": "Same file", "shares_indicator": "Shares an indicator", "same_template": "Same template"}


@dataclass(frozen=True)
class EarlierTip:
    """A tip that stood in the log before, and in what it is like this one. `claim` names its own claim, if it has one."""

    number: str
    title: str
    received_on: date
    log_index: int
    why: tuple[str, ...]
    claim: str = ""
    claim_state: str = ""


@dataclass(frozen=True)
class Earlier:
    """What there is of earlier tips. `waiting`: something has not been compared yet; `more`: not all could be listed.

    `closed`: how many of them stand in cases that the person is no member of.
    """

    tips: tuple[EarlierTip, ...]
    waiting: bool
    more: bool
    closed: int = 0

    @property
    def mark(self) -> str:
        """Names exactly this list: who decides says which one they saw."""
        said = "\n".join(f"{tip.number} {tip.claim} {','.join(tip.why)}" for tip in self.tips)
        said += f"\n{self.closed} closed" if self.closed else ""
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def find_earlier(work: Work, actor: Actor, claim: RewardClaim) -> Earlier:
    """Return the tips of the program that came before a claim's tip and share files, indicators or template with it."""
    keys = actor.keyring.program(claim.program_id)
    reasons: defaultdict[str, set[str]] = defaultdict(set)
    for tip_id, kind in [*_linked(work, claim.tip_id), *_indexed(work, keys, claim.tip_id)]:
        reasons[tip_id].add(WHY[kind])
    places = {tip_id: place for tip_id, place in _places(work, reasons) if place < claim.log_index}
    rows = work.session.execute(
        select(Tip, RewardClaim.number, RewardClaim.state)
        .outerjoin(RewardClaim, RewardClaim.tip_id == Tip.id)
        .where(Tip.id.in_(list(places)), Tip.program_id == claim.program_id, access.sees(actor, Tip))
        .options(defer(Tip.packet, raiseload=True))
    )
    tips = [
        EarlierTip(
            tip.number, _title(keys, tip), tip.received_on, places[tip.id], tuple(sorted(reasons[tip.id])), number or "", state or ""
        )
        for tip, number, state in rows
    ]
    tips.sort(key=lambda tip: tip.log_index)
    return Earlier(tuple(tips), bool(waiting(work, actor, [claim.program_id])), len(reasons) >= MOST, len(places) - len(tips))


def _linked(work: Work, tip_id: str) -> Iterable[tuple[str, str]]:
    query = select(Link.from_id, Link.to_id, Link.kind).where(
        Link.from_kind == "tip",
        Link.to_kind == "tip",
        Link.kind.in_(list(WHY)),
        Link.state != "rejected",
        or_(Link.from_id == tip_id, Link.to_id == tip_id),
    )
    for from_id, to_id, kind in work.session.execute(query.order_by(Link.made_at).limit(MOST)):
        yield (to_id if from_id == tip_id else from_id), kind


def _indexed(work: Work, keys: ProgramKeys, tip_id: str) -> list[tuple[str, str]]:
    item = ("tip", tip_id)
    with ProgramIndex(work.settings.index_folder, keys, write=False) as index:
        same = [(other[1], "same_file") for _, other, _ in index.same_bytes(item, MOST) if other[0] == "tip"]
        sharing = [(other[1], "shares_indicator") for other in index.sharing(item, MOST) if other[0] == "tip"]
    return same + sharing


def _places(work: Work, tip_ids: Iterable[str]) -> list[tuple[str, int]]:
    """The place in the log of the first item of each tip."""
    query = (
        select(TipItem.tip_id, func.min(LogLeaf.log_index))
        .join(CustodyEvent, CustodyEvent.exhibit_id == TipItem.exhibit_id)
        .join(LogLeaf, LogLeaf.event_id == CustodyEvent.event_id)
        .where(TipItem.tip_id.in_(list(tip_ids)), CustodyEvent.exhibit_seq == 1)
        .group_by(TipItem.tip_id)
    )
    return [(row[0], row[1]) for row in work.session.execute(query)]


def _title(keys: ProgramKeys, tip: Tip) -> str:
    return keys.open("tip", "title", tip.id, tip.title) if tip.title else "Not read yet"
