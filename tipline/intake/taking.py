"""Sealed things become exhibits of a tip: ACQUIRED for each, a grant for the examiner, an item of the source's packet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evidence.keys import KeyFile
from evidence.records import Scalar
from evidence.vault import Sealed, Vault
from tipline.intake import packet
from tipline.models.base import new_id
from tipline.models.tips import TipItem
from tipline.vault import Acquisition
from tipline.work import Work


@dataclass(frozen=True)
class Parcel:
    """One thing about to be taken in. `kind` is tip_text or attachment."""

    sealed: Sealed
    name: str
    kind: str


@dataclass(frozen=True)
class Destination:
    """Whose exhibits they become; the last two are committed in each leaf."""

    tip_id: str
    program_id: str
    source_recipient: str
    claim_key: str  # hex


@dataclass(frozen=True)
class Taken:
    """An exhibit that was made, and its item of the packet."""

    exhibit_id: str
    packet_item: dict[str, Any]


def seal_text(objects: Vault, data: bytes) -> Sealed:
    """A text as a sealed object."""
    with objects.receive() as receiving:
        receiving.write(data)
        return receiving.finish()


def take_in(work: Work, parcels: Sequence[Parcel], to: Destination) -> list[Taken]:
    """Make exhibits of the parcels, as one act, in the caller's transaction."""
    act: dict[str, Scalar] = {
        "act_id": new_id(),
        "act_size": len(parcels),
        "source_recipient": to.source_recipient,
        "claim_key": to.claim_key,
    }
    return [_take_one(work, parcel, to, act) for parcel in parcels]


def _take_one(work: Work, parcel: Parcel, to: Destination, act: dict[str, Scalar]) -> Taken:
    today = work.today()
    acquisition = Acquisition(to.program_id, parcel.kind, parcel.sealed, parcel.name, received_on=today, occurred=today, fields=act)
    exhibit, _event = work.vault.acquire(work.session, acquisition, work.now())
    keyfile: KeyFile = parcel.sealed.keyfile
    work.vault.grant(work.session, exhibit, keyfile, purpose="examine", subject_id=to.tip_id, granted_by=None, expires_at=None)
    opening = work.vault.openings(work.session, exhibit, keyfile)[0]
    return Taken(exhibit.id, packet.item(opening))


def items_of(message_id: str, tip_id: str, taken: Sequence[Taken], first: int = 0) -> list[TipItem]:
    """The rows that tie exhibits to their message; `first` is 1 where the message has no text of its own."""
    return [
        TipItem(exhibit_id=one.exhibit_id, tip_id=tip_id, message_id=message_id, position=position)
        for position, one in enumerate(taken, first)
    ]


def ask_for_examination(work: Work, tip_id: str, key: str) -> None:
    """Leave the examiner's job in the same transaction, unless the hourly sweep is to find it."""
    if work.settings.examine == "now":
        work.jobs.enqueue(work.session, "examine_tip", key, tip_id)
