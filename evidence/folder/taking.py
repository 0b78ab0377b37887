"""How things come into an examiner's folder: files, streams, physical things, and what was made from an item (SPEC 7.3)."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from evidence import canonical
from evidence.errors import IntegrityError, NotFound, UsageError
from evidence.folder.case import Act, Folder, Part, When
from evidence.folder.item import Item
from evidence.keys import KeyFile
from evidence.records import Scalar
from evidence.vault import Batch, Sealed

READ_SIZE = 1 << 20
GROUP_FILES, GROUP_BYTES = 64, 64 << 20  # what is stored and recorded together: open files, and bytes that a crash can cost
_SHEET = (("description", "What it is"), ("marks", "Marks"), ("condition", "Condition"), ("place", "Where it is kept"))


@dataclass(frozen=True)
class Source:
    """What is to be acquired: its name as it is recorded, and how to open it. `stream`: it can't be watched while it is read."""

    name: str
    open: Callable[[], AbstractContextManager[BinaryIO]]
    stream: bool = False

    def pieces(self) -> Iterator[bytes]:
        """Its bytes. IntegrityError where a file changed while it was read."""
        with self.open() as file:
            before = None if self.stream else os.fstat(file.fileno())
            read = 0
            while piece := file.read(READ_SIZE):
                read += len(piece)
                yield piece
            if before is not None and stat.S_ISREG(before.st_mode):
                after = os.fstat(file.fileno())
                if (before.st_size, before.st_mtime_ns, read) != (after.st_size, after.st_mtime_ns, after.st_size):
                    raise IntegrityError("It changed while it was read.", "Acquire it again when nothing writes to it.")


@dataclass(frozen=True)
class Arrival:
    """How something came: the further fields of its first event, and when, where that is not now."""

    fields: Mapping[str, Scalar]
    when: When | None = None


@dataclass(frozen=True)
class Taken:
    """What was acquired."""

    number: str
    name: str
    keyfile: KeyFile


@dataclass(frozen=True)
class Unread:
    """What could not be read, and why. Nothing of it was kept."""

    name: str
    reason: str


def file_source(path: Path, name: str) -> Source:
    """A file, under the name that is to be recorded."""
    return Source(name, lambda: path.open("rb"))


def files_below(path: Path, unread: list[Unread]) -> Iterator[tuple[str, Path]]:
    """The regular files of a folder in order, named from the folder's own name on; what is not followed or read goes to `unread`."""
    top = path.absolute()

    def name_of(place: str) -> str:
        return os.path.relpath(place, top.parent)

    def refused(error: OSError) -> None:
        unread.append(Unread(name_of(str(error.filename)), error.strerror or "cannot be read"))

    for here, folders, files in os.walk(top, onerror=refused):
        folders.sort()
        for name in sorted(files + [folder for folder in folders if os.path.islink(os.path.join(here, folder))]):
            place = Path(here) / name
            mode = place.lstat().st_mode
            if stat.S_ISREG(mode):
                yield name_of(str(place)), place
            else:
                unread.append(Unread(name_of(str(place)), "a link, which is not followed" if stat.S_ISLNK(mode) else "not a file"))


def acquire(found: Folder, sources: Iterable[Source], arrival: Arrival, progress: Callable[[int], object]) -> Iterator[Taken | Unread]:
    """Hashes and seals each source as it is read, and records ACQUIRED. Tells of each once it is recorded and durable.

    What cannot be read leaves nothing and the others go on; StorageFull ends it all. Files share waits for the disk in groups.
    """
    group = _Group(found, "acquire", arrival)
    try:
        for source in sources:
            failed = group.take(source, progress)
            if failed is not None:
                yield failed
            if group.full:
                yield from group.finish()
        yield from group.finish()
    finally:
        group.abort()


class _Group:
    """What was read and is not yet stored."""

    def __init__(self, found: Folder, command: str, arrival: Arrival) -> None:
        self._found, self._command, self._arrival = found, command, arrival
        self._begin()

    def _begin(self) -> None:
        self._batch: Batch = self._found.vault.batch()
        self._new: list[tuple[str, Sealed]] = []
        self._aborts: list[Callable[[], None]] = []
        self._bytes = 0

    @property
    def full(self) -> bool:
        return len(self._new) >= GROUP_FILES or self._bytes >= GROUP_BYTES

    def take(self, source: Source, progress: Callable[[int], object]) -> Unread | None:
        receiving = self._found.vault.receive()
        self._aborts.append(receiving.abort)
        try:
            for piece in source.pieces():
                receiving.write(piece)
                progress(len(piece))
            sealed = receiving.end()
        except (OSError, IntegrityError) as error:
            receiving.abort()
            return Unread(source.name, str(error.strerror or error) if isinstance(error, OSError) else str(error))
        self._batch.add(receiving, sealed)
        self._batch.add_key(sealed.keyfile, [self._found.keys.identity.recipient])
        self._new.append((source.name, sealed))
        self._bytes += sealed.sealed_length
        return None

    def finish(self) -> list[Taken]:
        if not self._new:
            return []
        self._batch.store()
        at = len(self._found.journal.exhibits)
        acts = [
            Act("ACQUIRED", self._command, [_first(sealed.keyfile, name, self._arrival.fields)], self._arrival.when)
            for name, sealed in self._new
        ]
        self._found.record(acts)
        taken = [Taken(self._found.number(at + place), name, sealed.keyfile) for place, (name, sealed) in enumerate(self._new)]
        self._begin()
        return taken

    def abort(self) -> None:
        for abort in self._aborts:
            abort()


def _first(keyfile: KeyFile, name: str | None, fields: Mapping[str, Scalar]) -> Part:
    """The first event of a new item; a thing has no file name."""
    facts: dict[str, Scalar] = {
        "plaintext_after": keyfile.plaintext_digest,
        "ciphertext_after": f"sha256:{keyfile.object_name}",
        "length_after": keyfile.length,
        "result": "received whole",
    }
    if name is not None:
        raw = os.fsencode(name)
        facts |= {"name_b64": canonical.b64url(raw), "name_shown": shown(raw.decode("utf-8", "replace"))}
    return Part(secrets.token_hex(16), keyfile, {**facts, **fields})


def shown(text: str) -> str:
    """A name or a word that is safe to show on one line."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)[:200]


def register(found: Folder, told: Mapping[str, str], arrival: Arrival) -> Taken:
    """Takes a physical thing in: its description sheet is sealed as the object, and ACQUIRED says where the thing is kept.

    `told`: description, and where known marks, condition, place. UsageError without a description.
    """
    if not told.get("description", "").strip():
        raise UsageError("A thing needs a description.", "Say what it is, so that it can be told from others.")
    labels = [(label, told.get(name, "")) for name, label in _SHEET]
    labels += [("Received from", str(arrival.fields.get("released_by") or ""))]
    sheet = "".join(f"{label}: {text or 'not stated'}\n" for label, text in labels).encode()
    batch = found.vault.batch()
    keyfile = batch.seal(sheet).keyfile
    batch.add_key(keyfile, [found.keys.identity.recipient])
    batch.store()
    said: dict[str, Scalar] = {"name_shown": shown(told["description"]), "moved_to": told.get("place") or None}
    said["result"] = "the thing itself is held; the object is its description"
    at = len(found.journal.exhibits)
    found.record([Act("ACQUIRED", "register", [_first(keyfile, None, {**said, **arrival.fields})], arrival.when)])
    return Taken(found.number(at), str(said["name_shown"]), keyfile)


@dataclass(frozen=True)
class Made:
    """What was made from an item: DERIVED or REDACTED, the file, and how it was made."""

    kind: str
    source: Source
    fields: Mapping[str, Scalar]


def derive(found: Folder, parent: Item, made: Made, progress: Callable[[int], object]) -> Taken:
    """Takes a file in as the child of an item: one act of two events, each naming the other (SPEC 7.3).

    Barred where the parent is in quarantine, NotFound where it was disposed of or the file cannot be read.
    """
    parent.check_free()
    with found.vault.receive() as receiving:
        try:
            for piece in made.source.pieces():
                receiving.write(piece)
                progress(len(piece))
        except OSError as error:
            raise NotFound(f"{made.source.name}: {error.strerror}", "Nothing of it was kept.") from error
        sealed = receiving.end()
        batch = found.vault.batch()
        batch.add(receiving, sealed)
        batch.add_key(sealed.keyfile, [found.keys.identity.recipient])
        batch.store()
    before = parent.keys()
    child = _first(sealed.keyfile, made.source.name, {**made.fields, "parent_exhibit": parent.exhibit})
    child = Part(
        child.exhibit, child.keyfile, {**child.fields, "plaintext_before": before.plaintext_digest, "length_before": before.length}
    )
    told: dict[str, Scalar] = {**made.fields, "plaintext_before": before.plaintext_digest, "moved_to": child.exhibit}
    at = len(found.journal.exhibits)
    command = "derive" if made.kind == "DERIVED" else "redact"
    found.record([Act(made.kind, command, [Part(parent.exhibit, before, told), child])])
    return Taken(found.number(at), made.source.name, sealed.keyfile)


def check_outside(found: Folder, paths: Sequence[Path]) -> None:
    """UsageError where one of the paths is the folder itself, lies in it or holds it."""
    own = found.path.resolve()
    for path in paths:
        place = path.resolve()
        if place == own or own in place.parents or place in own.parents:
            raise UsageError(f"{path} is or holds the folder of evidence itself.", "Acquire from elsewhere.")
