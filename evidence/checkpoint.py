"""Signed heads of the log (C2SP signed-note and tlog-checkpoint), and the file of a consistency proof (SPEC section 5).

tips.example.org/log
128
wCDZr7hhDCb7KR0CrfpSO0aSIyBUmbFXcaW4WUCKVgA=

— tips.example.org/log 0tq9cZB1...
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from evidence.errors import FormatError, IntegrityError
from evidence.signing import SigningKey, verify

ED25519 = b"\x01"
CONSISTENCY = "tipline/consistency/1"
_ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_:-]{0,199}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_LARGEST = 16 * 1024
_NEXT = "Fetch the checkpoint again from where it is published."


@dataclass(frozen=True)
class Checkpoint:
    """The head of the log at one size."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return what is signed: three lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign_checkpoint(cp: Checkpoint, key: SigningKey) -> str:
    """Return the signed note; the key's name is the origin. FormatError for an origin or root outside the format."""
    _parse_text(cp.text())
    signature = base64.b64encode(note_key_hash(cp.origin, key.public) + key.sign(cp.text().encode())).decode()
    return f"{cp.text()}\n— {cp.origin} {signature}\n"


def open_checkpoint(note: str, origin: str, public: bytes) -> Checkpoint:
    """Return the checkpoint of a note that this log's key signed.

    Signatures of others (witnesses) may follow and are not looked at. Raises FormatError for another form,
    IntegrityError for another log, a false signature or none of this key.
    """
    text, signatures = _split_note(note)
    found = _parse_text(text)
    if found.origin != origin:
        raise IntegrityError(f"a checkpoint of another log: {found.origin}", _NEXT)
    marker = note_key_hash(origin, public)
    ours = [data for name, data in signatures if name == origin and data[:4] == marker]
    if len(ours) != 1 or not verify(public, ours[0][4:], text.encode()):
        raise IntegrityError(f"the checkpoint at size {found.size} is not signed by this log's key", _NEXT)
    return found


def short_hash(note: str) -> str:
    """Return 24 hex digits in groups of four over the signed text: what people print and compare.

    Later cosignatures leave it as it is.
    """
    text = hashlib.sha256(_split_note(note)[0].encode()).hexdigest()
    return " ".join(text[at : at + 4] for at in range(0, 24, 4))


def note_key_hash(name: str, public: bytes) -> bytes:
    """Return the four bytes that mark a key's signatures in a note."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def encode_consistency(old: int, new: int, proof: Sequence[bytes]) -> str:
    """Return the file that carries a consistency proof: a title, both sizes, one base64 hash a line."""
    lines = [CONSISTENCY, f"{old} {new}", *(base64.b64encode(part).decode() for part in proof)]
    return "\n".join(lines) + "\n"


def decode_consistency(text: str) -> tuple[int, int, list[bytes]]:
    """Return sizes and hashes of a consistency file; FormatError for another form."""
    lines = text.split("\n")
    if len(lines) < 3 or lines[0] != CONSISTENCY or lines[-1] != "" or len(text) > _LARGEST:
        raise FormatError("not a consistency proof", "Fetch the proof again from where the log is published.")
    sizes = lines[1].split(" ")
    if len(sizes) != 2 or not all(_SIZE.fullmatch(size) for size in sizes):
        raise FormatError("a consistency proof without its two sizes", "Fetch the proof again from where the log is published.")
    return int(sizes[0]), int(sizes[1]), [_hash(line) for line in lines[2:-1]]


def _split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    text, blank, rest = note.rpartition("\n\n")
    if not blank or not rest.endswith("\n") or len(note) > _LARGEST:
        raise FormatError("not a signed note", _NEXT)
    return text + "\n", [_signature(line) for line in rest[:-1].split("\n")]


def _signature(line: str) -> tuple[str, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not parts[1]:
        raise FormatError("a line of the note that is no signature", _NEXT)
    data = _base64(parts[2])
    if len(data) < 5:
        raise FormatError("a signature of the note that is too short", _NEXT)
    return parts[1], data


def _parse_text(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] != "" or not _ORIGIN.fullmatch(lines[0]) or not _SIZE.fullmatch(lines[1]):
        raise FormatError("not a checkpoint: origin, size and root stand on three lines", _NEXT)
    return Checkpoint(lines[0], int(lines[1]), _hash(lines[2]))


def _hash(line: str) -> bytes:
    data = _base64(line)
    if len(data) != 32:
        raise FormatError("a hash that is not 32 bytes long", _NEXT)
    return data


def _base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError as error:
        raise FormatError(f"not base64: {text[:60]!r}", _NEXT) from error
    if base64.b64encode(data).decode() != text:
        raise FormatError(f"not the canonical base64 of its bytes: {text[:60]!r}", _NEXT)
    return data
