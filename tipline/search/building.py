"""Bringing a program's words up to date: what changed, by whoever searches next; everything, by the worker under a leave.

A leave is the program's identity, sealed to the examiner by a person who holds it, with an expiry; it goes when the building ends.
Whoever writes takes the index file's lock first and reads the database after it, so that of two at once the later writes what is newest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import delete, func, select, update

from evidence.errors import EvidenceError
from evidence.keys import Identity, Successor, wrap
from tipline import audit, logs, policy
from tipline.actor import Actor, ProgramKeys, open_program_keys
from tipline.errors import Conflict, NotFound
from tipline.models.base import new_id
from tipline.models.desk import SearchBuild, SearchStale
from tipline.models.programs import Program
from tipline.search.gathering import SOURCES, Key, expand, gather
from tipline.search.index import IndexDamaged, ProgramIndex, remove
from tipline.search.words import BUILD, COMPLETE
from tipline.work import Work

AT_ONCE = 200  # things that are read and written together
INLINE = 150  # changed things that a search reads before it looks; more wait for a building
SMALL = 300  # things of a program whose whole index is made in the search itself
LIFE = timedelta(hours=12)
OPEN_STATES = ("waiting", "running")


class NotBuilt(Conflict):
    """The leave of a building is over, or the index changed under it."""


@dataclass(frozen=True)
class Standing:
    """How far a program's index is. `waiting`: changed things that it has not read; `total` is 0 where nothing is being built."""

    program_id: str
    complete: bool
    waiting: int
    state: str = ""
    done: int = 0
    total: int = 0

    @property
    def building(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def behind(self) -> bool:
        return not self.complete or self.waiting > 0

    @property
    def percent(self) -> int:
        return min(100 * self.done // max(self.total, 1), 99)


@contextmanager
def _reading(work: Work) -> Iterator[Work]:
    """A snapshot that begins now."""
    with work.database.session(write=False) as session:
        yield replace(work, session=session, write=False)


# what changed


def settle(work: Work, keys: ProgramKeys, most: int = INLINE) -> Standing:
    """Read what changed, as much as a search may wait for; a small program's index is made whole where it is not. Then say how far it is.

    Works in transactions of its own: call it where `work` has written nothing.
    """
    standing = find_standing(work, keys)
    if standing.building or not standing.behind:
        return standing
    try:
        if not standing.complete and count_things(work, keys.program_id) <= SMALL:
            _build_now(work, keys)
        elif standing.complete:
            _read_changed(work, keys, most)
    except IndexDamaged as error:  # a cache: what reads of it is made again
        logs.failure("the search index was damaged", error)
        remove(work.settings.index_folder, keys.program_id)
    return find_standing(work, keys)


def find_standing(work: Work, keys: ProgramKeys) -> Standing:
    """How far a program's index is. Two queries."""
    waiting = work.session.scalar(select(func.count()).select_from(SearchStale).where(SearchStale.program_id == keys.program_id)) or 0
    build = work.session.scalar(
        select(SearchBuild).where(SearchBuild.program_id == keys.program_id).order_by(SearchBuild.asked_at.desc()).limit(1)
    )
    try:
        with ProgramIndex(work.settings.index_folder, keys, write=False) as index:
            complete = bool(index.words.noted(COMPLETE))
    except IndexDamaged:
        remove(work.settings.index_folder, keys.program_id)
        complete = False
    if build is None or (build.state in OPEN_STATES and build.expires_at is not None and build.expires_at < work.now()):
        return Standing(keys.program_id, complete, waiting)
    return Standing(keys.program_id, complete, waiting, build.state, build.done, build.total)


def count_things(work: Work, program_id: str) -> int:
    """How many things a whole building reads. One query a kind."""
    return sum(work.session.scalar(source.count(program_id)) or 0 for source in SOURCES.values())


def _read_changed(work: Work, keys: ProgramKeys, most: int = INLINE) -> int:
    """Read up to so many of the changed things, and strike what was read off the list. Returns how many notes went."""
    with ProgramIndex(work.settings.index_folder, keys) as index, _reading(work) as reading:
        query = select(SearchStale.id, SearchStale.kind, SearchStale.thing_id).where(SearchStale.program_id == keys.program_id)
        notes = reading.session.execute(query.limit(most)).all()
        put(reading, keys, index, expand(reading, [(kind, thing_id) for _, kind, thing_id in notes]))
    if notes:
        _strike(work, [note_id for note_id, _, _ in notes])
    return len(notes)


def _strike(work: Work, note_ids: Sequence[str]) -> None:
    """Remove notes once the index holds what they told of: the other way round a crash would lose them."""
    work.session.commit()  # ends the snapshot, so that what follows sees this
    with work.database.session(write=True) as session:
        session.execute(delete(SearchStale).where(SearchStale.id.in_(note_ids)))
        session.commit()


def put(work: Work, keys: ProgramKeys, index: ProgramIndex, wanted: Sequence[Key], known: set[str] | None = None) -> None:
    """Read things as they are now and make that what the index holds of them."""
    kinds: dict[str, list[str]] = {}
    for kind, thing_id in wanted:
        kinds.setdefault(kind, []).append(thing_id)
    for kind, ids in kinds.items():
        for (_, thing_id), texts in gather(work, keys, kind, ids).items():
            index.words.put(f"{kind}:{thing_id}", texts, known)


# everything


def ask(work: Work, actor: Actor, program_id: str, *, again: bool = False) -> SearchBuild:
    """Let the worker make a program's index anew: a leave from this person, and the job. One that runs already is returned.

    Args:
        again: end that one instead; its worker may have been stopped for good.

    Raises:
        NotFound: the person does not hold this program.
    """
    policy.require(actor, "search.rebuild")
    program = work.session.get(Program, program_id, with_for_update=True) if program_id in actor.keyring.program_ids() else None
    if program is None:
        raise NotFound("There is no such program, or nobody has given you its key.", "Choose one of your programs.")
    going = _going(work, program_id, again)
    if going is not None:
        return going
    now, identity = work.now(), actor.keyring.program(program_id).identity
    build = SearchBuild(
        id=new_id(),
        program_id=program_id,
        state="waiting",
        total=count_things(work, program_id),
        asked_by=actor.staff_id,
        asked_at=now,
        leave=wrap(_leave(identity), [work.vault.recipients.examiner]),
        expires_at=now + LIFE,
    )
    work.session.add(build)
    work.jobs.enqueue(work.session, "build_search", build.id, build.id)
    audit.record(work.session, now, actor, "search.rebuild", ("program", program_id))
    work.session.flush()
    return build


def _going(work: Work, program_id: str, again: bool) -> SearchBuild | None:
    """The building that is under way; one whose leave is over, or that is not wanted, is closed."""
    found = work.session.scalars(select(SearchBuild).where(SearchBuild.program_id == program_id, SearchBuild.state.in_(OPEN_STATES))).all()
    for build in found:
        if build.expires_at is not None and build.expires_at > work.now() and not again:
            return build
        build.state, build.leave, build.finished_at = "failed", None, work.now()
    return None


def _leave(identity: Identity) -> bytes:
    before = [identity.before.secret] if isinstance(identity, Successor) else []
    return json.dumps([identity.secret, *before]).encode()


def _open_leave(work: Work, build: SearchBuild) -> ProgramKeys:
    """The program's keys, by the leave.

    Raises:
        NotBuilt: it has expired, or is gone.
    """
    if build.leave is None or build.expires_at is None or build.expires_at < work.now():
        raise NotBuilt("The leave to build this index is over.", "Start the building again.")
    blob = build.leave
    secrets = json.loads(work.vault.keys.as_examiner(lambda identity: identity.unwrap(blob)))
    identity, *before = [Identity.parse(secret) for secret in secrets]
    with work.database.session(write=False) as session:
        wrapped = session.get_one(Program, build.program_id).program_keys
    return open_program_keys(build.program_id, Successor.of(before[0], identity) if before else identity, wrapped)


def build(work: Work, build_id: str) -> None:
    """Read everything of a program into its index, from where an earlier try stopped. The job of the worker.

    Whatever ends it ends the leave too.
    """
    with work.database.session(write=False) as session:
        row = session.get(SearchBuild, build_id)
    if row is None or row.state not in OPEN_STATES:
        return
    try:
        keys = _open_leave(work, row)
        _walk(work, keys, row)
    except (EvidenceError, NotBuilt, IndexDamaged):
        _end(work, build_id, "failed")
        raise
    while _read_changed(work, keys, AT_ONCE):
        pass
    _end(work, build_id, "done")


def _build_now(work: Work, keys: ProgramKeys) -> None:
    """Make the index of a small program here and now."""
    with ProgramIndex(work.settings.index_folder, keys) as index, _reading(work) as reading:
        notes = reading.session.scalars(select(SearchStale.id).where(SearchStale.program_id == keys.program_id)).all()
        index.words.start_again()
        for kind, source in SOURCES.items():
            put(reading, keys, index, [(kind, thing_id) for thing_id in reading.session.scalars(source.ids(keys.program_id))])
        index.words.note(COMPLETE, "1")
    _strike(work, notes)


def _walk(work: Work, keys: ProgramKeys, row: SearchBuild) -> None:
    folder, cursor, done = work.settings.index_folder, row.cursor, row.done
    if not cursor:
        with ProgramIndex(folder, keys) as index:
            index.words.start_again()
            index.words.note(BUILD, row.id)
        _strike_before(work, keys.program_id)
    known: set[str] = set()
    for wanted in _batches(work, keys.program_id, cursor):
        with ProgramIndex(folder, keys) as index, _reading(work) as reading:
            if index.words.noted(BUILD) != row.id:
                raise NotBuilt("The index was made anew by another building.", "Start the building again.")
            put(reading, keys, index, wanted, known)
        done += len(wanted)
        _advance(work, row.id, ":".join(wanted[-1]), done)
    with ProgramIndex(folder, keys) as index:
        index.words.note(COMPLETE, "1")


def _strike_before(work: Work, program_id: str) -> None:
    """What changed before a whole building began is read by it."""
    with work.database.session(write=True) as session:
        session.execute(delete(SearchStale).where(SearchStale.program_id == program_id))
        session.commit()


def _batches(work: Work, program_id: str, cursor: str) -> Iterator[list[Key]]:
    """The things of a program, a batch of one kind at a time, after the cursor `kind:id`."""
    began, _, after = cursor.partition(":")
    for kind, source in sorted(SOURCES.items()):
        last = after if kind == began else ""
        while kind >= began:
            query = source.ids(program_id).where(source.model.id > last).order_by(source.model.id).limit(AT_ONCE)
            with work.database.session(write=False) as session:
                ids = session.scalars(query).all()
            if ids:
                yield [(kind, thing_id) for thing_id in ids]
            if len(ids) < AT_ONCE:
                break
            last = ids[-1]


def _advance(work: Work, build_id: str, cursor: str, done: int) -> None:
    with work.database.session(write=True) as session:
        row = session.get_one(SearchBuild, build_id, with_for_update=True)
        if row.leave is None or row.expires_at is None or row.expires_at < work.now():
            raise NotBuilt("The leave to build this index is over.", "Start the building again.")
        row.state, row.cursor, row.done = "running", cursor, done
        session.commit()


def _end(work: Work, build_id: str, state: str) -> None:
    with work.database.session(write=True) as session:
        values = {"state": state, "leave": None, "finished_at": work.now()}
        session.execute(update(SearchBuild).where(SearchBuild.id == build_id).values(**values))
        session.commit()


def end_expired(work: Work) -> int:
    """Destroy the leaves whose time is over. Returns how many."""
    query = select(SearchBuild).where(SearchBuild.leave.is_not(None), SearchBuild.expires_at < work.now())
    over = work.session.scalars(query).all()
    for one in over:
        one.state, one.leave, one.finished_at = "failed", None, work.now()
    return len(over)
