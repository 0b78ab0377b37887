"""A flood of junk is put aside in one act, and in one act taken back. What anybody has worked on is never touched.

    found = look(work, actor, choice)                       # what would go, what stays, some of them to look at
    sweep(work, actor, Sweep(choice, found.newest, len(found.tips), "Same words 4,812 times"))
    undo(work, actor, sweep_id)

Words are compared with the examiner's reports, which the person's own keys open: nothing of them leaves the session.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy import and_, func, insert, select, update
from sqlalchemy.orm import Session

from tipline import audit, policy
from tipline.actor import Actor, ProgramKeys
from tipline.errors import BadInput, Conflict, NotFound
from tipline.inbox import rules
from tipline.inbox.choosing import MOST_LETTERS, PASSIVE, Choice, by_choice, check, in_words, meant, plain, some, untouched
from tipline.inbox.queries import staff_names
from tipline.inbox.reports import Examined
from tipline.models.base import new_id
from tipline.models.custody import Examination, Exhibit
from tipline.models.operations import AuditEvent
from tipline.models.programs import Program
from tipline.models.tips import Tip, TipItem, TipSweep, TipSwept
from tipline.work import Work

BATCH = 500
MOST = 20_000  # tips in one sweep
SHOWN = 12  # of them, taken at random, before the act
T = TypeVar("T")


@dataclass(frozen=True)
class Sweep:
    """The act. `newest` and `shown`: up to which tip the person looked, and how many they were told."""

    choice: Choice
    newest: str
    shown: int
    reason: str


@dataclass(frozen=True)
class Sample:
    """One of those that would be swept."""

    number: str
    title: str
    received_on: date


@dataclass(frozen=True)
class Found:
    """What fits: `tips` would be swept, `kept` fit too but stay. `newest` is the number of the latest tip looked at."""

    tips: tuple[str, ...]
    kept: int
    newest: str
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True)
class PastSweep:
    """A sweep as the page lists it. `junk`: how many of its tips are still where it put them."""

    id: str
    program: str
    reason: str
    tips: int
    junk: int
    by: str
    at: datetime
    undone_by: str
    undone_at: datetime | None


@dataclass(frozen=True)
class _Candidate:
    id: str
    number: str
    received_on: date
    untouched: bool


def look(work: Work, actor: Actor, choice: Choice) -> Found:
    """Find what a choice means, with a few of them taken at random. Bounded memory: ids, and one batch of reports at a time.

    Raises:
        BadInput: the choice makes no sense, or means too many. NoKey: the program is not the actor's.
    """
    policy.require(actor, "tip.work")
    check(choice)
    return _look(work, actor, choice, "", sampled=True)


def _look(work: Work, actor: Actor, choice: Choice, until: str, *, sampled: bool = False) -> Found:
    keys = actor.keyring.program(choice.program_id)
    with work.database.session(write=False) as session:
        candidates = list(_candidates(session, choice, until))
        fitting = _fitting(session, keys, candidates, choice.words)
        swept = [one for one in fitting if one.untouched]
        if len(swept) > MOST:
            raise BadInput(f"More than {MOST:,} tips fit.", "Choose fewer days, then sweep again for the others.")
        samples = _samples(session, keys, swept) if sampled else ()
    newest = max((one.number for one in candidates), key=rules.number_key, default="")
    return Found(tuple(one.id for one in swept), len(fitting) - len(swept), newest, samples)


def _candidates(session: Session, choice: Choice, until: str) -> Iterator[_Candidate]:
    """Every tip that the structured part of the choice means, junk apart, and whether anybody has touched it."""
    free = and_(*untouched(), *by_choice(choice))
    query = select(Tip.id, Tip.number, Tip.received_on, free.label("untouched")).where(*meant(choice, until))
    last = ""
    while rows := session.execute(query.where(Tip.id > last).order_by(Tip.id).limit(BATCH)).all():
        yield from (_Candidate(row.id, row.number, row.received_on, bool(row.untouched)) for row in rows)
        last = rows[-1].id


# words


def _fitting(session: Session, keys: ProgramKeys, candidates: Sequence[_Candidate], words: str) -> list[_Candidate]:
    phrase = plain(words)
    if not phrase:
        return list(candidates)
    found: list[_Candidate] = []
    for batch in _batches(candidates):
        saying = {
            tip_id for tip_id, examined in _reports(session, keys, [one.id for one in batch]) if phrase in plain(examined.report.text)
        }
        found += [one for one in batch if one.id in saying]
    return found


def _reports(session: Session, keys: ProgramKeys, tip_ids: Sequence[str]) -> Iterator[tuple[str, Examined]]:
    """What the examiner read of the words of tips: one query. A tip that was not examined yet is not there, so it stays."""
    query = (
        select(TipItem.tip_id, Examination.report)
        .join(Exhibit, Exhibit.id == TipItem.exhibit_id)
        .join(Examination, Examination.exhibit_id == Exhibit.id)
        .where(TipItem.tip_id.in_(tip_ids), Exhibit.kind == "tip_text")
        .order_by(TipItem.tip_id, TipItem.position)
    )
    for tip_id, blob in session.execute(query):
        yield tip_id, Examined.decode(keys.unwrap(blob))


def _samples(session: Session, keys: ProgramKeys, swept: Sequence[_Candidate]) -> tuple[Sample, ...]:
    chosen = secrets.SystemRandom().sample(list(swept), min(SHOWN, len(swept)))
    titles: dict[str, str] = {}
    for tip_id, examined in _reports(session, keys, [one.id for one in chosen]):
        titles.setdefault(tip_id, rules.title_of(examined.report.text))
    shown = [Sample(one.number, titles.get(one.id, ""), one.received_on) for one in chosen]
    return tuple(sorted(shown, key=lambda one: rules.number_key(one.number)))


def _batches(found: Sequence[T]) -> Iterator[Sequence[T]]:
    return (found[start : start + BATCH] for start in range(0, len(found), BATCH))


# the act, and back


def sweep(work: Work, actor: Actor, command: Sweep) -> TipSweep:
    """Put aside as junk, in one transaction, what the person was shown and nobody has touched since.

    Raises:
        BadInput: no reason, or nothing to sweep. Conflict: more tips fit than the person was told.
    """
    policy.require(actor, "tip.work")
    check(command.choice)
    reason = rules.clean_words(command.reason)[:MOST_LETTERS]
    if not reason:
        raise BadInput("A sweep needs a reason.", "Write why these are junk.", {"reason": "Write why these are junk."})
    keys = actor.keyring.program(command.choice.program_id)
    found = _look(work, actor, command.choice, command.newest)
    if len(found.tips) > command.shown:
        raise Conflict("More tips fit now than you were shown.", "Look at them again. Nothing was changed.")
    swept = [tip_id for batch in _batches(found.tips) for tip_id in _set_aside(work, batch, command.choice)]
    if not swept:
        raise BadInput("No tip fits any more.", "Choose again. Nothing was changed.")
    made = TipSweep(id=new_id(), program_id=keys.program_id, tips=len(swept), swept_by=actor.staff_id, swept_at=work.now(), reason=b"")
    made.reason = keys.seal_json("tip_sweep", "reason", made.id, {"reason": reason, "chosen": in_words(command.choice)})
    work.session.add(made)
    work.session.flush()
    for batch in _batches(swept):
        work.session.execute(insert(TipSwept), [{"sweep_id": made.id, "tip_id": tip_id, "state": "new"} for tip_id in batch])
    audit.record(work.session, work.now(), actor, "tip.sweep", ("tip_sweep", made.id), str(len(swept)))
    work.session.flush()
    return made


def _set_aside(work: Work, batch: Sequence[str], choice: Choice) -> Sequence[str]:
    """Lock the rows, ask again what was touched (by now), and set the others to junk."""
    work.session.execute(select(Tip.id).where(Tip.id.in_(batch)).order_by(Tip.id).with_for_update())
    free = select(Tip.id).where(Tip.id.in_(batch), *untouched(), *by_choice(choice))
    found = list(work.session.scalars(free))
    work.session.execute(update(Tip).where(Tip.id.in_(found)).values(state="junk").execution_options(synchronize_session=False))
    return found


def undo(work: Work, actor: Actor, sweep_id: str) -> int:
    """Put every tip of a sweep back as it was, but for those that somebody has acted on since. Returns how many.

    Raises:
        NotFound: no such sweep, or the program is not the actor's. Conflict: it was undone before.
    """
    policy.require(actor, "tip.work")
    query = select(TipSweep).where(TipSweep.id == sweep_id, TipSweep.program_id.in_(actor.keyring.program_ids()))
    made = work.session.scalar(query.with_for_update())
    if made is None:
        raise NotFound("There is no such sweep that you can read.", "Load the page again.")
    if made.undone_at is not None:
        raise Conflict("This sweep was undone before.", "Nothing was changed.")
    made.undone_by, made.undone_at = actor.staff_id, work.now()
    of_sweep = select(TipSwept.tip_id).where(TipSwept.sweep_id == made.id)
    acted_on = select(AuditEvent.id).where(AuditEvent.subject_id == Tip.id, AuditEvent.act.not_in(PASSIVE))
    back = update(Tip).where(Tip.id.in_(of_sweep), Tip.state == "junk", ~some(acted_on)).values(state="new")
    count = int(work.session.execute(back.execution_options(synchronize_session=False)).rowcount)  # type: ignore[attr-defined]
    audit.record(work.session, work.now(), actor, "tip.sweep_undo", ("tip_sweep", made.id), str(count))
    work.session.flush()
    return count


def list_sweeps(work: Work, actor: Actor, most: int = 25) -> list[PastSweep]:
    """The latest sweeps of the programs whose key the actor holds, newest first. Two queries."""
    policy.require(actor, "tip.work")
    junk = (
        select(func.count())
        .select_from(TipSwept)
        .join(Tip, Tip.id == TipSwept.tip_id)
        .where(TipSwept.sweep_id == TipSweep.id, Tip.state == "junk")
    )
    query = (
        select(TipSweep, Program.organisation, junk.correlate(TipSweep).scalar_subquery())
        .join(Program, Program.id == TipSweep.program_id)
        .where(TipSweep.program_id.in_(actor.keyring.program_ids()))
        .order_by(TipSweep.swept_at.desc(), TipSweep.id)
        .limit(most)
    )
    names = staff_names(work)
    return [_past(actor, names, *row) for row in work.session.execute(query)]


def _past(actor: Actor, names: dict[str, str], made: TipSweep, program: str, junk: int) -> PastSweep:
    told = actor.keyring.program(made.program_id).open_json("tip_sweep", "reason", made.id, made.reason)
    reason, undone_by = f"{told['reason']} ({told['chosen']})", names.get(made.undone_by or "", "")
    return PastSweep(made.id, program, reason, made.tips, junk, names.get(made.swept_by, ""), made.swept_at, undone_by, made.undone_at)


def programs_of(work: Work, actor: Actor) -> list[tuple[str, str]]:
    """Id and organisation of the programs whose tips the actor may sweep."""
    policy.require(actor, "tip.work")
    query = select(Program.id, Program.organisation).where(Program.id.in_(actor.keyring.program_ids()))
    return [(row.id, row.organisation) for row in work.session.execute(query.order_by(Program.organisation, Program.id))]
