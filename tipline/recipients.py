"""To whom the processes may seal: a signed list in each key folder, so that a changed database row never becomes a reader.

recipients.json  {"list": "<JSON text>", "signatures": [{"key": hex, "signature": hex}]}
pins.json        {"keys": [hex], "needed": 1}

A new list is signed first (SignedList), kept in the database, and written to the folders after the commit: who finds them
behind writes them again. `version` only ever rises.
"""

from __future__ import annotations

import fcntl
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


@dataclass(frozen=True)
class SignedList:
    """A list of recipients as it is signed: its exact text, and who has signed it so far (key and signature, in hex)."""

    body: str
    signatures: tuple[tuple[str, str], ...] = ()

    @property
    def version(self) -> int:
        return int(json.loads(self.body)["version"])

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        return tuple(Recipient(**entry) for entry in json.loads(self.body)["recipients"])

    def signed_by(self, key: SigningKey) -> SignedList:
        """Return the list with one more signature."""
        signature = key.sign(CONTEXT + self.body.encode()).hex()
        return SignedList(self.body, (*self.signatures, (key.public.hex(), signature)))

    def signatures_text(self) -> str:
        """Return the signatures as JSON, as they stand in recipients.json and in a proposal's row."""
        return json.dumps([{"key": key, "signature": signature} for key, signature in self.signatures])

    @classmethod
    def from_row(cls, body: str, signatures: str) -> SignedList:
        """Return a list from a proposal's row. It counts for nothing until its signatures are checked."""
        return cls(body, tuple((entry["key"], entry["signature"]) for entry in json.loads(signatures)))

    def to_text(self) -> str:
        """Return the content of recipients.json."""
        return f'{{"list": {json.dumps(self.body)}, "signatures": {self.signatures_text()}}}\n'


def list_after(present: RecipientList, entries: Sequence[Recipient]) -> SignedList:
    """Return the next list, not signed yet: `entries` are added, or take the place of those with the same purpose and id."""
    merged = {(entry.purpose, entry.id): entry for entry in (*present.recipients, *entries)}
    return SignedList(json.dumps({"version": present.version + 1, "recipients": [asdict(entry) for entry in merged.values()]}))


def check_list(settings: Settings, signed: SignedList) -> RecipientList:
    """Return what a signed list says.

    Raises:
        Unsound: fewer pinned keys have signed it than are needed.
    """
    return _check(signed.to_text(), settings.keys("console") / "pins.json")


def write_list(settings: Settings, signed: SignedList) -> None:
    """Put a signed list into every key folder that has an older one. Repeating it after a crash does the rest.

    Raises:
        Unsound: the list is not signed by the pinned administrators; nothing was written.
    """
    check_list(settings, signed)
    with (settings.keys("console") / "recipients.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a slower writer must not put an older list over a newer one
        for face in FACES:
            if _version_in(settings.keys(face)) < signed.version:
                replace_file(settings.keys(face) / "recipients.json", signed.to_text())


def has_everywhere(settings: Settings, entry: Recipient) -> bool:
    """Say whether the list in every key folder names this recipient."""
    return all(entry in RecipientFile(settings.keys(face)).current().recipients for face in FACES)


def _version_in(folder: Path) -> int:
    return RecipientFile(folder).current().version


def publish_recipients(settings: Settings, entries: Sequence[Recipient], signers: Sequence[SigningKey]) -> RecipientList:
    """Sign a new list that adds `entries` (same purpose and id: replaced) and write it to every key folder.

    Raises:
        Unsound: the present list is not sound, or the signers are not the pinned ones.
    """
    signed = list_after(RecipientFile(settings.keys("console")).current(), entries)
    for key in signers:
        signed = signed.signed_by(key)
    write_list(settings, signed)
    return check_list(settings, signed)
