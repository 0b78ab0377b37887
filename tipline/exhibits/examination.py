"""Examination: under its grant the worker opens an exhibit once, looks into it in the jail, and seals what it found to the program.

Each exhibit is written in a transaction of its own: what is done stays done when a later file breaks the worker, and the
database is never locked while the jail runs. A second run takes up what is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from evidence.errors import EvidenceError, IntegrityError, KeyUnavailable
from evidence.errors import NotFound as ObjectMissing
from evidence.examine.identify import Identification
from evidence.examine.preview import examine_object
from evidence.examine.report import Report
from evidence.keys import KeyFile, wrap
from tipline.errors import TiplineError
from tipline.exhibits.services import EXAMINE
from tipline.inbox.reading import Failure, record_failure
from tipline.inbox.reports import TEXT_CAP, Examined, Picture
from tipline.intake.rules import read_tip_text
from tipline.models.custody import Examination, Exhibit, Grant
from tipline.models.tips import TipItem, TipMessage
from tipline.vault import Act, shown_name
from tipline.work import Work

TOOL = "tipline examiner"
VERSION = "1"


@dataclass(frozen=True)
class _Task:
    """One open grant. The text of a message comes before its files."""

    grant: Grant
    exhibit: Exhibit
    done: bool


@dataclass(frozen=True)
class _Outcome:
    examined: Examined
    program: str  # age recipient of the program
    intact: bool = True


def examine_tip(work: Work, tip_id: str) -> None:
    """Examine what came with a tip and still has a grant."""
    _examine(work, Grant.subject_id == tip_id)


def examine_exhibit(work: Work, exhibit_id: str) -> None:
    """Examine one exhibit (a letter, a sample) that has a grant."""
    _examine(work, Grant.exhibit_id == exhibit_id)


def _examine(work: Work, which: ColumnElement[bool]) -> None:
    problems: list[EvidenceError | TiplineError | OSError] = []
    for task in _tasks(work, which):
        try:
            _do(work, task)
        except (EvidenceError, TiplineError, OSError) as error:  # the others are examined all the same
            problems.append(error)
    if problems:
        raise problems[0]


def _tasks(work: Work, which: ColumnElement[bool]) -> list[_Task]:
    query = (
        select(Grant, Exhibit, Examination.exhibit_id)
        .join(Exhibit, Exhibit.id == Grant.exhibit_id)
        .outerjoin(Examination, Examination.exhibit_id == Exhibit.id)
        .outerjoin(TipItem, TipItem.exhibit_id == Exhibit.id)
        .outerjoin(TipMessage, TipMessage.id == TipItem.message_id)
        .where(Grant.purpose == EXAMINE, which)
        .order_by(TipMessage.seq, TipItem.position, Grant.id)
    )
    with work.database.session(write=False) as session:
        return [_Task(grant, exhibit, examined is not None) for grant, exhibit, examined in session.execute(query)]


def _do(work: Work, task: _Task) -> None:
    if not task.done:
        opened = _open(work, task)
        if opened is None:
            return
        outcome = _look(work, *opened)
        with work.database.session(write=True) as session:
            _write(work, session, task, opened[1], outcome)
            session.commit()
    with work.database.session(write=True) as session:
        grant = session.get(Grant, task.grant.id)
        if grant is not None:
            work.vault.close_grant(session, grant)
        session.commit()


def _open(work: Work, task: _Task) -> tuple[Exhibit, KeyFile] | None:
    """Open the exhibit, or None where another worker has ended the grant meanwhile."""
    try:
        with work.database.session(write=False) as session:
            return work.vault.open_granted(session, task.grant, work.now())
    except KeyUnavailable:
        with work.database.session(write=False) as session:
            if session.get(Grant, task.grant.id) is None:
                return None
        raise


def _look(work: Work, exhibit: Exhibit, keyfile: KeyFile) -> _Outcome:
    program = work.vault.recipients.program(str(exhibit.program_id))
    try:
        if exhibit.kind == "tip_text":
            return _Outcome(Examined(_words(work, keyfile)), program)
        report = examine_object(work.vault.objects.read(keyfile), keyfile.length, "", _name(work, exhibit, keyfile))
        return _Outcome(Examined(_capped(report), _keep_picture(work, keyfile, report)), program)
    except (IntegrityError, ObjectMissing) as error:
        unread = Report("failed", Identification("", "unread", ""), notes=(f"The sealed bytes could not be read. {error}",))
        return _Outcome(Examined(unread), program, intact=False)


def _words(work: Work, keyfile: KeyFile) -> Report:
    """A source's own words are text by making: no jail, and nothing is cut. The form's questions are left out."""
    said, _how = read_tip_text(b"".join(work.vault.objects.read(keyfile)))
    return Report("done", Identification("text/plain", "text", "txt"), text=said)


def _name(work: Work, exhibit: Exhibit, keyfile: KeyFile) -> str:
    with work.database.session(write=False) as session:
        openings = work.vault.openings(session, exhibit, keyfile)
    return str(openings[0].field("name_shown") or "") if openings else ""


def _capped(report: Report) -> Report:
    text = report.text.encode("utf-8", "replace")
    shown = report.preview.text
    if shown is not None and len(shown) > TEXT_CAP // 4:
        report = replace(report, preview=replace(report.preview, text=shown[: TEXT_CAP // 4]))
    if len(text) <= TEXT_CAP:
        return report
    return replace(report, text=text[:TEXT_CAP].decode("utf-8", "ignore"), text_complete=False)


def _keep_picture(work: Work, keyfile: KeyFile, report: Report) -> Picture | None:
    preview = report.preview
    if preview.png is None:
        return None
    with work.vault.objects.receive(keyfile.identity) as receiving:
        receiving.write(preview.png)
        made = receiving.finish().keyfile
    return Picture(made.object_name, made.length, made.plaintext_digest, preview.width, preview.height)


def _write(work: Work, session: Session, task: _Task, keyfile: KeyFile, outcome: _Outcome) -> None:
    exhibit = session.get_one(Exhibit, task.exhibit.id, with_for_update=True)
    if session.get(Examination, exhibit.id) is not None:
        return  # another worker was faster
    examined = outcome.examined
    session.add(
        Examination(
            exhibit_id=exhibit.id,
            state=examined.report.state,
            report=wrap(examined.encode(), [outcome.program]),
            preview_name=examined.picture.object if examined.picture else None,
        )
    )
    if not outcome.intact:
        record_failure(work, session, Failure(exhibit, keyfile, in_words(examined), occurred=work.today()))
        return
    fields = {"method_tool": TOOL, "method_version": VERSION, "moved_to": "jail", "result": in_words(examined)}
    work.vault.record(session, Act(exhibit, keyfile, "EXAMINED", fields, occurred=work.today()), work.now())


def in_words(examined: Examined) -> str:
    """Say in a line what an examination found: the type, the warnings, the kinds of traces. Never a trace itself."""
    report = examined.report
    if report.state == "failed":
        return shown_name(" ".join(["Not examined.", *report.notes]))
    traces = examined.identifying()
    sentences = [f"{examined.label}.", *report.identification.warnings]
    if traces:
        sentences.append(f"Found: {', '.join(traces)}.")
    if examined.picture:
        sentences.append(f"Preview made, {examined.picture.width} by {examined.picture.height}.")
    if report.state == "no_jail":
        sentences.append("Not looked into: there is no jail.")
    return shown_name(" ".join(sentences))
