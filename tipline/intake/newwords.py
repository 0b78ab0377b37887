"""New words for a source whose receipt was read out by phone: the ones that a colleague heard end at their first use.

Whoever uses those words sees nothing of the tip, the replies or the claim code before they have ended them. So nobody looks in
unseen: a caller whose words open nothing knows that somebody was there.
"""

from __future__ import annotations

from sqlalchemy import select

from evidence.keys import wrap
from tipline.intake import adding
from tipline.intake.conversation import Source, close, open_receipt
from tipline.intake.draft import read_peppers
from tipline.models.tips import Tip
from tipline.work import Work


def offered(work: Work, source: Source) -> tuple[str, ...]:
    """The new words of this session; none where the old ones were ended in another."""
    if source.heard is None:
        return ()
    held = work.session.execute(select(Tip.id).where(Tip.receipt_lookup == source.heard.lookup)).first()
    return source.heard.receipt.words if held is not None else ()


def take_over(work: Work, source: Source) -> str | None:
    """Let the new words of this session hold in the place of those that were heard. Returns the cookie of a session under them.

    The source's identity stays, since each leaf of the tip commits to it; who opens it changes. None where this session has no new
    words, or where the old ones were ended in another session meanwhile: nothing is changed then.

    Raises:
        Unsound: the tip's row disagrees with what was sealed to the source.
    """
    heard = source.heard
    if heard is None:
        return None
    tip = work.session.get_one(Tip, heard.tip_id, with_for_update=True)
    if tip.receipt_lookup != heard.lookup:
        return None
    adding.note_new_words(work, source, tip)
    tip.receipt_lookup = heard.receipt.lookup(read_peppers(work.vault.keys).current)
    tip.receipt_key = wrap(source.identity.secret.encode(), [heard.receipt.source_identity().recipient])
    work.session.flush()
    close(work, source)
    return open_receipt(work, heard.receipt)
