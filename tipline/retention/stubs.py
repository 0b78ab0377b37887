"""What is left of a disposed exhibit: a stub for each event, with the proof that it stands in the log, and who disposed of it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from evidence import custody
from evidence.errors import EvidenceError
from evidence.errors import NotFound as TileMissing
from evidence.merkle import leaf_hash, verify_inclusion
from evidence.tiles import StoredTree
from tipline import policy
from tipline.actor import Actor
from tipline.cases.overview import exhibit_title
from tipline.errors import Conflict, NotFound, Unsound
from tipline.exhibits.opening import get_exhibit
from tipline.models.cases import CaseFile
from tipline.models.custody import Disposition, Exhibit, LogCheckpoint
from tipline.retention import dispositions, holds
from tipline.retention.dispositions import DispositionRow
from tipline.retention.holds import HoldRow
from tipline.vault import Stub
from tipline.work import Work

SHOWN = ("kind", "occurred_from", "actor", "role", "released_by", "purpose", "authority", "result")


class StillThere(NotFound):
    """The exhibit was not disposed of."""


@dataclass(frozen=True)
class StubRow:
    """One stub. `covered`: the newest published checkpoint covers it, so its proof can be given out."""

    seq: int
    entry: str
    index: int | None
    covered: bool


@dataclass(frozen=True)
class StubsPage:
    """Everything that can still be said of a disposed exhibit. `certificate` is DISPOSED as it was signed."""

    exhibit: Exhibit
    case_number: str
    done: DispositionRow | None
    certificate: dict[str, str]
    signatures: int
    stubs: tuple[StubRow, ...]
    checkpoint_at: datetime | None
    lock_days: int


@dataclass(frozen=True)
class Retention:
    """Holds and dispositions of one exhibit."""

    exhibit: Exhibit
    title: str
    holds: list[HoldRow]
    dispositions: list[DispositionRow]


def read_retention(work: Work, actor: Actor, exhibit_id: str) -> Retention:
    """Return the holds and dispositions of an exhibit."""
    policy.require(actor, "exhibit.read")
    exhibit = get_exhibit(work, actor, exhibit_id)
    title = exhibit_title(work, actor.keyring.program(str(exhibit.program_id)), exhibit)
    return Retention(exhibit, title, holds.of_exhibit(work, actor, exhibit), dispositions.of_exhibit(work, actor, exhibit))


def read_stubs(work: Work, actor: Actor, exhibit_id: str) -> StubsPage:
    """Return the stubs of a disposed exhibit, each checked against its row and the chain.

    Raises:
        NotFound: it is not there for this person, or was not disposed of. Unsound: a stub is not what was recorded.
    """
    policy.require(actor, "exhibit.read")
    exhibit = _disposed(work, actor, exhibit_id)
    stubs = work.vault.stubs(work.session, exhibit)
    done = next((row for row in dispositions.of_exhibit(work, actor, exhibit) if row.state == "done"), None)
    certified = _certificate(work, actor, exhibit, stubs)
    newest = _published(work)
    size = newest.size if newest else 0
    case = work.session.get(CaseFile, exhibit.case_id) if exhibit.case_id else None
    return StubsPage(
        exhibit=exhibit,
        case_number=case.number if case else "",
        done=done,
        certificate={name: str(value) for name, value in certified.values().items() if name in SHOWN and value} if certified else {},
        signatures=len(certified.attestations or ()) if certified else 0,
        stubs=tuple(StubRow(one.seq, one.entry, one.index, one.index is not None and one.index < size) for one in stubs),
        checkpoint_at=newest.signed_at if newest else None,
        lock_days=work.vault.objects.store.lock_days,
    )


def _disposed(work: Work, actor: Actor, exhibit_id: str) -> Exhibit:
    exhibit = get_exhibit(work, actor, exhibit_id)
    if exhibit.state != "disposed":
        raise StillThere("This exhibit was not disposed of.", "Its own page shows its custody.")
    return exhibit


def _certificate(work: Work, actor: Actor, exhibit: Exhibit, stubs: list[Stub]) -> custody.BundleEvent | None:
    """Return DISPOSED as it is kept, after comparing it with the last entry of the exhibit."""
    query = select(Disposition).where(Disposition.exhibit_id == exhibit.id, Disposition.state == "done")
    row = work.session.scalars(query).first()
    if row is None or row.certificate is None:
        return None
    keys = actor.keyring.program(str(exhibit.program_id))
    event = custody.decode_event(keys.open("disposition", "certificate", row.id, row.certificate))
    if event.entry().hex() != stubs[-1].entry or event.values()["kind"] != "DISPOSED":
        raise Unsound("The signed disposition is not the event that stands in the log.", "Tell the administrator.")
    return event


def _published(work: Work) -> LogCheckpoint | None:
    newest = select(LogCheckpoint).where(LogCheckpoint.kind == "published").order_by(LogCheckpoint.size.desc()).limit(1)
    return work.session.scalar(newest)


def prove(work: Work, actor: Actor, exhibit_id: str, seq: int, *, signed: bool = False) -> tuple[str, str]:
    """Return file name and text of a stub's proof (C2SP tlog-proof) against the newest published checkpoint.

    Args:
        signed: for the last event, give out the whole of what is kept of DISPOSED: who, when, why, with the signatures.

    Raises:
        NotFound: there is no such stub. Conflict: no published checkpoint covers it yet.
    """
    policy.require(actor, "exhibit.read")
    exhibit = _disposed(work, actor, exhibit_id)
    stubs = work.vault.stubs(work.session, exhibit)
    if not 1 <= seq <= len(stubs):
        raise NotFound("This exhibit has no such event.", "Choose one from its page.")
    stub, newest = stubs[seq - 1], _published(work)
    if stub.index is None or newest is None or stub.index >= newest.size:
        raise Conflict("No published checkpoint covers this event yet.", "The next one does. They are published once a day.")
    event = _certificate(work, actor, exhibit, stubs) if signed and seq == len(stubs) else stub.event
    if event is None:
        raise NotFound("The signed disposition is not kept.", "The stub itself can be proved.")
    line = custody.encode_event(event.placed(stub.index, ()))
    path = _path(work, stub, newest)
    head = ["c2sp.org/tlog-proof@v1", f"extra {base64.b64encode(line.encode()).decode()}", f"index {stub.index}"]
    name = f"{exhibit.number or exhibit.id}-{'disposed' if signed else seq}.tlog-proof"
    return name, "\n".join([*head, *(base64.b64encode(part).decode() for part in path), "", newest.note])


def _path(work: Work, stub: Stub, newest: LogCheckpoint) -> list[bytes]:
    """The path from the published tiles, tried before it is given out."""
    folder = work.settings.log_folder
    root = base64.b64decode(newest.note.splitlines()[2])
    index = int(stub.index or 0)
    try:
        path = StoredTree(newest.size, lambda name: _tile(folder, name), root).inclusion(index)
        verify_inclusion(leaf_hash(bytes.fromhex(stub.entry)), index, newest.size, path, root)
    except EvidenceError as error:
        raise Unsound("The published log does not hold this event.", "Tell the administrator: compare the log with its anchor.") from error
    return path


def _tile(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError as error:
        raise TileMissing(f"{name} is not published.", "Let the worker publish the log again.") from error
