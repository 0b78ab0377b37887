"""The folder of a lone examiner: sealed items, their custody log and the keys, without a server (SPEC section 7).

folder.json     origin, day of creation, and all keys, sealed under the passphrase
log.jsonl       one event a line, append only: its place, its entry, and its opening sealed to the item
checkpoint      the signed head of the log after the last act
objects/        sealed objects and their key files, wrapped to the folder's identity
"""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from evidence import canonical, checkpoint, custody, merkle, records, signing
from evidence.errors import AlreadyThere, FormatError, IntegrityError, NotFound
from evidence.folder.keyring import SUITE, Keys, lock, unlock
from evidence.folder.lines import RESTORE, Line, append_lines, new_line, read_lines, remove_temporary, replace_file
from evidence.keys import KeyFile, wrap
from evidence.records import Opening, Scalar
from evidence.storage.disk import DiskStore
from evidence.vault import Vault

TOOL, VERSION = "evidence", "1"
READ_SIZE = 1 << 20
_ABOUT = ("suite", "origin", "created", "salt", "keys")


@dataclass(frozen=True)
class Item:
    """One acquired file: its number, keys and events in order. A disposed item has neither key file nor events."""

    number: str
    exhibit: str
    keyfile: KeyFile | None
    events: tuple[tuple[int, Opening], ...]

    @property
    def acquired(self) -> Opening:
        """The ACQUIRED event. NotFound where the item was disposed of."""
        self.keys()
        return self.events[0][1]

    def keys(self) -> KeyFile:
        """The key file. NotFound where the item was disposed of."""
        if self.keyfile is None:
            raise NotFound(f"{self.number} was disposed of.", "Only its place in the log is left.")
        return self.keyfile


@dataclass(frozen=True)
class Act:
    """What happens to one item in an act: the further fields of its event."""

    exhibit: str
    keyfile: KeyFile
    fields: Mapping[str, Scalar]


@dataclass
class Folder:
    """An opened folder. Made by `create` or `opened`."""

    path: Path
    origin: str
    year: str
    keys: Keys
    vault: Vault
    clock: Callable[[], datetime]
    lines: list[Line] = field(default_factory=list)
    tree: merkle.Tree = field(default_factory=merkle.Tree)
    _signed_size: int = 0

    # acts

    def acquire(self, name: str, source: BinaryIO, fields: Mapping[str, Scalar], progress: Callable[[int], object]) -> Item:
        """Hashes and seals what `source` holds, then records ACQUIRED. What a crash leaves in between is named by `unlogged`."""
        with self.vault.receive() as receiving:
            while piece := source.read(READ_SIZE):
                receiving.write(piece)
                progress(len(piece))
            keyfile = receiving.finish().keyfile
        self.vault.add_key(keyfile, [self.keys.identity.recipient])
        raw = os.fsencode(name)
        facts: dict[str, Scalar] = {
            "plaintext_after": keyfile.plaintext_digest,
            "ciphertext_after": f"sha256:{keyfile.object_name}",
            "length_after": keyfile.length,
            "name_b64": base64.b64encode(raw).decode(),
            "name_shown": "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in raw.decode("utf-8", "replace"))[:200],
            "result": "received whole",
        }
        exhibit = secrets.token_hex(16)
        self.record("ACQUIRED", [Act(exhibit, keyfile, {**facts, **fields})])
        return self.item(str(len({line.exhibit for line in self.lines}) - 1))

    def record(self, kind: str, acts: Sequence[Act]) -> str:
        """Records one act on some items, signed by this program and the examiner; durable when it returns. Its act id."""
        act_id, now = secrets.token_hex(16), self.clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        common: dict[str, Scalar] = {
            "kind": kind,
            "act_id": act_id,
            "act_size": len(acts),
            "occurred_from": now,
            "occurred_to": now,
            "clock": "system clock, UTC",
            "actor": self.keys.examiner,
            "role": "examiner",
            "method_tool": TOOL,
            "method_version": VERSION,
        }
        signers = (self.keys.process, self.keys.person)
        new: list[Line] = []
        for act in acts:
            previous = self._previous(act.exhibit)
            opening = records.new_opening(custody.next_fields(*previous, act.exhibit, {**common, **act.fields}), signers)
            blob = wrap(opening.to_bytes(), [act.keyfile.identity.recipient])
            new.append(new_line(len(self.lines) + len(new), opening, act.keyfile.object_name, blob))
        self._append(new)
        return act_id

    def verify(self, item: Item) -> None:
        """Reads the item again and records VERIFIED, or VERIFY_FAILED and raises IntegrityError."""
        keyfile = item.keys()
        facts: dict[str, Scalar] = {"plaintext_after": keyfile.plaintext_digest, "length_after": keyfile.length}
        try:
            self.vault.verify(keyfile)
        except (IntegrityError, NotFound) as error:
            self.record("VERIFY_FAILED", [Act(item.exhibit, keyfile, {"result": str(error)})])
            raise
        self.record("VERIFIED", [Act(item.exhibit, keyfile, {**facts, "result": "ciphertext and plaintext as recorded"})])

    def dispose(self, item: Item, fields: Mapping[str, Scalar]) -> None:
        """Records DISPOSED, leaves a stub for each event, then destroys key files and object."""
        self.record("DISPOSED", [Act(item.exhibit, item.keys(), fields)])
        openings = dict(self.item(item.number).events)
        lines = [line.disposed(openings[line.index]) if line.index in openings else line for line in self.lines]
        replace_file(self.path / "log.jsonl", b"".join(line.encode() for line in lines))
        self.lines[:] = lines
        self._finish_disposals()

    def finish_what_a_crash_left(self) -> None:
        """Drops a torn last line of the log, signs what was recorded last, and removes what disposed items still have."""
        os.truncate(self.path / "log.jsonl", sum(len(line.encode()) for line in self.lines))
        for name in ("log.jsonl", "checkpoint"):
            remove_temporary(self.path / name)
        if self._signed_size < self.tree.size:
            replace_file(self.path / "checkpoint", self.note().encode())
        self.vault.store.sweep()
        self._finish_disposals()

    def _finish_disposals(self) -> None:
        for line in self.lines:
            if line.stub is not None and line.object is not None and self.vault.store.exists(f"{line.object}.age"):
                self.vault.remove(line.object)

    # reading

    def numbers(self) -> list[str]:
        """The numbers of all items, in the order of their acquisition."""
        return list(self._chains())

    def item(self, name: str) -> Item:
        """The item of this number, whole or only its last part; each event opened and checked. NotFound, IntegrityError."""
        for number, chain in self._chains().items():
            if name.upper() == number or (name.isdecimal() and int(name) == int(number.rpartition("-")[2])):
                return self._item(number, chain)
        raise NotFound(f"There is no item {name}.", "List the items with: evidence log DIR")

    def key_events(self) -> list[tuple[int, Opening]]:
        """The KEY_ADDED events of this folder, which stand in the clear."""
        return [(line.index, line.checked(line.blob())) for line in self.lines if line.exhibit == custody.INSTALLATION]

    def note(self) -> str:
        """The signed checkpoint over the whole log."""
        head = checkpoint.Checkpoint(self.origin, self.tree.size, self.tree.root())
        return checkpoint.sign_checkpoint(head, self.keys.log)

    def unlogged(self) -> list[str]:
        """Names of objects that no event commits to (left by a crash, or put there): they are no evidence."""
        known = {line.object for line in self.lines}
        return sorted(name for name in self.vault.object_names() if name not in known)

    def _chains(self) -> dict[str, list[Line]]:
        chains: dict[str, list[Line]] = {}
        for line in self.lines:
            if line.exhibit != custody.INSTALLATION:
                chains.setdefault(line.exhibit, []).append(line)
        return {f"EX-{self.year}-0001-{count:02d}": chain for count, chain in enumerate(chains.values(), start=1)}

    def _item(self, number: str, chain: list[Line]) -> Item:
        first = chain[0]
        if first.stub is not None or first.object is None:
            return Item(number, first.exhibit, None, ())
        keyfile = self.vault.open_key(first.object, self.keys.identity)
        openings = [line.checked(keyfile.identity.unwrap(line.blob())) for line in chain]
        custody.check_chain(openings)
        told = tuple(openings[0].field(name) for name in ("ciphertext_after", "plaintext_after", "length_after"))
        if told != (f"sha256:{keyfile.object_name}", keyfile.plaintext_digest, keyfile.length):
            raise IntegrityError(f"The key file of {number} is not that of what was acquired.", RESTORE)
        return Item(number, first.exhibit, keyfile, tuple((line.index, opening) for line, opening in zip(chain, openings, strict=True)))

    # writing the log

    def _previous(self, exhibit: str) -> tuple[str | None, int]:
        for line in reversed(self.lines):
            if line.exhibit == exhibit:
                return line.entry, line.exhibit_seq
        return None, 0

    def _append(self, new: list[Line]) -> None:
        append_lines(self.path / "log.jsonl", new)
        for line in new:
            self.lines.append(line)
            self.tree.append(merkle.leaf_hash(bytes.fromhex(line.entry)))
        replace_file(self.path / "checkpoint", self.note().encode())

    def add_keys(self) -> None:
        """Records KEY_ADDED for each key of a new folder."""
        own = (("log", self.keys.log), ("process", self.keys.process), ("person", self.keys.person))
        named = [*((role, signing.key_id(key.public)) for role, key in own), ("folder", self.keys.identity.recipient)]
        now = self.clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for role, key in named:
            fields: dict[str, Scalar] = {"kind": "KEY_ADDED", "role": role, "key_id": key, "occurred_from": now, "occurred_to": now}
            place = custody.next_fields(*self._previous(custody.INSTALLATION), custody.INSTALLATION, fields)
            opening = records.new_opening(place, [self.keys.process])
            self._append([new_line(len(self.lines), opening, None, opening.to_bytes())])

    def load(self) -> None:
        """Reads the log and holds it against its checkpoint. FormatError, IntegrityError."""
        for line in read_lines(self.path / "log.jsonl"):
            self.lines.append(line)
            self.tree.append(merkle.leaf_hash(bytes.fromhex(line.entry)))
        head = checkpoint.open_checkpoint((self.path / "checkpoint").read_text(), self.origin, self.keys.log.public)
        if head.size > self.tree.size:
            raise IntegrityError(f"The log has {self.tree.size} events, its checkpoint {head.size}.", RESTORE)
        if self.tree.root(head.size) != head.root:
            raise IntegrityError("The log is not the one that its checkpoint was signed for.", RESTORE)
        self._signed_size = head.size


def create(path: Path, examiner: str, passphrase: str, clock: Callable[[], datetime]) -> Folder:
    """Makes a new folder. AlreadyThere where the folder is not empty, UsageError for a short passphrase."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise AlreadyThere(f"{path} is there already and is not empty.", "Choose a new folder.")
    keys, origin, salt = Keys.generate(examiner), f"evidence-{secrets.token_hex(8)}", secrets.token_bytes(16)
    sealed = lock(keys, passphrase, salt, origin)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    created = clock().astimezone(UTC).date().isoformat()
    folder = Folder(path, origin, created[:4], keys, Vault(DiskStore(path / "objects")), clock)
    folder.add_keys()
    about = {"suite": SUITE, "origin": origin, "created": created, "salt": canonical.b64url(salt), "keys": canonical.b64url(sealed)}
    replace_file(path / "folder.json", canonical.encode(about) + b"\n")
    return folder


@contextmanager
def opened(path: Path, passphrase: str, clock: Callable[[], datetime], writing: bool) -> Iterator[Folder]:
    """The folder, checked, for one command; other writers wait. NotFound, KeyUnavailable, FormatError, IntegrityError."""
    try:
        about = canonical.decode((path / "folder.json").read_bytes())
    except FileNotFoundError as error:
        raise NotFound(f"{path} is not an examiner's folder.", "Make one with: evidence init DIR") from error
    whole = isinstance(about, dict) and all(isinstance(about.get(name), str) for name in _ABOUT)
    if not whole or about["suite"] != SUITE:
        raise FormatError(f"{path} was made by another version of this program.", "Use that version.")
    folder = Folder(path, about["origin"], about["created"][:4], unlock(about, passphrase), Vault(DiskStore(path / "objects")), clock)
    with os.fdopen(os.open(path / "lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX if writing else fcntl.LOCK_SH)
        folder.load()
        if writing:
            folder.finish_what_a_crash_left()
        yield folder
