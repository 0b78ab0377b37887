"""To whom the processes may seal: a signed list in each key folder, so that a changed database row never becomes a reader.

recipients.json  {"list": "<JSON text>", "signatures": [{"key": hex, "signature": hex}]}
pins.json        {"keys": [hex], "needed": 1}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evidence.signing import SigningKey, verify
from tipline.config import Face, Settings
from tipline.errors import Conflict, Unsound
from tipline.keyfolders import replace_file, write_secret

CONTEXT = b"tipline/recipients/1\0"
FACES: tuple[Face, ...] = ("public", "console", "worker")


@dataclass(frozen=True)
class Recipient:
    """One that processes may seal to. Purpose is "program", "examiner" or "administrator"."""

    purpose: str
    id: str
    recipient: str


@dataclass(frozen=True)
class RecipientList:
    """The list as it stands, after its signatures were checked against the pinned keys."""

    version: int
    recipients: tuple[Recipient, ...]

    def program(self, program_id: str) -> str:
        """Return the age recipient of a program.

        Raises:
            Conflict: it is not in the signed list, whatever the database says.
        """
        return self._find("program", program_id)

    @property
    def examiner(self) -> str:
        return self._find("examiner", "worker")

    @property
    def administrators(self) -> list[str]:
        """To whom openings of the installation's own record are sealed, where they are.

        Raises:
            Conflict: the list names none.
        """
        found = [entry.recipient for entry in self.recipients if entry.purpose == "administrator"]
        if not found:
            raise Conflict("The signed list of recipients names no administrator.", "Set up the first administrator's account.")
        return found

    def _find(self, purpose: str, owner: str) -> str:
        for entry in self.recipients:
            if (entry.purpose, entry.id) == (purpose, owner):
                return entry.recipient
        raise Conflict(
            f"The signed list of recipients names no {purpose} {owner}.", "An administrator has to add it in the console, under Programs."
        )


class RecipientFile:
    """recipients.json of one key folder, read again when it changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stamp: tuple[int, int] | None = None
        self._list = RecipientList(0, ())

    def current(self) -> RecipientList:
        """Return the checked list.

        Raises:
            Unsound: the file is not signed by the pinned keys.
        """
        path = self.folder / "recipients.json"
        try:
            stat = path.stat()
        except FileNotFoundError:
            return RecipientList(0, ())
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._stamp:
            self._list = _check(path.read_text(), self.folder / "pins.json")
            self._stamp = stamp
        return self._list


def _check(text: str, pins: Path) -> RecipientList:
    document = json.loads(text)
    pinned: dict[str, Any] = json.loads(pins.read_text()) if pins.exists() else {"keys": [], "needed": 1}
    message = CONTEXT + document["list"].encode()
    valid = {
        entry["key"]
        for entry in document["signatures"]
        if entry["key"] in pinned["keys"] and verify(bytes.fromhex(entry["key"]), bytes.fromhex(entry["signature"]), message)
    }
    if len(valid) < pinned["needed"]:
        raise Unsound(
            f"The list of recipients in {pins.parent} is not signed by the administrators pinned there.",
            "Nothing is sealed until it is. Compare the folder with its backup, and find out who changed it.",
        )
    body = json.loads(document["list"])
    return RecipientList(body["version"], tuple(Recipient(**entry) for entry in body["recipients"]))


def pin_administrator(settings: Settings, public: bytes) -> bool:
    """Pin the first administrator's signing key in every key folder. Later calls change nothing and return False."""
    text = json.dumps({"keys": [public.hex()], "needed": 1}) + "\n"
    made = [write_secret(settings.keys(face) / "pins.json", text) for face in FACES]
    return all(made)


def publish_recipients(settings: Settings, entries: Sequence[Recipient], signers: Sequence[SigningKey]) -> RecipientList:
    """Sign a new list that adds `entries` (same purpose and id: replaced) and write it to every key folder.

    Raises:
        Unsound: the present list is not sound, or the signers are not the pinned ones.
    """
    present = RecipientFile(settings.keys("console")).current()
    merged = {(entry.purpose, entry.id): entry for entry in (*present.recipients, *entries)}
    body = json.dumps({"version": present.version + 1, "recipients": [asdict(entry) for entry in merged.values()]})
    signatures = [{"key": key.public.hex(), "signature": key.sign(CONTEXT + body.encode()).hex()} for key in signers]
    text = json.dumps({"list": body, "signatures": signatures}) + "\n"
    checked = _check(text, settings.keys("console") / "pins.json")
    for face in FACES:
        replace_file(settings.keys(face) / "recipients.json", text)
    return checked
