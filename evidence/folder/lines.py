"""One line of an examiner's log.jsonl (SPEC 7.2): an event, or what is left of a disposed one.

{"index":4,"event_id":"<hex>","exhibit":"<hex>","exhibit_seq":1,"exhibit_prev":"000...","entry":"<hex>","object":"<hex>","opening":"<base64url>","stub":null}
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from evidence import canonical, custody, records
from evidence.errors import FormatError, IntegrityError
from evidence.records import Opening

RESTORE = "Restore the folder from a backup, and compare with a checkpoint that was noted elsewhere."
# The exact form, so that what matches is canonical without being written again: a folder is read with each command.
_FORM = re.compile(
    rb'\{"index":(0|[1-9][0-9]{0,15}),"event_id":"([0-9a-f]{32})","exhibit":"([0-9a-f]{32}|installation)",'
    rb'"exhibit_seq":([1-9][0-9]{0,15}),"exhibit_prev":"([0-9a-f]{64})","entry":"([0-9a-f]{64})","object":(?:null|"([0-9a-f]{64})"),'
    rb'(?:"opening":"([A-Za-z0-9_-]+)","stub":null|"opening":null,"stub":"([^"\\\x00-\x1f]*(?:\\"[^"\\\x00-\x1f]*)*)")\}\n'
)


@dataclass(frozen=True, slots=True)
class Line:
    """The clear part of one line, and where the whole of it lies in the file. `stubbed`: the item was disposed of."""

    index: int
    event_id: str
    exhibit: str
    exhibit_seq: int
    exhibit_prev: str
    entry: str
    object: str | None
    stubbed: bool
    start: int
    length: int

    def checked(self, blob: bytes) -> Opening:
        """The opening in these bytes. IntegrityError where it is not the one that was recorded here."""
        opening = Opening.from_bytes(blob)
        same = all(opening.field(name) == getattr(self, name) for name in ("event_id", "exhibit", "exhibit_seq", "exhibit_prev"))
        if not same or opening.entry().hex() != self.entry:
            raise IntegrityError(f"Event {self.index} is not the one that was recorded.", RESTORE)
        return opening

    def check_stub(self, stub: str) -> None:
        """FormatError where this is not what is left of the event here."""
        event = custody.decode_event(stub)
        kept = {"exhibit": self.exhibit, "exhibit_seq": self.exhibit_seq, "exhibit_prev": self.exhibit_prev}
        if event.index != self.index or event.entry().hex() != self.entry or event.values() != kept:
            raise FormatError(f"Line {self.index + 1} of the log is not what is left of its event.", RESTORE)


def read(data: bytes, index: int, start: int) -> Line:
    """The line that must stand at `index`, its end included. FormatError."""
    found = _FORM.fullmatch(data)
    if found is None or int(found[1]) != index:
        raise FormatError(f"Line {index + 1} of the log is not in its exact form.", RESTORE)
    name = found[7].decode() if found[7] else None
    texts = (found[2].decode(), found[3].decode(), int(found[4]), found[5].decode(), found[6].decode())
    return Line(index, *texts, name, found[8] is None, start, len(data))


def payload(data: bytes) -> str:
    """What the line carries: the opening's bytes in base64url, or the stub."""
    found = canonical.decode(data)
    return str(found["opening"] or found["stub"])


def encode(index: int, opening: Opening, name: str | None, blob: bytes) -> bytes:
    """The line of a new event; `name` is the item's object, None for the folder's own record."""
    return _written(index, opening, name, canonical.b64url(blob), None)


def encode_stub(line: Line, opening: Opening) -> bytes:
    """The same place in the log without its opening: commitments, and what is never withheld."""
    kept_back = (set(records.FIELDS) | {custody.SIGNATURES}) - set(records.NEVER_WITHHELD)
    event = custody.disclose(opening, dict.fromkeys(kept_back, "disposed of")).placed(line.index, ())
    return _written(line.index, opening, line.object, None, custody.encode_event(event))


def _written(index: int, event: Opening, name: str | None, opening: str | None, stub: str | None) -> bytes:
    clear = {key: event.field(key) for key in ("event_id", "exhibit", "exhibit_seq", "exhibit_prev")}
    return (
        canonical.encode({"index": index, **clear, "entry": event.entry().hex(), "object": name, "opening": opening, "stub": stub}) + b"\n"
    )
