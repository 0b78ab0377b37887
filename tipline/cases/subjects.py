"""People, accounts, addresses and organisations of interest in a case. All that is said of one stands under seal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from tipline import access, audit, policy
from tipline.actor import Actor
from tipline.cases import rules
from tipline.cases.services import get_case, require_open
from tipline.errors import BadInput, NotFound
from tipline.inbox.queries import staff_names
from tipline.models.base import new_id
from tipline.models.cases import CaseFile
from tipline.models.desk import Subject
from tipline.notes.history import last_change, record_change
from tipline.notes.locking import check_version
from tipline.notes.things import thing_of
from tipline.work import Work


@dataclass(frozen=True)
class About:
    """What is known of a subject. `also` and `identifiers` are one a line: other names; account names, addresses, numbers."""

    kind: str
    name: str
    also: str = ""
    identifiers: str = ""
    words: str = ""


@dataclass(frozen=True)
class AddSubject:
    case_number: str
    about: About


@dataclass(frozen=True)
class ChangeSubject:
    """`version`: of the subject as the form showed it."""

    number: str
    about: About
    version: str | int | None = None


@dataclass(frozen=True)
class SubjectView:
    """A subject as its page shows it."""

    row: Subject
    case: CaseFile
    case_title: str
    name: str
    kind: str
    also: tuple[str, ...]
    identifiers: tuple[str, ...]
    words: str
    made_by: str
    made_at: datetime

    @property
    def about(self) -> About:
        """The same as the form takes it."""
        return About(self.row.kind, self.name, "\n".join(self.also), "\n".join(self.identifiers), self.words)


def get_subject(work: Work, actor: Actor, number: str, *, lock: bool = False) -> Subject:
    """Return a subject by its number.

    Raises:
        NotFound: there is none, or the actor does not see its case: both look alike.
    """
    query = select(Subject).where(Subject.number == number, access.sees(actor, Subject))
    row = work.session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound(f"There is no subject {number} that you can read.", "Check the number, or ask who leads the case.")
    return row


def add_subject(work: Work, actor: Actor, command: AddSubject) -> Subject:
    """Note a subject in a case.

    Raises:
        BadInput: no name, or something is too long.
        Conflict: the case is closed, or was merged into another.
    """
    policy.require(actor, "case.work")
    case = get_case(work, actor, command.case_number, lock=True)
    require_open(case)
    details, row_id, year = _details(command.about), new_id(), work.today().year
    row = Subject(
        id=row_id,
        program_id=case.program_id,
        case_id=case.id,
        number=rules.subject_number(year, work.next_number(f"subject:{year}")),
        kind=command.about.kind,
        details=actor.keyring.program(case.program_id).seal_json("subject", "details", row_id, details),
        made_by=actor.staff_id,
        made_at=work.now(),
        version=1,
    )
    work.session.add(row)
    audit.record(work.session, work.now(), actor, "subject.add", ("subject", row.id), row.kind)
    work.session.flush()
    return row


def change_subject(work: Work, actor: Actor, command: ChangeSubject) -> Subject:
    """Change what is known of a subject; what stood there before is kept in its history.

    Raises:
        BadInput: no name, or something is too long.
        ChangedMeanwhile: a colleague changed it since the form was loaded.
    """
    policy.require(actor, "case.work")
    row = get_subject(work, actor, command.number, lock=True)
    require_open(work.session.get_one(CaseFile, row.case_id))
    keys = actor.keyring.program(row.program_id)
    before: dict[str, Any] = keys.open_json("subject", "details", row.id, row.details)
    details = _details(command.about)
    mine, theirs = _said(command.about.kind, details), _said(row.kind, before)
    check_version(row, command.version, mine, theirs, last_change(work, thing_of(row)))
    for name in mine:
        if mine[name] != theirs[name]:
            record_change(work, actor, thing_of(row), name, theirs[name] or None, mine[name] or None)
    row.kind = command.about.kind
    row.details = keys.seal_json("subject", "details", row.id, details)
    row.version += 1
    audit.record(work.session, work.now(), actor, "subject.change", ("subject", row.id), row.kind)
    work.session.flush()
    return row


def read_subject(work: Work, actor: Actor, number: str) -> SubjectView:
    """Return a subject with all that is known of it."""
    policy.require(actor, "case.read")
    row = get_subject(work, actor, number)
    keys, case = actor.keyring.program(row.program_id), work.session.get_one(CaseFile, row.case_id)
    details = keys.open_json("subject", "details", row.id, row.details)
    return SubjectView(
        row=row,
        case=case,
        case_title=keys.open("case_file", "title", case.id, case.title),
        name=details["name"],
        kind=rules.SUBJECT_KINDS.get(row.kind, row.kind),
        also=tuple(details.get("also", ())),
        identifiers=tuple(details.get("identifiers", ())),
        words=details.get("words", ""),
        made_by=staff_names(work).get(row.made_by, ""),
        made_at=row.made_at,
    )


def _details(about: About) -> dict[str, Any]:
    """What is kept sealed, as values of JSON.

    Raises:
        BadInput: something is missing or too long.
    """
    name, also, identifiers = rules.clean_title(about.name), rules.lines_of(about.also), rules.lines_of(about.identifiers)
    faults = {}
    if not name:
        faults["name"] = "Write a name, or what it is called until one is known."
    if about.kind not in rules.SUBJECT_KINDS:
        faults["kind"] = "Choose what it is."
    for field, lines in (("also", also), ("identifiers", identifiers)):
        if len(lines) > rules.LISTED or any(len(line) > rules.WORDS_LENGTH // rules.LISTED for line in lines):
            faults[field] = f"At most {rules.LISTED} lines of {rules.WORDS_LENGTH // rules.LISTED} characters."
    if len(about.words) > rules.WORDS_LENGTH:
        faults["words"] = f"Use at most {rules.WORDS_LENGTH:,} characters."
    if faults:
        raise BadInput("The subject was not kept.", "Put right what is marked.", faults)
    return asdict(About(about.kind, name, words=about.words.strip())) | {"also": also, "identifiers": identifiers}


def _said(kind: str, details: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a subject as people read them."""
    return {
        "name": details["name"],
        "kind": rules.SUBJECT_KINDS.get(kind, kind),
        "also": "\n".join(details.get("also", ())),
        "identifiers": "\n".join(details.get("identifiers", ())),
        "words": details.get("words", ""),
    }
