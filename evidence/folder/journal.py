"""log.jsonl of an examiner's folder and the signed checkpoint beside it (SPEC 7.2).

Only the clear part of each line is held in memory. An append is one write and one wait for the disk, however many events it has; the
checkpoint over it lies ready before, so that a full disk leaves neither.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evidence import canonical, checkpoint, custody, merkle
from evidence.errors import IntegrityError
from evidence.folder import lines
from evidence.folder.durable import Staged, append, sync_folder
from evidence.folder.lines import RESTORE, Line
from evidence.records import Opening
from evidence.signing import SigningKey

LOG, CHECKPOINT = "log.jsonl", "checkpoint"


@dataclass(frozen=True)
class Fresh:
    """A new event: its opening, the bytes in which that is stored, and the item's object (None: the folder's own record)."""

    opening: Opening
    object: str | None
    blob: bytes


class Journal:
    """The log of one folder. `load` reads it; a new one is empty."""

    def __init__(self, folder: Path, origin: str) -> None:
        self._log, self._checkpoint = folder / LOG, folder / CHECKPOINT
        self.origin = origin
        self.lines: list[Line] = []
        self.exhibits: list[str] = []  # of items, in the order of their first events
        self._chains: dict[str, list[Line]] = {}
        self.tree = merkle.Tree()

    # reading

    def load(self, publics: Sequence[bytes]) -> int:
        """Reads the log and holds it against its checkpoint, signed by one of the keys; says how many events that covers.

        A last line that a crash tore is left out. FormatError, IntegrityError.
        """
        self._forget()
        self._take(self._read())
        head = self._head(publics)
        if head.size > len(self.lines):
            raise IntegrityError(f"The log has {len(self.lines)} events, its checkpoint {head.size}.", RESTORE)
        if self.tree.root(head.size) != head.root:
            raise IntegrityError("The log is not the one that its checkpoint was signed for.", RESTORE)
        return head.size

    def chain(self, exhibit: str) -> Sequence[Line]:
        """The lines of one exhibit, in order."""
        return self._chains.get(exhibit, ())

    def previous(self, exhibit: str) -> tuple[str | None, int]:
        """Entry and number of the exhibit's last event."""
        chain = self.chain(exhibit)
        return (chain[-1].entry, chain[-1].exhibit_seq) if chain else (None, 0)

    def blob(self, line: Line) -> bytes:
        """The stored bytes of an event's opening."""
        return canonical.unb64url(lines.payload(self._raw(line)))

    def check_stub(self, line: Line) -> None:
        """FormatError where the stub is not what is left of the event."""
        line.check_stub(lines.payload(self._raw(line)))

    def note(self, key: SigningKey) -> str:
        """The signed checkpoint over the whole log."""
        return checkpoint.sign_checkpoint(checkpoint.Checkpoint(self.origin, self.tree.size, self.tree.root()), key)

    # writing

    def append(self, new: Sequence[Fresh], key: SigningKey) -> None:
        """Adds events and signs the head over them; durable when it returns, and nothing where it fails. StorageFull."""
        written = [lines.encode(len(self.lines) + at, event.opening, event.object, event.blob) for at, event in enumerate(new)]
        leaves = [merkle.leaf_hash(event.opening.entry()) for event in new]
        before = len(self.lines)
        try:
            self.tree.extend(leaves)
            head = Staged(self._checkpoint, (self.note(key).encode(),))
            try:
                start = append(self._log, b"".join(written))
            except BaseException:
                head.drop()
                raise
        except BaseException:
            self.tree = merkle.Tree(_leaf(line) for line in self.lines)
            raise
        for at, data in enumerate(written):
            self._add(lines.read(data, before + at, start))
            start += len(data)
        head.put()

    def sign(self, key: SigningKey) -> None:
        """Writes the checkpoint over the log as it is."""
        Staged(self._checkpoint, (self.note(key).encode(),)).put()

    def cut(self, count: int) -> None:
        """Forgets all events from `count` on; `tidy` then takes them off the disk."""
        kept = self.lines[:count]
        self._forget()
        self._take(kept)

    def tidy(self) -> None:
        """Cuts off what lies in the file behind the last event."""
        end = self.lines[-1].start + self.lines[-1].length if self.lines else 0
        if self._log.stat().st_size > end:
            os.truncate(self._log, end)

    def replace(self, stubs: Mapping[int, bytes]) -> None:
        """Writes the log anew with these lines in place of those of the same index."""
        Staged(self._log, (stubs.get(line.index) or self._raw(line) for line in self.lines)).put()
        self._forget()
        self._take(self._read())

    def _forget(self) -> None:
        self.lines, self.exhibits, self._chains, self.tree = [], [], {}, merkle.Tree()

    def _take(self, found: Iterable[Line]) -> None:
        for line in found:
            self._add(line)
        self.tree = merkle.Tree(_leaf(line) for line in self.lines)

    def _add(self, line: Line) -> None:
        if line.exhibit not in self._chains and line.exhibit != custody.INSTALLATION:
            self.exhibits.append(line.exhibit)
        self._chains.setdefault(line.exhibit, []).append(line)
        self.lines.append(line)

    def _read(self) -> Iterator[Line]:
        place = 0
        with self._log.open("rb") as file:
            for index, data in enumerate(file):
                if not data.endswith(b"\n"):
                    return
                yield lines.read(data, index, place)
                place += len(data)

    def _raw(self, line: Line) -> bytes:
        with self._log.open("rb") as file:
            return os.pread(file.fileno(), line.length, line.start)

    def _head(self, publics: Sequence[bytes]) -> checkpoint.Checkpoint:
        note = checkpoint.decode_note(self._checkpoint.read_bytes())
        for public in publics[:-1]:
            try:
                return checkpoint.open_checkpoint(note, self.origin, public)
            except IntegrityError:
                continue  # the next key may have signed it
        return checkpoint.open_checkpoint(note, self.origin, publics[-1])


def make_empty(folder: Path) -> None:
    """An empty log."""
    (folder / LOG).touch(mode=0o600)
    sync_folder(folder)


def _leaf(line: Line) -> bytes:
    return merkle.leaf_hash(bytes.fromhex(line.entry))
