"""The folder of a lone examiner: sealed items, their custody log and the keys, without a server (SPEC section 7).

folder.json     origin, day of creation, and all keys, sealed under the passphrase
log.jsonl       one event a line, append only: its place, its entry, and its opening sealed to the item
checkpoint      the signed head of the log after the last act
objects/        sealed objects and their key files, wrapped to the folder's identity
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from evidence import custody, records, signing
from evidence.errors import AlreadyThere, EvidenceError, IntegrityError, NotFound
from evidence.folder import lines
from evidence.folder.durable import replace_file, sweep
from evidence.folder.item import Item
from evidence.folder.journal import CHECKPOINT, LOG, Fresh, Journal, make_empty
from evidence.folder.keyring import Keys, Lock
from evidence.folder.lines import RESTORE, Line
from evidence.keys import KeyFile, wrap
from evidence.records import Opening, Scalar
from evidence.signing import SigningKey
from evidence.storage.disk import DiskStore
from evidence.vault import Vault

TOOL, VERSION = "evidence", "1"
CLOCK = "system clock, UTC"
ABOUT, LOCK, SCRUB = "folder.json", "lock", "scrub"
_NUMBER = re.compile(r"(?:EX-([0-9]{4})-0001-)?([0-9]{1,9})", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """What an act does to one item: the further fields of its event."""

    exhibit: str
    keyfile: KeyFile
    fields: Mapping[str, Scalar]


@dataclass(frozen=True)
class When:
    """When an act was done, and by which clock."""

    start: str
    end: str
    clock: str


@dataclass(frozen=True)
class Act:
    """One act on some items. `command` is what was called; `when` is now where it says nothing; `others` sign beside the examiner."""

    kind: str
    command: str
    parts: Sequence[Part]
    when: When | None = None
    others: Sequence[SigningKey] = ()


@dataclass
class Folder:
    """An opened folder. Made by `create` or `opened`."""

    path: Path
    lock: Lock
    keys: Keys
    vault: Vault
    journal: Journal
    clock: Callable[[], datetime]
    year: str = field(init=False)
    _signed: int = 0  # how many events the checkpoint on the disk covers

    def __post_init__(self) -> None:
        self.year = self.lock.about["created"][:4]

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.journal.origin

    # acts

    def record(self, acts: Sequence[Act]) -> None:
        """Records acts, signed by this program, the examiner and who else took part: all durable when it returns, or none. StorageFull."""
        new: list[Fresh] = []
        last: dict[str, tuple[str | None, int]] = {}
        for act in acts:
            common = self._common(act)
            signers = (self.keys.process, self.keys.person, *act.others)
            for part in act.parts:
                entry, seq = last.get(part.exhibit) or self.journal.previous(part.exhibit)
                fields = custody.next_fields(entry, seq, part.exhibit, {**common, **part.fields})
                opening = records.new_opening(fields, signers)
                last[part.exhibit] = opening.entry().hex(), seq + 1
                new.append(Fresh(opening, part.keyfile.object_name, wrap(opening.to_bytes(), [part.keyfile.identity.recipient])))
        self.journal.append(new, self.keys.log)

    def record_keys(self, told: Sequence[Mapping[str, Scalar]], signers: Sequence[SigningKey], head: SigningKey | None = None) -> None:
        """Records KEY_* events in the clear, in one act; `head` signs the checkpoint over them."""
        now, act_id = self.now(), secrets.token_hex(16)
        common: dict[str, Scalar] = {"act_id": act_id, "act_size": len(told), "occurred_from": now, "occurred_to": now, "clock": CLOCK}
        new: list[Fresh] = []
        entry, seq = self.journal.previous(custody.INSTALLATION)
        for fields in told:
            place = custody.next_fields(entry, seq, custody.INSTALLATION, {**common, **fields})
            opening = records.new_opening(place, signers)
            entry, seq = opening.entry().hex(), seq + 1
            new.append(Fresh(opening, None, opening.to_bytes()))
        self.journal.append(new, head or self.keys.log)

    def now(self) -> str:
        """The moment, as an event writes it."""
        return self.clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _common(self, act: Act) -> dict[str, Scalar]:
        now = self.now()
        when = act.when or When(now, now, CLOCK)
        return {
            "kind": act.kind,
            "act_id": secrets.token_hex(16),
            "act_size": len(act.parts),
            "occurred_from": when.start,
            "occurred_to": when.end,
            "clock": when.clock,
            "actor": self.keys.examiner,
            "role": "examiner",
            "method_tool": TOOL,
            "method_version": VERSION,
            "method_command": f"evidence {act.command}",
        }

    # reading

    def numbers(self) -> list[str]:
        """The numbers of all items, in the order of their first events."""
        return [self.number(at) for at in range(len(self.journal.exhibits))]

    def number(self, at: int) -> str:
        """The number of the item at this place, counted from 0."""
        return f"EX-{self.year}-0001-{at + 1:02d}"

    def item(self, name: str) -> Item:
        """The item of this number, whole or only its last part; each event opened and checked. NotFound, IntegrityError."""
        found = _NUMBER.fullmatch(name)
        at = int(found[2]) - 1 if found and found[1] in (None, self.year) else -1
        if not 0 <= at < len(self.journal.exhibits):
            raise NotFound(f"There is no item {name[:60]}.", "List the items with: evidence log DIR")
        return self._item(self.number(at), self.journal.chain(self.journal.exhibits[at]))

    def items(self, names: Sequence[str]) -> list[Item]:
        """These items; one that is named twice counts once."""
        return list({item.exhibit: item for item in map(self.item, names)}.values())

    def key_events(self) -> list[tuple[int, Opening]]:
        """The KEY_* events of this folder, which stand in the clear."""
        chain = self.journal.chain(custody.INSTALLATION)
        openings = [self.opening(line) for line in chain]
        custody.check_chain(openings)
        return [(line.index, opening) for line, opening in zip(chain, openings, strict=True)]

    def note(self) -> str:
        """The signed checkpoint over the whole log."""
        return self.journal.note(self.keys.log)

    def unlogged(self) -> list[str]:
        """Names of objects that no event commits to (left by a crash, or put there): they are no evidence."""
        known = {line.object for line in self.journal.lines}
        return sorted(name for name in self.vault.object_names() if name not in known)

    def opening(self, line: Line) -> Opening:
        """The opening of an event that was not disposed of. KeyUnavailable, NotFound, IntegrityError."""
        blob = self.journal.blob(line)
        if line.object is None:
            return line.checked(blob)
        return line.checked(self.vault.open_key(line.object, self.keys.identity).identity.unwrap(blob))

    def _item(self, number: str, chain: Sequence[Line]) -> Item:
        first = chain[0]
        if first.stubbed or first.object is None:
            for line in chain:
                self.journal.check_stub(line)
            return Item(number, first.exhibit, None, ())
        keyfile = self.vault.open_key(first.object, self.keys.identity)
        openings = [line.checked(keyfile.identity.unwrap(self.journal.blob(line))) for line in chain]
        custody.check_chain(openings)
        told = tuple(openings[0].field(name) for name in ("ciphertext_after", "plaintext_after", "length_after"))
        if told != (f"sha256:{keyfile.object_name}", keyfile.plaintext_digest, keyfile.length):
            raise IntegrityError(f"The key file of {number} is not that of what was acquired.", RESTORE)
        return Item(number, first.exhibit, keyfile, tuple((line.index, opening) for line, opening in zip(chain, openings, strict=True)))

    # what a crash left

    def load(self) -> None:
        """Reads the log, holds it against its checkpoint, and leaves out what a crash cut. FormatError, IntegrityError."""
        coming = self.keys.coming.get("log")
        self._signed = self.journal.load([self.keys.log.public, *([coming.public] if coming else [])])
        self.journal.cut(self._whole(self._signed))
        if self.keys.coming and self._arrived():
            self.keys = self.keys.arrived()

    def tidy(self) -> None:
        """Finishes what a crash left: cuts torn acts off, ends rotations and disposals, removes files that have no name yet."""
        self.journal.tidy()
        sweep(self.path, (ABOUT, LOG, CHECKPOINT, SCRUB))
        rotating = self.keys.coming or self.lock.keys() != self.keys
        if rotating or self._signed < self.journal.tree.size:
            self.journal.sign(self.keys.log)
        if rotating:
            self.keep(replace(self.keys, coming={}))
        self.vault.store.sweep()
        self.finish_disposals()

    def keep(self, keys: Keys, lock: Lock | None = None) -> None:
        """Writes folder.json with these keys."""
        lock = lock or self.lock
        data = lock.sealing(keys)
        replace_file(self.path / ABOUT, data)
        self.lock, self.keys = lock.resealed(data), keys

    def finish_disposals(self) -> None:
        """Leaves stubs where a disposal was recorded and no more, then destroys what disposed items still have."""
        if self.journal.lines and not self.journal.lines[-1].stubbed:
            with suppress(EvidenceError):  # an item that does not open was not disposed of: who reads it is told
                last = self.opening(self.journal.lines[-1])
                if last.field("kind") == "DISPOSED":
                    size = int(last.field("act_size") or 0)
                    self.stub([line.exhibit for line in self.journal.lines[-size:]])
        for exhibit in self.journal.exhibits:
            chain = self.journal.chain(exhibit)
            name = chain[0].object
            if chain[0].stubbed and name is not None and self.vault.store.exists(f"{name}.age"):
                for line in chain:
                    self.journal.check_stub(line)
                self.vault.remove(name)

    def stub(self, exhibits: Sequence[str]) -> None:
        """Replaces every event of these items by what is left of it."""
        stubs: dict[int, bytes] = {}
        for exhibit in exhibits:
            chain = self.journal.chain(exhibit)
            identity = self.vault.open_key(chain[0].object or "", self.keys.identity).identity
            stubs |= {line.index: lines.encode_stub(line, line.checked(identity.unwrap(self.journal.blob(line)))) for line in chain}
        self.journal.replace(stubs)

    def _whole(self, covered: int) -> int:
        """How many events count: those under the checkpoint, and whole acts behind it that this program recorded."""
        count, act, told = covered, "", 0
        for line in self.journal.lines[covered:]:
            opening = self.opening(line)
            self._check_ours(line, opening)
            act, told = (act, told + 1) if opening.field("act_id") == act else (str(opening.field("act_id")), 1)
            if told == opening.field("act_size"):
                count = line.index + 1
        return count

    def _check_ours(self, line: Line, opening: Opening) -> None:
        message, public = records.sign_message(opening.body()), self.keys.process.public
        signed = any(signing.verify(public, signature, message) for _, signature in opening.attestations)
        chain = self.journal.chain(line.exhibit)
        if not signed or chain.index(line) != line.exhibit_seq - 1:
            raise IntegrityError("The log goes on behind its checkpoint with an event that this folder did not record.", RESTORE)

    def _arrived(self) -> bool:
        known = {opening.field("key_id") for _, opening in self.key_events()}
        return all(signing.key_id(key.public) in known for key in self.keys.coming.values())


def create(path: Path, examiner: str, passphrase: str, clock: Callable[[], datetime]) -> Folder:
    """Makes a new folder. AlreadyThere where the folder is not empty, UsageError for a short passphrase.

    folder.json comes last; what a crash left before it is taken away by the next try.
    """
    created = clock().astimezone(UTC).date().isoformat()
    lock = Lock.new(f"evidence-{secrets.token_hex(8)}", created, passphrase)
    if path.exists() and (not path.is_dir() or not _only_leftovers(path)):
        raise AlreadyThere(f"{path} is there already and is not empty.", "Choose a new folder.")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    sweep(path, (ABOUT, LOG, CHECKPOINT))
    for name in (LOG, CHECKPOINT):
        (path / name).unlink(missing_ok=True)
    make_empty(path)
    keys = Keys.generate(examiner)
    folder = Folder(path, lock, keys, Vault(DiskStore(path / "objects")), Journal(path, lock.about["origin"]), clock)
    named = [*((role, signing.key_id(key.public)) for role, key in keys.signing_keys().items()), ("folder", keys.identity.recipient)]
    folder.record_keys([{"kind": "KEY_ADDED", "role": role, "key_id": key} for role, key in named], [keys.process])
    folder.keep(keys)
    return folder


def _only_leftovers(path: Path) -> bool:
    """Whether an init that was cut made all of this: no folder.json, no object."""
    names = {entry.name for entry in path.iterdir()}
    ours = {LOG, CHECKPOINT, LOCK, "objects"} | {name for name in names if name.startswith((f".{ABOUT}.", f".{LOG}.", f".{CHECKPOINT}."))}
    return names <= ours and not any((path / "objects").rglob("*.age"))


@contextmanager
def opened(path: Path, passphrase: str, clock: Callable[[], datetime], writing: bool) -> Iterator[Folder]:
    """The folder, checked, for one command; other writers wait. NotFound, KeyUnavailable, FormatError, IntegrityError."""
    lock = Lock.opened(_about(path), passphrase)  # before the wait: this takes longest
    with os.fdopen(os.open(path / LOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX if writing else fcntl.LOCK_SH)
        lock = lock.current(_about(path), passphrase)
        folder = Folder(path, lock, lock.keys(), Vault(DiskStore(path / "objects")), Journal(path, lock.about["origin"]), clock)
        folder.load()
        if writing:
            folder.tidy()
        yield folder


def _about(path: Path) -> bytes:
    try:
        return (path / ABOUT).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"{path} is not an examiner's folder.", "Make one with: evidence init DIR") from error
