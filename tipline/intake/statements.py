"""The statements of a draft and its Send, on tables rather than objects: this is the face's busiest path."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Date, LargeBinary, Table, bindparam, delete, insert, select, text

from tipline.models.base import Base
from tipline.models.custody import CustodyEvent, CustodyOpening, Exhibit, Grant, LogPending
from tipline.models.tips import Draft, DraftPart, Send, Tip, TipItem, TipMessage


def _table(model: type[Base]) -> Table:
    return cast(Table, model.__table__)


EXHIBIT, EVENT, OPENING, PENDING, GRANT = (_table(model) for model in (Exhibit, CustodyEvent, CustodyOpening, LogPending, Grant))
ADD_EVIDENCE = {table: insert(table) for table in (EXHIBIT, EVENT, OPENING, PENDING, GRANT)}  # in the order of their foreign keys

ADD_TIP = insert(_table(Tip))
ADD_MESSAGE = insert(_table(TipMessage))
ADD_ITEMS = insert(_table(TipItem))
ADD_SEND = insert(_table(Send))
ADD_PARTS = insert(_table(DraftPart))

IS_SENT = select(Send.salt).where(Send.draft_id == bindparam("id"))
SENDABLE = select(Draft.program_id, Draft.answers).where(Draft.id == bindparam("id"), Draft.tip_id.is_(None))
PARTS = (
    select(DraftPart.id, DraftPart.position, DraftPart.object_name, DraftPart.sealed_length, DraftPart.facts)
    .where(DraftPart.draft_id == bindparam("id"))
    .order_by(DraftPart.position)
)
# an upsert, so that two requests of one form never both insert; nothing comes back where the draft is another page's
KEEP_ANSWERS = text(
    "INSERT INTO draft (id, program_id, tip_id, answers, day) VALUES (:id, :program_id, :tip_id, :answers, :day) "
    "ON CONFLICT (id) DO UPDATE SET answers = excluded.answers, day = excluded.day "
    "WHERE draft.program_id = excluded.program_id AND COALESCE(draft.tip_id, '') = COALESCE(excluded.tip_id, '') RETURNING id"
).bindparams(bindparam("answers", type_=LargeBinary), bindparam("day", type_=Date))

END_PARTS = delete(_table(DraftPart)).where(DraftPart.draft_id == bindparam("id")).returning(DraftPart.id, DraftPart.object_name)
END_DRAFT = delete(_table(Draft)).where(Draft.id == bindparam("id")).returning(Draft.answers)
