"""From form to tip: a draft that only its form can open, then one Send, however often it is pressed (SPEC section 3)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from evidence.keys import wrap
from evidence.vault import Batch, Sealed, Vault
from tipline import direct
from tipline.errors import BadInput, Conflict, NotFound
from tipline.intake import packet, statements, taking
from tipline.intake.draft import DraftSecret, ReceivedFile, new_draft_secret, read_draft_secret, read_peppers
from tipline.intake.parts import Part, PartRow, forget, merge, new_part, part_rows, part_values, read_part, read_parts
from tipline.intake.receipt import ClaimCode, Receipt, derive_claim, derive_receipt
from tipline.intake.rules import REPORT, TIP, Answers, tip_text
from tipline.languages import later, say
from tipline.models.base import new_id
from tipline.models.programs import Program
from tipline.models.tips import Draft, DraftPart
from tipline.vault import CustodyVault
from tipline.work import Work

SALT = 32
TEXT_NAME = "tip.txt"
CHANNELS = {TIP: "form", REPORT: "report"}  # of a tip, by the form that it came through
GONE = (later("This form was thrown away, or it is too old."), later("Nothing was sent. Start again from the first page."))


@dataclass(frozen=True)
class DraftState:
    """What a draft holds now. `sent`: it has become a tip, and holds nothing any more."""

    answers: Answers
    parts: tuple[Part, ...] = ()
    sent: bool = False
    surplus: tuple[str, ...] = ()  # names of files beyond the most that one message may hold


@dataclass(frozen=True)
class Kept:
    """A form that came back: its program, and what its draft holds now; no state where the program takes nothing."""

    program: Program
    state: DraftState | None


@dataclass(frozen=True)
class Sent:
    """What the page after Send shows. Without words they can't be shown any more."""

    program: Program
    words: tuple[str, ...] = ()
    claim: tuple[str, ...] = ()


# programs


def list_programs(work: Work) -> list[Program]:
    """The programs that take tips, in the order of their notices."""
    query = select(Program).where(Program.state == "open").order_by(Program.notice_on.desc(), Program.title)
    return list(work.session.scalars(query))


def get_program(work: Work, slug: str) -> Program:
    """The program of a public address, open or closed.

    Raises:
        NotFound: there is none.
    """
    return _program(work.session, slug)


def _program(session: Session, slug: str) -> Program:
    program: Program | None = direct.first(session, statements.PROGRAM, {"slug": slug})  # a row: it is only read
    if program is None:
        raise NotFound(say("There is no notice at this address."), say("Check the address, or start from the first page."))
    return program


# drafts


def start_draft(vault: CustodyVault) -> DraftSecret:
    """The secret of a new form. Nothing is stored until the form comes back."""
    return new_draft_secret(read_peppers(vault.keys).current)


def find_draft_secret(vault: CustodyVault, token: str) -> DraftSecret | None:
    """The secret of a form that came back, or None where this installation did not make it."""
    return read_draft_secret(token, read_peppers(vault.keys).all)


@dataclass(frozen=True)
class KeepDraft:
    """What a form brought, for the program of its address. `leave_out` names parts to take away; `tip_id`: a further message."""

    secret: DraftSecret
    slug: str
    answers: Answers
    received: Sequence[ReceivedFile] = ()
    leave_out: Collection[str] = ()
    tip_id: str | None = None


def keep(work: Work, command: KeepDraft) -> Kept:
    """Keep what was typed and the files that arrived whole, sealed to the form's own secret.

    A file that is there already, same name and same bytes, is kept once. A closed program keeps further messages only.

    Raises:
        NotFound: there is no such program.
    """
    secret = command.secret
    arrived = [new_part(file) for file in command.received]
    program = get_program(work, command.slug)
    if program.state != "open" and command.tip_id is None:
        return Kept(program, None)
    if _is_sent(work.session, secret):
        return Kept(program, DraftState(command.answers, sent=True))
    return Kept(program, _keep(work, program.id, command, arrived))


def _keep(work: Work, program_id: str, command: KeepDraft, arrived: Sequence[Part]) -> DraftState:
    secret = command.secret
    keep_answers(work, program_id, command)
    present = read_parts(work.session, secret)
    gone = [part for part in present if part.id in command.leave_out]
    kept, surplus = merge([part for part in present if part not in gone], list(arrived), work.settings.max_files)
    _remove_parts(work, gone)
    _forget_later(work, [part.object_name for part in arrived if part not in kept])
    last = max((part.position for part in present), default=-1)
    sizes = {file.sealed.keyfile.object_name: file.sealed.sealed_length for file in command.received}
    new = [part for part in kept if part.object_name in sizes]
    if new:
        rows = [part_values(secret, part, position, sizes[part.object_name]) for position, part in enumerate(new, last + 1)]
        direct.write(work.session, statements.ADD_PARTS, *rows)
    return DraftState(command.answers, tuple(kept), surplus=tuple(part.name for part in surplus))


def keep_answers(work: Work, program_id: str, command: KeepDraft) -> None:
    """Seal what was typed to the draft secret, and count the draft's days from today.

    Raises:
        BadInput: the draft belongs to another program or tip.
    """
    secret, answers = command.secret, command.answers
    values = {
        "id": secret.lookup,
        "program_id": program_id,
        "tip_id": command.tip_id,
        "answers": secret.seal(json.dumps(vars(answers)).encode(), _place(secret)),
        "day": work.today(),
    }
    if direct.first(work.session, statements.KEEP_ANSWERS, values) is None:
        raise BadInput(say("This form belongs to another page."), say("Start again from the first page."))


def find_draft(work: Work, secret: DraftSecret, tip_id: str | None = None) -> DraftState | None:
    """What a draft holds, for a further message to a tip or for a new one. None where there is none: never begun, thrown away, swept."""
    if _is_sent(work.session, secret):
        return DraftState(Answers(""), sent=True)
    draft = work.session.get(Draft, secret.lookup)
    if draft is None or draft.tip_id != tip_id:
        return None
    return DraftState(_answers(draft.answers, secret), tuple(read_parts(work.session, secret)))


def discard(work: Work, secret: DraftSecret) -> None:
    """Throw a draft away: rows first, then keys, then objects."""
    _remove_parts(work, read_parts(work.session, secret))
    work.session.execute(delete(Draft).where(Draft.id == secret.lookup))


# Send


def send(work: Work, slug: str, secret: DraftSecret, as_is: Collection[str] | None = None) -> Sent:
    """Make a tip of a draft, for the program of its address.

    Of each part that offers a cleaned copy and is not in `as_is`, the worker is asked for one; None: as the draft says.
    A repeated Send makes no second one and shows the same words while they can be shown.

    Raises:
        NotFound: there is no such program.
        Conflict: the draft is gone, or its program is closed.
        BadInput: nothing was typed.
    """
    program, prepared = _prepare(work, slug, secret, as_is)
    if prepared is None:
        return _sent_before(work.session, program, secret)
    try:
        prepared.batch.store()
        return _send_once(work, secret, prepared)
    except BaseException:
        _undo(work.vault.objects, prepared)
        raise


@dataclass(frozen=True)
class _Prepared:
    """What a Send writes, read, sealed and signed before the writing transaction begins."""

    program: Program
    answers: bytes | None
    part_ids: frozenset[str]
    body: Sealed  # of the text
    to: taking.Destination
    channel: str
    ready: tuple[taking.Ready, ...]
    batch: Batch
    packet: bytes
    salt: bytes
    receipt: Receipt
    claim: ClaimCode


def _prepare(work: Work, slug: str, secret: DraftSecret, as_is: Collection[str] | None) -> tuple[Program, _Prepared | None]:
    with work.database.session(write=False) as session:
        program = _program(session, slug)
        draft = direct.first(session, statements.SENDABLE, {"id": secret.lookup})
        if draft is None and _is_sent(session, secret):
            return program, None
        rows = part_rows(session, secret)
    if draft is None or draft.program_id != program.id:
        raise Conflict(*map(say, GONE))
    if program.state != "open":
        raise Conflict(say("This tip line has closed since you opened the form."), say("Nothing was sent."))
    answers = _answers(draft.answers, secret)
    if not answers.what.strip():
        raise BadInput(say("Tell us what happened. One sentence is enough."), say("Go back and write it down."))
    objects, salt = work.vault.objects, secrets.token_bytes(SALT)
    receipt, claim = derive_receipt(secret.secret, salt), derive_claim(secret.secret, salt)
    to = taking.Destination(new_id(), draft.program_id, receipt.source_identity().recipient, claim.signing_key().public.hex())
    unchanged = answers.as_is if as_is is None else as_is
    files = [_attachment(row, secret, unchanged) for row in rows]
    batch = objects.batch()
    body = batch.seal(tip_text(answers))
    ready = taking.make_ready(work.vault, [taking.Parcel(body, TEXT_NAME, "tip_text"), *files], to, work.today(), batch)
    proof = wrap(packet.encode([one.packet_item for one in ready]), [to.source_recipient])
    part_ids, channel = frozenset(row.id for row in rows), CHANNELS[answers.kind]
    return program, _Prepared(program, draft.answers, part_ids, body, to, channel, tuple(ready), batch, proof, salt, receipt, claim)


def _attachment(row: PartRow, secret: DraftSecret, as_is: Collection[str]) -> taking.Parcel:
    part = read_part(row, secret)
    return taking.Parcel(Sealed(part.keyfile, row.sealed_length), part.name, "attachment", copy=part.offers_copy and part.id not in as_is)


def _send_once(work: Work, secret: DraftSecret, prepared: _Prepared) -> Sent:
    session, to = work.session, prepared.to
    part_ids = frozenset(row.id for row in direct.rows(session, statements.END_PARTS, {"id": secret.lookup}))
    draft = direct.first(session, statements.END_DRAFT, {"id": secret.lookup})
    if draft is None:  # another Send of the same form was faster
        _undo(work.vault.objects, prepared)
        return _sent_before(session, prepared.program, secret)
    if draft.answers != prepared.answers or part_ids != prepared.part_ids:
        raise Conflict(say("The form was changed in another window while it was being sent."), say("Check it, then send it again."))
    new = NewTip(
        to=to,
        channel=prepared.channel,
        receipt_lookup=prepared.receipt.lookup(secret.pepper),
        packet=prepared.packet,
        ready=prepared.ready,
        draft_id=secret.lookup,
        salt=prepared.salt,
    )
    write_tip(work, new)
    return Sent(prepared.program, prepared.receipt.words, prepared.claim.letters)


@dataclass(frozen=True)
class NewTip:
    """A tip about to be written, with its exhibits. One by phone has its `claim_code` sealed to the source, `receipt_key` to the words."""

    to: taking.Destination
    channel: str
    receipt_lookup: str
    packet: bytes
    ready: tuple[taking.Ready, ...]
    draft_id: str
    salt: bytes
    claim_code: bytes | None = None
    receipt_key: bytes | None = None


def write_tip(work: Work, new: NewTip) -> None:
    """Write a tip with its first message, its exhibits, and the unique mark of its Send, in the caller's transaction."""
    session, to, today = work.session, new.to, work.today()
    tip = {
        "id": to.tip_id,
        "program_id": to.program_id,
        "number": f"TIP-{today.year}-{work.next_number(f'tip:{today.year}'):04d}",
        "state": "new",
        "channel": new.channel,
        "received_on": today,
        "receipt_lookup": new.receipt_lookup,
        "source_recipient": to.source_recipient,
        "claim_key": to.claim_key,
        "packet": new.packet,
        "claim_code": new.claim_code,
        "receipt_key": new.receipt_key,
    }
    direct.write(session, statements.ADD_TIP, tip)
    message_id = new_id()
    direct.write(session, statements.ADD_MESSAGE, {"id": message_id, "tip_id": to.tip_id, "seq": 0, "by_source": True, "on_day": today})
    taking.write(session, new.ready)
    taking.add_items(session, new.ready, message_id, to.tip_id)
    direct.write(session, statements.ADD_SEND, {"draft_id": new.draft_id, "tip_id": to.tip_id, "salt": new.salt, "day": today})


def _undo(objects: Vault, prepared: _Prepared) -> None:
    taking.take_back(objects, prepared.ready)
    forget(objects, [prepared.body.keyfile.object_name])


def end_draft(work: Work, secret: DraftSecret, tip_id: str) -> None:
    """Set the unique mark of a further message's Send and end its draft."""
    direct.rows(work.session, statements.END_PARTS, {"id": secret.lookup})
    direct.first(work.session, statements.END_DRAFT, {"id": secret.lookup})
    direct.write(work.session, statements.ADD_SEND, {"draft_id": secret.lookup, "tip_id": tip_id, "salt": None, "day": work.today()})


def _is_sent(session: Session, secret: DraftSecret) -> bool:
    return direct.first(session, statements.IS_SENT, {"id": secret.lookup}) is not None


def _sent_before(session: Session, program: Program, secret: DraftSecret) -> Sent:
    row = direct.first(session, statements.IS_SENT, {"id": secret.lookup})
    if row is None:
        raise Conflict(*map(say, GONE))
    if row.salt is None:
        return Sent(program)
    return Sent(program, derive_receipt(secret.secret, row.salt).words, derive_claim(secret.secret, row.salt).letters)


def _remove_parts(work: Work, gone: Sequence[Part]) -> None:
    if gone:
        work.session.execute(delete(DraftPart).where(DraftPart.id.in_([part.id for part in gone])))
        _forget_later(work, [part.object_name for part in gone])


def _forget_later(work: Work, names: Sequence[str]) -> None:
    if names:
        work.after_commit.append(lambda: forget(work.vault.objects, names))


def _answers(blob: bytes | None, secret: DraftSecret) -> Answers:
    if not blob:
        return Answers("")
    kept = json.loads(secret.open(blob, _place(secret)))
    return Answers(**{**kept, "as_is": tuple(kept.get("as_is", ()))})


def _place(secret: DraftSecret) -> str:
    return f"draft.answers:{secret.lookup}"
