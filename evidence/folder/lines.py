"""log.jsonl of an examiner's folder: one event a line, and what is left of a disposed one (SPEC 7.2)."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from evidence import canonical, custody, records
from evidence.errors import FormatError, IntegrityError
from evidence.records import Opening

RESTORE = "Restore the folder from a backup, and compare with a checkpoint that was noted elsewhere."
_LINE = ("index", "event_id", "exhibit", "exhibit_seq", "exhibit_prev", "entry", "object", "opening", "stub")


@dataclass(frozen=True)
class Line:
    """One event in log.jsonl. `opening` is gone and `stub` there once the item was disposed of."""

    index: int
    event_id: str
    exhibit: str
    exhibit_seq: int
    exhibit_prev: str
    entry: str
    object: str | None
    opening: str | None
    stub: str | None

    def encode(self) -> bytes:
        """The line with its end."""
        return canonical.encode({name: getattr(self, name) for name in _LINE}) + b"\n"

    @classmethod
    def decode(cls, data: bytes, index: int) -> Line:
        """Strict inverse of `encode`, for the line that must stand at `index`."""
        found = canonical.decode(data)
        if not isinstance(found, dict) or tuple(found) != _LINE:
            raise FormatError(f"Line {index + 1} of the log is not an event.", RESTORE)
        line = cls(**found)
        sound = line._well_formed() and line.index == index and line.encode() == data + b"\n"
        if not sound or (line.stub is not None and not line._is_stub(line.stub)):
            raise FormatError(f"Line {index + 1} of the log is not in its exact form.", RESTORE)
        return line

    def _well_formed(self) -> bool:
        texts = (self.event_id, self.exhibit, self.exhibit_prev, self.entry)
        either = (self.opening, self.stub)
        return (
            all(isinstance(text, str) for text in (*texts, self.object or "", self.opening or "", self.stub or ""))
            and type(self.exhibit_seq) is int
            and re.fullmatch("[0-9a-f]{64}", self.entry) is not None
            and either.count(None) == 1
        )

    def _is_stub(self, stub: str) -> bool:
        event = custody.decode_event(stub)
        kept = {"exhibit": self.exhibit, "exhibit_seq": self.exhibit_seq, "exhibit_prev": self.exhibit_prev}
        return event.index == self.index and event.entry().hex() == self.entry and event.values() == kept

    def disposed(self, opening: Opening) -> Line:
        """The same place in the log without its opening: commitments, and what is never withheld."""
        kept_back = (set(records.FIELDS) | {custody.SIGNATURES}) - set(records.NEVER_WITHHELD)
        event = custody.disclose(opening, dict.fromkeys(kept_back, "disposed of")).placed(self.index, ())
        return replace(self, opening=None, stub=custody.encode_event(event))

    def checked(self, blob: bytes) -> Opening:
        """The opening in these bytes. IntegrityError where it is not the one that was recorded here."""
        opening = Opening.from_bytes(blob)
        same = all(opening.field(name) == getattr(self, name) for name in ("event_id", "exhibit", "exhibit_seq", "exhibit_prev"))
        if not same or opening.entry().hex() != self.entry:
            raise IntegrityError(f"Event {self.index} is not the one that was recorded.", RESTORE)
        return opening

    def blob(self) -> bytes:
        """The stored bytes of the opening."""
        return canonical.unb64url(self.opening or "")


def new_line(index: int, opening: Opening, name: str | None, blob: bytes) -> Line:
    """The line of a new event; `name` is the item's object, None for the folder's own record."""
    value = {key: opening.field(key) for key in ("event_id", "exhibit", "exhibit_seq", "exhibit_prev")}
    # custody.next_fields made these four: their types hold, which a mapping can't show
    return Line(index, **value, entry=opening.entry().hex(), object=name, opening=canonical.b64url(blob), stub=None)  # type: ignore[arg-type]


def read_lines(path: Path) -> list[Line]:
    """All whole lines; a last one that a crash tore is left out. FormatError."""
    data = path.read_bytes()
    return [Line.decode(text, index) for index, text in enumerate(data[: data.rfind(b"\n") + 1].splitlines())]


def append_lines(path: Path, new: list[Line]) -> None:
    """Appends, durably when it returns. After an error nothing is added; a crash can leave a torn last line."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        before = os.fstat(handle).st_size
        view = memoryview(b"".join(line.encode() for line in new))
        try:
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, before)
            raise
    finally:
        os.close(handle)


def replace_file(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all. A crash can leave its temporary file, which `remove_temporary` takes away."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_temporary(path: Path) -> None:
    """Removes what a crash left of `replace_file` of this file. Nobody may be writing it."""
    for left in path.parent.glob(f".{path.name}.????????"):
        left.unlink(missing_ok=True)
