"""The statements of a draft and its Send, on tables rather than objects, for `tipline.direct`: this is the face's busiest path."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Date, LargeBinary, Table, bindparam, delete, insert, select, text, update

from tipline.models.base import Base
from tipline.models.custody import CustodyEvent, CustodyOpening, Exhibit, Grant, LogPending
from tipline.models.programs import Program
from tipline.models.tips import Draft, DraftPart, Send, Tip, TipItem, TipMessage


def _table(model: type[Base]) -> Table:
    return cast(Table, model.__table__)


EXHIBIT, EVENT, OPENING, PENDING, GRANT = (_table(model) for model in (Exhibit, CustodyEvent, CustodyOpening, LogPending, Grant))
DRAFT, PART, SEND = (_table(model) for model in (Draft, DraftPart, Send))
ADD_EVIDENCE = {table: insert(table) for table in (EXHIBIT, EVENT, OPENING, PENDING, GRANT)}  # in the order of their foreign keys

ADD_TIP = insert(_table(Tip))
ADD_MESSAGE = insert(_table(TipMessage))
ADD_ITEMS = insert(_table(TipItem))
ADD_SEND = insert(SEND)
ADD_PARTS = insert(PART)

PROGRAM = select(_table(Program)).where(_table(Program).c.slug == bindparam("slug"))
IS_SENT = select(SEND.c.salt).where(SEND.c.draft_id == bindparam("id"))
SENDABLE = select(DRAFT.c.program_id, DRAFT.c.answers).where(DRAFT.c.id == bindparam("id"), DRAFT.c.tip_id.is_(None))
PARTS = (
    select(PART.c.id, PART.c.position, PART.c.object_name, PART.c.sealed_length, PART.c.facts)
    .where(PART.c.draft_id == bindparam("id"))
    .order_by(PART.c.position)
)
# an upsert, so that two requests of one form never both insert; nothing comes back where the draft is another page's
KEEP_ANSWERS = text(
    "INSERT INTO draft (id, program_id, tip_id, answers, day) VALUES (:id, :program_id, :tip_id, :answers, :day) "
    "ON CONFLICT (id) DO UPDATE SET answers = excluded.answers, day = excluded.day "
    "WHERE draft.program_id = excluded.program_id AND COALESCE(draft.tip_id, '') = COALESCE(excluded.tip_id, '') RETURNING id"
).bindparams(bindparam("answers", type_=LargeBinary), bindparam("day", type_=Date))

KEEP_FACTS = update(PART).where(PART.c.id == bindparam("part")).values(facts=bindparam("sealed", type_=LargeBinary))
END_PARTS = delete(PART).where(PART.c.draft_id == bindparam("id")).returning(PART.c.id, PART.c.object_name)
END_DRAFT = delete(DRAFT).where(DRAFT.c.id == bindparam("id")).returning(DRAFT.c.answers)
