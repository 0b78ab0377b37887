"""Taking what the examiner has finished into the program's index, and suggesting links from it.

A person's session does this, since only people hold the program's keys. Each exhibit is read without any lock, goes into the
index file, and then, in a short transaction of its own under the program's row, becomes links: of two sessions that do this at
once the later one sees what the earlier one brought, and nothing is done twice.
"""

from __future__ import annotations

import time
from dataclasses import replace

from sqlalchemy import exists, select, text, update
from sqlalchemy.orm import Session

from evidence.errors import EvidenceError
from evidence.records import Scalar
from tipline import access, audit, logs, policy
from tipline.actor import Actor, ProgramKeys
from tipline.db import unindexed
from tipline.exhibits.quarantine import aside
from tipline.inbox.reading import Failure, Opened, record_failure
from tipline.linking.gathering import Gathered, gather, prints_of, prints_of_sample
from tipline.linking.names import find_names
from tipline.linking.rules import VERSION
from tipline.linking.suggesting import Desk, suggest
from tipline.models.custody import Examination, Exhibit
from tipline.models.programs import Program
from tipline.models.tips import Tip
from tipline.search.index import File, IndexDamaged, ProgramIndex, path_of, remove
from tipline.vault import Act
from tipline.work import Work

AT_ONCE = 1_000_000  # more wait for the next look
LIMIT = 50  # exhibits in one call
SECONDS = 6.0  # after which no further exhibit is begun; the next call goes on
HOW: dict[str, Scalar] = {"method_tool": "tipline linking", "method_version": str(VERSION), "moved_to": "search index"}


def waiting(work: Work, actor: Actor, program_ids: list[str], limit: int = 1) -> list[tuple[str, str]]:
    """Program and exhibit of examinations that were not taken in yet and that the person may see: what a case hides waits for a member."""
    few = select(Examination.exhibit_id).where(text("NOT indexed")).limit(AT_ONCE).subquery()  # its limit makes SQLite begin with the few
    rows = work.session.execute(
        select(Exhibit.program_id, Exhibit.id)
        .join(few, Exhibit.id == few.c.exhibit_id)
        .where(unindexed(Exhibit.program_id).in_(program_ids), access.sees(actor, Exhibit))
        .order_by(Exhibit.received_on, Exhibit.id)
        .limit(limit)
    )
    return [(str(program_id), exhibit_id) for program_id, exhibit_id in rows]


def catch_up_now(work: Work, actor: Actor) -> int:
    """Bring the index and the suggestions up to date from a page that only reads; a look costs one query when nothing waits.

    Returns:
        How many exhibits were taken in.
    """
    if work.write or not policy.may(actor, "link.decide"):
        return 0  # a page that writes holds the lock already; and whoever decides nothing leaves no trace in custody by looking
    programs = actor.keyring.program_ids()
    for program_id in programs:
        _restart_if_lost(work, program_id)
    found = {program_id for program_id, _ in waiting(work, actor, programs, LIMIT)}
    done = sum(catch_up(work, actor, program_id) for program_id in sorted(found))
    work.session.commit()  # ends the snapshot, so that what follows sees the links
    return done


def catch_up(work: Work, actor: Actor, program_id: str, limit: int = LIMIT) -> int:
    """Take in what waits in one program, in transactions of its own: call it where `work` has written nothing.

    Returns:
        How many exhibits were taken in by this call.
    """
    work.session.commit()  # a snapshot or an empty transaction must not stand in the way
    try:
        return _catch_up(work, actor, program_id, limit)
    except IndexDamaged as error:  # a cache: no page waits for somebody to make it again
        logs.failure("the search index was damaged and is made again", error)
    remove(work.settings.index_folder, program_id)
    with work.database.session(write=True) as session:
        start_again(session, program_id)
        session.commit()
    return _catch_up(work, actor, program_id, limit)


def _catch_up(work: Work, actor: Actor, program_id: str, limit: int) -> int:
    until = time.monotonic() + SECONDS
    with aside(work) as reading:
        todo = [exhibit_id for _, exhibit_id in waiting(reading, actor, [program_id], limit)]
    done = 0
    for exhibit_id in todo:
        if done and time.monotonic() > until:
            break
        done += _take_in(work, actor, program_id, exhibit_id)
    return done


def _take_in(work: Work, actor: Actor, program_id: str, exhibit_id: str) -> bool:
    keys = actor.keyring.program(program_id)
    try:
        with aside(work) as reading:
            gathered = gather(reading, actor, exhibit_id, lambda opened: _about_to_read(work, actor, opened))
            _into_index(reading, keys, exhibit_id, gathered)
    except EvidenceError:
        _set_aside(work, actor, exhibit_id)
        return False
    with work.database.session(write=True) as session:
        done = _link(replace(work, session=session, write=True), actor, exhibit_id, gathered)
        gone = session.get(Examination, exhibit_id) is None
        session.commit()
    if gone:  # it was disposed of while it was being read
        _out_of_index(work, keys, gathered)
    return done


def _out_of_index(work: Work, keys: ProgramKeys, gathered: Gathered) -> None:
    with ProgramIndex(work.settings.index_folder, keys) as index:
        index.forget(gathered.item)


def _set_aside(work: Work, actor: Actor, exhibit_id: str) -> None:
    """Leave out an exhibit of which something sealed does not open, so that the others are taken in. Its own page says what is wrong."""
    with work.database.session(write=True) as session:
        session.get_one(Examination, exhibit_id, with_for_update=True).indexed = True
        audit.record(session, work.now(), actor, "index.unsound", ("exhibit", exhibit_id))
        session.commit()


def _into_index(work: Work, keys: ProgramKeys, exhibit_id: str, gathered: Gathered) -> None:
    with ProgramIndex(work.settings.index_folder, keys) as index:
        if index.is_new:
            index.begin_method(VERSION)
        index.put_file(gathered.item, File(gathered.digest, exhibit_id, gathered.name, gathered.telling))
        if gathered.indicators is not None:
            index.put_text(gathered.item, gathered.indicators, gathered.lettered)
        if gathered.passage is not None:
            index.passages.put(gathered.passage)
            index.put_lettered(gathered.item, exhibit_id, gathered.lettered_passage)
            index.passages.put_named(gathered.item, find_names(gathered.passage.words, index.passages.names()))
        if gathered.marks:
            index.put_marks(gathered.item[1], gathered.marks)
        if gathered.people:
            index.put_people(gathered.item, prints_of(keys, gathered, exhibit_id))
        if gathered.item[0] == "sample":
            index.put_people(gathered.item, prints_of_sample(work, keys, gathered.item[1]))


def _link(work: Work, actor: Actor, exhibit_id: str, gathered: Gathered) -> bool:
    keys = actor.keyring.program(str(work.session.get_one(Exhibit, exhibit_id).program_id))
    work.session.execute(select(Program.id).where(Program.id == keys.program_id).with_for_update())
    examination = work.session.get(Examination, exhibit_id, with_for_update=True)
    if examination is None or examination.indexed:
        return False  # another session was faster
    with ProgramIndex(work.settings.index_folder, keys, write=False) as index:
        if exhibit_id not in {file.exhibit_id for file in index.files(gathered.item)}:
            return False  # the index was made anew meanwhile: the next call takes it in again
        suggest(Desk(work, keys, index), gathered.item)
    if gathered.title:
        title = keys.seal("tip", "title", gathered.item[1], gathered.title)
        work.session.execute(update(Tip).where(Tip.id == gathered.item[1], Tip.title.is_(None)).values(title=title))
    if gathered.opened is not None:
        _record(work, actor, gathered)
    examination.indexed = True
    work.session.flush()
    return True


def _about_to_read(work: Work, actor: Actor, opened: Opened) -> str:
    """Record EXAMINED and commit that, in a transaction of its own, before the first byte is read."""
    fields: dict[str, Scalar] = {**HOW, "purpose": "read for matching", "result": "opened"}
    with work.database.session(write=True) as session:
        event = work.vault.record(session, Act(opened.exhibit, opened.keyfile, "EXAMINED", fields, actor), work.now())
        session.commit()
    return event.entry


def _record(work: Work, actor: Actor, gathered: Gathered) -> None:
    opened = gathered.opened
    assert opened is not None
    exhibit = work.session.get_one(Exhibit, opened.exhibit.id, with_for_update=True)
    if gathered.trouble:
        record_failure(work, work.session, Failure(exhibit, opened.keyfile, gathered.trouble, actor))
        return
    count = sum(len(person.locators) for person in gathered.people)
    more = f", of the first {len(gathered.people):,} people" if gathered.more_people else ""
    found = f"{count} {'row' if count == 1 else 'rows'} fingerprinted{more}"
    fields: dict[str, Scalar] = {**HOW, "purpose": "read for matching", "result": found, "authority": gathered.event}
    work.vault.record(work.session, Act(exhibit, opened.keyfile, "EXAMINED", fields, actor), work.now())


def _restart_if_lost(work: Work, program_id: str) -> None:
    """Where the index file is gone (a restored backup, another machine), everything is taken in again."""
    if path_of(work.settings.index_folder, program_id).exists():
        return
    known = select(Exhibit.id).where(Exhibit.program_id == program_id)
    if not work.session.scalar(select(exists().where(Examination.indexed, Examination.exhibit_id.in_(known)))):
        return
    work.session.commit()
    with work.database.session(write=True) as session:
        start_again(session, program_id)
        session.commit()


def begin_method(work: Work, keys: ProgramKeys) -> None:
    """Mark everything of a program as not taken in where another version of the method did that; subjects are looked at again too.

    Call it where `work` has written nothing: it works in transactions of its own.
    """
    if not path_of(work.settings.index_folder, keys.program_id).exists():
        return
    try:
        with ProgramIndex(work.settings.index_folder, keys, write=False) as index:
            if index.method == VERSION or index.is_new:
                return
    except IndexDamaged:  # whoever takes in what waits makes it again
        return
    work.session.commit()
    with work.database.session(write=True) as session:
        start_again(session, keys.program_id)
        session.commit()
    with ProgramIndex(work.settings.index_folder, keys) as index:
        index.begin_method(VERSION)


def start_again(session: Session, program_id: str) -> None:
    """Mark everything of a program as not taken in. Links stay: none is made a second time."""
    session.execute(select(Program.id).where(Program.id == program_id).with_for_update())
    known = select(Exhibit.id).where(Exhibit.program_id == program_id)
    session.execute(update(Examination).where(Examination.exhibit_id.in_(known)).values(indexed=False))
