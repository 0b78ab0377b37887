"""Files hashed and sealed while they arrive: nothing that a source sends ever lies on a disk in the clear (RECIPES 3).

`receive` reads one form body. Unlike `request.form` it gives what did arrive when the rest did not: the fields typed so
far, the files that are whole, and the name of the one that was cut.

    arrival = receive(body, "multipart/form-data", {"boundary": "x"}, intake)
    arrival.fields["what"], arrival.files[0].sealed, arrival.cut
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol
from urllib.parse import parse_qsl

from werkzeug.datastructures import Headers
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import HEADER_CONTINUATION_RE, Data, Epilogue, Field, File, MultipartDecoder, NeedData

from evidence.errors import NotFound, StorageFull
from evidence.examine.media_types import short_name
from evidence.examine.signatures import media_type
from evidence.vault import Receiving, Sealed, Vault
from tipline.intake.draft import ReceivedFile
from tipline.intake.readahead import pieces

HEAD = 16 * 1024  # kept in memory of each file, to tell its type
MOST_PARTS = 1000
MOST_FIELD_NAME = 64
MOST_BEHIND_BOUNDARY = 70  # spaces that the line of a boundary may end with
MEMORY_BETWEEN_PARTS = 2 * 1024 * 1024  # a header or preamble larger than this is no form of ours

Refusal = Literal["too_large", "too_many", "no_space", "cut"]
FIELD_CHARSETS = frozenset({"ascii", "us-ascii", "utf-8", "iso-8859-1"})


@dataclass(frozen=True)
class Limits:
    """What one form may hold."""

    file_bytes: int
    files: int
    text_bytes: int


class Body(Protocol):
    """A request's body: it knows its length, and raises ClientDisconnected where it ends before."""

    def read(self, size: int, /) -> bytes | None: ...

    def readinto(self, room: memoryview, /) -> int | None: ...


class FileSink(io.RawIOBase):
    """What one file part is written to: hashed and sealed as it comes.

    It is complete only once `seek(0)` was called, which happens when the part's end boundary arrived, and only then. A
    file beyond a limit is read to its end and forgotten, so that the answer can be shown.
    """

    def __init__(self, objects: Vault, name: str, limit: int) -> None:
        super().__init__()
        self.name = name
        self.arrived = 0
        self.head = b""
        self.refusal: Refusal | None = None
        self.sealed: Sealed | None = None
        self._objects = objects
        self._limit = limit
        self._receiving: Receiving | None = None
        self._kept = False

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]  # no other buffers come
        self.arrived += len(data)
        if self.arrived > self._limit:
            self.refuse("too_large")
        if self.refusal is None:
            if len(self.head) < HEAD:
                self.head += data[: HEAD - len(self.head)]
            with self._minding_space():
                self._open().write(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """The end boundary has arrived: the object becomes durable."""
        if self.refusal is None and self.sealed is None:
            with self._minding_space():
                self.sealed = self._open().finish()
        return offset

    def received(self) -> ReceivedFile:
        """What arrived whole. ValueError before `seek(0)`."""
        if self.sealed is None:
            raise ValueError("the file has not arrived whole")
        kind = media_type(self.head)
        return ReceivedFile(self.name, self.sealed, kind, short_name(kind))

    def refuse(self, refusal: Refusal) -> None:
        """Forget what arrived of this file, and remember why."""
        self.refusal = self.refusal or refusal
        self._abort()

    def keep(self) -> None:
        """The object belongs to a draft or a tip now: closing the sink leaves it."""
        self._kept = True

    def close(self) -> None:
        """Forget what nobody has kept."""
        if not self.closed:
            self._abort()
        super().close()

    def _open(self) -> Receiving:
        if self._receiving is None:
            self._receiving = self._objects.receive()
        return self._receiving

    def _abort(self) -> None:
        if self._receiving is not None:
            self._receiving.abort()
        if self.sealed is not None and not self._kept:
            with suppress(NotFound):
                self._objects.remove(self.sealed.keyfile.object_name)
            self.sealed = None

    def _minding_space(self) -> _MindingSpace:
        return _MindingSpace(self)


class _MindingSpace:
    """Turns a full store into a refusal of this one file; any other fault aborts it and goes on."""

    def __init__(self, sink: FileSink) -> None:
        self._sink = sink

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, StorageFull):
            self._sink.refuse("no_space")
            return True
        if error is not None:
            self._sink.close()
        return False


@dataclass
class Arrival:
    """What arrived of one form.

    `cut` is true when the body ended early: then the last of `files` may be refused as "cut", and fields after it are missing.
    """

    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)  # all values of each field, for check boxes
    files: list[FileSink] = field(default_factory=list)
    too_long: set[str] = field(default_factory=set)  # fields of which only the beginning was taken
    cut: bool = False
    malformed: bool = False

    @property
    def whole(self) -> list[FileSink]:
        return [sink for sink in self.files if sink.sealed is not None]

    @property
    def refused(self) -> list[FileSink]:
        return [sink for sink in self.files if sink.refusal is not None]

    def close(self) -> None:
        for sink in self.files:
            sink.close()

    def __enter__(self) -> Arrival:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def receive(body: Body, mimetype: str, options: Mapping[str, str], objects: Vault, limits: Limits) -> Arrival:
    """Read a form body to its end, sealing its files. Never raises for what a client can send; `Arrival` says what is missing."""
    arrival = Arrival()
    try:
        if mimetype == "multipart/form-data":
            _Parts(arrival, objects, limits).read(body, options.get("boundary", "").encode("ascii", "replace"))
        elif mimetype == "application/x-www-form-urlencoded":
            _read_urlencoded(arrival, body, limits)
        else:
            arrival.malformed = True
    except ClientDisconnected:
        arrival.cut = True
    except (RequestEntityTooLarge, ValueError):
        arrival.malformed = True
    except BaseException:
        arrival.close()
        raise
    _settle(arrival)
    return arrival


def _settle(arrival: Arrival) -> None:
    for sink in arrival.files:
        if sink.sealed is None and sink.refusal is None:
            sink.refuse("cut")


def _read_urlencoded(arrival: Arrival, body: Body, limits: Limits) -> None:
    text = (body.read(3 * limits.text_bytes) or b"").decode("ascii", "replace")
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARTS):
        _add_field(arrival, name, value)


def _add_field(arrival: Arrival, name: str, value: str) -> None:
    arrival.fields.setdefault(name, value)
    arrival.choices.setdefault(name, []).append(value)


class _Decoder(MultipartDecoder):
    """Takes part headers in any encoding: bytes that are no UTF-8 stay in a name as surrogates (PEP 383), so that none is lost."""

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        lines = (line.strip(b" \t") for line in HEADER_CONTINUATION_RE.sub(b" ", data).splitlines())
        pairs = (line.decode("utf-8", "surrogateescape").partition(":") for line in lines if line)
        return Headers([(name.strip(" \t"), value.strip(" \t")) for name, _, value in pairs])


class _Parts:
    """Reads the parts of a multipart body, one event after the other."""

    def __init__(self, arrival: Arrival, objects: Vault, limits: Limits) -> None:
        self._arrival = arrival
        self._objects = objects
        self._limits = limits
        self._text_left = limits.text_bytes
        self._part: Field | File | None = None
        self._text = bytearray()
        self._sink: FileSink | None = None
        self._inside = False  # the decoder stands inside a part's content
        self._held = b""

    def read(self, body: Body, boundary: bytes) -> None:
        if not boundary:
            raise ValueError("no boundary")
        decoder = _Decoder(boundary, MEMORY_BETWEEN_PARTS, max_parts=MOST_PARTS)
        for piece, mark in pieces(body, b"--" + boundary):
            rest = self._pass_on(decoder, piece, mark)
            if rest:
                self._decode(decoder, self._up_to_boundary(decoder, bytes(rest)))
        if self._held:
            self._decode(decoder, self._held)
        self._decode(decoder, None)

    def _pass_on(self, decoder: MultipartDecoder, piece: memoryview, mark: int) -> memoryview:
        """Write what lies wholly inside a file straight to it, since the decoder would copy it several times. Return what is left for that.

        An end without a mark, which may be the beginning of one, waits in the decoder.
        """
        end = b"--" + decoder.boundary
        waiting = len(b"\r\n" + end)
        inside = (len(piece) if mark < 0 else mark + len(end)) - waiting
        if not self._inside or self._sink is None or self._held or inside <= 0:
            return piece
        before = bytes(decoder.buffer)
        if end in before + piece[:waiting]:
            return piece
        self._sink.write(before)
        self._sink.write(piece[:inside])
        rest = piece[inside:]
        decoder.buffer[:] = rest if mark < 0 else b""
        return rest if mark >= 0 else rest[:0]

    def _up_to_boundary(self, decoder: MultipartDecoder, piece: bytes) -> bytes:
        """Hold back the last byte of a boundary whose line has not ended yet, and what follows it, until the next read.

        werkzeug 3.1.9 takes the CR before a boundary for content when a read ends right behind the boundary.
        """
        end = b"--" + decoder.boundary
        piece = self._held + piece
        _, found, behind = (bytes(decoder.buffer[-len(end) :]) + piece).rpartition(end)
        unfinished = found and len(behind) <= MOST_BEHIND_BOUNDARY and not behind.strip(b" \t\r-")
        kept = len(piece) - len(behind) - 1 if unfinished else len(piece)
        self._held = piece[kept:]
        return piece[:kept]

    def _decode(self, decoder: MultipartDecoder, piece: bytes | None) -> None:
        decoder.receive_data(piece)
        while not isinstance(event := decoder.next_event(), (Epilogue, NeedData)):
            if isinstance(event, (Field, File)):
                self._begin(event)
            elif isinstance(event, Data):
                self._inside = event.more_data
                self._take(event)

    def _begin(self, part: Field | File) -> None:
        self._part, self._text, self._sink = part, bytearray(), None
        if isinstance(part, File) and part.filename:
            self._sink = FileSink(self._objects, _paired(part.filename), self._limits.file_bytes)
            if len(self._arrival.files) >= self._limits.files:
                self._sink.refuse("too_many")
            self._arrival.files.append(self._sink)

    def _take(self, data: Data) -> None:
        if self._sink is not None:
            self._sink.write(data.data)
            if not data.more_data:
                self._sink.seek(0)
            return
        if isinstance(self._part, Field):
            self._take_text(self._part, data)

    def _take_text(self, part: Field, data: Data) -> None:
        name = str(part.name or "")[:MOST_FIELD_NAME]
        kept = data.data[: self._text_left]
        self._text_left -= len(kept)
        self._text += kept
        if len(kept) < len(data.data):
            self._arrival.too_long.add(name)
        if not data.more_data:
            _add_field(self._arrival, name, _decoded(self._text, part.headers, name in self._arrival.too_long))


def _decoded(text: bytearray, headers: Headers, shortened: bool) -> str:
    charset = parse_options_header(headers.get("content-type"))[1].get("charset", "").lower()
    if charset not in FIELD_CHARSETS:
        charset = "utf-8"
    if shortened and charset == "utf-8":  # do not show half a letter at the end
        return text.decode("utf-8", "ignore")
    return text.decode(charset, "replace")


def _paired(name: str) -> str:
    """A name whose only surrogates stand for bytes that are no UTF-8."""
    try:
        name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return name.encode("utf-8", "replace").decode()
    return name
