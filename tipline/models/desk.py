"""What colleagues keep for each other at their desks: who may see what, notes, tasks, views, bulk acts, requests to a second person."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tipline.models.base import Base, Id, Sealed, UtcTime, new_id

OUT = "returned_at IS NULL"  # few of all that were ever taken out


class CaseMember(Base):
    """Who may see a case that is for its members only. Its lead is one without a row."""

    __tablename__ = "case_member"

    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True, index=True)
    added_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    added_at: Mapped[datetime] = mapped_column(UtcTime)


class TipReader(Base):
    """Who may read the original words of a tip whose audience is "named"; all others read its redacted text."""

    __tablename__ = "tip_reader"

    tip_id: Mapped[str] = mapped_column(ForeignKey("tip.id"), primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    added_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    added_at: Mapped[datetime] = mapped_column(UtcTime)


class Label(Base):
    """A label of a program. Tips name it by id; its word stands under seal."""

    __tablename__ = "label"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    name: Mapped[bytes] = mapped_column(Sealed)  # record key
    made_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime] = mapped_column(UtcTime)


class Note(Base):
    """Words between colleagues about a tip, case, exhibit or subject. Never shown to a source."""

    __tablename__ = "note"
    __table_args__ = (Index("ix_note_on", "on_id", "written_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    on_kind: Mapped[str] = mapped_column(String(16))  # tip, case, exhibit, subject
    on_id: Mapped[str] = mapped_column(Id)
    body: Mapped[bytes] = mapped_column(Sealed)  # record key
    written_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    written_at: Mapped[datetime] = mapped_column(UtcTime)
    edited_at: Mapped[datetime | None] = mapped_column(UtcTime)
    version: Mapped[int] = mapped_column(Integer, default=1)


class NoteMention(Base):
    """A colleague named in a note, and when they saw it."""

    __tablename__ = "note_mention"

    note_id: Mapped[str] = mapped_column(ForeignKey("note.id"), primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True, index=True)
    seen_at: Mapped[datetime | None] = mapped_column(UtcTime)


class Task(Base):
    """Something to do about a tip, case, exhibit or subject."""

    __tablename__ = "task"
    __table_args__ = (Index("ix_task_on", "on_id", "state"), Index("ix_task_assignee", "assignee_id", "state", "due_on"))

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    on_kind: Mapped[str] = mapped_column(String(16))
    on_id: Mapped[str] = mapped_column(Id)
    title: Mapped[bytes] = mapped_column(Sealed)  # record key
    assignee_id: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    due_on: Mapped[date | None] = mapped_column(Date)
    state: Mapped[str] = mapped_column(String(16), default="open")  # open, done, dropped
    made_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    closed_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    closed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    version: Mapped[int] = mapped_column(Integer, default=1)


class Change(Base):
    """Who changed what on a tip, case or subject, with the value before and after. Append only."""

    __tablename__ = "change"
    __table_args__ = (Index("ix_change_on", "on_id", "changed_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    on_kind: Mapped[str] = mapped_column(String(16))
    on_id: Mapped[str] = mapped_column(Id)
    field: Mapped[str] = mapped_column(String(24))  # state, assignee, label, due_on, priority, text, ...
    values: Mapped[bytes] = mapped_column(Sealed)  # record key: JSON [before, after]
    changed_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    changed_at: Mapped[datetime] = mapped_column(UtcTime)


class Presence(Base):
    """Who has a page open, and whether they are writing there. Old rows mean nothing and are swept."""

    __tablename__ = "presence"

    on_id: Mapped[str] = mapped_column(Id, primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    writing: Mapped[bool] = mapped_column(Boolean, default=False)


class SavedView(Base):
    """A named set of filters of a list, private or shared with all who hold the program's key."""

    __tablename__ = "saved_view"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), index=True)
    shared: Mapped[bool] = mapped_column(Boolean, default=False)
    body: Mapped[bytes] = mapped_column(Sealed)  # record key: JSON of name, list and query
    position: Mapped[int] = mapped_column(Integer, default=0)
    made_at: Mapped[datetime] = mapped_column(UtcTime)


class BulkAct(Base):
    """One act on many tips, and how to undo it."""

    __tablename__ = "bulk_act"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    act: Mapped[str] = mapped_column(String(24))  # assign, state, label, unlabel, priority, due, case, close
    about: Mapped[bytes] = mapped_column(Sealed)  # record key: JSON of the value and the filters by which the tips were found
    tips: Mapped[int] = mapped_column(Integer)
    done_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    done_at: Mapped[datetime] = mapped_column(UtcTime)
    undone_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    undone_at: Mapped[datetime | None] = mapped_column(UtcTime)


class BulkActTip(Base):
    """One tip of a bulk act: the structured value before it (a state, a colleague's id, a date) and the tip's version after it."""

    __tablename__ = "bulk_act_tip"

    act_id: Mapped[str] = mapped_column(ForeignKey("bulk_act.id"), primary_key=True)
    tip_id: Mapped[str] = mapped_column(ForeignKey("tip.id"), primary_key=True, index=True)
    before: Mapped[str | None] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(Integer)


class Subject(Base):
    """A person, account, address or organisation of interest in a case."""

    __tablename__ = "subject"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), index=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)  # SU-2026-0003
    kind: Mapped[str] = mapped_column(String(16))  # person, account, address, organisation
    details: Mapped[bytes] = mapped_column(Sealed)  # record key: JSON of name, also known as, identifiers, words
    made_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    version: Mapped[int] = mapped_column(Integer, default=1)


class CaseMove(Base):
    """A merge or split: what moved from one case to another, and why. Append only."""

    __tablename__ = "case_move"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(8))  # merge, split, unmerge
    from_case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), index=True)
    to_case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), index=True)
    about: Mapped[bytes] = mapped_column(Sealed)  # record key: JSON of the reason and the numbers of what moved
    moved_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    moved_at: Mapped[datetime] = mapped_column(UtcTime)


class GraphPin(Base):
    """Where colleagues pinned a thing in the graph of a case."""

    __tablename__ = "graph_pin"

    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), primary_key=True)
    thing_id: Mapped[str] = mapped_column(Id, primary_key=True)
    x: Mapped[int] = mapped_column(Integer)
    y: Mapped[int] = mapped_column(Integer)


class LinkDecision(Base):
    """What somebody decided about a link, when and why; also "later". Append only."""

    __tablename__ = "link_decision"
    __table_args__ = (UniqueConstraint("link_id", "seq"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    link_id: Mapped[str] = mapped_column(ForeignKey("link.id"))
    seq: Mapped[int] = mapped_column(Integer)
    decision: Mapped[str] = mapped_column(String(16))  # made, confirm, reject, later, undo, again
    kind: Mapped[str] = mapped_column(String(32))
    confidence: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[bytes | None] = mapped_column(Sealed)  # record key
    evidence: Mapped[str | None] = mapped_column(String(71))  # what the suggestion rested on (Link.evidence) at that moment
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))  # null: the method, when its evidence changed
    decided_at: Mapped[datetime] = mapped_column(UtcTime)


class Checkout(Base):
    """A physical exhibit that somebody took out for a while, and until when."""

    __tablename__ = "checkout"
    __table_args__ = (Index("ix_checkout_out", "due_on", sqlite_where=text(OUT), postgresql_where=text(OUT)),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), index=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), index=True)
    purpose: Mapped[bytes] = mapped_column(Sealed)  # record key
    out_at: Mapped[datetime] = mapped_column(UtcTime)
    due_on: Mapped[date] = mapped_column(Date)
    returned_at: Mapped[datetime | None] = mapped_column(UtcTime)


class HashList(Base):
    """A list of digests that somebody loaded; the digests stand in a file of their own beside the program's index."""

    __tablename__ = "hash_list"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    about: Mapped[bytes] = mapped_column(Sealed)  # record key: JSON of name, origin, digest of the list's own file
    meaning: Mapped[str] = mapped_column(String(8))  # known (harmless, as NSRL), wanted
    digests: Mapped[int] = mapped_column(Integer)
    loaded_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    loaded_at: Mapped[datetime] = mapped_column(UtcTime)


class ExhibitText(Base):
    """Words that a machine read in an exhibit on demand (OCR). Sealed to the program, beside the report."""

    __tablename__ = "exhibit_text"

    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))  # waiting, done, failed
    body: Mapped[bytes | None] = mapped_column(Sealed)  # age to the program recipient: JSON of words, engine and version
    asked_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime] = mapped_column(UtcTime)


class SecondPerson(Base):
    """A request that another person must answer: to reveal sealed personal data, to let a bundle out."""

    __tablename__ = "second_person"
    __table_args__ = (Index("ix_second_person_subject", "subject_id", "act"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    act: Mapped[str] = mapped_column(String(24))  # reveal, export
    subject_kind: Mapped[str] = mapped_column(String(16))
    subject_id: Mapped[str] = mapped_column(Id)
    reason: Mapped[bytes] = mapped_column(Sealed)  # record key
    state: Mapped[str] = mapped_column(String(16), default="asked")  # asked, approved, declined, withdrawn, used
    asked_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime] = mapped_column(UtcTime)
    lapses_at: Mapped[datetime] = mapped_column(UtcTime)
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcTime)


class WebauthnKey(Base):
    """A security key or passkey of a colleague, as a second factor."""

    __tablename__ = "webauthn_key"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), index=True)
    credential_id: Mapped[str] = mapped_column(String(1400), unique=True)  # base64url, at most 1,023 bytes (WebAuthn 5.8.3)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)  # COSE
    sign_count: Mapped[int] = mapped_column(Integer)
    name: Mapped[bytes] = mapped_column(Sealed)  # age to the colleague's own recipient
    added_at: Mapped[datetime] = mapped_column(UtcTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)


class ApiToken(Base):
    """A personal token of the API. The row is sealed under the token's own key, as a session is under the cookie's."""

    __tablename__ = "api_token"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 hex of the token's id half
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), index=True)
    name: Mapped[bytes] = mapped_column(Sealed)  # age to the colleague's own recipient
    scopes: Mapped[str] = mapped_column(String(200))  # words with blanks between, as "tips:read links:write"
    keys: Mapped[bytes] = mapped_column(Sealed)
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    used_on: Mapped[date | None] = mapped_column(Date)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)


class SearchBuild(Base):
    """A building of a program's search index: how far it is, so that it goes on where it was cut off."""

    __tablename__ = "search_build"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    state: Mapped[str] = mapped_column(String(16))  # waiting, running, done, failed
    cursor: Mapped[str] = mapped_column(String(64), default="")
    done: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int] = mapped_column(Integer, default=0)
    asked_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime] = mapped_column(UtcTime)
    leave: Mapped[bytes | None] = mapped_column(Sealed)  # age to the examiner: the program's identity; gone when it ends or expires
    expires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime)


class SearchStale(Base):
    """A thing that changed since the search index read it. Whoever searches next, or a building, reads it again and removes the row."""

    __tablename__ = "search_stale"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))  # tip, message, note, letter, sample, exhibit, subject, case
    thing_id: Mapped[str] = mapped_column(Id)
