"""Words that a machine reads in a picture or a scanned page, where somebody asks: a job under a grant, in the jail, once."""

from __future__ import annotations

import json
from datetime import timedelta

from sqlalchemy import update

from evidence.errors import IntegrityError, KeyUnavailable
from evidence.errors import NotFound as ObjectMissing
from evidence.examine.lettering import ADVICE, Lettering, installed, read_pictures
from evidence.keys import KeyFile, wrap
from evidence.records import Scalar
from tipline import audit, policy
from tipline.actor import Actor
from tipline.errors import Conflict
from tipline.exhibits.opening import get_sound
from tipline.inbox.originals import require_originals
from tipline.inbox.reading import Failure, record_failure
from tipline.inbox.reports import find_reports
from tipline.models.custody import Examination, Exhibit, Grant
from tipline.models.desk import ExhibitText
from tipline.models.staff import Staff
from tipline.vault import Act
from tipline.work import Work

PURPOSE = "ocr"
JOB = "read_pictures"
WITHIN = timedelta(hours=1)
FOR_READING = "to read the words in its pictures"


def may_be_read(media_type: str) -> bool:
    """Whether a file of this type can show words that are no text: a picture, or a PDF of scanned pages."""
    return media_type == "application/pdf" or (media_type.startswith("image/") and media_type != "image/svg+xml")


def advice() -> str:
    """What to install where the engine is missing; empty where it is there."""
    return "" if installed() else ADVICE


def ask(work: Work, actor: Actor, exhibit_id: str) -> None:
    """Ask the worker to read. EXAMINED, by the person, is on record before the first byte is opened; the job's event names it.

    Raises:
        Conflict: the engine is missing, it is no picture, or it waits to be read already; work on it has stopped.
    """
    policy.require(actor, "exhibit.verify")
    opened = get_sound(work, actor, exhibit_id)
    require_originals(work.session, actor.keyring, [exhibit_id])
    examined = find_reports(work, actor.keyring, [exhibit_id]).get(exhibit_id)
    if advice():
        raise Conflict("No engine that reads pictures is installed.", ADVICE)
    if examined is None or not may_be_read(examined.report.identification.media_type):
        raise Conflict("Words are read in pictures and in PDFs only.", "Its page says what it is.")
    row = work.session.get(ExhibitText, exhibit_id, with_for_update=True)
    if row is not None and row.state == "waiting" and row.asked_at > work.now() - WITHIN:
        raise Conflict("It is being read already.", "Load the page again in a minute.")
    fields: dict[str, Scalar] = {"purpose": FOR_READING, "result": "asked for", "moved_to": "jail"}
    event = work.vault.record(work.session, Act(opened.exhibit, opened.keyfile, "EXAMINED", fields, actor), work.now())
    terms = {"subject_id": exhibit_id, "granted_by": actor.staff_id, "expires_at": work.now() + WITHIN}
    grant = work.vault.grant(work.session, opened.exhibit, opened.keyfile, purpose=PURPOSE, **terms)
    row = row or ExhibitText(exhibit_id=exhibit_id, state="waiting", asked_by=actor.staff_id, asked_at=work.now())
    row.state, row.asked_by, row.asked_at = "waiting", actor.staff_id, work.now()
    work.session.add(row)
    work.jobs.enqueue(work.session, JOB, grant.id, grant.id, event.entry)
    audit.record(work.session, work.now(), actor, "exhibit.read_pictures", ("exhibit", exhibit_id))
    work.session.flush()


def read(work: Work, grant_id: str, asked: str) -> None:
    """Read the words of one exhibit in the worker, under its grant. A second run finds the grant gone.

    Args:
        asked: the entry of the event that asked for it.
    """
    with work.database.session(write=False) as session:
        grant = session.get(Grant, grant_id)
        if grant is None:
            return
        try:
            exhibit, keyfile = work.vault.open_granted(session, grant, work.now())
        except KeyUnavailable:
            return  # another worker was faster: wrap first, then row
    found, problem = _look(work, keyfile)
    exhibit = work.session.get_one(Exhibit, exhibit.id, with_for_update=True)
    grant = work.session.get(Grant, grant_id)
    if grant is None:
        return
    if found is None:
        record_failure(work, work.session, Failure(exhibit, keyfile, problem))
        found = Lettering("failed", note="The sealed bytes could not be read.")
    else:
        _record(work, grant, (exhibit, keyfile), found, asked)
    _keep(work, exhibit, found)
    work.session.delete(grant)  # with what was read, so that no second run reads it again
    work.session.flush()
    work.after_commit.append(lambda: work.vault.objects.remove_grant(keyfile.object_name, grant_id))  # a crash before it: the sweep


def _look(work: Work, keyfile: KeyFile) -> tuple[Lettering | None, str]:
    try:
        return read_pictures(work.vault.objects.read(keyfile), keyfile.length, ""), ""
    except (IntegrityError, ObjectMissing) as error:
        return None, str(error)


def _record(work: Work, grant: Grant, opened: tuple[Exhibit, KeyFile], found: Lettering, asked: str) -> None:
    person = work.session.get(Staff, grant.granted_by) if grant.granted_by else None
    count = len(found.words.split())
    fields: dict[str, Scalar] = {
        "purpose": FOR_READING,
        "authority": asked,
        "on_behalf_of": person.login if person else None,
        "method_tool": found.engine.partition(" ")[0] or "tipline reader",
        "method_version": found.engine.partition(" ")[2] or "1",
        "moved_to": "jail",
        "result": f"{count} {'word' if count == 1 else 'words'} read" if found.state == "done" else f"nothing read. {found.note}".strip(),
    }
    work.vault.record(work.session, Act(*opened, "EXAMINED", fields), work.now())


def _keep(work: Work, exhibit: Exhibit, found: Lettering) -> None:
    row = work.session.get_one(ExhibitText, exhibit.id)
    said = {"words": found.words, "engine": found.engine, "note": found.note}
    row.body = wrap(
        json.dumps(said, ensure_ascii=False).encode("utf-8", "replace"), [work.vault.recipients.program(str(exhibit.program_id))]
    )
    row.state = found.state
    if found.words:  # the linking desk looks at it again, with these words
        work.session.execute(update(Examination).where(Examination.exhibit_id == exhibit.id).values(indexed=False))
