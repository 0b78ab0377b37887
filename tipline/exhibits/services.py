"""Work on one exhibit: open it, verify it, make it an exhibit of a case, hand its original out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import select

from evidence.errors import IntegrityError
from evidence.errors import NotFound as ObjectMissing
from evidence.records import Scalar
from tipline import audit, policy
from tipline.actor import Actor
from tipline.cases.services import get_case, number_exhibit
from tipline.errors import Conflict, NotFound
from tipline.exhibits import rules
from tipline.inbox.reading import Opened, open_exhibits, read_picture, record_reading, require_held
from tipline.inbox.reports import Examined, find_reports
from tipline.models.base import new_id
from tipline.models.custody import Examination, Exhibit, Grant
from tipline.vault import Act
from tipline.work import Work

EXAMINE = "examine"
GRANT_LIFE = timedelta(days=1)


@dataclass(frozen=True)
class MakeExhibit:
    """Number a stored item as an exhibit of a case; `title` says what it is, empty: the file's name."""

    exhibit_id: str
    case_number: str
    title: str = ""


def get_exhibit(work: Work, actor: Actor, exhibit_id: str, *, lock: bool = False) -> Exhibit:
    """Return an exhibit by its id.

    Raises:
        NotFound: there is none, or the actor does not hold its program's key: both look alike.
    """
    query = select(Exhibit).where(Exhibit.id == exhibit_id, Exhibit.program_id.in_(actor.keyring.program_ids()))
    exhibit = work.session.scalar(query.with_for_update() if lock else query)
    if exhibit is None:
        raise NotFound("There is no exhibit here that you can read.", "Check the address, or ask who holds the program's key.")
    return exhibit


def get_opened(work: Work, actor: Actor, exhibit_id: str) -> Opened:
    """Return an exhibit with its key, after row, key file and custody record were compared."""
    exhibit = get_exhibit(work, actor, exhibit_id)
    return open_exhibits(work, actor, [exhibit])[exhibit.id]


@contextmanager
def aside(work: Work) -> Iterator[Work]:
    """Give a reading unit of work of its own, so that long reading does not hold the writer's lock."""
    with work.database.session(write=False) as session:
        yield replace(work, session=session, write=False)


def verify(work: Work, actor: Actor, exhibit_id: str) -> bool:
    """Read the sealed bytes again and compare them with the custody record: VERIFIED, or VERIFY_FAILED and quarantine.

    Returns:
        Whether they are the bytes that were received. Agreement lifts a quarantine.
    """
    policy.require(actor, "exhibit.verify")
    with aside(work) as reading:
        opened = get_opened(reading, actor, exhibit_id)
    problem = ""
    try:
        work.vault.objects.verify(opened.keyfile)
    except (IntegrityError, ObjectMissing) as error:
        problem = str(error)
    exhibit = get_exhibit(work, actor, exhibit_id, lock=True)
    fields: dict[str, Scalar] = {
        "plaintext_before": opened.keyfile.plaintext_digest,
        "ciphertext_before": f"sha256:{opened.keyfile.object_name}",
        "length_before": opened.keyfile.length,
        "result": problem or "digest agrees",
        "moved_to": "desk",
    }
    kind = "VERIFY_FAILED" if problem else "VERIFIED"
    work.vault.record(work.session, Act(exhibit, opened.keyfile, kind, fields, actor), work.now())
    if exhibit.state != "disposed":
        exhibit.state = "quarantined" if problem else "held"
    work.session.flush()
    return not problem


def examine_again(work: Work, actor: Actor, exhibit_id: str) -> None:
    """Ask the examiner once more, under a grant made in this session: a jail was installed, or the bytes are back.

    Raises:
        Conflict: it was examined and nothing was wrong with that, or the exhibit is not held.
    """
    policy.require(actor, "exhibit.verify")
    opened = get_opened(work, actor, exhibit_id)
    require_held(opened.exhibit)
    examination = work.session.get(Examination, exhibit_id, with_for_update=True)
    if examination is not None and examination.state == "done":
        raise Conflict("This exhibit has been examined.", "Its page shows what was found.")
    if examination is not None:
        work.session.delete(examination)
    waiting = work.session.scalars(select(Grant.id).where(Grant.exhibit_id == exhibit_id, Grant.purpose == EXAMINE)).first()
    if waiting is None:
        terms = {"purpose": EXAMINE, "subject_id": exhibit_id, "granted_by": actor.staff_id, "expires_at": work.now() + GRANT_LIFE}
        work.vault.grant(work.session, opened.exhibit, opened.keyfile, **terms)
    work.jobs.enqueue(work.session, "examine_exhibit", new_id(), exhibit_id)
    audit.record(work.session, work.now(), actor, "exhibit.examine", ("exhibit", exhibit_id))
    work.session.flush()


def make_exhibit(work: Work, actor: Actor, command: MakeExhibit) -> Exhibit:
    """Give a stored item a case's next exhibit number.

    Raises:
        Conflict: it has a number already, or the case is closed or of another program.
    """
    exhibit = get_exhibit(work, actor, command.exhibit_id, lock=True)
    number_exhibit(work, actor, exhibit, get_case(work, actor, command.case_number))
    title = rules.clean_line(command.title, rules.TITLE_LENGTH)
    if title:
        keys = actor.keyring.program(str(exhibit.program_id))
        exhibit.title = keys.seal("exhibit", "title", exhibit.id, title)
        work.session.flush()
    return exhibit


def read_preview(work: Work, actor: Actor, exhibit_id: str) -> bytes:
    """Return the picture that the jail made; the first time of a session that is a VIEWED event.

    Raises:
        NotFound: there is no picture of this exhibit.
    """
    opened, examined = _examined(work, actor, exhibit_id)
    if examined.picture is None:
        raise NotFound("There is no picture of this exhibit.", "Its page says what the examiner found.")
    record_reading(work, actor, [opened], "preview")
    return read_picture(work, opened, examined.picture)


def read_found_text(work: Work, actor: Actor, exhibit_id: str) -> tuple[Exhibit, Examined]:
    """Return the text that the examiner found; the first time of a session that is a VIEWED event."""
    opened, examined = _examined(work, actor, exhibit_id)
    record_reading(work, actor, [opened], "text found in it")
    return opened.exhibit, examined


def _examined(work: Work, actor: Actor, exhibit_id: str) -> tuple[Opened, Examined]:
    policy.require(actor, "exhibit.read")
    opened = get_opened(work, actor, exhibit_id)
    require_held(opened.exhibit)
    found = find_reports(work, actor.keyring, [exhibit_id])
    if exhibit_id not in found:
        raise NotFound("This exhibit has not been examined yet.", "Come back in a minute; its page says when it is done.")
    return opened, found[exhibit_id]
