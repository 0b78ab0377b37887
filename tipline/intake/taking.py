"""Sealed things become exhibits of a tip: ACQUIRED for each, a grant for the examiner, an item of the source's packet.

The public face writes only the first event of exhibits that it makes itself, so it needs no lock and no previous entry
(SPEC section 5): everything is made ready before the writing transaction begins, which then only inserts. The same
fields as `CustodyVault.acquire`; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from evidence import canonical, custody
from evidence.keys import KeyFile, wrap
from evidence.records import NO_PREVIOUS, Scalar, Signer, new_opening
from evidence.vault import Batch, Sealed, Vault
from tipline import direct
from tipline.access import NAMED
from tipline.actor import Actor
from tipline.intake import packet, statements
from tipline.intake.rules import WORK_WITH_COPY
from tipline.models.base import new_id
from tipline.models.custody import Exhibit
from tipline.models.tips import Tip
from tipline.vault import PROCESS_NAMES, VERSION, CustodyVault, clear_name, shown_name

COPY_WITHIN = timedelta(days=3)


@dataclass(frozen=True)
class Parcel:
    """One thing about to be taken in. `kind` is tip_text or attachment; `copy`: staff are to work with a copy without metadata."""

    sealed: Sealed
    name: str
    kind: str
    copy: bool = False


@dataclass(frozen=True)
class Destination:
    """Whose exhibits they become; recipient and claim key are committed in each leaf.

    `taker`: the colleague who took it, where the source did not send it, and `came` by which way.
    """

    tip_id: str
    program_id: str
    source_recipient: str
    claim_key: str  # hex
    taker: Actor | None = None
    came: str | None = None

    def signers(self, process_key: Signer) -> list[Signer]:
        """Who signs the first events: the process, then the colleague."""
        return [process_key, self.taker.keyring.signing_key] if self.taker else [process_key]


@dataclass(frozen=True)
class Ready:
    """An exhibit that needs only to be written."""

    exhibit_id: str
    keyfile: KeyFile
    grant_id: str
    rows: dict[Table, dict[str, Any]]
    packet_item: str
    copy_grant: dict[str, Any] | None = None

    @property
    def grants(self) -> list[str]:
        return [self.grant_id, *([self.copy_grant["id"]] if self.copy_grant else [])]


def seal_text(objects: Vault, data: bytes) -> Sealed:
    """A text as a stored object."""
    batch = objects.batch()
    sealed = batch.seal(data)
    batch.store()
    return sealed


def make_ready(vault: CustodyVault, parcels: Sequence[Parcel], to: Destination, today: date, batch: Batch) -> list[Ready]:
    """Make events and rows of the parcels, as one act, and put their key files and grants into the batch. Nothing is stored yet.

    Raises:
        Conflict: the program is not in the signed list of recipients.
    """
    listed = vault.recipients
    program = listed.program(to.program_id)
    act: dict[str, Scalar] = {
        "act_id": new_id(),
        "act_size": len(parcels),
        "occurred_from": today.isoformat(),
        "occurred_to": today.isoformat(),
        "clock": "day and order only",
        "actor": to.taker.login if to.taker else PROCESS_NAMES[vault.face],
        "role": to.taker.role if to.taker else f"process:{vault.face}",
        "method_tool": "tipline",
        "method_version": VERSION,
        "result": "received whole",
        "moved_from": to.came,
        "moved_to": "sealed store",
        "program": to.program_id,
        "source_recipient": to.source_recipient,
        "claim_key": to.claim_key,
    }
    ready = [_ready(vault, parcel, to, act, program) for parcel in parcels]
    for one in ready:
        batch.add_key(one.keyfile, [program], first=True)
        for grant_id in one.grants:
            batch.add_grant(one.keyfile, grant_id, [listed.examiner])
    return ready


def _ready(vault: CustodyVault, parcel: Parcel, to: Destination, act: dict[str, Scalar], program: str) -> Ready:
    keyfile, exhibit_id, grant_id = parcel.sealed.keyfile, new_id(), new_id()
    fields = custody.next_fields(None, 0, exhibit_id, {"kind": "ACQUIRED", **act, **_what(parcel)})
    opening = new_opening(fields, to.signers(vault.keys.process_key))
    entry = opening.entry().hex()
    event_id = str(fields["event_id"])
    facts = {"name": clear_name(parcel.name), "digest": keyfile.plaintext_digest, "length": keyfile.length}
    exhibit = {
        "id": exhibit_id,
        "program_id": to.program_id,
        "kind": parcel.kind,
        "state": "held",
        "object_name": keyfile.object_name,
        "sealed_length": parcel.sealed.sealed_length,
        "recipient": keyfile.identity.recipient,
        "facts": wrap(canonical.encode(facts), [program]),
        "received_on": date.fromisoformat(str(act["occurred_from"])),
    }
    rows: dict[Table, dict[str, Any]] = {
        statements.EXHIBIT: exhibit,
        statements.EVENT: {"event_id": event_id, "exhibit_id": exhibit_id, "exhibit_seq": 1, "exhibit_prev": NO_PREVIOUS, "entry": entry},
        statements.OPENING: {"event_id": event_id, "opening": wrap(opening.to_bytes(), [keyfile.identity.recipient])},
        statements.PENDING: {"event_id": event_id},
        statements.GRANT: {"id": grant_id, "exhibit_id": exhibit_id, "purpose": "examine", "subject_id": to.tip_id},
    }
    item = packet.item(opening.disclosures(), opening.commitments(), opening.attest())
    return Ready(exhibit_id, keyfile, grant_id, rows, item, _copy_grant(exhibit_id, to, act) if parcel.copy else None)


def _copy_grant(exhibit_id: str, to: Destination, act: dict[str, Scalar]) -> dict[str, Any]:
    """Leave to make a copy. It ends at a midnight, so that it tells the day and no more."""
    ends = datetime.combine(date.fromisoformat(str(act["occurred_from"])) + COPY_WITHIN, time.min, UTC)
    return {"id": new_id(), "exhibit_id": exhibit_id, "purpose": "copy", "subject_id": to.tip_id, "expires_at": ends}


def _what(parcel: Parcel) -> dict[str, Scalar]:
    keyfile = parcel.sealed.keyfile
    return {
        "plaintext_after": keyfile.plaintext_digest,
        "ciphertext_after": f"sha256:{keyfile.object_name}",
        "length_after": keyfile.length,
        "name_b64": canonical.b64url(parcel.name.encode("utf-8", "surrogateescape")),
        "name_shown": shown_name(parcel.name),
        "purpose": WORK_WITH_COPY if parcel.copy else None,
    }


def write(session: Session, ready: Sequence[Ready]) -> None:
    """Write the rows, in the caller's transaction. Their batch is stored by then; after a fault the caller calls `take_back`."""
    for table, statement in statements.ADD_EVIDENCE.items():
        direct.write(session, statement, *(one.rows[table] for one in ready))
    copies = [one.copy_grant for one in ready if one.copy_grant]
    if copies:
        direct.write(session, statements.ADD_EVIDENCE[statements.GRANT], *copies)


def take_back(objects: Vault, ready: Sequence[Ready]) -> None:
    """End the grants of a Send that did not come about."""
    for one in ready:
        for grant_id in one.grants:
            objects.remove_grant(one.keyfile.object_name, grant_id)


def add_items(session: Session, ready: Sequence[Ready], message_id: str, tip_id: str, first: int = 0) -> None:
    """Tie exhibits to their message; `first` is 1 where the message has no text of its own."""
    rows = [
        {"exhibit_id": one.exhibit_id, "tip_id": tip_id, "message_id": message_id, "position": position}
        for position, one in enumerate(ready, first)
    ]
    direct.write(session, statements.ADD_ITEMS, *rows)


def keep_to_named(session: Session, ready: Sequence[Ready], tip_id: str) -> None:
    """Where only named colleagues read a tip's originals, what comes later is for them alone too, until someone opens it to all."""
    named = select(Tip.id).where(Tip.id == tip_id, Tip.audience == NAMED)
    came = update(Exhibit).where(Exhibit.id.in_([one.exhibit_id for one in ready]), named.exists())
    session.execute(came.values(named_only=True), execution_options={"synchronize_session": False})
