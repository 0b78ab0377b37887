"""To whom the processes may seal: a signed list in each key folder, so that a changed database row never becomes a reader.

recipients.json  {"list": "<JSON text>", "signatures": [{"key": hex, "signature": hex}]}
pins.json        {"keys": [hex], "needed": 1, "version": n, "then": [a signed list that pins other keys, as in recipients.json, ...]}

A new list is signed first (SignedList), kept in the database, and written to the folders after the commit: who finds them
behind writes them again. `version` only ever rises. A list may name other signers: it is signed by enough of the keys that were
pinned before and by enough of the new ones, so it counts under both, and pins.json keeps it (SPEC 2.9).
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from evidence.signing import SigningKey, verify
from tipline.config import Face, Settings
from tipline.errors import Conflict, Unsound
from tipline.keyfolders import replace_file, write_secret

CONTEXT = b"tipline/recipients/1\0"
FACES: tuple[Face, ...] = ("public", "console", "worker")
PINS = "pins.json"
COMPARE = "Nothing is sealed until it is. Compare the folder with its backup, and find out who changed it."
RESTORE = "Nothing is sealed. Restore the newest list and pins from a backup, and find out who put the older ones there."

Stamp = tuple[int, int] | None  # of a file: when it was written, and its inode; None where there is none


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
    """recipients.json of one key folder, read again when it or pins.json changes; neither may go back while a process runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stamps: tuple[Stamp, Stamp] | None = None
        self._list = RecipientList(0, ())
        self._pins = Pins((), 1)

    def current(self) -> RecipientList:
        """Return the checked list.

        Raises:
            Unsound: the file is not signed by the pinned keys, or this process has seen a newer list or newer pins.
        """
        path = self.folder / "recipients.json"
        stamps = (_stamp(path), _stamp(self.folder / PINS))
        if stamps[0] is None:
            return RecipientList(0, ())
        if stamps != self._stamps:
            pins = read_pins(self.folder)  # before the list: a list that pins other keys is written first
            found = _check(SignedList.from_text(path.read_text()), pins, self.folder)
            if found.version < self._list.version or not pins.follows(self._pins):
                raise Unsound(f"The list of recipients or the pinned keys in {self.folder} are older than those before.", RESTORE)
            self._list, self._pins, self._stamps = found, pins, stamps
        return self._list


def _stamp(path: Path) -> Stamp:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_ino


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

    @property
    def signers(self) -> tuple[str, ...]:
        """The keys that this list pins in place of those before; empty where it leaves them as they are."""
        return tuple(json.loads(self.body).get("signers", ()))

    def valid_keys(self) -> frozenset[str]:
        """Return the keys whose signatures are good; whether they count is another question."""
        message = CONTEXT + self.body.encode()
        return frozenset(key for key, signature in self.signatures if verify(bytes.fromhex(key), bytes.fromhex(signature), message))

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

    @classmethod
    def from_text(cls, text: str) -> SignedList:
        """Return the list of a recipients.json. It counts for nothing until its signatures are checked."""
        document = json.loads(text)
        return cls(document["list"], tuple((entry["key"], entry["signature"]) for entry in document["signatures"]))

    def to_text(self) -> str:
        """Return the content of recipients.json."""
        return f'{{"list": {json.dumps(self.body)}, "signatures": {self.signatures_text()}}}\n'


@dataclass(frozen=True)
class Pins:
    """The signing keys, in hex, that may sign the list, and how many of them have to.

    Args:
        first: the keys pinned at set-up, or by the operator since (`first_version`), which every later change goes back to.
        then: the lists that pinned other keys since, oldest first.
    """

    first: tuple[str, ...]
    first_needed: int
    then: tuple[SignedList, ...] = ()
    first_version: int = 0

    @property
    def keys(self) -> tuple[str, ...]:
        return self.then[-1].signers if self.then else self.first

    @property
    def needed(self) -> int:
        return needed_of(self.keys) if self.then else self.first_needed

    @property
    def version(self) -> int:
        """The version of the list that pinned them; 0 for those of the set-up."""
        return self.then[-1].version if self.then else self.first_version

    def follows(self, before: Pins) -> bool:
        """Say whether these pins are `before`, or came out of it by lists that those pinned before have signed."""
        same_root = not before.first or replace(self, then=()) == replace(before, then=())
        return same_root and [link.body for link in self.then[: len(before.then)]] == [link.body for link in before.then]

    def missing(self, signed: SignedList) -> frozenset[str]:
        """Return the keys of whom one signature more is needed; empty when the list may be written.

        It needs enough of the keys pinned now; where it pins others, also each new one, and enough of what is pinned then.
        """
        valid = signed.valid_keys()
        asked = frozenset() if len(valid & set(self.keys)) >= self.needed else frozenset(self.keys) - valid
        if not signed.signers:
            return asked
        fresh = frozenset(signed.signers) - set(self.keys) - valid
        if len(valid & set(signed.signers)) < needed_of(signed.signers):
            asked |= frozenset(signed.signers) - valid
        return asked | fresh

    def with_link(self, signed: SignedList) -> Pins:
        """Return the pins after a list that pins other keys.

        Raises:
            Unsound: it is older than these pins, or not signed by enough of the keys before and after.
        """
        if len(signed.signers) < 2 or signed.version <= self.version or self.missing(signed):
            raise Unsound("A change of the pinned administrators is not signed by those pinned before.", RESTORE)
        return replace(self, then=(*self.then, signed))

    def to_text(self) -> str:
        """Return the content of pins.json."""
        document: dict[str, Any] = {"keys": list(self.first), "needed": self.first_needed}
        if self.first_version:
            document["version"] = self.first_version
        if self.then:
            document["then"] = [json.loads(link.to_text()) for link in self.then]
        return json.dumps(document) + "\n"


def needed_of(keys: Sequence[str]) -> int:
    """Return how many of so many administrators sign a list: two, or one where there is one person."""
    return min(2, len(keys))


def read_pins(folder: Path) -> Pins:
    """Return the pinned keys of a key folder; none before the first administrator.

    Raises:
        Unsound: a later change of them is not signed by those before.
    """
    path = folder / PINS
    if not path.exists():
        return Pins((), 1)
    document = json.loads(path.read_text())
    pins = Pins(tuple(document["keys"]), document["needed"], first_version=document.get("version", 0))
    for link in document.get("then", ()):
        pins = pins.with_link(SignedList.from_text(json.dumps(link)))
    return pins


def pin_administrator(settings: Settings, public: bytes) -> bool:
    """Pin the first administrator's signing key in every key folder. Later calls change nothing and return False."""
    text = Pins((public.hex(),), 1).to_text()
    made = [write_secret(settings.keys(face) / PINS, text) for face in FACES]
    return all(made)


def _check(signed: SignedList, pins: Pins, folder: Path) -> RecipientList:
    if len(signed.valid_keys() & set(pins.keys)) < pins.needed or (signed.signers not in ((), pins.keys) and pins.missing(signed)):
        raise Unsound(f"The list of recipients in {folder} is not signed by the administrators pinned there.", COMPARE)
    if signed.version < pins.version:
        raise Unsound(f"The list of recipients in {folder} is older than the keys that are pinned there.", RESTORE)
    return RecipientList(signed.version, signed.recipients)


def list_after(
    present: RecipientList, entries: Sequence[Recipient], without: Sequence[Recipient] = (), extra: Mapping[str, Any] | None = None
) -> SignedList:
    """Return the next list, not signed yet: `entries` are added, or take the place of those with the same purpose and id.

    `extra` is signed with it: `signers`, the keys that it pins, and `change`, the digest of what is stored once it is signed.
    """
    merged = {(entry.purpose, entry.id): entry for entry in (*present.recipients, *entries)}
    listed = [asdict(entry) for entry in merged.values() if entry not in without]
    return SignedList(json.dumps({"version": present.version + 1, "recipients": listed, **(extra or {})}))


def check_list(settings: Settings, signed: SignedList) -> RecipientList:
    """Return what a signed list says.

    Raises:
        Unsound: fewer pinned keys have signed it than are needed.
    """
    folder = settings.keys("console")
    return _check(signed, read_pins(folder), folder)


def write_list(settings: Settings, signed: SignedList) -> None:
    """Put a signed list into every key folder that has an older one. Repeating it after a crash does the rest.

    Where it pins other keys they are pinned next: the list counts under the keys before and under those after.

    Raises:
        Unsound: the list is not signed by the pinned administrators; nothing was written.
    """
    check_list(settings, signed)
    with (settings.keys("console") / "recipients.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a slower writer must not put an older list over a newer one
        for face in FACES:
            folder = settings.keys(face)
            if _version_in(folder) < signed.version:
                replace_file(folder / "recipients.json", signed.to_text())
            pins = read_pins(folder)
            if signed.signers and pins.version < signed.version:
                replace_file(folder / PINS, pins.with_link(signed).to_text())


def pin_anew(settings: Settings, signed: SignedList) -> None:
    """Put a list and the keys that it pins into every key folder, whatever those pinned before have signed.

    Only for the operator, with nothing running: tipline.succession says when. The console's folder comes last.
    """
    pins = Pins(signed.signers, needed_of(signed.signers), first_version=signed.version)
    for face in sorted(FACES, key=lambda face: face == "console"):
        replace_file(settings.keys(face) / "recipients.json", signed.to_text())
        replace_file(settings.keys(face) / PINS, pins.to_text())


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
