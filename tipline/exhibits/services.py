"""Work on one exhibit: look at its picture or text, have it examined again, make it an exhibit of a case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from tipline import audit, policy
from tipline.actor import Actor
from tipline.cases.services import get_case, number_exhibit
from tipline.errors import Conflict, NotFound
from tipline.exhibits import rules
from tipline.exhibits.opening import get_exhibit, get_sound
from tipline.inbox.reading import Opened, read_bytes, read_picture, record_reading
from tipline.inbox.reports import Examined, find_reports
from tipline.models.base import new_id
from tipline.models.custody import Examination, Exhibit, Grant
from tipline.work import Work

EXAMINE = "examine"
GRANT_LIFE = timedelta(days=1)


@dataclass(frozen=True)
class MakeExhibit:
    """Number a stored item as an exhibit of a case; `title` says what it is, empty: the file's name."""

    exhibit_id: str
    case_number: str
    title: str = ""


@dataclass(frozen=True)
class FoundText:
    """Words of an exhibit, and what they are. `trouble` says why there are none."""

    exhibit: Exhibit
    label: str
    words: str
    complete: bool = True
    trouble: str = ""


def examine_again(work: Work, actor: Actor, exhibit_id: str) -> None:
    """Ask the examiner once more, under a grant made in this session: a jail was installed, or the bytes are back.

    Raises:
        Conflict: it was examined and nothing was wrong with that, or the exhibit is not held.
    """
    policy.require(actor, "exhibit.verify")
    opened = get_sound(work, actor, exhibit_id)
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
    policy.require(actor, "exhibit.number")
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


def read_found_text(work: Work, actor: Actor, exhibit_id: str) -> FoundText:
    """Return the text that the examiner found, or the description sheet of a physical thing; at first that is a VIEWED event."""
    policy.require(actor, "exhibit.read")
    exhibit = get_exhibit(work, actor, exhibit_id)
    if exhibit.kind == "physical":
        opened = get_sound(work, actor, exhibit_id)
        record_reading(work, actor, [opened], "description sheet")
        return FoundText(exhibit, "Description sheet", read_bytes(work, opened.keyfile).decode("utf-8"))
    opened, examined = _examined(work, actor, exhibit_id)
    record_reading(work, actor, [opened], "text found in it")
    words = examined.report.text or examined.words
    return FoundText(opened.exhibit, examined.label, words, examined.report.text_complete, examined.trouble)


def _examined(work: Work, actor: Actor, exhibit_id: str) -> tuple[Opened, Examined]:
    policy.require(actor, "exhibit.read")
    opened = get_sound(work, actor, exhibit_id)
    found = find_reports(work, actor.keyring, [exhibit_id])
    if exhibit_id not in found:
        raise NotFound("This exhibit has not been examined yet.", "Come back in a minute; its page says when it is done.")
    return opened, found[exhibit_id]
