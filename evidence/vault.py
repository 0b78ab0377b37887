"""Sealed objects with their key files (SPEC sections 2 and 3).

<name>.age              the object; name = SHA-256 of these bytes, in hex
<name>.key.<n>.age      its key file, wrapped to who may read it; the highest n counts
<name>.grant.<id>.age   the same, wrapped to the examiner for one purpose
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO

from evidence.errors import AlreadyThere, IntegrityError, KeyUnavailable, NotFound, UsageError
from evidence.keys import Identity, KeyFile, wrap
from evidence.sealing import SealedFacts, SealedWriter, open_sealed, sealed_length
from evidence.storage import ObjectStore, Pending

READ_SIZE = 1 << 20
CHECKED_FOR = 60.0  # seconds that a checked ciphertext digest is trusted while the store shows the same version

_NAME = re.compile(r"[0-9a-f]{64}")
_GRANT_ID = re.compile(r"[0-9a-z]{1,64}")
_NUMBERED = re.compile(r"([1-9][0-9]{0,8})\.age")


@dataclass(frozen=True)
class Sealed:
    """A finished object and the key file that opens it (not stored yet)."""

    keyfile: KeyFile
    sealed_length: int

    @property
    def file_name(self) -> str:
        """The object's name in the store."""
        return f"{self.keyfile.object_name}.age"


class Receiving:
    """One object while it arrives: hashed and sealed as it comes, never in the clear on disk."""

    def __init__(self, store: ObjectStore, identity: Identity) -> None:
        self._store = store
        self._identity = identity
        self.pending = store.create()
        try:
            self._writer = SealedWriter(identity.recipient, self.pending.write)
        except BaseException:
            self.pending.abort()
            raise

    def write(self, data: bytes | memoryview) -> None:
        """The next bytes of the original. On an error the caller aborts."""
        self._writer.write(data)

    def finish(self) -> Sealed:
        """Ends the object; it is durable under its name when this returns."""
        sealed = self.end()
        self.pending.commit(sealed.file_name)
        return sealed

    def end(self) -> Sealed:
        """Ends the object without storing it: a batch does that."""
        return _sealed(self._identity, self._writer.finish())

    def abort(self) -> None:
        """Forgets what arrived. Harmless once it is stored."""
        self.pending.abort()

    def __enter__(self) -> Receiving:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.abort()


class Vault:
    """Objects and key files in one store. It holds no key: each call is given what it needs."""

    def __init__(self, store: ObjectStore, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self._monotonic = monotonic
        self._checked: dict[str, tuple[Hashable, float]] = {}
        self._one_at_a_time = threading.Lock()

    def receive(self, identity: Identity | None = None) -> Receiving:
        """A new object, sealed to `identity` or to a fresh one."""
        return Receiving(self.store, identity or Identity.generate())

    def batch(self) -> Batch:
        """New objects and wraps that are to be stored together."""
        return Batch(self)

    # key files

    def add_key(self, keyfile: KeyFile, recipients: Sequence[str]) -> None:
        """Stores the key file under the next number. Two at once get two numbers."""
        batch = self.batch()
        batch.add_key(keyfile, recipients)
        batch.store()

    def open_key(self, name: str, identity: Identity) -> KeyFile:
        """The key file with the highest number. NotFound, KeyUnavailable, FormatError, or IntegrityError where it is another object's."""
        numbers = self._key_numbers(name)
        if not numbers:
            raise NotFound(f"The object {name} has no key file.", "Restore it from a backup.")
        return self._open(f"{name}.key.{max(numbers)}.age", name, identity)

    def remove_old_keys(self, name: str) -> int:
        """Removes all key files but the one that counts (after a rotation); says how many."""
        old = sorted(self._key_numbers(name))[:-1]
        for number in old:
            self.store.remove(f"{name}.key.{number}.age")
        return len(old)

    def add_grant(self, keyfile: KeyFile, grant_id: str, recipients: Sequence[str]) -> None:
        """Stores the wrap of one grant. AlreadyThere."""
        self.store.put(_grant_name(keyfile.object_name, grant_id), wrap(keyfile.encode(), recipients))

    def open_grant(self, name: str, grant_id: str, identity: Identity) -> KeyFile:
        """As `open_key`, by the examiner's identity; KeyUnavailable where the grant has ended."""
        try:
            return self._open(_grant_name(name, grant_id), name, identity)
        except NotFound as error:
            raise KeyUnavailable("The grant on this object has ended.", "Someone who can read it must grant it again.") from error

    def remove_grant(self, name: str, grant_id: str) -> None:
        """Ends the grant; nothing happens where it has ended already."""
        self._remove_if_there(_grant_name(name, grant_id))

    # objects

    def object_names(self) -> Iterator[str]:
        """The names of all objects, without the ending, in no order."""
        return (stem for stem, dot, end in (name.partition(".") for name in self.store.names()) if end == "age")

    def grants(self) -> Iterator[tuple[str, str]]:
        """Object name and id of every grant file there is."""
        parts = (name.split(".") for name in self.store.names())
        return ((part[0], part[2]) for part in parts if len(part) == 4 and part[1] == "grant")

    def stems(self) -> Iterator[str]:
        """The object's name for each file that is stored, wraps that have lost their object included: so a name can come repeatedly."""
        return (stem for name in self.store.names() if _NAME.fullmatch(stem := name.partition(".")[0]))

    def read(self, keyfile: KeyFile, start: int = 0) -> Iterator[bytes]:
        """The original from `start`. The ciphertext's digest is checked before this returns; IntegrityError where it differs.

        A whole read also checks the plaintext's digest, and fails before the last piece leaves.
        """
        with ExitStack() as unless_all_is_well:
            source = unless_all_is_well.enter_context(self.store.open(f"{keyfile.object_name}.age"))
            self._check(keyfile, source)
            pieces = open_sealed(source, keyfile.identity, keyfile.length, start)
            unless_all_is_well.pop_all()
        return _streamed(source, pieces, keyfile.plaintext_digest if start == 0 else None)

    def verify(self, keyfile: KeyFile) -> None:
        """Reads everything again, ciphertext and plaintext, trusting no earlier check. IntegrityError, NotFound."""
        self._forget(keyfile.object_name)
        for _ in self.read(keyfile):
            pass

    def remove(self, name: str) -> None:
        """Removes the object with all its key files, keys first. NotFound where there is no object of this name."""
        for found in sorted(self.store.names(f"{_checked_name(name)}.")):
            if found != f"{name}.age":
                self._remove_if_there(found)
        self._forget(name)
        self.store.remove(f"{name}.age")

    def _check(self, keyfile: KeyFile, source: BinaryIO) -> None:
        name, version = keyfile.object_name, self.store.version(source)
        known, until = self._checked.get(name, (None, 0.0))
        if known == version and self._monotonic() < until:
            return
        digest = hashlib.sha256()
        size = 0
        while piece := source.read(READ_SIZE):
            digest.update(piece)
            size += len(piece)
        if digest.hexdigest() != name or size != sealed_length(keyfile.length):
            raise IntegrityError(f"The stored object {name} was changed.", "Restore it from a backup.")
        now = self._monotonic()
        if self.store.version(source) == version:  # else it changed while it was read
            with self._one_at_a_time:
                self._checked = {key: value for key, value in self._checked.items() if value[1] > now}
                self._checked[name] = (version, now + CHECKED_FOR)

    def _forget(self, name: str) -> None:
        with self._one_at_a_time:
            self._checked.pop(name, None)

    def next_key_name(self, name: str) -> str:
        """Under which name the object's next key file is stored."""
        return f"{name}.key.{max(self._key_numbers(name), default=0) + 1}.age"

    def _key_numbers(self, name: str) -> list[int]:
        prefix = f"{_checked_name(name)}.key."
        return [int(match[1]) for found in self.store.names(prefix) if (match := _NUMBERED.fullmatch(found, len(prefix)))]

    def _open(self, file_name: str, name: str, identity: Identity) -> KeyFile:
        keyfile = KeyFile.decode(identity.unwrap(self.store.read(file_name)))
        if keyfile.object_name != name:
            raise IntegrityError(f"The key file {file_name} is another object's.", "Restore it from a backup.")
        return keyfile

    def _remove_if_there(self, file_name: str) -> None:
        with suppress(NotFound):
            self.store.remove(file_name)


PAUSES = (0.01, 0.05, 0.2, 0.5)  # seconds at most, before numbers that were in the way of each other are tried again


class Batch:
    """What is stored together, durably, all or nothing: the files share the waits for the disk. Nothing is stored before `store`."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._new: dict[str, bytes | Pending] = {}
        self._keys: dict[str, bytes] = {}  # object name: wrapped key file, whose number is chosen at the end
        self._first: set[str] = set()  # names of those that are taken to have none yet

    def seal(self, data: bytes) -> Sealed:
        """A text as a new object."""
        sealed_bytes = bytearray()
        identity = Identity.generate()
        writer = SealedWriter(identity.recipient, sealed_bytes.extend)
        writer.write(data)
        sealed = _sealed(identity, writer.finish())
        self._new[sealed.file_name] = bytes(sealed_bytes)
        return sealed

    def add(self, receiving: Receiving, sealed: Sealed) -> None:
        """An object that has arrived; `sealed` is what its `end` said."""
        self._new[sealed.file_name] = receiving.pending

    def add_key(self, keyfile: KeyFile, recipients: Sequence[str], *, first: bool = False) -> None:
        """The key file, under the next number. `first`: a new object, so 1 is tried before anybody looks for others."""
        self._keys[keyfile.object_name] = wrap(keyfile.encode(), recipients)
        if first:
            self._first.add(keyfile.object_name)

    def add_grant(self, keyfile: KeyFile, grant_id: str, recipients: Sequence[str]) -> None:
        """The wrap of one grant."""
        self._new[_grant_name(keyfile.object_name, grant_id)] = wrap(keyfile.encode(), recipients)

    def store(self) -> None:
        """Stores everything. AlreadyThere where a name is taken; two at once that add a key file get two numbers."""
        numbered, pauses = self._numbered(), iter(PAUSES)
        while True:
            try:
                return self._vault.store.put_many({**self._new, **numbered})
            except AlreadyThere:
                self._first.clear()
                before, numbered = numbered, self._numbered()
                if numbered.keys() == before.keys():  # who had a number gave it back, being in the way of a third; or an object is there
                    pause = next(pauses, None)
                    if pause is None or not numbered:
                        raise
                    time.sleep(secrets.SystemRandom().uniform(0, pause))

    def _numbered(self) -> dict[str, bytes]:
        return {(_first_key(name) if name in self._first else self._vault.next_key_name(name)): blob for name, blob in self._keys.items()}


def _streamed(source: BinaryIO, pieces: Iterator[bytes], digest: str | None) -> Iterator[bytes]:
    with source:
        seen = hashlib.sha256()
        held = b""
        for piece in pieces:
            if held:
                yield held
            seen.update(piece)
            held = piece
        if digest is not None and f"sha256:{seen.hexdigest()}" != digest:
            raise IntegrityError("An original differs from its recorded digest.", "Restore the object and its key file from a backup.")
        if held:
            yield held


def _sealed(identity: Identity, facts: SealedFacts) -> Sealed:
    return Sealed(KeyFile(identity, facts.object_name, facts.length, facts.plaintext_digest), facts.sealed_length)


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError("This is not the name of a sealed object.", "A name is 64 hexadecimal digits.")
    return name


def _first_key(name: str) -> str:
    return f"{_checked_name(name)}.key.1.age"


def _grant_name(name: str, grant_id: str) -> str:
    if not _GRANT_ID.fullmatch(grant_id):
        raise UsageError("This is not the id of a grant.", "An id is made of 0-9 and a-z.")
    return f"{_checked_name(name)}.grant.{grant_id}.age"
