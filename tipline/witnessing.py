"""Witnesses: others who sign that our log only grew, so that nobody can be shown another one (SPEC 5.8).

The worker asks each witness that has an address for the newest published checkpoint (C2SP tlog-witness). One without an
address is given the checkpoint by hand, and its answer is taken by `tipline log cosign`. Only lines that hold under a key
of the settings are kept, and the checkpoint is published again with them.
"""

from __future__ import annotations

import base64
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from evidence.checkpoint import (
    COSIGNING,
    ED25519,
    Cosigned,
    Vkey,
    add_cosignatures,
    cosignatures,
    decode_note,
    own_note,
    parse_vkey,
    read_head,
    short_hash,
    signed_part,
)
from evidence.errors import EvidenceError, IntegrityError, Unreachable
from evidence.fetching import Answer, Limits, checked, post
from evidence.signing import ssh_fingerprint
from evidence.tiles import StoredTree
from tipline import logs
from tipline.config import Settings
from tipline.errors import BadInput, Conflict
from tipline.models.custody import Cosignature, LogCheckpoint
from tipline.publication import PUBLISHED, LogFolder, Published, newest_published
from tipline.sequencer import write_checkpoint
from tipline.work import Work

MOST = 16  # a verifier need not take more signatures than that (signed-note)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
AHEAD = timedelta(days=1)  # how far a witness's clock may be before ours
_ANSWER = Limits(64 * 1024, 20.0)
_SETTING = "Write NAME+HASH+KEY, then a space and the address if it has one; commas or line ends between witnesses."


class Units(Protocol):
    """How a process begins a unit of work: `Process.unit`."""

    def __call__(self, *, write: bool) -> AbstractContextManager[Work]: ...


@dataclass(frozen=True)
class Witness:
    """A witness that the operator named; `url` is None for one that is asked by hand."""

    key: Vkey
    url: str | None


@dataclass(frozen=True)
class Signed:
    """What `tipline log cosign` took: the size and short hash of the checkpoint, and who signed it."""

    size: int
    short: str
    witnesses: tuple[str, ...]


@dataclass(frozen=True)
class LogState:
    """The log as an operator sees it. `cosigned` says of each witness when it signed, or None."""

    origin: str
    vkey: str
    fingerprint: str
    size: int
    short: str
    signed_at: datetime | None
    cosigned: tuple[tuple[str, Cosigned | None], ...]

    def facts(self) -> dict[str, object]:
        """The same for machines."""
        signed = [{"witness": name, "at": one.at if one else None} for name, one in self.cosigned]
        head = {"size": self.size, "checkpoint": self.short, "published": self.signed_at.isoformat() if self.signed_at else None}
        return {"origin": self.origin, "key": self.vkey, "fingerprint": self.fingerprint, **head, "witnesses": signed}

    def lines(self) -> list[str]:
        """The same in words."""
        head = f"{self.size} events, {self.short}, {self.signed_at:%Y-%m-%d}" if self.signed_at else "none yet"
        told = [f"Witness\t{name}\t{_when(one)}" for name, one in self.cosigned] or ["Witness\tnone: not witnessed"]
        key = [f"Origin\t{self.origin}", f"Key\t{self.vkey}", f"Fingerprint\t{self.fingerprint}"]
        return [*key, f"Published checkpoint\t{head}", *told]


def parse_witnesses(text: str) -> list[Witness]:
    """Return the witnesses that a setting names.

    Raises:
        BadInput: one is not in the right form, is no witness's key, or there are too many.
    """
    found: list[Witness] = []
    for part in filter(None, (part.strip() for part in text.replace("\n", ",").split(","))):
        name, _, url = part.partition(" ")
        try:
            key = parse_vkey(name)
            address = checked(url.strip()).rstrip("/") if url.strip() else None
        except EvidenceError as error:
            raise BadInput(f"TIPLINE_WITNESSES can't be read: {error}", _SETTING) from error
        if key.kind not in COSIGNING:
            raise BadInput(f"TIPLINE_WITNESSES names a key that is no witness's: {key.name}", _SETTING)
        found.append(Witness(key, address))
    if len(found) > MOST or len({one.key.name for one in found}) != len(found):
        raise BadInput(f"TIPLINE_WITNESSES names more than {MOST} witnesses, or one twice.", _SETTING)
    return found


class Rounds:
    """The worker's rounds among the witnesses: who has not signed the newest checkpoint is asked, more and more rarely."""

    def __init__(self, units: Units, settings: Settings) -> None:
        self._units = units
        self._folder = LogFolder(settings.log_folder)
        self._witnesses = parse_witnesses(settings.witnesses)
        self._tried: dict[str, tuple[str, int, datetime]] = {}  # by witness: the checkpoint, how often in vain, when again

    def step(self) -> int:
        """Ask whoever is due, keep what holds, publish it. Returns how many signed."""
        with self._units(write=False) as work:
            database, now = work.database, work.now()
            last = newest_published(work.session)
            done = set(work.session.scalars(select(Cosignature.witness).where(Cosignature.checkpoint_id == last.id))) if last else set()
        if last is None:
            return 0
        missing = [one for one in self._witnesses if one.url and one.key.name not in done]
        signed = sum(self._ask(one, last, now) for one in missing if self._is_due(one, last, now))
        write_checkpoint(database, self._folder)
        return signed

    def _is_due(self, witness: Witness, last: Published, now: datetime) -> bool:
        checkpoint, _, again = self._tried.get(witness.key.text, ("", 0, now))
        return checkpoint != last.id or again <= now

    def _ask(self, witness: Witness, last: Published, now: datetime) -> bool:
        try:
            with self._units(write=False) as work:
                old = last_cosigned(work.session, witness.key.name)
            line = request_cosignature(witness, last.note, (self._folder, old))
        except EvidenceError as error:
            self._note_failure(witness, last, now)
            logs.failure("a witness did not sign", error, witness=witness.key.name, size=last.size, reason=str(error))
            return False
        with self._units(write=True) as work:
            kept = keep(work, last, line, [witness.key])
        logs.event("a witness signed", witness=witness.key.name, size=last.size)
        return bool(kept)

    def _note_failure(self, witness: Witness, last: Published, now: datetime) -> None:
        checkpoint, tries, _ = self._tried.get(witness.key.text, ("", 0, now))
        tries = tries + 1 if checkpoint == last.id else 1
        wait = min(FIRST_WAIT * 2 ** min(tries - 1, 10), LONGEST_WAIT)
        self._tried[witness.key.text] = (last.id, tries, now + wait)


def request_cosignature(witness: Witness, note: str, grown: tuple[LogFolder, int]) -> str:
    """Ask a witness for its line under a published checkpoint (C2SP tlog-witness, add-checkpoint).

    Args:
        grown: the published log, and the size that the witness is thought to have signed last; it says so if that is wrong.

    Returns:
        One or more signature lines that hold under the witness's key.

    Raises:
        Unreachable: it does not answer, or refuses.
        IntegrityError: it has signed a longer log than ours, or what it answers is no cosignature of its own.
    """
    folder, old = grown
    head = read_head(note)
    tree = StoredTree(head.size, folder.read, head.root)
    answer = _add_checkpoint(witness, note, tree, old)
    if answer.status == 409:
        told = _told_size(answer)
        if told > head.size:
            raise IntegrityError(
                f"{witness.key.name} has signed our log at size {told}, and we publish {head.size}",
                "Either a backup was restored, or somebody publishes under our name. Stop, and find out which.",
            )
        answer = _add_checkpoint(witness, note, tree, told)
    if answer.status != 200:
        raise Unreachable(
            f"{witness.key.name} answered {answer.status}", "Ask who runs it: 403 and 404 mean that it does not know our key."
        )
    added = add_cosignatures(own_note(note), decode_note(answer.body), [witness.key])
    lines = added[len(own_note(note)) :]
    if not lines:
        raise IntegrityError(f"{witness.key.name} answered without a cosignature of its own", "Compare its key in TIPLINE_WITNESSES.")
    return lines


def _add_checkpoint(witness: Witness, note: str, tree: StoredTree, old: int) -> Answer:
    proof = tree.consistency(old) if 0 < old <= tree.size else []
    lines = [f"old {min(old, tree.size)}", *(base64.b64encode(part).decode() for part in proof)]
    body = "\n".join(lines) + "\n\n" + own_note(note)
    return post(f"{witness.url}/add-checkpoint", body.encode(), "text/plain; charset=utf-8", _ANSWER)


def _told_size(answer: Answer) -> int:
    text = answer.body.decode("ascii", "replace")
    if not (text.endswith("\n") and text[:-1].isascii() and text[:-1].isdigit() and len(text) < 20):
        raise Unreachable("a witness told its size in another form", "Ask who runs it.")
    return int(text)


def keep(work: Work, published: Published, lines: str, keys: list[Vkey]) -> tuple[str, ...]:
    """Store those lines that are true cosignatures of these keys under a published checkpoint, and not of the future.

    Returns:
        The witnesses' names.

    Raises:
        FormatError, IntegrityError: a line is no signature, or they belong to another checkpoint.
    """
    bare = own_note(published.note)
    latest = (work.now() + AHEAD).timestamp()
    found = [one for one in cosignatures(add_cosignatures(bare, lines, keys), keys) if one.at <= latest]
    known = set(work.session.scalars(select(Cosignature.witness).where(Cosignature.checkpoint_id == published.id)))
    for one in found:
        if one.name not in known:
            row = Cosignature(checkpoint_id=published.id, witness=one.name, line=one.line, received_at=work.now())
            work.session.add(row)
    work.session.flush()
    return tuple(one.name for one in found)


def take_by_hand(work: Work, data: bytes) -> Signed:
    """Take what a witness gave by hand: the checkpoint with its line, or the line alone for the newest checkpoint.

    Raises:
        Conflict: nothing was published, or not this checkpoint.
        BadInput: no line is a true cosignature of a witness that the settings name.
        FormatError, IntegrityError: it is not in the form of a note or of signature lines.
    """
    text = decode_note(data)
    published = _published_as(work.session, text)
    keys = [one.key for one in parse_witnesses(work.settings.witnesses)]
    names = keep(work, published, text, keys)
    if not names:
        raise BadInput(
            f"No line in it is a true cosignature of the checkpoint at size {published.size} by a witness that TIPLINE_WITNESSES names.",
            "Compare the witness's key with what it told you, and that it signed this checkpoint.",
        )
    return Signed(published.size, short_hash(published.note), names)


def _published_as(session: Session, text: str) -> Published:
    last = newest_published(session)
    if last is None:
        raise Conflict("This log has published no checkpoint yet.", "Start the worker; it publishes at once.")
    if "\n\n" not in text:
        return last
    rows = session.scalars(select(LogCheckpoint).where(LogCheckpoint.kind == PUBLISHED, LogCheckpoint.size == read_head(text).size))
    for row in rows:
        if signed_part(row.note) == signed_part(text):
            return Published(row.id, row.note, row.size, row.signed_at)
    raise Conflict(
        "This is not a checkpoint that our log published.", "Fetch it from /log/checkpoint of the public page, and have that signed."
    )


def last_cosigned(session: Session, name: str) -> int:
    """Return the size of the newest checkpoint that a witness signed, 0 for none."""
    query = select(func.max(LogCheckpoint.size)).join(Cosignature, Cosignature.checkpoint_id == LogCheckpoint.id)
    return session.execute(query.where(Cosignature.witness == name)).scalar() or 0


def describe(work: Work) -> LogState:
    """Return the log's name, key and newest published checkpoint, and which witnesses signed it. In the worker's key folder.

    Raises:
        BadInput: the setting of witnesses can't be read.
    """
    keys = work.vault.keys
    key = Vkey(keys.text("log.origin"), ED25519, keys.log_key.public)
    last = newest_published(work.session)
    witnesses = parse_witnesses(work.settings.witnesses)
    signed = {one.name: one for one in cosignatures(last.note, [one.key for one in witnesses])} if last else {}
    told = tuple((one.key.name, signed.get(one.key.name)) for one in witnesses)
    size, short, at = (last.size, short_hash(last.note), last.signed_at) if last else (0, "", None)
    return LogState(key.name, key.text, ssh_fingerprint(key.public), size, short, at, told)


def _when(one: Cosigned | None) -> str:
    return f"signed {datetime.fromtimestamp(one.at, UTC):%Y-%m-%d %H:%M} UTC" if one else "not signed yet"
