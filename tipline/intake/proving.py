"""A source proves what was sent: from the packet that the receipt opens, the published tiles, and the claim code.

Nothing is stored for it and nothing is logged. Nobody else can make a proof: it is signed by the claim key, whose public
half each item's leaf commits to and whose private half exists only while a claim code is typed in.
"""

from __future__ import annotations

import hmac
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, select

from evidence import submission
from evidence.checkpoint import ED25519, Vkey, short_hash
from evidence.errors import EvidenceError, IntegrityError, NotFound, WrongKey
from evidence.signing import SigningKey, ssh_fingerprint
from evidence.submission import Proved, ProvedItem, Statement
from evidence.tiles import StoredTree
from tipline.errors import BadInput, Conflict, Unsound
from tipline.intake import packet, publiclog
from tipline.intake.conversation import Source
from tipline.intake.receipt import ClaimCode, parse_claim
from tipline.languages import later, say
from tipline.logkeys import log_keys
from tipline.models.custody import LogLeaf
from tipline.models.programs import Program
from tipline.models.tips import Tip
from tipline.publication import LogFolder, newest_published
from tipline.work import Work

WRONG_CODE = later("That claim code does not belong to this tip. Check each group of four, or try again with the code from your paper.")
TOO_LONG = later("Copy it as it was given to you: one line of at most 200 letters.")
BOTH = later("Whoever asks gives you both: a name and a code. Type both, or leave both empty.")
PUT_RIGHT = later("The proof was not made. There is something to put right.")
NOT_YET = later("Your tip is not in the published log yet.")
COME_BACK = later("The log is published each day at midnight, world time (UTC). Come back after that.")
TOO_MANY = later("You have sent more things than fit into one proof.")
ASK_US = later("Write to us in the conversation.")
NOT_SOUND = later("The public log does not agree with what was sealed to you when you sent this.")
TELL_US = later("Send a new tip and tell us that this one is damaged. Nothing that you sent is lost.")

MAKE_AGAIN = later("Type the claim code again: the proof has to be made anew.")

MOST_ON_PAPER = submission.CODE_LETTERS * submission.MOST_CODES * 5 // 8  # bytes, about 210 items
MOST_ITEMS = 1000  # of some 4 kB each, so that the file stays below what a reader takes


@dataclass(frozen=True)
class Standing:
    """How far a tip's items are in the published log, for the page: how many there are, and whether all are covered."""

    program: Program
    items: int
    covered: bool
    sent_on: date
    next_on: date  # the day on which the log is published next, at 00:00 UTC
    sound: bool = True  # False: what was sealed to the source was changed


@dataclass(frozen=True)
class Asked:
    """What a source typed: the claim code, and what whoever wants the proof gave them; both of these empty where nobody did."""

    code: str = field(repr=False)
    audience: str
    nonce: str

    def __post_init__(self) -> None:
        """White space at the ends and between words does not count."""
        object.__setattr__(self, "audience", " ".join(self.audience.split()))
        object.__setattr__(self, "nonce", " ".join(self.nonce.split()))


@dataclass(frozen=True)
class Made:
    """A proof: its file, the texts of its QR codes (none where it would take more than 999), and by what the public log is known."""

    file: bytes
    codes: tuple[str, ...]
    origin: str
    checkpoint: str
    fingerprint: str
    asked: Asked

    @property
    def command(self) -> str:
        """How whoever scanned the codes checks them."""
        asked = ["--audience", self.asked.audience, "--nonce", self.asked.nonce] if self.asked.audience else []
        return shlex.join(["python3", "verify.py", "--key", self.fingerprint, *asked, "codes.txt"])


def statement(work: Work, purpose: str, audience: str = "", nonce: str = "") -> Statement:
    """Return the statement of a proof that is made today.

    Raises:
        Conflict: nothing was published yet.
        evidence.errors.FormatError: audience or nonce is too long, or holds what can't be printed.
    """
    made = Statement(_head(work).checkpoint.origin, purpose, audience, nonce, work.today().isoformat())
    made.to_bytes()
    return made


def prove(work: Work, source: Source, claim_code: str, statement: Statement) -> bytes:
    """Return the text file that proves all items of a source's tip (SPEC 3.9).

    Raises:
        BadInput: the claim code is not the tip's, or the receipt opened no tip.
        Conflict: an item is not in a published checkpoint yet; the words say when.
        Unsound: the log does not agree with the packet.
    """
    items = _packet_items(work, source)
    claim_key = _claim_key(items, claim_code)
    head = _head(work)
    if len(items) > MOST_ITEMS:
        raise Conflict(say(TOO_MANY), say(ASK_US))
    places = _places(work, items)
    if any(place is None or place >= head.checkpoint.size for place in places):
        raise Conflict(say(NOT_YET), say(COME_BACK))
    try:
        tree = StoredTree(head.checkpoint.size, LogFolder(work.settings.log_folder).read, head.checkpoint.root)
        proved = [ProvedItem(place, tree.inclusion(place), item) for place, item in zip(places, items, strict=True) if place is not None]
        return submission.make_proof(statement, head.note, head.key, proved, claim_key)
    except (IntegrityError, NotFound) as error:
        raise Unsound(say(NOT_SOUND), say(TELL_US)) from error


def make(work: Work, source: Source, asked: Asked) -> Made:
    """Make the proof that a source asked for on the page.

    Raises:
        BadInput: something that was typed can't be used; `fields` says what to do about each.
        Conflict, Unsound: as `prove`.
    """
    faults = {name: say(TOO_LONG) for name, text in (("audience", asked.audience), ("nonce", asked.nonce)) if not submission.is_words(text)}
    if bool(asked.audience) != bool(asked.nonce):
        faults.setdefault("nonce" if asked.audience else "audience", say(BOTH))
    if faults:
        raise BadInput(say(PUT_RIGHT), fields=faults)
    return _made(prove(work, source, asked.code, statement(work, submission.PROOF, asked.audience, asked.nonce)), asked)


def read_again(work: Work, source: Source, file: bytes, asked: Asked) -> Made:
    """Take a proof of this source's tip that a page carried along, for its further codes: no claim code is needed to look at it.

    Raises:
        BadInput: it is no proof by this tip's claim key, for who asked, that this log's key of today leads to.
        Unsound: as `prove`.
    """
    head = _head(work)
    try:
        claim_key = submission.check_proof(file, [head.key], submission.PROOF, asked.audience, asked.nonce).claim_key.hex()
    except EvidenceError as error:
        raise BadInput(say(PUT_RIGHT), fields={"claim": say(MAKE_AGAIN)}) from error
    if claim_key not in {str(packet.value(item, "claim_key")) for item in _packet_items(work, source)}:
        raise BadInput(say(PUT_RIGHT), fields={"claim": say(MAKE_AGAIN)})
    return _made(file, asked)


def _made(file: bytes, asked: Asked) -> Made:
    key, note = submission.read_log(file)  # another checkpoint may have been published meanwhile
    codes = tuple(submission.codes(file)) if len(submission.bare(file)) <= MOST_ON_PAPER else ()
    return Made(file, codes, key.name, short_hash(note), ssh_fingerprint(key.public), asked)


def standing(work: Work, source: Source) -> Standing | None:
    """Return how far the items are in the published log; None where the receipt opened no tip."""
    tip = work.session.get(Tip, source.tip_id) if source.tip_id else None
    if tip is None:
        return None
    program, head = work.session.get_one(Program, tip.program_id), publiclog.find_head(work.settings.log_folder)
    try:
        events = [str(packet.value(item, "event_id")) for item in _packet_items(work, source)]
    except Unsound:
        return Standing(program, 0, False, tip.received_on, next_published(work), sound=False)
    places = {row.event_id: row.log_index for row in _leaves(work, events)}
    size = head.checkpoint.size if head else 0
    return Standing(program, len(events), all(places.get(event, size) < size for event in events), tip.received_on, next_published(work))


def next_published(work: Work) -> date:
    """Return the day at whose beginning (00:00 UTC) the log is published next, at the latest."""
    return work.today() + timedelta(days=1)


def check(work: Work, proof: bytes, asked: Statement) -> Proved:
    """Return what a proof shows, for staff: checked against this log's keys, each while it was good.

    Args:
        asked: whose purpose, audience and nonce the proof must have; origin and day are not compared.

    Raises:
        evidence.errors.FormatError, evidence.errors.IntegrityError: it does not hold; WrongKey among them.
    """
    last = newest_published(work.session)
    origin = last.note.split("\n", 1)[0] if last else ""
    keys = log_keys(work.session)
    vkeys = [Vkey(origin, ED25519, key.public) for key in keys]
    found = submission.check_proof(proof, vkeys, asked.purpose, asked.audience, asked.nonce)
    if not any(key.public == found.log_key.public and key.signs(found.checkpoint.size) for key in keys):
        raise WrongKey("the checkpoint covers the end of the key that signed it", "Ask for a proof with a newer checkpoint.")
    return found


def _packet_items(work: Work, source: Source) -> list[dict[str, Any]]:
    """The items that were sealed to the source; none where the receipt opened no tip."""
    tip = work.session.get(Tip, source.tip_id) if source.tip_id else None
    if tip is None:
        return []
    try:
        items = packet.items(source.identity.unwrap(tip.packet))
    except EvidenceError as error:
        raise Unsound(say(NOT_SOUND), say(TELL_US)) from error
    return items


def _claim_key(items: Sequence[dict[str, Any]], typed: str) -> SigningKey:
    """The key of a typed claim code. A code that can't be one takes the same way as a wrong one."""
    meant = parse_claim(typed)
    key = (meant or ClaimCode(secrets.token_bytes(17))).signing_key()
    committed = {str(packet.value(item, "claim_key")) for item in items}
    if len(committed) != 1 or not hmac.compare_digest(key.public.hex(), committed.pop()) or meant is None:
        raise BadInput(say(WRONG_CODE), fields={"claim": say(WRONG_CODE)})
    return key


def _head(work: Work) -> publiclog.Head:
    found = publiclog.find_head(work.settings.log_folder)
    if found is None:
        raise Conflict(say(NOT_YET), say(COME_BACK))
    return found


def _places(work: Work, items: Sequence[dict[str, Any]]) -> list[int | None]:
    """The place of each item in the log, in one query; None where it has none yet.

    Raises:
        Unsound: another entry stands there than the one that the packet leads to.
    """
    events = [str(packet.value(item, "event_id")) for item in items]
    found = {row.event_id: row for row in _leaves(work, events)}
    for event, item in zip(events, items, strict=True):
        if event in found and found[event].entry != packet.entry(item).hex():
            raise Unsound(say(NOT_SOUND), say(TELL_US))
    return [found[event].log_index if event in found else None for event in events]


def _leaves(work: Work, events: Sequence[str]) -> Sequence[Row[str, int, str]]:
    query = select(LogLeaf.event_id, LogLeaf.log_index, LogLeaf.entry).where(LogLeaf.event_id.in_(events))
    return work.session.execute(query).all()
