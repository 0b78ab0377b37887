"""Signed heads of the log (C2SP signed-note, tlog-checkpoint, tlog-cosignature), and the file of a consistency proof (SPEC 5).

tips.example.org/log
128
wCDZr7hhDCb7KR0CrfpSO0aSIyBUmbFXcaW4WUCKVgA=

— tips.example.org/log 0tq9cZB1...
— witness.example.com/w1 jWbPPwAAAABkGFDL...

A key is written as a vkey: tips.example.org/log+ee049c80+ARdFU7RW3d/GkI7KscEB/mqyHiuqBhd5W31DpjSCmT/V
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evidence.errors import FormatError, IntegrityError
from evidence.signing import SigningKey, verify, verify_ml_dsa

ED25519, COSIGNATURE, ML_DSA = 1, 4, 6  # types of signed-note: a log's signature, and a witness's with its time, by either algorithm
COSIGNING = (COSIGNATURE, ML_DSA)
_PUBLIC = {ED25519: 32, COSIGNATURE: 32, ML_DSA: 1312}  # bytes of a key
_SIGNED = {COSIGNATURE: 64, ML_DSA: 2420}  # bytes of a signature
CONSISTENCY = "tipline/consistency/1"
_ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_:-]{0,199}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_VKEY = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")
LARGEST_NOTE = 128 * 1024  # sixteen signatures must fit, and some kinds take 5 kB
_LARGEST_PROOF = 16 * 1024
_NEXT = "Fetch the checkpoint again from where it is published."
_NEXT_KEY = "Copy the key again from where it is published: NAME+HASH+KEY, all on one line."


@dataclass(frozen=True)
class Checkpoint:
    """The head of the log at one size."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return what is signed: three lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True)
class Vkey:
    """Who may sign a note, and how (signed-note, "Verifier keys"): a name, a type of signature, a public key."""

    name: str
    kind: int
    public: bytes

    @property
    def mark(self) -> bytes:
        """The four bytes that mark this key's signatures in a note."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def text(self) -> str:
        """The key as it is published."""
        return f"{self.name}+{self.mark.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"


@dataclass(frozen=True)
class Cosigned:
    """That a witness saw a checkpoint, in seconds since 1970 by its own clock; `line` is its signature line."""

    name: str
    at: int
    line: str


def parse_vkey(text: str) -> Vkey:
    """Return the key of a vkey; FormatError for another form, a wrong hash, or a type of which there is none above."""
    match = _VKEY.fullmatch(text)
    if match is None or not _is_name(match[1]):
        raise FormatError(f"not a key of a signed note: {text[:80]!r}", _NEXT_KEY)
    raw = _base64(match[3])
    if len(raw) - 1 != _PUBLIC.get(raw[0] if raw else 0):
        raise FormatError(f"a key of a kind that is not known here: {text[:80]!r}", _NEXT_KEY)
    found = Vkey(match[1], raw[0], raw[1:])
    if found.mark.hex() != match[2]:
        raise FormatError(f"a key whose hash is not its own: {text[:80]!r}", _NEXT_KEY)
    return found


def sign_checkpoint(cp: Checkpoint, key: SigningKey) -> str:
    """Return the signed note; the key's name is the origin. FormatError for an origin or root outside the format."""
    _parse_text(cp.text())
    vkey = Vkey(cp.origin, ED25519, key.public)
    return f"{cp.text()}\n{_line(vkey, key.sign(cp.text().encode()))}"


def open_checkpoint(note: str, origin: str, public: bytes) -> Checkpoint:
    """Return the checkpoint of a note that this log's key signed.

    Signatures of others (witnesses) may follow and are not looked at. Raises FormatError for another form,
    IntegrityError for another log, a false signature or none of this key.
    """
    return open_note(note, [Vkey(origin, ED25519, public)])


def open_note(note: str, keys: Sequence[Vkey]) -> Checkpoint:
    """Return the checkpoint of a note that one of a log's keys signed (it has two while its key changes).

    Raises FormatError for another form, IntegrityError for another log, no signature of a given key, a false or double one.
    """
    text, signatures = _split_note(note)
    found = _parse_text(text)
    ours = [key for key in keys if key.name == found.origin and key.kind == ED25519]
    if not ours:
        raise IntegrityError(f"a checkpoint of another log: {found.origin}", _NEXT)
    signed = 0
    for key in ours:
        data = [blob[4:] for name, blob, _ in signatures if (name, blob[:4]) == (key.name, key.mark)]
        if len(data) > 1 or not all(verify(key.public, one, text.encode()) for one in data):
            raise IntegrityError(f"the signature of the checkpoint at size {found.size} does not hold", _NEXT)
        signed += len(data)
    if not signed:
        raise IntegrityError(f"the checkpoint at size {found.size} is not signed by this log's key", _NEXT)
    return found


def decode_note(data: bytes) -> str:
    """Return the text of a note as it came; FormatError if it is too large or no UTF-8."""
    if len(data) > LARGEST_NOTE:
        raise FormatError(f"a note of {len(data)} bytes", _NEXT)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise FormatError("a note that is no UTF-8", _NEXT) from error


def read_head(note: str) -> Checkpoint:
    """Return what a note says, whoever signed it: only for words about a note that was refused."""
    return _parse_text(_split_note(note)[0])


def signed_part(note: str) -> str:
    """Return the three lines that signatures are over."""
    return _split_note(note)[0]


def own_note(note: str) -> str:
    """Return a note with the log's own signature lines only."""
    text, signatures = _split_note(note)
    return f"{text}\n" + "".join(line for name, _, line in signatures if name == _parse_text(text).origin)


def cosign(note: str, name: str, key: SigningKey, at: int) -> str:
    """Return a witness's signature line (tlog-cosignature, cosignature/v1) that it saw this checkpoint at this second.

    A key is used for one witness only: its signature does not cover the name.
    """
    text = signed_part(note)
    _parse_text(text)
    witness = Vkey(name, COSIGNATURE, key.public)
    if not _is_name(name) or not 0 < at < 1 << 63:
        raise FormatError(f"a witness can't be named {name!r} or sign at {at}", "Names have no spaces and no plus.")
    return _line(witness, at.to_bytes(8, "big") + key.sign(_cosigned(text, at)))


def cosignatures(note: str, witnesses: Sequence[Vkey]) -> list[Cosigned]:
    """Return the cosignatures of the named witnesses, at most one each, in the order of the note.

    Lines of others are not looked at. Raises IntegrityError where a line of a named witness is false.
    """
    text, signatures = _split_note(note)
    found: dict[str, Cosigned] = {}
    for name, blob, line in signatures:
        witness = _witness(witnesses, name, blob)
        if witness is not None:
            if not _holds(witness, blob, text):
                raise IntegrityError(f"the cosignature of {name} does not hold", _NEXT)
            found.setdefault(witness.text, Cosigned(name, int.from_bytes(blob[4:12], "big"), line))
    return list(found.values())


def add_cosignatures(note: str, lines: str, witnesses: Sequence[Vkey]) -> str:
    """Return the note with those of the given lines that are true cosignatures of named witnesses, one for each witness.

    Args:
        lines: signature lines, each with its line end, or a whole note over the same text.

    Raises FormatError where a line is no signature, IntegrityError where the lines belong to another checkpoint's note.
    """
    text, signatures = _split_note(note)
    if "\n\n" in lines:
        other, offered = _split_note(lines)
        if other != text:
            raise IntegrityError(f"signatures over another checkpoint: size {_parse_text(other).size}", _NEXT)
    else:
        offered = _split_note(f"{text}\n{lines}")[1]
    have = {witness.text for name, blob, _ in signatures if (witness := _witness(witnesses, name, blob))}
    added = ""
    for name, blob, line in offered:
        witness = _witness(witnesses, name, blob)
        if witness is not None and witness.text not in have and _holds(witness, blob, text):
            have.add(witness.text)
            added += line
    return note + added


def short_hash(note: str) -> str:
    """Return 24 hex digits in groups of four over the signed text: what people print and compare.

    Later cosignatures leave it as it is.
    """
    text = hashlib.sha256(_split_note(note)[0].encode()).hexdigest()
    return " ".join(text[at : at + 4] for at in range(0, 24, 4))


def encode_consistency(old: int, new: int, proof: Sequence[bytes]) -> str:
    """Return the file that carries a consistency proof: a title, both sizes, one base64 hash a line."""
    lines = [CONSISTENCY, f"{old} {new}", *(base64.b64encode(part).decode() for part in proof)]
    return "\n".join(lines) + "\n"


def decode_consistency(text: str) -> tuple[int, int, list[bytes]]:
    """Return sizes and hashes of a consistency file; FormatError for another form."""
    lines = text.split("\n")
    if len(lines) < 3 or lines[0] != CONSISTENCY or lines[-1] != "" or len(text) > _LARGEST_PROOF:
        raise FormatError("not a consistency proof", "Fetch the proof again from where the log is published.")
    sizes = lines[1].split(" ")
    if len(sizes) != 2 or not all(_SIZE.fullmatch(size) for size in sizes):
        raise FormatError("a consistency proof without its two sizes", "Fetch the proof again from where the log is published.")
    return int(sizes[0]), int(sizes[1]), [_hash(line) for line in lines[2:-1]]


def _line(key: Vkey, signature: bytes) -> str:
    return f"— {key.name} {base64.b64encode(key.mark + signature).decode()}\n"


def _cosigned(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def _cosigned_tree(name: str, text: str, at: int) -> bytes:
    """What an ML-DSA-44 cosignature of a whole tree is over (tlog-cosignature, `cosigned_message`)."""
    head = _parse_text(text)
    witness, origin = name.encode()[:255], head.origin.encode()
    names = (bytes([len(witness)]) + witness, bytes([len(origin)]) + origin)
    return b"subtree/v1\n\0" + names[0] + at.to_bytes(8, "big") + names[1] + bytes(8) + head.size.to_bytes(8, "big") + head.root


def _witness(witnesses: Iterable[Vkey], name: str, blob: bytes) -> Vkey | None:
    return next((one for one in witnesses if (one.name, one.mark) == (name, blob[:4]) and one.kind in COSIGNING), None)


def _holds(witness: Vkey, blob: bytes, text: str) -> bool:
    at = int.from_bytes(blob[4:12], "big")
    if len(blob) != 12 + _SIGNED[witness.kind] or not 0 < at < 1 << 63:
        return False
    if witness.kind == ML_DSA:
        return verify_ml_dsa(witness.public, blob[12:], _cosigned_tree(witness.name, text, at))
    return verify(witness.public, blob[12:], _cosigned(text, at))


def _split_note(note: str) -> tuple[str, list[tuple[str, bytes, str]]]:
    """Return the text, and of each signature line its name, its bytes and itself."""
    text, blank, rest = note.rpartition("\n\n")
    if not blank or not rest.endswith("\n") or len(note.encode("utf-8", "replace")) > LARGEST_NOTE:
        raise FormatError("not a signed note", _NEXT)
    if any(character < " " and character != "\n" for character in note):
        raise FormatError("a note with a control character", _NEXT)
    return text + "\n", [_signature(line) for line in rest[:-1].split("\n")]


def _signature(line: str) -> tuple[str, bytes, str]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not _is_name(parts[1]):
        raise FormatError("a line of the note that is no signature", _NEXT)
    data = _base64(parts[2])
    if len(data) < 5:
        raise FormatError("a signature of the note that is too short", _NEXT)
    return parts[1], data, line + "\n"


def _is_name(text: str) -> bool:
    return bool(text) and "+" not in text and not any(character.isspace() or character < " " for character in text)


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
