"""The one place where something is said to a source: sealed to the source, and under the record key for staff."""

from __future__ import annotations

from sqlalchemy import func, select

from evidence.keys import wrap
from tipline.actor import Actor, ProgramKeys
from tipline.errors import Conflict
from tipline.intake import talkrules
from tipline.intake.told import Told, read_told
from tipline.models.base import new_id
from tipline.models.tips import Tip, TipMessage
from tipline.work import Work

__all__ = ["Told", "read_for_staff", "tell_source"]


def tell_source(  # noqa: PLR0913  who says what to whom, and under which keys
    work: Work, tip: Tip, recipient: str, told: Told, actor: Actor | None, keys: ProgramKeys
) -> TipMessage:
    """Add a message for the source. The caller has checked the policy and got the recipient from `committed_recipient`.

    A voucher stands only in what the source opens: staff's copy says that one was sent.

    Args:
        actor: who says it; None where nobody does (a step that the system took).

    Raises:
        Conflict: the conversation is paused or closed, or the source withdrew. News of kind "status" is told all the same.
    """
    work.session.refresh(tip, ["talk"], with_for_update=True)  # two at once get two numbers, and see a withdrawal of this moment
    if told.kind != "status":
        _require_open(tip)
    last = work.session.scalar(select(func.max(TipMessage.seq)).where(TipMessage.tip_id == tip.id))
    message_id = new_id()
    message = TipMessage(
        id=message_id,
        tip_id=tip.id,
        seq=0 if last is None else last + 1,
        by_source=False,
        kind=told.kind,
        on_day=work.today(),
        staff_id=actor.staff_id if actor else None,
        written_at=work.now(),
        to_source=wrap(told.encode(), [recipient]),
        body=keys.seal("tip_message", "body", message_id, told.encode_for_staff()),
    )
    work.session.add(message)
    work.session.flush()
    return message


def _require_open(tip: Tip) -> None:
    if tip.talk == talkrules.WITHDRAWN:
        raise Conflict("The source withdrew from this conversation. Nothing was sent.", "No more messages go either way.")
    if tip.talk != talkrules.OPEN:
        raise Conflict(f"The conversation is {tip.talk}. Nothing was sent.", "Open it again first, with a reason that the source reads.")


def read_for_staff(keys: ProgramKeys, message: TipMessage) -> Told:
    """What staff see of a message that was sent to a source."""
    return read_told(keys.open("tip_message", "body", message.id, message.body).encode()) if message.body else Told()
