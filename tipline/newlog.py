"""A new log where the entries of the old one are gone: its first leaf commits to the old one's last checkpoint (SPEC 5.9)."""

from __future__ import annotations

import hashlib

from sqlalchemy import select

from evidence.checkpoint import ED25519, Checkpoint, Vkey, open_note, parse_vkey, short_hash
from evidence.errors import EvidenceError
from evidence.signing import parse_key_id, parse_ssh_public, ssh_fingerprint
from tipline import jobs
from tipline.admin.setup import SetupReport, ensure_installation, prepare
from tipline.config import Settings
from tipline.db import upgrade
from tipline.errors import BadInput, Conflict
from tipline.keyfolders import KeyFolder, create_key_folders, fresh_secret, replace_file
from tipline.logkeys import CHECKPOINT
from tipline.models.base import new_id
from tipline.models.custody import CustodyEvent, Restoration
from tipline.process import Process, open_process
from tipline.recovering import SIGN, Say
from tipline.running import alone
from tipline.sequencer import Sequencer
from tipline.vault import Act
from tipline.work import Work

WHERE = "Begin the new log in a new data folder: set TIPLINE_DATA (and TIPLINE_ANCHOR, TIPLINE_DATABASE_URL) to places without a log."


def begin(settings: Settings, note: str, key: str, say: Say) -> SetupReport:
    """Set an installation up whose log begins with RESTORED over the old checkpoint's digest, before its own keys are added.

    Args:
        note: the old log's last checkpoint, as it was published.
        key: the old log's key: `ed25519:...`, an OpenSSH line, a vkey, or the fingerprint of the key in this worker's folder.

    Raises:
        BadInput: the key can't be read. Conflict: there is a log here already, or something runs.
        evidence.errors.EvidenceError: the note is not one that this key signed.
    """
    origin = note.split("\n", 1)[0]
    head = open_note(note, [Vkey(origin, ED25519, _public(key, settings))])
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    _refuse_files(settings)
    upgrade(settings.database)
    jobs.migrate(settings.database)
    create_key_folders(settings)
    _rename_log(settings, origin)
    process = open_process("worker", settings)
    try:
        with alone(settings, process.database, process.clock()):
            _first_leaf(process, note, head)
    finally:
        process.database.dispose()
    say(f"A new log begins. Its first leaf commits to {head.origin} at {head.size} events, {short_hash(note)}.")
    say(f"Its name is {KeyFolder(settings.keys('worker')).text('log.origin')}. Tell it and its key to whoever receives bundles.")
    say(SIGN)
    return prepare(settings)


def _refuse_files(settings: Settings) -> None:
    anchor = settings.anchor_file
    if anchor.exists() and anchor.stat().st_size:
        raise Conflict(f"The anchor {anchor} holds a log: `tipline recover` takes it back.", WHERE)
    if (settings.log_folder / CHECKPOINT).exists():
        raise Conflict(f"A log was published from {settings.log_folder}.", WHERE)


def _rename_log(settings: Settings, origin: str) -> None:
    """Where the key folders survived: another name, since under the old one two logs would contradict each other."""
    folder = settings.keys("worker")
    if KeyFolder(folder).text("log.origin") == origin:
        replace_file(folder / "log.origin", fresh_secret("log.origin") + "\n")


def _first_leaf(process: Process, note: str, head: Checkpoint) -> None:
    with process.unit(write=True) as work:
        if work.session.scalars(select(CustodyEvent.event_id).limit(1)).first() is not None:
            raise Conflict("Events were recorded here already, so the first leaf is taken.", WHERE)
        _record(work, note, head)
    sequencer = Sequencer(process.database, process.vault, process.settings, process.clock)
    sequencer.start()
    sequencer.run_all()


def _record(work: Work, note: str, head: Checkpoint) -> None:
    fields = {
        "manifest": "sha256:" + hashlib.sha256(note.encode()).hexdigest(),
        "result": f"a new log: the entries of {head.origin}, {head.size} when its last checkpoint was published, are gone",
    }
    work.vault.record(work.session, Act(ensure_installation(work), None, "RESTORED", fields), work.now())
    restoration = Restoration(id=new_id(), kind="new_log", from_index=0, to_index=head.size - 1, about=note, found_at=work.now())
    work.session.add(restoration)
    work.session.flush()


def _public(text: str, settings: Settings) -> bytes:
    try:
        if text.startswith("ed25519:"):
            return parse_key_id(text)
        if text.startswith("ssh-ed25519 "):
            return parse_ssh_public(text)
        if not text.startswith("SHA256:"):
            return parse_vkey(text).public
    except EvidenceError as error:
        raise BadInput(f"That is no public key: {error}") from error
    own = settings.keys("worker") / "log.key"
    found = KeyFolder(own.parent).log_key.public if own.exists() else None
    if found is None or ssh_fingerprint(found) != text:
        raise BadInput(
            "A fingerprint alone can't check a signature, and the key folder here does not hold that key.",
            "Give the public key itself: its OpenSSH line from the Keys page or a bundle's seal/allowed_signers, or the vkey in log/key.",
        )
    return found
