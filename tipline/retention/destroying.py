"""What a disposition destroys of an exhibit. Openings become stubs and rows are emptied in the transaction; files go after its commit.

Objects that a crash leaves are noted in the transaction as due, so that the next sweep of orphans takes them; an index that could not be
cleaned is noted too, and the daily sweep removes the whole file, which staff's next visit makes again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from evidence import custody
from evidence.errors import NotFound as ObjectMissing
from evidence.errors import StillLocked
from evidence.records import FIELDS, NEVER_WITHHELD, Opening
from tipline import logs
from tipline.actor import ProgramKeys
from tipline.inbox.originals import Redacted, read_redacted
from tipline.linking.gathering import owner_of
from tipline.linking.indexing import start_again
from tipline.models.cases import Letter, Link, Sample, SamplePerson
from tipline.models.custody import CustodyOpening, CustodyStub, Examination, Exhibit, Grant, Transfer
from tipline.models.operations import DownloadTicket, OrphanCandidate
from tipline.models.rewards import ClaimStep, RewardClaim
from tipline.models.tips import Tip, TipItem, TipMessage
from tipline.orphans import DAYS_APART
from tipline.retention import rules
from tipline.search.index import IndexDamaged, Item, ProgramIndex, path_of, remove
from tipline.work import Work

AT_ONCE = 500
GONE = "Disposed of"


@dataclass(frozen=True)
class Leftover:
    """What goes after the commit: objects with all their wraps, and parts of the program's index."""

    exhibit_id: str
    objects: tuple[str, ...]
    items: tuple[Item, ...]


def empty(work: Work, keys: ProgramKeys, exhibit: Exhibit, openings: Sequence[Opening]) -> Leftover:
    """Replace the openings by stubs and empty every row that tells of the exhibit, in the caller's transaction."""
    items = tuple(dict.fromkeys((owner_of(work, exhibit), ("exhibit", exhibit.id))))
    _leave_stubs(work.session, openings)
    examination = work.session.get(Examination, exhibit.id)
    preview = examination.preview_name if examination else None
    objects = tuple(name for name in (exhibit.object_name, preview) if name)
    _empty_tables(work, exhibit)
    _empty_things(work, keys, exhibit)
    _empty_links(work, items)
    _ask_again(work.session, items[0])
    exhibit.state, exhibit.object_name, exhibit.sealed_length = "disposed", None, 0
    exhibit.facts = exhibit.title = exhibit.place = None
    _note(work, exhibit, objects)
    work.session.flush()
    return Leftover(exhibit.id, objects, items)


def _leave_stubs(session: Session, openings: Sequence[Opening]) -> None:
    ids = [str(opening.field("event_id")) for opening in openings]
    for start in range(0, len(ids), AT_ONCE):
        session.execute(delete(CustodyOpening).where(CustodyOpening.event_id.in_(ids[start : start + AT_ONCE])))
    stubs = [{"event_id": event_id, "line": stub_line(opening)} for event_id, opening in zip(ids, openings, strict=True)]
    session.execute(insert(CustodyStub), stubs)


def stub_line(opening: Opening) -> str:
    """Return the custody line of an event with everything kept back that may be (SPEC 4.13)."""
    hidden = [name for name in FIELDS if name not in NEVER_WITHHELD]
    return custody.encode_event(custody.disclose(opening, dict.fromkeys([*hidden, custody.SIGNATURES], rules.KEPT_BACK)))


def certificate(opening: Opening) -> str:
    """Return the custody line of DISPOSED as it is kept: who, when, why and by what right, with the signatures."""
    hidden = [name for name in FIELDS if name not in rules.CERTIFIED]
    return custody.encode_event(custody.disclose(opening, dict.fromkeys(hidden, rules.KEPT_BACK)))


def _empty_tables(work: Work, exhibit: Exhibit) -> None:
    session = work.session
    session.execute(delete(Grant).where(Grant.exhibit_id == exhibit.id))
    session.execute(delete(Examination).where(Examination.exhibit_id == exhibit.id))
    session.execute(delete(DownloadTicket))  # they live for a minute, and which exhibit one opens only its holder knows
    session.execute(
        update(Transfer)
        .where(Transfer.exhibit_id == exhibit.id, Transfer.state == "offered")
        .values(state="withdrawn", decided_at=work.now())
    )
    session.execute(update(Transfer).where(Transfer.exhibit_id == exhibit.id).values(purpose=b"", authority=b""))
    claims = select(RewardClaim.id).where(RewardClaim.exhibit_id == exhibit.id)
    session.execute(update(ClaimStep).where(ClaimStep.claim_id.in_(claims)).values(reason=None))


def _empty_things(work: Work, keys: ProgramKeys, exhibit: Exhibit) -> None:
    """Letter, sample or first words of a tip: what its page needs stays, and says nothing."""
    session = work.session
    said = {"title": GONE, "addressee": "", "received_on": exhibit.received_on.isoformat(), "channel": "other", "handed_over_by": ""}
    letter = session.scalar(select(Letter).where(Letter.exhibit_id == exhibit.id))
    if letter is not None:
        letter.details = keys.seal_json("letter", "details", letter.id, said)
        letter.text = keys.seal("letter", "text", letter.id, "")
    sample = session.scalar(select(Sample).where(Sample.exhibit_id == exhibit.id))
    if sample is not None:
        session.execute(delete(SamplePerson).where(SamplePerson.sample_id == sample.id))
        sample.details = keys.seal_json("sample", "details", sample.id, {**said, "format": GONE, "coverage": "", "per_mille": 0})
        sample.people = sample.rows = 0
    tip = session.scalar(select(Tip).join(TipItem, TipItem.tip_id == Tip.id).where(TipItem.exhibit_id == exhibit.id))
    if tip is not None and exhibit.kind == "tip_text" and _is_first(session, tip, exhibit):
        tip.title = keys.seal("tip", "title", tip.id, GONE)
    if tip is not None and tip.redacted is not None and exhibit.kind == "tip_text":
        _empty_redacted(keys, tip, session.get_one(TipItem, exhibit.id))


def _empty_redacted(keys: ProgramKeys, tip: Tip, item: TipItem) -> None:
    """Nor is what the wider audience read of it kept."""
    shown = read_redacted(keys, tip)
    words = {message: said for message, said in shown.words.items() if message != item.message_id}
    spans = {message: marked for message, marked in shown.spans.items() if message != item.message_id}
    left = Redacted(words, spans)
    tip.redacted = keys.seal_json("tip", "redacted", tip.id, left.value())


def _is_first(session: Session, tip: Tip, exhibit: Exhibit) -> bool:
    first = select(TipMessage.id).where(TipMessage.tip_id == tip.id, TipMessage.by_source).order_by(TipMessage.seq).limit(1)
    return session.scalar(first) == session.scalar(select(TipItem.message_id).where(TipItem.exhibit_id == exhibit.id))


def _empty_links(work: Work, items: Sequence[Item]) -> None:
    """A suggestion without its reason is none; what a person decided stays, without what the method had found."""
    ends = or_(
        *((Link.from_kind == kind) & (Link.from_id == thing) | (Link.to_kind == kind) & (Link.to_id == thing) for kind, thing in items)
    )
    work.session.execute(delete(Link).where(ends, Link.state == "suggested"))
    work.session.execute(update(Link).where(ends).values(findings=None))


def _ask_again(session: Session, owner: Item) -> None:
    """Let what is left of a tip be taken into the index anew: its part is removed whole."""
    if owner[0] == "tip":
        others = select(TipItem.exhibit_id).where(TipItem.tip_id == owner[1])
        session.execute(update(Examination).where(Examination.exhibit_id.in_(others)).values(indexed=False))


def _note(work: Work, exhibit: Exhibit, objects: Sequence[str]) -> None:
    """Note what goes after the commit, so that a crash before that forgets nothing."""
    due = work.today() - DAYS_APART
    session = work.session
    session.execute(delete(OrphanCandidate).where(OrphanCandidate.kind == "object", OrphanCandidate.name.in_(objects)))
    rows = [{"kind": "object", "name": name, "first_seen": due} for name in objects]
    session.execute(insert(OrphanCandidate), [*rows, {"kind": "index", "name": exhibit.id, "first_seen": work.today()}])


def after_commit(work: Work, keys: ProgramKeys, leftover: Leftover) -> None:
    """Arrange what may only follow the commit: key files, then objects, then the index and the database's log."""
    work.after_commit += [
        partial(remove_files, work, leftover),
        partial(_forget_in_index, work, keys, leftover),
        partial(_settle, work, leftover),
    ]


def remove_files(work: Work, leftover: Leftover) -> None:
    """Remove the objects with all their wraps, key files first. Harmless where they are gone."""
    for name in leftover.objects:
        with suppress(ObjectMissing, StillLocked):  # what is locked has lost its key, and a sweep takes it when the lock ends
            work.vault.objects.remove(name)
    logs.event("exhibit disposed of", exhibit=leftover.exhibit_id)


def _forget_in_index(work: Work, keys: ProgramKeys, leftover: Leftover) -> None:
    if not path_of(work.settings.index_folder, keys.program_id).exists():
        return
    try:
        with ProgramIndex(work.settings.index_folder, keys) as index:
            for item in leftover.items:
                index.forget(item)
    except IndexDamaged:
        with work.database.session(write=True) as session:
            drop_index(work, session, keys.program_id)
            session.commit()


def drop_index(work: Work, session: Session, program_id: str) -> None:
    """Remove a program's whole index; it is a cache, and staff's next visit makes it again."""
    remove(work.settings.index_folder, program_id)
    start_again(session, program_id)


def _settle(work: Work, leftover: Leftover) -> None:
    with work.database.session(write=True) as session:
        session.execute(delete(OrphanCandidate).where(OrphanCandidate.kind == "index", OrphanCandidate.name == leftover.exhibit_id))
        session.commit()
    work.database.forget_overwritten()
