"""Taking a bulk act back, and the list of the latest ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import func, select, true

from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.errors import Conflict, NotFound
from tipline.inbox import finding, labelacts
from tipline.inbox.bulk import COLUMNS, LABELS, Said, batches, note, set_columns
from tipline.inbox.bulkacts import TipRow, as_kept, undone
from tipline.inbox.originals import closed_tip
from tipline.inbox.queries import staff_names
from tipline.models.cases import CaseFile
from tipline.models.desk import BulkAct, BulkActTip
from tipline.models.tips import Tip
from tipline.work import Work

LISTED = 50


@dataclass(frozen=True)
class Back:
    """How many tips are as they were before an act, and how many were left because somebody changed them since."""

    tips: int
    left: int


@dataclass(frozen=True)
class PastAct:
    """An act as the page lists it. `untouched`: how many of its tips undo would still bring back."""

    id: str
    words: str
    tips: int
    untouched: int
    by: str
    at: datetime
    undone_by: str
    undone_at: datetime | None


def undo(work: Work, actor: Actor, act_id: str) -> Back:
    """Bring every tip of an act back to what it was, but for those that somebody changed since.

    An act on tips of several programs is one row in each; they are taken back together.

    Raises:
        NotFound: no such act that the actor sees. Conflict: it was taken back before.
    """
    policy.require(actor, "tip.work")
    acts = _acts(work, actor, act_id)
    if all(made.undone_at is not None for made in acts):
        raise Conflict("This was taken back before.", "Nothing was changed.")
    backs = [_undo(work, actor, made) for made in acts if made.undone_at is None]
    work.session.flush()
    return Back(sum(back.tips for back in backs), sum(back.left for back in backs))


def _acts(work: Work, actor: Actor, act_id: str) -> list[BulkAct]:
    held = BulkAct.program_id.in_(actor.keyring.program_ids())
    made = work.session.scalar(select(BulkAct).where(BulkAct.id == act_id, held))
    if made is None or not _case_seen(work, actor, [made]):
        raise NotFound("There is no such act that you can read.", "Load the page again.")
    together = select(BulkAct).where(BulkAct.done_by == made.done_by, BulkAct.done_at == made.done_at, held)
    return list(work.session.scalars(together.order_by(BulkAct.id).with_for_update()))


def _undo(work: Work, actor: Actor, made: BulkAct) -> Back:
    of_act = select(BulkActTip.tip_id).where(BulkActTip.act_id == made.id)
    may = ~closed_tip(actor.staff_id) if made.act == "assign" else true()
    ids = sorted(work.session.scalars(of_act))
    back = 0
    for batch in batches(ids):
        work.session.execute(select(Tip.id).where(Tip.id.in_(batch)).order_by(Tip.id).with_for_update())
        rows = work.session.execute(
            select(*COLUMNS, BulkActTip.before)
            .join(BulkActTip, BulkActTip.tip_id == Tip.id)
            .where(BulkActTip.act_id == made.id, Tip.id.in_(batch), Tip.version == BulkActTip.version, finding.seen(actor), may)
            .order_by(Tip.id)
        ).all()
        _restore(work, actor, made, rows)
        back += len(rows)
    made.undone_by, made.undone_at = actor.staff_id, work.now()
    audit.record(work.session, work.now(), actor, "tip.bulk_undo", ("bulk_act", made.id), str(back))
    return Back(back, len(ids) - back)


def _restore(work: Work, actor: Actor, made: BulkAct, rows: Sequence[Any]) -> None:
    if not rows:
        return
    if made.act in LABELS:
        word = _about(actor, made)["label"]
        labelacts.set_label(work, actor, rows, word, on=made.act == "unlabel")
        set_columns(work, [(row.id, {}) for row in rows])
        note(work, actor, rows, Said(made.act, *((None, word) if made.act == "unlabel" else (word, None))))
        return
    set_columns(work, [(row.id, undone(made.act, row.before)) for row in rows])
    for row in rows:
        _note_back(work, actor, made, row)


def _note_back(work: Work, actor: Actor, made: BulkAct, row: Any) -> None:
    """Leave in the records of one tip what it was and what it is again."""
    if made.act == "case":
        note(work, actor, [row], Said("case", _about(actor, made)["value"], None))
        return
    again = undone(made.act, row.before)
    then = cast(TipRow, SimpleNamespace(**{**row._mapping, **again}))
    note(work, actor, [row], Said(made.act, as_kept(made.act, row), as_kept(made.act, then)))
    if made.act == "assign" and again["state"] != row.state:
        note(work, actor, [row], Said("state", row.state, again["state"], again["state"]))


def _about(actor: Actor, made: BulkAct) -> dict[str, str]:
    found: dict[str, str] = actor.keyring.program(made.program_id).open_json("bulk_act", "about", made.id, made.about)
    return found


def _case_seen(work: Work, actor: Actor, acts: Sequence[BulkAct]) -> set[str]:
    """The ids of those acts that name no case, or one that the actor sees."""
    named = {made.id: _about(actor, made)["value"] for made in acts if made.act == "case"}
    seen = set(work.session.scalars(select(CaseFile.number).where(CaseFile.number.in_(named.values()), access.sees_case(actor))))
    return {made.id for made in acts if made.id not in named or named[made.id] in seen}


# the list


def list_acts(work: Work, actor: Actor) -> list[PastAct]:
    """The latest acts in the programs whose key the actor holds, newest first. Four queries."""
    policy.require(actor, "tip.work")
    same = select(func.count()).select_from(BulkActTip).join(Tip, Tip.id == BulkActTip.tip_id)
    same = same.where(BulkActTip.act_id == BulkAct.id, Tip.version == BulkActTip.version).correlate(BulkAct)
    held = BulkAct.program_id.in_(actor.keyring.program_ids())
    query = select(BulkAct, same.scalar_subquery()).where(held).order_by(BulkAct.done_at.desc(), BulkAct.id).limit(LISTED)
    rows = work.session.execute(query).all()
    seen = _case_seen(work, actor, [row[0] for row in rows])
    names = staff_names(work)
    return [_past(actor, names, made, untouched) for made, untouched in rows if made.id in seen]


def _past(actor: Actor, names: dict[str, str], made: BulkAct, untouched: int) -> PastAct:
    undone_by = names.get(made.undone_by or "", "")
    words = _about(actor, made)["words"]
    return PastAct(made.id, words, made.tips, untouched, names.get(made.done_by, ""), made.done_at, undone_by, made.undone_at)
