"""A source claims the reward: words and eligibility, signed by the key that the tip's leaves committed to, kept as an exhibit.

The claim code is used once, in memory, to sign; it is neither stored nor logged.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import select

from evidence.submission import Proved, check_proof
from evidence.vault import Sealed
from tipline.errors import BadInput, Conflict, Unsound
from tipline.intake import proving, publiclog
from tipline.intake.conversation import Source
from tipline.intake.parts import forget
from tipline.intake.taking import seal_text
from tipline.languages import later, say
from tipline.models.programs import Program
from tipline.models.rewards import Payout, RewardClaim
from tipline.models.tips import Tip
from tipline.rewards import document, rules
from tipline.rewards.document import Document, Words
from tipline.vault import Acquisition
from tipline.work import Work

PURPOSE = KIND = "claim"
SELF, LAWYER = "self", "lawyer"
DECLARED = {  # what must be true of a claimant; the claim keeps the sentences in English, as they stand here
    "employee": later("I do not work for the organisation, and no one I live with does."),
    "involved": later("I had no part in what this reward is about."),
    "sanctions": later("I am not on a sanctions list, and the law does not forbid paying me."),
}
NOT_OPEN = {
    "unset": later("This program does not take claims yet."),
    "over": later("The last day for claims is over."),
}
PUT_RIGHT = later("Your claim was not sent. There is something to put right.")
NO_TIP = later("Use your receipt first.")
NOT_TRUE = later("Tick this if it is true. If it is not, you cannot claim. Your tip still counts, and a lawyer can tell you more.")
HOW_IT_HELPED = later("Say in a few words how what you told us helped.")
WHO_CLAIMS = later("Choose who claims.")
NO_CODE = later("Type your claim code.")
CHANGED = later("The record of this tip was changed.")


@dataclass(frozen=True)
class Claim:
    """What a claimant typed. `declared` are keys of `DECLARED`."""

    code: str = field(repr=False)
    by: str
    office: str
    helped: str
    declared: frozenset[str]


@dataclass(frozen=True)
class ClaimView:
    """What the conversation page and the claim's form show. `proved`: the tip is in the published log, so a claim can be signed."""

    program: Program
    closed: str
    until: date | None
    state: str = ""
    number: str = ""
    claimed_on: date | None = None
    amount: str = ""
    voucher_until: date | None = None
    proved: bool = False
    sound: bool = True  # False: what was sealed to the source was changed, so nothing can be signed

    @property
    def told(self) -> str:
        """What the source learns of the state."""
        return rules.told_state(self.state)


def view(work: Work, source: Source) -> ClaimView | None:
    """Return how the source's claim stands, or that there is none yet; None where the receipt opened no tip."""
    tip = work.session.get(Tip, source.tip_id) if source.tip_id else None
    if tip is None:
        return None
    program = work.session.get_one(Program, tip.program_id)
    closed = rules.closed_because(program.reward_most, program.claims_until, work.today())
    claim = work.session.scalar(select(RewardClaim).where(RewardClaim.tip_id == tip.id))
    if claim is None:
        standing = proving.standing(work, source)
        sound, covered = standing is not None and standing.sound, standing is not None and standing.covered
        return ClaimView(program, closed, program.claims_until, proved=covered, sound=sound)
    until = work.session.scalar(select(Payout.expires_on).where(Payout.claim_id == claim.id, Payout.state == "open"))
    amount = rules.money(claim.amount, program.currency) if claim.state in rules.APPROVED else ""
    return ClaimView(program, closed, program.claims_until, claim.state, claim.number, claim.claimed_on, amount, until, proved=True)


def make_claim(work: Work, source: Source, command: Claim) -> bool:
    """Claim the reward for a source's tip. False when it was claimed before: nothing is added.

    Raises:
        BadInput: something is missing, or the claim code is not this tip's.
        Conflict: claims are not open, or the tip is not in the published log yet; the words say when.
        Unsound: the tip's row is not what the source's own packet says.
    """
    with work.database.session(write=False) as session:
        reading = replace(work, session=session, write=False)
        found = view(reading, source)
        if found is None:
            raise Conflict(say(NO_TIP))
        if found.state:
            return False
        if found.closed:
            raise Conflict(say(NOT_OPEN[found.closed]))
        made = _signed(reading, source, command, found.program)
    objects = work.vault.objects
    sealed = seal_text(objects, made[0].encode())
    added = False
    try:
        added = _keep(work, source, made, sealed)
    finally:
        if not added:
            forget(objects, [sealed.keyfile.object_name])
    return added


def _signed(work: Work, source: Source, command: Claim, program: Program) -> tuple[Document, Proved]:
    words = _words(command)
    salt = document.new_salt()
    audience = rules.audience(proving.statement(work, PURPOSE).origin, program.slug)
    statement = proving.statement(work, PURPOSE, audience, document.nonce_of(salt, words))
    proof = proving.prove(work, source, command.code, statement)
    head = publiclog.find_head(work.settings.log_folder)
    shown = check_proof(proof, [head.key] if head else [], PURPOSE, audience, statement.nonce)
    return Document(salt, words, proof), shown


def _words(command: Claim) -> Words:
    helped, office = command.helped.strip()[: rules.WORDS_LENGTH], rules.clean(command.office, rules.OFFICE_LENGTH)
    faults = {name: say(NOT_TRUE) for name in DECLARED if name not in command.declared}
    if not helped:
        faults["helped"] = say(HOW_IT_HELPED)
    if command.by not in (SELF, LAWYER):
        faults["by"] = say(WHO_CLAIMS)
    if not command.code.strip():
        faults["claim"] = say(NO_CODE)
    if faults:
        raise BadInput(say(PUT_RIGHT), fields=faults)
    return Words(command.by, office if command.by == LAWYER else "", helped, tuple(DECLARED.values()))


def _keep(work: Work, source: Source, made: tuple[Document, Proved], sealed: Sealed) -> bool:
    session, (kept, shown), today = work.session, made, work.today()
    tip = session.get_one(Tip, source.tip_id, with_for_update=True)
    if session.scalar(select(RewardClaim.id).where(RewardClaim.tip_id == tip.id)) is not None:
        return False
    if (tip.source_recipient, tip.claim_key, tip.program_id) != (source.identity.recipient, shown.claim_key.hex(), shown.program):
        raise Unsound(say(CHANGED), say(proving.TELL_US))
    fields = {"source_recipient": tip.source_recipient, "claim_key": tip.claim_key, "purpose": "claim of the reward"}
    new = Acquisition(tip.program_id, KIND, sealed, document.NAME, today, today, fields)
    exhibit, _ = work.vault.acquire(session, new, work.now())
    session.add(
        RewardClaim(
            program_id=tip.program_id,
            tip_id=tip.id,
            exhibit_id=exhibit.id,
            number=f"RC-{today.year}-{work.next_number(f'claim:{today.year}'):04d}",
            nonce=kept.nonce,
            log_index=shown.indices[0],
            claimed_on=today,
        )
    )
    session.flush()
    return True
