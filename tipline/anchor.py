"""The anchor: what the log held, line by line, kept elsewhere, so that a restored or shortened database is noticed.

    {"index": 7, "row": ["<event id>", "<exhibit>", 1, "<prev>", "<entry>"], "exhibit": [...], "opening": "<base64>",
    "before": "<hex>", "mac": "<hex>"}

`mac` is HMAC-SHA256 under the sequencer's anchor key over the other members; `before` is the line before's. `exhibit` stands
where an exhibit begins (`exhibit_seq` 1) and holds what its row needs to come back (SPEC 5.7).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from evidence.checkpoint import Checkpoint
from evidence.merkle import EMPTY_ROOT, leaf_hash, node_hash
from tipline.errors import Unsound
from tipline.keyfolders import KeyFolder, sync_folder
from tipline.models.custody import CustodyEvent, CustodyOpening, Exhibit, LogLeaf

START = "0" * 64
AT_ONCE = 500
WRITTEN_AT_ONCE = 100  # lines, of about 3 kB each
KEY_FILE = "anchor.key"
_ROW_FORM = rb'\["([^"\\]+)", "([^"\\]+)", ([1-9][0-9]*), "([0-9a-f]{64})", "([0-9a-f]{64})"\]'
ROW, FACTS = re.compile(_ROW_FORM), re.compile(rb"\[[^\]]*\]")
LINE = re.compile(
    rb'\{"index": (0|[1-9][0-9]*), "row": (' + _ROW_FORM + rb"), "
    rb'(?:"exhibit": (\[[^\]]*\]), )?"opening": ("[A-Za-z0-9+/=]*"|null), "before": "([0-9a-f]{64})", "mac": "([0-9a-f]{64})"\}\n'
)
FOR_GOOD = (
    "Nothing was changed, and no command makes it start: keep this database, the anchor file with its copies and the backups as they "
    "are, and ask whoever examines such things for you."
)
RECOVER = "Nothing was changed. Restore a newer backup, or stop everything and run `tipline recover`; `tipline recover --check` only tells."

CUT = (
    "Nothing was changed. Put the newest copy of the file back. If there is none, keep this one elsewhere, take it away from here "
    "and run `tipline recover`."
)

EventRow = tuple[str, str, int, str, str]  # event id, exhibit, exhibit_seq, exhibit_prev, entry


class Line(NamedTuple):
    """One line whose MAC was checked. `exhibit` is JSON, `opening` base64, as they stand in the file."""

    log_index: int
    row: EventRow
    exhibit: bytes | None
    opening: bytes | None
    mac: str


class OldKey(NamedTuple):
    """A key that was replaced: good for the lines below `size`, the last of which bears exactly `mac`."""

    key: bytes
    size: int
    mac: str


class Place(NamedTuple):
    """How far the file goes: the number of lines and the last one's MAC."""

    size: int
    mac: str


class Frontier:
    """The root of a growing tree in O(log n) memory: the complete subtrees on its right edge."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, entry: bytes) -> None:
        """Add the leaf of an entry."""
        height, node = 0, leaf_hash(entry)
        while self._peaks and self._peaks[-1][0] == height:
            node, height = node_hash(self._peaks.pop()[1], node), height + 1
        self._peaks.append((height, node))
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all leaves so far (RFC 9162 section 2.1.1)."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


class Anchor:
    """The anchor file of one installation; only the sequencer writes it."""

    def __init__(self, path: Path, key: bytes, older: Sequence[OldKey] = ()) -> None:
        self.path = path
        self.key = key
        self.older = tuple(older)
        self._at: Place | None = None  # None: not known, read it from the file's end

    def check(self, session: Session, published: Checkpoint | None = None) -> None:
        """Compare every line with its event, then append what the log has more. Streams: memory stays bounded.

        Args:
            published: the checkpoint that lies in the log folder, its signature checked; the log must reach it and have its root.

        Raises:
            Unsound: a line is forged, the events at an index differ, the database is behind, or the file is gone.
        """
        present = log_size(session)
        if not self.path.exists():
            if present:
                raise Unsound(f"The anchor file {self.path} is gone, though the log holds {present} events.", RECOVER)
            self._create()
        self.drop_torn_line()
        tree = Frontier()
        with closing(log_rows(session)) as rows:
            for line in self.lines():
                row = next(rows, None)
                if row is None:
                    last = self._last_index()
                    raise Unsound(f"The database ends at log index {line.log_index - 1}, but its anchor goes on to {last}.", RECOVER)
                if row != line.row:
                    raise Unsound(f"The log has another entry at index {line.log_index} than its anchor.", FOR_GOOD)
                _grow(tree, row, published)
            if tree.size < max((old.size for old in self.older), default=0):
                raise Unsound("The anchor file ends before the line at which its key was replaced: it was cut.", CUT)
            for row in rows:
                _grow(tree, row, published)
        if published is not None and published.size > tree.size:
            raise Unsound(f"The database ends at log index {tree.size - 1}, but {published.size} events were published.", RECOVER)
        self.catch_up(session)

    def catch_up(self, session: Session) -> int:
        """Append a line for each sequenced event that the anchor lacks; durable when it returns. Returns how many.

        Raises:
            OSError: the lines could not be written; the next call begins where the file ends, whatever was left there.
            Unsound: the file is gone.
        """
        at = self._at = self._at or self._place()
        rows = session.execute(_missing(at.size).execution_options(yield_per=AT_ONCE))
        first = next(rows, None)
        if first is None:
            return 0
        if at.size and not self.path.exists():
            raise Unsound(f"The anchor file {self.path} was taken away while the worker ran.", FOR_GOOD)
        self._at = None
        reached = self._append(at, first, rows)
        self._at = reached
        return reached.size - at.size

    def _append(self, at: Place, first: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Place:
        if not self.path.exists():
            self._create()
        with self.path.open("ab") as file:
            end = file.seek(0, os.SEEK_END)
            try:
                for group in _groups(chain([first], rows)):
                    at = self._write(file.fileno(), at, group)
                os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):
                    os.ftruncate(file.fileno(), end)  # what is half written, or written and never made durable, is written again
                raise
        return at

    def _write(self, handle: int, at: Place, rows: Sequence[Sequence[Any]]) -> Place:
        lines = []
        for row in rows:
            line, mac = self._line(at, row)
            lines.append(line)
            at = Place(at.size + 1, mac)
        data = b"".join(lines)
        while data:
            data = data[os.write(handle, data) :]
        return at

    def _line(self, at: Place, row: Sequence[Any]) -> tuple[bytes, str]:
        index, event_id, exhibit_id, seq, prev, entry, opening, *exhibit = row
        if index != at.size:
            raise Unsound(f"The log has no event at index {at.size}.", FOR_GOOD)
        told = json.dumps([event_id, exhibit_id, seq, prev, entry]).encode()
        facts = json.dumps(exhibit_facts(exhibit)).encode() if seq == 1 else None
        if not ROW.fullmatch(told) or not (facts is None or FACTS.fullmatch(facts)):
            raise Unsound(
                f"The event at log index {index} can't be anchored: its row is not of the form that this program writes.", FOR_GOOD
            )
        sealed = b"null" if opening is None else b'"' + base64.b64encode(opening) + b'"'
        members = (str(index).encode(), told, facts, sealed, at.mac.encode())
        mac = _mac(self.key, members)
        middle = b"" if facts is None else b'"exhibit": ' + facts + b", "
        head = b'{"index": ' + members[0] + b', "row": ' + told + b", " + middle + b'"opening": ' + sealed
        return head + b', "before": "' + members[4] + b'", "mac": "' + mac.encode() + b'"}\n', mac

    def lines(self) -> Iterator[Line]:
        """Yield every line, its MAC and its place in the chain checked. Nothing where there is no file.

        Raises:
            Unsound: a line is not the sequencer's.
        """
        at = Place(0, START)
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for data in file:
                if not data.endswith(b"\n"):
                    return  # torn: it counts for nothing
                found = LINE.fullmatch(data)
                if found is None:
                    raise Unsound(f"Line {at.size + 1} of the anchor file can't be read.", FOR_GOOD)
                index, _, event_id, exhibit_id, seq, prev, entry, exhibit, opening, before, mac = found.groups()
                given = mac.decode()
                right = hmac.compare_digest(_mac(self._key_at(at.size), found.group(1, 2, 8, 9, 10)), given)
                if not right or before.decode() != at.mac or int(index) != at.size or not self._pinned(at.size + 1, given):
                    raise Unsound(f"Line {at.size + 1} of the anchor file is not the sequencer's.", FOR_GOOD)
                at = Place(at.size + 1, given)
                row = (event_id.decode(), exhibit_id.decode(), int(seq), prev.decode(), entry.decode())
                yield Line(at.size - 1, row, exhibit, None if opening == b"null" else opening[1:-1], given)

    def _key_at(self, index: int) -> bytes:
        return next((old.key for old in self.older if index < old.size), self.key)

    def _pinned(self, size: int, mac: str) -> bool:
        """Tell whether a line may end where a replaced key ends: with the MAC that was noted when it was replaced."""
        return all(old.size != size or old.mac == mac for old in self.older)

    def place(self) -> Place:
        """Read the whole file, checking it, and return how far it goes. Raises: as `lines`."""
        self.drop_torn_line()
        at = Place(0, START)
        for line in self.lines():
            at = Place(line.log_index + 1, line.mac)
        return at

    def _place(self) -> Place:
        """Return how far the file goes by its last line alone: only the sequencer writes it, and `check` has read the rest."""
        if not self.path.exists():
            return Place(0, START)
        self.drop_torn_line()
        found = LINE.fullmatch(_last_line(self.path))
        return Place(0, START) if found is None else Place(int(found[1]) + 1, found[11].decode())

    def rewrite(self, session: Session) -> int:
        """Write a file that is gone anew from the database, whole or not at all. Returns how many lines."""
        fresh = Anchor(self.path.with_name(f".{self.path.name}.new"), self.key)
        fresh.path.unlink(missing_ok=True)
        fresh._create()
        count = fresh.catch_up(session)
        fresh.path.replace(self.path)
        sync_folder(self.path.parent)
        self.older = ()
        self._at = None
        return count

    def _create(self) -> None:
        """Make the empty file: from then on its absence means that somebody took it away."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        sync_folder(self.path.parent)

    def _last_index(self) -> int:
        return max((line.log_index for line in self.lines()), default=-1)

    def drop_torn_line(self) -> None:
        """A crash may leave half a line at the end: it is cut off, since its event is in the database."""
        if not self.path.exists():
            return
        with self.path.open("rb+") as file:
            end = file.seek(0, os.SEEK_END)
            keep = _end_of_lines(file.fileno(), end)
            if keep != end:
                file.truncate(keep)
                os.fsync(file.fileno())


def open_anchor(path: Path, keys: KeyFolder) -> Anchor:
    """Return the anchor with the key of a worker's folder, and the keys that were replaced (`anchor.key.old-<n>`: key, size, MAC)."""
    older = []
    for name in keys.older(KEY_FILE):
        key, size, mac = keys.text(name).split()
        older.append(OldKey(bytes.fromhex(key), int(size), mac))
    return Anchor(path, keys.secret(KEY_FILE), sorted(older, key=lambda old: old.size))


def log_size(session: Session) -> int:
    """Return how many events have an index."""
    highest = session.execute(select(func.max(LogLeaf.log_index))).scalar()
    return 0 if highest is None else highest + 1


def log_rows(session: Session, start: int = 0) -> Generator[EventRow, None, None]:
    """Yield the event row at each index, with the entry that the leaf holds, in order.

    Raises:
        Unsound: an index is missing, or leaf and event hold different entries.
    """
    wanted = (
        select(LogLeaf.log_index, LogLeaf.entry, *_ROW)
        .join(CustodyEvent, CustodyEvent.event_id == LogLeaf.event_id)
        .where(LogLeaf.log_index >= start)
        .order_by(LogLeaf.log_index)
        .execution_options(yield_per=4 * AT_ONCE)
    )
    with session.execute(wanted) as rows:
        for expected, (index, leaf, *row) in enumerate(rows, start=start):
            if index != expected:
                raise Unsound(f"The log has no event at index {expected}.", FOR_GOOD)
            if leaf != row[4]:
                raise Unsound(f"The log has another entry at index {index} than its event.", FOR_GOOD)
            yield tuple(row)  # type: ignore[misc]  # the five columns of _ROW


def exhibit_facts(values: Sequence[object]) -> list[object]:
    """Return an exhibit's row as a line carries it. Takes the columns of `EXHIBIT` in order."""
    program, kind, name, length, recipient, received_on, facts, parent = values
    sealed = None if facts is None else base64.b64encode(bytes(facts)).decode()  # type: ignore[call-overload]  # a blob
    return [program, kind, name, length, recipient, str(received_on), sealed, parent]


_ROW = (CustodyEvent.event_id, CustodyEvent.exhibit_id, CustodyEvent.exhibit_seq, CustodyEvent.exhibit_prev, CustodyEvent.entry)
EXHIBIT = (
    Exhibit.program_id, Exhibit.kind, Exhibit.object_name, Exhibit.sealed_length, Exhibit.recipient, Exhibit.received_on, Exhibit.facts,
    Exhibit.parent_id,
)  # fmt: skip


def _missing(start: int) -> Select[*tuple[Any, ...]]:
    return (
        select(LogLeaf.log_index, *_ROW, CustodyOpening.opening, *EXHIBIT)
        .join(CustodyEvent, CustodyEvent.event_id == LogLeaf.event_id)
        .join(Exhibit, Exhibit.id == CustodyEvent.exhibit_id)
        .outerjoin(CustodyOpening, CustodyOpening.event_id == CustodyEvent.event_id)
        .where(LogLeaf.log_index >= start)
        .order_by(LogLeaf.log_index)
    )


def _groups(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    found = iter(rows)
    while group := list(islice(found, WRITTEN_AT_ONCE)):
        yield group


def _mac(key: bytes, members: Sequence[bytes | None]) -> str:
    """HMAC over the members but `mac`, in the order of their names, as JSON in ASCII (SPEC 5.7). Takes them in the line's order."""
    index, row, exhibit, opening, before = (member or b"" for member in members)
    middle = b'"exhibit": ' + exhibit + b", " if exhibit else b""
    body = b'{"before": "' + before + b'", ' + middle + b'"index": ' + index + b', "opening": ' + opening + b', "row": ' + row + b"}"
    return hmac.digest(key, body, hashlib.sha256).hex()


def _grow(tree: Frontier, row: EventRow, published: Checkpoint | None) -> None:
    """Add a leaf while the published root is not reached; compare when it is."""
    if published is None or tree.size >= published.size:
        tree.size += 1
        return
    tree.add(bytes.fromhex(row[4]))
    if tree.size == published.size and tree.root() != published.root:
        raise Unsound(f"The log is not the one whose checkpoint was published at size {published.size}.", FOR_GOOD)


def _last_line(path: Path) -> bytes:
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        start = _end_of_lines(file.fileno(), end - 1) if end else 0
        file.seek(start)
        return file.read()


def _end_of_lines(handle: int, end: int) -> int:
    """Return where the last line end before `end` lies (after it); 0 where there is none."""
    while end > 0:
        step = min(65536, end)
        found = os.pread(handle, step, end - step).rfind(b"\n")
        if found >= 0:
            return end - step + found + 1
        end -= step
    return 0
