"""What the worker does for an export: read every exhibit again, and once the person has signed, seal the bundle.

No original lies anywhere in the clear: the bundle is packed from the sealed objects into a sealed object.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from evidence import bundle, manifest, merkle
from evidence.checkpoint import encode_consistency
from evidence.custody import BundleEvent, disclose
from evidence.errors import EvidenceError, IntegrityError, NotFound
from evidence.examine.signatures import media_type
from evidence.hashing import digest
from evidence.keys import KeyFile, wrap
from evidence.records import Opening, Scalar
from evidence.signing import parse_key_id
from evidence.vault import Receiving
from tipline import stamping
from tipline.errors import Conflict, TiplineError
from tipline.exports import rules
from tipline.exports.disclosing import DisclosedExhibit, open_disclosures
from tipline.logkeys import key_events
from tipline.models.cases import CaseFile, Export, ExportExhibit
from tipline.models.custody import Exhibit, Grant, LogLeaf, LogPending
from tipline.publication import newest_published
from tipline.sequencer import interim_checkpoint
from tipline.vault import Act
from tipline.work import Work

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

HEAD = 16 * 1024
SEQUENCED_WITHIN = 300.0  # seconds; the sequencer runs five times a second
POLL = 0.2


@dataclass(frozen=True)
class Granted:
    """One exhibit of an export, opened under its grant."""

    exhibit: Exhibit
    keyfile: KeyFile
    position: int


def prepare_payload(work: Work, export_id: str) -> None:
    """Read each exhibit's sealed bytes again, record VERIFIED, and fix the manifest that will be signed. Runs again harmlessly."""
    export, case = _load(work, export_id)
    if export.state != "preparing":
        return
    with _failing(work, export_id, case):
        granted = _granted(work, export)
        for one in granted[export.step :]:
            _verify(work, export, one)
        files = _payload(work, export, case, granted)
    with work.database.session(write=True) as session:
        stored = session.get_one(Export, export_id, with_for_update=True)
        stored.payload_digest = bundle.payload_digest(files)
        stored.state = "to_sign"
        session.commit()


def seal_bundle(work: Work, export_id: str) -> None:
    """Put custody, proofs, checkpoint and seal around the payload, and keep the packed bundle as a sealed object."""
    export, case = _load(work, export_id)
    if export.state != "sealing" or export.disclosures is None:
        return
    with _failing(work, export_id, case):
        granted = _granted(work, export)
        disclosed = work.vault.keys.as_examiner(partial(open_disclosures, export.disclosures))
        _await_places(work, [event_id for one in disclosed for event_id in one.event_ids])
        payload = _payload(work, export, case, granted)
        seal, size = _seal(work, export_id, disclosed)
        tags, title = bundle.tag_files(payload, seal), rules.bundle_title(case.number, export.number)
        keyfile = _keep(work, title, {**payload, **tags}, case.program_id)
        bundle.verify_packed(title, work.vault.objects.read(keyfile), seal)
    with work.database.session(write=True) as session:
        stored = session.get_one(Export, export_id, with_for_update=True)
        stored.bundle_name, stored.state, stored.disclosures = keyfile.object_name, "done", None
        stored.checkpoint_size, stored.tag_digest = size, digest(tags[manifest.TAGS])
        stored.finished_at = work.now()
        wraps = _end_grants(session, export_id)
        session.commit()
    _remove(work, wraps)


def _load(work: Work, export_id: str) -> tuple[Export, CaseFile]:
    with work.database.session(write=False) as session:
        export = session.get_one(Export, export_id)
        return export, session.get_one(CaseFile, export.case_id)


def _granted(work: Work, export: Export) -> list[Granted]:
    query = (
        select(Grant, ExportExhibit.position)
        .join(ExportExhibit, ExportExhibit.exhibit_id == Grant.exhibit_id)
        .where(Grant.purpose == "export", Grant.subject_id == export.id, ExportExhibit.export_id == export.id)
        .order_by(ExportExhibit.position)
    )
    with work.database.session(write=False) as session:
        opened = [Granted(*work.vault.open_granted(session, grant, work.now()), position) for grant, position in session.execute(query)]
    if len(opened) != export.steps:
        raise Conflict("Not every exhibit of this export is granted any more.", "Start the export again.")
    return opened


def _verify(work: Work, export: Export, one: Granted) -> None:
    """Re-read one exhibit; its event and the export's progress are one transaction."""
    fault = ""
    try:
        work.vault.objects.verify(one.keyfile)
    except (IntegrityError, NotFound) as error:
        fault = str(error)
    with work.database.session(write=True) as session:
        exhibit = session.get_one(Exhibit, one.exhibit.id)
        result = fault or "sealed bytes read again, digests agree"
        fields = {"purpose": "export", "result": result, "plaintext_before": one.keyfile.plaintext_digest}
        work.vault.record(session, Act(exhibit, one.keyfile, "VERIFY_FAILED" if fault else "VERIFIED", fields), work.now())
        if fault:
            exhibit.state = "quarantined"
        session.get_one(Export, export.id).step = one.position + 1
        session.commit()
    if fault:
        raise Conflict(f"{one.exhibit.number} is not the bytes that were received.", "It is quarantined. Restore it from a backup.")


def _payload(work: Work, export: Export, case: CaseFile, granted: Sequence[Granted]) -> dict[str, bundle.Content]:
    about: dict[str, Scalar] = {"format": "tipline/bundle/1", "case": case.number, "export": export.number}
    originals = [_original(work, one) for one in granted if rules.is_copied(one.exhibit.kind)]
    things = [one.exhibit for one in granted if not rules.is_copied(one.exhibit.kind)]
    return bundle.payload_files(originals, about, [bundle.BundleException(one.id, str(one.number), rules.NOT_COPIED) for one in things])


def _original(work: Work, one: Granted) -> bundle.BundleExhibit:
    keyfile, number = one.keyfile, str(one.exhibit.number)
    head = b""
    for chunk in work.vault.objects.read(keyfile):
        head += chunk
        if len(head) >= HEAD:
            break
    name = f"{number}.{rules.extension(media_type(head[:HEAD]))}"

    def chunks() -> Iterator[bytes]:
        return work.vault.objects.read(keyfile)

    return bundle.BundleExhibit(one.exhibit.id, number, name, keyfile.plaintext_digest, keyfile.length, chunks)


def _await_places(work: Work, event_ids: Sequence[str]) -> None:
    """Wait until the sequencer has given these events their index."""
    until = time.monotonic() + SEQUENCED_WITHIN
    query = select(func.count()).select_from(LogPending).where(LogPending.event_id.in_(event_ids))
    while True:
        with work.database.session(write=False) as session:
            if not session.execute(query).scalar():
                return
        if time.monotonic() > until:
            raise Conflict("The log has not taken in the export's events.", "Check that a worker runs (tipline doctor), then export again.")
        time.sleep(POLL)


def _seal(work: Work, export_id: str, disclosed: Sequence[DisclosedExhibit]) -> tuple[bundle.BundleSeal, int]:
    """Return what goes around the payload, and the size of the log at this moment."""
    note, tree = interim_checkpoint(work.database, work.vault, work.settings.log_folder, work.now())
    ids = [event_id for one in disclosed for event_id in one.event_ids]
    with work.database.session(write=False) as session:
        rows = session.execute(select(LogLeaf.event_id, LogLeaf.log_index).where(LogLeaf.event_id.in_(ids)))
        places = {row.event_id: row.log_index for row in rows}
        used = {key for one in disclosed for event in one.events for key, _ in event.attestations or ()}
        of_keys = _key_events(session, tree, used)
        published = _published(session, tree, stamping.authorities(work.settings))
    events = {
        one.exhibit: [_placed(event, places[event_id], tree) for event_id, event in zip(one.event_ids, one.events, strict=True)]
        for one in disclosed
    }
    keys, stamp = work.vault.keys, partial(stamping.stamp_export, work, export_id)
    seal = bundle.BundleSeal(events, of_keys, note, keys.log_key, keys.text("log.origin"), work.today(), published, stamp)
    return seal, tree.size


def _published(session: Session, tree: merkle.Nodes, authorities: Sequence[str]) -> bundle.Published | None:
    """Return the newest published checkpoint, with its witnesses' lines and its stamps, and that the log goes on from it."""
    newest = newest_published(session)
    if newest is None or newest.size > tree.size:  # published since: the next export names it
        return None
    proof = encode_consistency(newest.size, tree.size, tree.consistency(newest.size))
    return bundle.Published(newest.note, proof, stamping.replies(session, newest.id, authorities))


def _placed(event: BundleEvent, index: int, tree: merkle.Nodes) -> BundleEvent:
    return event.placed(index, tree.inclusion(index))


def _key_events(session: Session, tree: merkle.Nodes, used: set[bytes]) -> list[BundleEvent]:
    """Return the KEY_* events of the log's keys, of the keys that attest, and of the keys that attest those."""
    named = [(index, opening, _key_hash(opening)) for index, opening in key_events(session) if index is not None and index < tree.size]
    wanted: set[bytes] = set()
    grown = used | {name for _, opening, name in named if name is not None and opening.field("role") == "log"}
    while grown != wanted:
        wanted = grown
        chosen = [(index, opening) for index, opening, name in named if name in wanted]
        grown = wanted | {key for _, opening in chosen for key, _ in opening.attestations}
    return [_placed(disclose(opening), index, tree) for index, opening in chosen]


def _key_hash(opening: Opening) -> bytes | None:
    name = str(opening.field("key_id"))
    return hashlib.sha256(parse_key_id(name)).digest() if name.startswith("ed25519:") else None


def _keep(work: Work, title: str, files: dict[str, bundle.Content], program_id: str) -> KeyFile:
    with work.vault.objects.receive() as receiving:
        bundle.pack_files(title, files, _Sink(receiving))
        sealed = receiving.finish()
    work.vault.objects.add_key(sealed.keyfile, [work.vault.recipients.program(program_id)])
    return sealed.keyfile


class _Sink(io.RawIOBase):
    """What the zip is written to: the sealed object that receives it. It can't be sought in, and need not be."""

    def __init__(self, receiving: Receiving) -> None:
        super().__init__()
        self._receiving = receiving

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer) -> int:
        self._receiving.write(bytes(data))
        return memoryview(data).nbytes


@contextmanager
def _failing(work: Work, export_id: str, case: CaseFile) -> Iterator[None]:
    """A fault ends the export with its reason, and its grants with it; nothing else is touched."""
    try:
        yield
    except (EvidenceError, TiplineError) as error:
        with work.database.session(write=True) as session:
            export = session.get_one(Export, export_id, with_for_update=True)
            export.state = "failed"
            export.failure = wrap(str(error).encode(), [work.vault.recipients.program(case.program_id)])
            export.disclosures = None
            wraps = _end_grants(session, export_id)
            session.commit()
        _remove(work, wraps)
        raise


def _end_grants(session: Session, export_id: str) -> list[tuple[str, str]]:
    """Delete the grants' rows; return object and id of the wraps, which go once that is committed.

    The other way round a crash in between would leave an export that waits for wraps that are gone. A wrap that a crash leaves here
    ends in the grant sweep.
    """
    query = select(Grant, Exhibit.object_name).join(Exhibit, Exhibit.id == Grant.exhibit_id)
    ended = session.execute(query.where(Grant.purpose == "export", Grant.subject_id == export_id)).all()
    for grant, _ in ended:
        session.delete(grant)
    return [(name, grant.id) for grant, name in ended if name is not None]


def _remove(work: Work, wraps: Sequence[tuple[str, str]]) -> None:
    for name, grant_id in wraps:
        work.vault.objects.remove_grant(name, grant_id)
