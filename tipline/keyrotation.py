"""`tipline keys rotate`: a new key takes the place of one of the installation's own, and the log is told (SPEC 5.6).

For a key that the log names: the new one is written beside (`<name>.next`), one transaction records that it is added and that the
old one is retired or compromised, then the file takes its place. A crash before the transaction changes nothing; after it, the next
process that opens the folder puts the file in its place before it uses any key. Anchor key, receipt pepper and staff pepper have no
public half: the old one is kept under a number and still read, then replaced at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from tipline import audit
from tipline.accounts.key_events import Key, record_key
from tipline.admin.keys import infrastructure_keys, publish_known_keys
from tipline.admin.rules import fingerprint
from tipline.anchor import KEY_FILE as ANCHOR
from tipline.anchor import open_anchor
from tipline.config import Face, Settings
from tipline.errors import Conflict
from tipline.keyfolders import (
    EXAMINER,
    NEXT,
    OLD,
    KeyFolder,
    fresh_secret,
    keep_old,
    missing_keys,
    replace_file,
    sync_folder,
    write_secret,
)
from tipline.process import Process, finish_rotation, open_process, public_name
from tipline.running import alone

Role = Literal["log", "process:public", "process:console", "process:worker", "examiner", "anchor", "receipt", "staff"]
ROLES: tuple[Role, ...] = get_args(Role)
Say = Callable[[str], None]
NAMED: dict[Role, tuple[Face, str]] = {  # those that the log names
    "log": ("worker", "log.key"),
    "process:public": ("public", "process.key"),
    "process:console": ("console", "process.key"),
    "process:worker": ("worker", "process.key"),
    "examiner": ("worker", EXAMINER),
}
PEPPERS: dict[Role, tuple[Face, str]] = {"receipt": ("public", "receipt.pepper"), "staff": ("console", "staff.pepper")}
FACES: tuple[Face, ...] = ("public", "console", "worker")


def rotate(settings: Settings, role: Role, say: Say, *, compromised: bool = False) -> None:
    """Replace a key of the installation, with all processes stopped.

    Args:
        compromised: the old key is in other hands; what it signed from here on counts for nothing, and what nobody outside had fixed
            before is in doubt.

    Raises:
        Conflict: something runs, or a key folder is not whole here. Nothing was changed then.
    """
    _require_folders(settings)
    recorder: Face = "worker" if role == "process:console" else "console"  # never the key that goes
    process = open_process(recorder, settings)
    try:
        with alone(settings, process.database, process.clock()):
            _finish(process, say)
            if role in NAMED:
                _rotate_named(process, role, say, compromised=compromised)
            elif role == "anchor":
                _rotate_anchor(process, say)
            else:
                _rotate_pepper(settings, role, say)
            if role not in NAMED:
                _audit(process, role)
    finally:
        process.database.dispose()


def _require_folders(settings: Settings) -> None:
    missing = missing_keys(settings)
    if missing:
        raise Conflict(
            f"Keys of this installation can't be read here: {', '.join(missing)}.",
            "Run the command where all three key folders are together (operators' guide), or `tipline run` once for a new installation.",
        )


def _finish(process: Process, say: Say) -> None:
    """Finish what a crash cut off, in every folder."""
    for face in FACES:
        for name in finish_rotation(process.database, process.settings.keys(face)):
            say(f"Finished a change that was cut off: {face}/{name}.")
    publish_known_keys(process.settings, infrastructure_keys(process.settings))


def _rotate_named(process: Process, role: Role, say: Say, *, compromised: bool) -> None:
    settings = process.settings
    face, name = NAMED[role]
    path = settings.keys(face) / name
    waiting = path.with_name(name + NEXT)
    old = public_name(name, path.read_text())
    write_secret(waiting, fresh_secret(name) + "\n")  # one that an earlier crash left is as good
    new = public_name(name, waiting.read_text())
    with process.unit(write=True) as work:
        record_key(work, "KEY_ADDED", Key(role, new))
        if compromised or role != "examiner":  # the examiner's is retired by who signs the new one into the list
            record_key(work, "KEY_COMPROMISED" if compromised else "KEY_RETIRED", Key(role, old))
        audit.record(work.session, work.now(), None, "key.rotate", detail=role)
    known = infrastructure_keys(settings)
    publish_known_keys(settings, [Key(role, new) if key.role == role else key for key in known])
    if role == "examiner":
        keep_old(path.parent, name, path.read_text())
    waiting.replace(path)
    sync_folder(path.parent)
    say(f"{role}: {old} has ended, {new} has taken its place.")
    _say_what_follows(role, new, say)


def _say_what_follows(role: Role, new: str, say: Say) -> None:
    if role == "log":
        say("The next published checkpoint bears the new key. Tell mirrors, witnesses and receivers its fingerprint: `tipline keys show`.")
    if role == "examiner":
        say("Files are sealed to the old one until the administrator signs the new one into the list: Keys, then Examiner's key.")
        say(f"Groups to compare there: {fingerprint(new)}")


def _rotate_anchor(process: Process, say: Say) -> None:
    """Lines so far stay under the old key, and the last one's MAC is noted: who holds the old key can't change what stands before it."""
    settings = process.settings
    folder = settings.keys("worker")
    anchor = open_anchor(settings.anchor_file, KeyFolder(folder))
    with process.database.session(write=False) as session:
        anchor.check(session)
    at = anchor.place()
    if at.size:
        keep_old(folder, ANCHOR, f"{anchor.key.hex()} {at.size} {at.mac}\n")
    replace_file(folder / ANCHOR, fresh_secret(ANCHOR) + "\n")
    say(f"anchor: lines from {at.size} on bear a new key. Keep {ANCHOR}{OLD}* in the worker's key folder: the lines before need them.")


def _rotate_pepper(settings: Settings, role: Role, say: Say) -> None:
    face, name = PEPPERS[role]
    folder = settings.keys(face)
    keep_old(folder, name, (folder / name).read_text())
    replace_file(folder / name, fresh_secret(name) + "\n")
    whom = "receipts" if role == "receipt" else "passphrases, until their owners sign in"
    say(f"{role}: a new pepper. The old one is kept beside and still tried for older {whom}.")


def _audit(process: Process, role: Role) -> None:
    with process.unit(write=True) as work:
        audit.record(work.session, work.now(), None, "key.rotate", detail=role)
