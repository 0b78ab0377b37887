"""Exports: counsel picks exhibits, the worker reads them again, counsel signs, the worker seals the bundle."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from textwrap import shorten

from sqlalchemy import select

from evidence import custody
from evidence.keys import KeyFile
from tipline import access, audit, policy, restoring
from tipline.actor import Actor, ProgramKeys
from tipline.approvals import services as approvals
from tipline.approvals.rules import EXPORT, REASON_LENGTH, WAITING
from tipline.cases.services import get_case
from tipline.errors import BadInput, Conflict, NotFound
from tipline.exhibits.tickets import hand_out
from tipline.exports import rules
from tipline.exports.aftermath import After, covering, late_stamp, look
from tipline.exports.choices import ExhibitChoice, offered
from tipline.exports.disclosing import DisclosedExhibit, seal_disclosures
from tipline.inbox.originals import require_originals
from tipline.models.base import new_id
from tipline.models.cases import CaseFile, Export, ExportExhibit
from tipline.models.custody import Exhibit
from tipline.models.programs import Program
from tipline.models.staff import Staff
from tipline.vault import Act
from tipline.work import Work

GRANT_LIFE = timedelta(hours=24)


@dataclass(frozen=True)
class RequestExport:
    case_number: str
    exhibit_ids: tuple[str, ...]
    purpose: str


@dataclass(frozen=True)
class ExportView:
    """What the pages show of an export."""

    id: str
    number: int
    case_number: str
    case_title: str
    state: str
    purpose: str
    requested_by: str
    requested_at: datetime
    step: int
    steps: int
    payload_digest: str | None
    bundle_bytes: int
    failure: str
    exhibits: tuple[ExhibitChoice, ...]
    withheld: tuple[tuple[str, int], ...] | None
    after: After | None
    needs_second: bool = False
    second: approvals.Request | None = None


def choices(work: Work, actor: Actor, case_number: str) -> tuple[CaseFile, str, list[ExhibitChoice]]:
    """Return a case, its title, and the exhibits that an export of it can hold."""
    policy.require(actor, "export.make")
    case = get_case(work, actor, case_number)
    keys = actor.keyring.program(case.program_id)
    query = select(Exhibit).where(Exhibit.case_id == case.id, access.sees(actor, Exhibit)).order_by(Exhibit.number)
    title = keys.open("case_file", "title", case.id, case.title)
    return case, title, offered(work, actor, keys, work.session.scalars(query).all())


def request_export(work: Work, actor: Actor, command: RequestExport) -> Export:
    """Start an export: grants on the chosen exhibits for the worker, and the job that reads them again.

    Raises:
        BadInput: nothing chosen, no purpose, or a chosen exhibit is not the case's or can't go out.
    """
    _require_signed_record(work)
    case, _, offered = choices(work, actor, command.case_number)
    known = {choice.id: choice for choice in offered}
    if not command.exhibit_ids:
        raise BadInput("Choose at least one exhibit.", fields={"exhibits": "Choose at least one exhibit."})
    if not command.purpose.strip():
        raise BadInput("Say what the export is for.", fields={"purpose": "Say what it is for, or which order asks for it."})
    for exhibit_id in command.exhibit_ids:
        if exhibit_id not in known or known[exhibit_id].obstacle:
            raise BadInput("One of the chosen exhibits can't go out.", fields={"exhibits": "Choose again: one of them can't go out."})
    keys = actor.keyring.program(case.program_id)
    export_id = new_id()
    export = Export(
        id=export_id,
        case_id=case.id,
        number=work.next_number(f"export:{case.id}"),
        state="preparing",
        purpose=keys.seal("export", "purpose", export_id, command.purpose.strip()),
        requested_by=actor.staff_id,
        requested_at=work.now(),
        steps=len(command.exhibit_ids),
    )
    work.session.add(export)
    work.session.flush()
    chosen = [choice.id for choice in offered if choice.id in set(command.exhibit_ids)]
    for position, exhibit_id in enumerate(chosen):
        exhibit = work.session.get_one(Exhibit, exhibit_id)
        work.session.add(ExportExhibit(export_id=export.id, exhibit_id=exhibit_id, position=position))
        terms = {"purpose": "export", "subject_id": export.id, "granted_by": actor.staff_id, "expires_at": work.now() + GRANT_LIFE}
        work.vault.grant(work.session, exhibit, work.vault.open_exhibit(exhibit, keys), **terms)
    if _needs_second(work, case):
        _ask_second(work, actor, export, case, command.purpose)
    work.jobs.enqueue(work.session, "export_payload", export.id, export.id)
    audit.record(work.session, work.now(), actor, "export.request", ("export", export.id))
    return export


def sign_export(work: Work, actor: Actor, export_id: str) -> Export:
    """Record a signed EXPORTED on each exhibit under one act, and hand the job what the signer lets out.

    Raises:
        Conflict: the export does not wait for a signature.
    """
    policy.require(actor, "export.make")
    export = _find(work, actor, export_id, lock=True)
    if export.state != "to_sign":
        raise Conflict("This export does not wait for a signature.", "Load the page again to see how far it is.")
    _require_signed_record(work)
    case = work.session.get_one(CaseFile, export.case_id)
    second = _second(work, actor, export, case)
    keys = actor.keyring.program(case.program_id)
    exhibits = exhibits_of(work, export)
    stuck = [f"{choice.number}: {choice.obstacle}" for choice in offered(work, actor, keys, exhibits) if choice.obstacle]
    if stuck:
        raise Conflict("Not every exhibit can go out any more. " + " ".join(stuck), "Start a new export without it.")
    purpose = keys.open("export", "purpose", export.id, export.purpose)
    export.act_id = new_id()
    disclosed = [_export_exhibit(work, actor, export, exhibit, (purpose, second)) for exhibit in exhibits]
    reasons = Counter(reason for one in disclosed for event in one.events for reason in event.reasons.values())
    export.withheld = keys.seal("export", "withheld", export.id, json.dumps(reasons, sort_keys=True))
    export.disclosures = seal_disclosures(disclosed, work.vault.recipients.examiner)
    export.state = "sealing"
    work.jobs.enqueue(work.session, "export_seal", export.id, export.id)
    audit.record(work.session, work.now(), actor, "export.sign", ("export", export.id))
    work.session.flush()
    return export


def _require_signed_record(work: Work) -> None:
    if restoring.pending(work.session):
        raise Conflict(
            "The record was taken back from its anchor, and two people have yet to sign for it. Until then no bundle is sealed.",
            "Open Recovery in the console; the export can go on when both have signed.",
        )


def ask_again(work: Work, actor: Actor, export_id: str) -> None:
    """Ask a second person anew, where the first question lapsed, was declined or withdrawn.

    Raises:
        Conflict: it needs none, is past its signature, or a question stands.
    """
    policy.require(actor, "export.make")
    export = _find(work, actor, export_id, lock=True)
    case = work.session.get_one(CaseFile, export.case_id)
    if not _needs_second(work, case) or export.state not in ("preparing", "to_sign"):
        raise Conflict("This export waits for no second person.", "Load the page again to see how far it is.")
    last = approvals.latest(work, actor, EXPORT, export.id)
    if last is not None and last.state in WAITING:
        raise Conflict("A second person was asked already, and that still stands.", "It is under Second person.")
    purpose = actor.keyring.program(case.program_id).open("export", "purpose", export.id, export.purpose)
    _ask_second(work, actor, export, case, purpose)


def _needs_second(work: Work, case: CaseFile) -> bool:
    return work.session.get_one(Program, case.program_id).two_to_export


def _ask_second(work: Work, actor: Actor, export: Export, case: CaseFile, purpose: str) -> None:
    count = f"{export.steps} {'exhibit' if export.steps == 1 else 'exhibits'}"
    question = approvals.Ask(
        act=EXPORT,
        kind="export",
        subject_id=export.id,
        program_id=case.program_id,
        what=f"Export {count} of {case.number}, export {export.number}",
        path=f"/exports/{export.id}",
        reason=shorten(purpose, REASON_LENGTH, placeholder=" …"),
    )
    approvals.ask(work, actor, question)


def _second(work: Work, actor: Actor, export: Export, case: CaseFile) -> str:
    """Use the second person's approval and return who gave it; nothing where the program asks for none.

    Raises:
        Conflict: nobody has approved, or it lapsed. Forbidden: the signer is the one who approved.
    """
    if not _needs_second(work, case):
        return ""
    last = approvals.latest(work, actor, EXPORT, export.id)
    if last is None or last.state != "approved":
        raise Conflict("A second person has to let this bundle out first.", "Who may, and how it stands, is on the export’s page.")
    used = approvals.use(work, work.session, actor, last.id)
    return work.session.get_one(Staff, used.decided_by).login


def _export_exhibit(work: Work, actor: Actor, export: Export, exhibit: Exhibit, said: tuple[str, str]) -> DisclosedExhibit:
    purpose, second = said
    keyfile = work.vault.open_exhibit(exhibit, actor.keyring.program(str(exhibit.program_id)))
    fields = {
        "act_id": export.act_id,
        "act_size": export.steps,
        "purpose": purpose,
        "authority": f"export {export.number}, let out by {second}" if second else f"export {export.number}",
        "manifest": export.payload_digest,
        "plaintext_before": keyfile.plaintext_digest,
        "ciphertext_before": f"sha256:{keyfile.object_name}",
        "length_before": keyfile.length,
        "result": "bundle sealed under this manifest",
    }
    work.vault.record(work.session, Act(exhibit, keyfile, "EXPORTED", fields, actor, signed=True), work.now())
    from_source = _is_from_source(work, exhibit)
    openings = work.vault.openings(work.session, exhibit, keyfile)
    events = [custody.disclose(opening, rules.withheld(opening.fields(), from_source=from_source)) for opening in openings]
    return DisclosedExhibit(exhibit.id, tuple(events))


def _is_from_source(work: Work, exhibit: Exhibit) -> bool:
    """Tell whether an exhibit came with a tip, or was made from one that did: a redaction may bear the name of what it was made from."""
    seen: Exhibit | None = exhibit
    while seen is not None and seen.parent_id is not None:
        seen = work.session.get(Exhibit, seen.parent_id)
    return seen is None or seen.kind in rules.FROM_A_SOURCE


def exhibits_of(work: Work, export: Export) -> Sequence[Exhibit]:
    """Return an export's exhibits in the order of their numbers."""
    return (
        work.session.execute(
            select(Exhibit)
            .join(ExportExhibit, ExportExhibit.exhibit_id == Exhibit.id)
            .where(ExportExhibit.export_id == export.id)
            .order_by(ExportExhibit.position)
        )
        .scalars()
        .all()
    )


def get_export(work: Work, actor: Actor, export_id: str) -> ExportView:
    """Return one export with its exhibits.

    Raises:
        NotFound: there is none with this id.
    """
    return _view(work, actor, _export(work, actor, export_id, "export.read"))


def get_late_stamp(work: Work, actor: Actor, export_id: str, name: str) -> bytes:
    """Return a time stamp that came after the bundle was sealed, by the name of its file.

    Raises:
        NotFound: no such export, or no such stamp.
    """
    return late_stamp(work, _export(work, actor, export_id, "export.read"), name)


def get_covering(work: Work, actor: Actor, export_id: str) -> tuple[bytes, bytes]:
    """Return a published checkpoint that is later than the bundle, and the consistency proof to it.

    Raises:
        NotFound: no such export, or nothing was published since. Unsound: the published log does not give the proof.
    """
    return covering(work, _export(work, actor, export_id, "export.read"))


def _export(work: Work, actor: Actor, export_id: str, action: str) -> Export:
    """Return an export of a case that the actor sees."""
    policy.require(actor, action)
    return _find(work, actor, export_id)


def _find(work: Work, actor: Actor, export_id: str, *, lock: bool = False) -> Export:
    query = select(Export).join(CaseFile, CaseFile.id == Export.case_id).where(Export.id == export_id, access.sees_case(actor))
    export = work.session.scalar(query.with_for_update(of=Export) if lock else query)
    if export is None:
        raise NotFound("There is no such export.", "Look under Exports.")
    return export


def list_exports(work: Work, actor: Actor, case_number: str | None = None) -> list[ExportView]:
    """Return the exports of the programs that the actor holds, newest first; of one case where it is named."""
    policy.require(actor, "export.read")
    query = (
        select(Export)
        .join(CaseFile, CaseFile.id == Export.case_id)
        .where(access.sees_case(actor))
        .order_by(Export.requested_at.desc())
        .limit(100)
    )
    if case_number:
        query = query.where(CaseFile.number == case_number)
    return [_view(work, actor, export, with_exhibits=False) for export in work.session.execute(query).scalars().all()]


def issue_ticket(work: Work, actor: Actor, export_id: str) -> str:
    """Record that a finished bundle is being taken, and return the token of a one-time ticket for it.

    Raises: as `open_bundle`.
    """
    name, keyfile = _bundle(work, actor, export_id)
    return hand_out(work, keyfile, name)


def open_bundle(work: Work, actor: Actor, export_id: str) -> tuple[str, int, Iterator[bytes]]:
    """Return name, length and bytes of a finished bundle, after recording that it is being taken.

    Raises:
        Conflict: it is not finished.
    """
    name, keyfile = _bundle(work, actor, export_id)
    return name, keyfile.length, work.vault.objects.read(keyfile)


def _bundle(work: Work, actor: Actor, export_id: str) -> tuple[str, KeyFile]:
    export = _export(work, actor, export_id, "export.make")
    if export.bundle_name is None:
        raise Conflict("This bundle is not finished.", "Load the page again to see how far it is.")
    require_originals(work.session, actor.keyring, [exhibit.id for exhibit in exhibits_of(work, export)])
    case = work.session.get_one(CaseFile, export.case_id)
    keyfile = work.vault.objects.open_key(export.bundle_name, actor.keyring.program(case.program_id).identity)
    audit.record(work.session, work.now(), actor, "export.download", ("export", export.id))
    return rules.bundle_title(case.number, export.number) + ".zip", keyfile


def _view(work: Work, actor: Actor, export: Export, *, with_exhibits: bool = True) -> ExportView:
    case = work.session.get_one(CaseFile, export.case_id)
    keys = actor.keyring.program(case.program_id)
    who = work.session.get_one(Staff, export.requested_by)
    exhibits = offered(work, actor, keys, exhibits_of(work, export)) if with_exhibits else []
    withheld = json.loads(keys.open("export", "withheld", export.id, export.withheld)) if export.withheld else None
    return ExportView(
        id=export.id,
        number=export.number,
        case_number=case.number,
        case_title=keys.open("case_file", "title", case.id, case.title),
        state=export.state,
        purpose=keys.open("export", "purpose", export.id, export.purpose),
        requested_by=who.display_name,
        requested_at=export.requested_at,
        step=export.step,
        steps=export.steps,
        payload_digest=export.payload_digest,
        bundle_bytes=_bundle_bytes(work, keys, export),
        failure=keys.unwrap(export.failure).decode() if export.failure else "",
        exhibits=tuple(exhibits),
        withheld=None if withheld is None else tuple(sorted(withheld.items())),
        after=look(work, export) if with_exhibits and export.state == "done" else None,
        needs_second=with_exhibits and _needs_second(work, case),
        second=approvals.latest(work, actor, EXPORT, export.id) if with_exhibits else None,
    )


def _bundle_bytes(work: Work, keys: ProgramKeys, export: Export) -> int:
    return work.vault.objects.open_key(export.bundle_name, keys.identity).length if export.bundle_name else 0
