"""The installation's own keys by name: what the log, the keys page and `tipline keys show` tell of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from sqlalchemy import select

from evidence.signing import key_id, parse_key_id, ssh_fingerprint, ssh_public_line
from tipline.accounts.key_events import KNOWN_KEYS, Key, known_keys
from tipline.actor import Actor
from tipline.admin.rules import fingerprint
from tipline.config import Face, Settings
from tipline.keyfolders import KeyFolder, replace_file
from tipline.models.programs import Program
from tipline.models.staff import Staff
from tipline.policy import require
from tipline.recipients import read_pins
from tipline.work import Work

FACES: tuple[Face, ...] = ("public", "console", "worker")


def infrastructure_keys(settings: Settings) -> list[Key]:
    """Return the public names of the log key, the process keys and the examiner, read from all key folders.

    Only who may read all three folders (the operator, at first start) can call it.
    """
    worker = KeyFolder(settings.keys("worker"))
    return [
        Key("log", key_id(worker.log_key.public)),
        *(Key(f"process:{face}", key_id(KeyFolder(settings.keys(face)).process_key.public)) for face in FACES),
        Key("examiner", worker.examiner.recipient),
    ]


def publish_known_keys(settings: Settings, keys: list[Key]) -> None:
    """Tell the console the public names, so that it need not read the other key folders."""
    path = settings.keys("console") / KNOWN_KEYS
    text = json.dumps([asdict(key) for key in keys]) + "\n"
    if not path.exists() or path.read_text() != text:
        replace_file(path, text)


def pinned_keys(work: Work) -> list[str]:
    """Return the signing keys, in hex, that may sign the list of recipients; empty before the first administrator."""
    return list(read_pins(work.settings.keys("console")).keys)


@dataclass(frozen=True)
class ShownKey:
    """One line of the keys page.

    Args:
        purpose: what the key is for, in words.
        owner: whose it is; empty for the installation's own.
        print: how people compare it: as `ssh-keygen -l` prints it for a signing key, in groups for a recipient.
        full: the public key itself, as an OpenSSH line or an age recipient.
        is_log_key: it is the one that a bundle's receiver needs.
        owner_id: the person or program that it belongs to; None for the installation's own.
    """

    purpose: str
    owner: str
    print: str
    full: str
    is_log_key: bool = False
    owner_id: str | None = None


PURPOSES = {
    "log": "Log key: signs checkpoints and bundles",
    "process:public": "Process key of the public face",
    "process:console": "Process key of the console",
    "process:worker": "Process key of the worker",
    "examiner": "Examiner: opens what is under examination",
}


def list_keys(work: Work, actor: Actor | None) -> list[ShownKey]:
    """Return the installation's keys, the programs' recipients as signed, and colleagues' keys. `actor` is None on the command line."""
    if actor is not None:
        require(actor, "keys.read")
    own = [shown_key(PURPOSES[key.role], "", key) for key in known_keys(work)]
    titles = dict(work.session.execute(select(Program.id, Program.title)).all())
    programs = [
        shown_key(
            "Program: tips are sealed to it" if entry.purpose == "program" else "Printed recovery shares",
            titles[entry.id],
            Key(entry.purpose, entry.recipient, entry.id),
        )
        for entry in work.vault.recipients.recipients
        if entry.id in titles
    ]
    return own + programs + _keys_of_colleagues(work)


def shown_key(purpose: str, owner: str, key: Key) -> ShownKey:
    """Return how a key is shown."""
    if key.key_id.startswith("age1"):
        return ShownKey(purpose, owner, fingerprint(key.key_id), key.key_id, owner_id=key.owner)
    public = parse_key_id(key.key_id)
    line = ssh_public_line(public, f"tipline-{key.role.replace(':', '-')}")
    return ShownKey(purpose, owner, ssh_fingerprint(public), line, key.role == "log", key.owner)


def _keys_of_colleagues(work: Work) -> list[ShownKey]:
    people = work.session.scalars(select(Staff).where(Staff.state == "active").order_by(Staff.display_name, Staff.id))
    shown = []
    for staff in people:
        if staff.recipient is not None and staff.signing_public is not None:
            reads = Key("reader", staff.recipient, staff.id)
            signs = Key("person", key_id(bytes.fromhex(staff.signing_public)), staff.id)
            shown.append(shown_key("Opens what is granted to it", staff.display_name, reads))
            shown.append(shown_key("Signs acts in the record", staff.display_name, signs))
    return shown
