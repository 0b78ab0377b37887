"""Cases, letters, samples, links and exports."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tipline.models.base import Base, Id, Sealed, UtcTime, new_id


class CaseFile(Base):
    """A case. (`case` is a reserved word of SQL.)"""

    __tablename__ = "case_file"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    title: Mapped[bytes] = mapped_column(Sealed)
    state: Mapped[str] = mapped_column(String(16), default="working")  # working, closed, merged
    access: Mapped[str] = mapped_column(String(8), default="program", server_default="program", index=True)  # program, members
    merged_into_id: Mapped[str | None] = mapped_column(ForeignKey("case_file.id"))
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    lead_id: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    opened_at: Mapped[datetime] = mapped_column(UtcTime)


class Letter(Base):
    __tablename__ = "letter"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), index=True)
    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), unique=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    details: Mapped[bytes] = mapped_column(Sealed)  # JSON: title, addressee, received_on, channel, handed_over_by
    text: Mapped[bytes] = mapped_column(Sealed)  # the letter's words
    registered_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    registered_at: Mapped[datetime] = mapped_column(UtcTime)


class Sample(Base):
    __tablename__ = "sample"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), index=True)
    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), unique=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    details: Mapped[bytes] = mapped_column(Sealed)  # JSON: title, received_on, channel, handed_over_by, format, coverage
    people: Mapped[int] = mapped_column(Integer)
    rows: Mapped[int] = mapped_column(Integer)
    registered_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    registered_at: Mapped[datetime] = mapped_column(UtcTime)


class SamplePerson(Base):
    """One person of a sample: sealed values; the fingerprints stand in the program's index file."""

    __tablename__ = "sample_person"
    __table_args__ = (UniqueConstraint("sample_id", "position"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    sample_id: Mapped[str] = mapped_column(ForeignKey("sample.id"))
    position: Mapped[int] = mapped_column(Integer)
    person: Mapped[bytes] = mapped_column(Sealed)  # JSON: canonical row with its locators


class Link(Base):
    """A link between two things, suggested by a method or made by a person; only a person decides."""

    __tablename__ = "link"
    __table_args__ = (
        UniqueConstraint("from_id", "to_id", "kind"),
        # the whole queue is counted and ordered by it, without a look at the rows with their sealed findings
        Index("ix_link_queue", "state", "program_id", "later_until", "tier", "made_at", "id", "from_id", "to_id", "kind"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    program_id: Mapped[str] = mapped_column(ForeignKey("program.id"), index=True)
    from_kind: Mapped[str] = mapped_column(String(16))  # tip, letter, sample, exhibit, subject
    from_id: Mapped[str] = mapped_column(Id)
    to_kind: Mapped[str] = mapped_column(String(16))
    to_id: Mapped[str] = mapped_column(Id, index=True)
    kind: Mapped[str] = mapped_column(String(32))  # same_file, shares_indicator, contains_records, same_template, concerns
    state: Mapped[str] = mapped_column(String(16))  # suggested, confirmed, rejected
    tier: Mapped[str | None] = mapped_column(String(8))  # strong, fair, weak: the method's
    confidence: Mapped[str | None] = mapped_column(String(16))  # confirmed, probable, possible: the person's
    reason: Mapped[bytes | None] = mapped_column(Sealed)
    findings: Mapped[bytes | None] = mapped_column(Sealed)  # JSON: why, spans, counts, method, digests of both inputs
    made_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))  # null: suggested by the method
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcTime)
    evidence: Mapped[str | None] = mapped_column(
        String(71)
    )  # digest of what the suggestion rests on: a rejected one stays so until it changes
    later_until: Mapped[datetime | None] = mapped_column(UtcTime)  # put off
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")


class Export(Base):
    __tablename__ = "export"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), index=True)
    number: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))  # preparing, to_sign, sealing, done, failed
    purpose: Mapped[bytes] = mapped_column(Sealed)
    requested_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    requested_at: Mapped[datetime] = mapped_column(UtcTime)
    act_id: Mapped[str | None] = mapped_column(Id)
    step: Mapped[int] = mapped_column(Integer, default=0)  # exhibits read again so far
    steps: Mapped[int] = mapped_column(Integer, default=0)
    payload_digest: Mapped[str | None] = mapped_column(String(71))  # of manifest-sha256.txt, public once exported
    failure: Mapped[bytes | None] = mapped_column(Sealed)  # age to the program
    bundle_name: Mapped[str | None] = mapped_column(String(64), index=True)  # sealed object that holds the packed bundle
    tag_digest: Mapped[str | None] = mapped_column(String(71))  # of tagmanifest-sha256.txt: what a time stamp is made of
    checkpoint_size: Mapped[int | None] = mapped_column(BigInteger)  # of the bundle's own checkpoint
    withheld: Mapped[bytes | None] = mapped_column(Sealed)  # record key: how many fields stay closed, by reason
    disclosures: Mapped[bytes | None] = mapped_column(Sealed)  # age to the examiner: what the signer lets out; gone when done
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime)


class ExportExhibit(Base):
    __tablename__ = "export_exhibit"

    export_id: Mapped[str] = mapped_column(ForeignKey("export.id"), primary_key=True)
    exhibit_id: Mapped[str] = mapped_column(ForeignKey("exhibit.id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer)
