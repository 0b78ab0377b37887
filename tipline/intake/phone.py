"""Tips taken by phone: the words of a caller, typed by a colleague and sealed to the program at once, with a receipt to read aloud.

Who takes the call hears the receipt words, as the caller does. So these words open one page, on which the source gets others
(`newwords`), and the claim code is shown after that. No key here opens what was typed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import select

from evidence.canonical import b64url, unb64url
from evidence.errors import FormatError
from evidence.keys import Identity, hkdf, wrap
from tipline import audit, policy
from tipline.actor import Actor
from tipline.errors import BadInput, Conflict
from tipline.intake import packet, rules, services, statements, taking
from tipline.intake.conversation import Source
from tipline.intake.parts import forget
from tipline.intake.receipt import derive_receipt, new_claim
from tipline.models.base import new_id
from tipline.models.programs import Program
from tipline.models.tips import Tip
from tipline.work import Work

SECRET = 32
CHANNEL = "phone"
FROM = "Telephone"


@dataclass(frozen=True)
class PhoneTip:
    """What a caller said. `token` is the form's: the same one twice makes one tip."""

    token: str
    program_id: str
    what: str
    how: str = ""
    who: str = ""


@dataclass(frozen=True)
class Taken:
    """A tip that was taken. Without words they can be shown no more."""

    words: tuple[str, ...]


def start_form() -> str:
    """The token of a new form."""
    return b64url(secrets.token_bytes(SECRET))


def list_programs(work: Work, actor: Actor) -> list[tuple[str, str]]:
    """Id and public title of the programs that take tips."""
    policy.require(actor, "tip.take")
    query = select(Program.id, Program.organisation, Program.title).where(Program.state == "open")
    return [
        (row.id, f"{row.organisation}: {row.title}") for row in work.session.execute(query.order_by(Program.organisation, Program.title))
    ]


def take(work: Work, actor: Actor, command: PhoneTip) -> Taken:
    """Make a tip of what a caller said: ACQUIRED names who took it, and is signed by them and the console.

    Raises:
        BadInput: nothing was typed, or too much, or no program was chosen.
        Conflict: the form is not one of ours.
    """
    policy.require(actor, "tip.take")
    secret = _secret(command.token)
    draft_id = hkdf(secret, "tipline/phone-form/1", 32).hex()
    before = work.session.execute(statements.IS_SENT, {"id": draft_id}).first()
    if before is not None:
        return Taken(derive_receipt(secret, before.salt).words if before.salt else ())
    answers, program_id = _check(work, command)
    salt = secrets.token_bytes(services.SALT)
    receipt, claim = derive_receipt(secret, salt), new_claim()
    identity = Identity.generate()
    recipient = identity.recipient
    to = taking.Destination(new_id(), program_id, recipient, claim.signing_key().public.hex(), actor, FROM)
    batch = work.vault.objects.batch()
    body = batch.seal(rules.tip_text(answers))
    ready = taking.make_ready(work.vault, [taking.Parcel(body, services.TEXT_NAME, "tip_text")], to, work.today(), batch)
    tip = services.NewTip(
        to=to,
        channel=CHANNEL,
        receipt_lookup=receipt.phone_lookup(),
        packet=wrap(packet.encode([one.packet_item for one in ready]), [recipient]),
        claim_code=wrap("-".join(claim.letters).encode(), [recipient]),
        receipt_key=wrap(identity.secret.encode(), [receipt.source_identity().recipient]),
        ready=tuple(ready),
        draft_id=draft_id,
        salt=salt,
    )
    try:
        batch.store()
        services.write_tip(work, tip)
        audit.record(work.session, work.now(), actor, "tip.take", ("tip", to.tip_id))
        work.session.flush()
    except BaseException:
        taking.take_back(work.vault.objects, ready)
        forget(work.vault.objects, [body.keyfile.object_name])
        raise
    return Taken(receipt.words)


def _secret(token: str) -> bytes:
    try:
        secret = unb64url(token)
    except FormatError:
        secret = b""
    if len(secret) != SECRET:
        raise Conflict("This form did not arrive whole.", "Nothing was sent. Open the page again.")
    return secret


def _check(work: Work, command: PhoneTip) -> tuple[rules.Answers, str]:
    faults = {}
    program = work.session.get(Program, command.program_id)
    if program is None or program.state != "open":
        faults["program"] = "Choose the program that the call is about."
    if not command.what.strip():
        faults["what"] = "Type what the caller said. One sentence is enough."
    elif len(command.what.encode("utf-8", "replace")) > work.settings.max_text_chars:
        faults["what"] = f"Use at most {rules.size_words(work.settings.max_text_chars)} of text."
    if faults or program is None:
        raise BadInput("The tip was not sent.", "Put right what is marked.", faults)
    how = command.how if command.how in rules.HOW else ""
    return rules.Answers(command.what.encode("utf-8", "replace").decode(), how, who=rules.clean_who(command.who)), program.id


# the source's side


def find_claim_code(work: Work, source: Source) -> str:
    """The claim code of a tip taken by phone, until the source has said that it is written down; else empty."""
    blob = work.session.execute(select(Tip.claim_code).where(Tip.id == source.tip_id)).scalar()
    return source.identity.unwrap(blob).decode("ascii") if blob else ""


def forget_claim_code(work: Work, source: Source) -> None:
    """Take the claim code away: the source has written it down. It is shown to nobody any more."""
    tip = work.session.get(Tip, source.tip_id) if source.tip_id else None
    if tip is not None:
        tip.claim_code = None
        work.session.flush()
