"""A claim as staff open it: its words, after signature, claim key, nonce and place in the log were checked again, every time."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from evidence.errors import EvidenceError
from evidence.submission import Statement
from tipline import access
from tipline.actor import Actor, ProgramKeys
from tipline.errors import NotFound, Unsound
from tipline.inbox.reading import Opened, open_exhibits, read_bytes, record_reading
from tipline.intake import proving
from tipline.models.custody import CustodyEvent, Exhibit
from tipline.models.programs import Program
from tipline.models.rewards import RewardClaim
from tipline.models.tips import Tip, TipItem
from tipline.publication import newest_published
from tipline.rewards import document, rules
from tipline.rewards.claiming import KIND, PURPOSE
from tipline.rewards.document import Words
from tipline.work import Work


@dataclass(frozen=True)
class OpenClaim:
    """A claim that holds. `recipient` is the source's, as the leaves of the tip commit to it."""

    claim: RewardClaim
    tip: Tip
    program: Program
    keys: ProgramKeys
    words: Words
    recipient: str


def get_claim(work: Work, actor: Actor, number: str) -> RewardClaim:
    """Return a claim by its number.

    Raises:
        NotFound: there is none, or the actor does not hold its program's key: both look alike.
    """
    query = select(RewardClaim).where(RewardClaim.number == number, access.sees(actor, RewardClaim))
    claim = work.session.scalar(query)
    if claim is None:
        raise NotFound(f"There is no claim {number} that you can read.", "Look under Reward claims.")
    return claim


def open_claim(work: Work, actor: Actor, number: str) -> OpenClaim:
    """Open a claim and check it; VIEWED is on record before this returns.

    Raises:
        NotFound: as `get_claim`. Disposed: its exhibit is gone.
        Unsound: it is not signed by the key that the tip's leaves commit to, or a row was swapped.
    """
    claim = get_claim(work, actor, number)
    exhibit = work.session.get_one(Exhibit, claim.exhibit_id)
    opened = open_exhibits(work, actor, [exhibit])[exhibit.id]
    record_reading(work, actor, [opened], "claim, on its page")
    tip, program = work.session.get_one(Tip, claim.tip_id), work.session.get_one(Program, claim.program_id)
    kept = document.decode(read_bytes(work, opened.keyfile))
    _check_rows(work, actor, (claim, tip), opened)
    _check_signature(work, (claim, tip, program), kept)
    return OpenClaim(claim, tip, program, actor.keyring.program(claim.program_id), kept.words, tip.source_recipient)


def _check_rows(work: Work, actor: Actor, rows: tuple[RewardClaim, Tip], opened: Opened) -> None:
    """Claim and tip belong together by what their leaves commit to, whatever the columns say."""
    claim, tip = rows
    query = select(Exhibit).join(TipItem, TipItem.exhibit_id == Exhibit.id).where(TipItem.tip_id == tip.id, Exhibit.state != "disposed")
    items = open_exhibits(work, actor, list(work.session.scalars(query))).values()
    named = {(one.acquired.field("claim_key"), one.acquired.field("source_recipient")) for one in [opened, *items]}
    if named != {(tip.claim_key, tip.source_recipient)} or opened.exhibit.kind != KIND:
        raise unsound("its exhibit and the tip’s commit to different keys")
    if {claim.program_id, tip.program_id} != {opened.exhibit.program_id}:
        raise unsound("it belongs to another program")


def _check_signature(work: Work, rows: tuple[RewardClaim, Tip, Program], kept: document.Document) -> None:
    claim, tip, program = rows
    last = newest_published(work.session)
    origin = last.note.split("\n", 1)[0] if last else ""
    asked = Statement(origin, PURPOSE, rules.audience(origin, program.slug), kept.nonce, claim.claimed_on.isoformat())
    try:
        proved = proving.check(work, kept.proof, asked)
    except EvidenceError as error:
        raise unsound(f"its signature does not hold: {error}") from error
    if claim.nonce != kept.nonce:
        raise unsound("its nonce is another one")
    if (proved.claim_key.hex(), proved.program, proved.indices[0]) != (tip.claim_key, claim.program_id, claim.log_index):
        raise unsound("what it proves is not this tip at this place of the log")
    if not {item.entry.hex() for item in proved.items} <= _entries(work, tip):
        raise unsound("it proves items that are not this tip’s")


def _entries(work: Work, tip: Tip) -> set[str]:
    query = select(CustodyEvent.entry).join(TipItem, TipItem.exhibit_id == CustodyEvent.exhibit_id)
    return set(work.session.scalars(query.where(TipItem.tip_id == tip.id, CustodyEvent.exhibit_seq == 1)))


def unsound(why: str) -> Unsound:
    """A claim that must not be judged."""
    return Unsound(f"This claim does not hold: {why}.", rules.TELL)
