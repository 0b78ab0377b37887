"""Proof of submission: exactly these items stood in the log, told by whoever holds their claim key (SPEC 3.9).

tipline/proof/1
{"suite":"tipline/proof/1","origin":"tips.example.org/log","purpose":"proof","audience":"","nonce":"","day":"2026-03-03"}
{"key":"tips.example.org/log+ee049c80+ARdFU7RW...","checkpoint":"tips.example.org/log\\n3\\n..."}
{"index":0,"path":["f5ye..."],"attest":"DNJhSv...","fields":["d:WyJ...","c:T2Yx...", ...]}
Hl0pQ2...                                 the claim key's signature over "tipline/proof/1\\0" and the lines between
.........                                 filled up, so that its size tells little
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence import canonical
from evidence.checkpoint import Checkpoint, Vkey, open_note, parse_vkey
from evidence.errors import FormatError, IntegrityError, UsageError, WrongKey
from evidence.hashing import parse_digest
from evidence.merkle import leaf_hash, verify_inclusion
from evidence.records import FIELDS, SCHEMA, Scalar, body_hash, commitment, entry_hash, read_disclosure
from evidence.signing import SigningKey, verify

SUITE = "tipline/proof/1"
PROOF, CLAIM = "proof", "claim"
PURPOSES = (PROOF, CLAIM)
DISCLOSED = frozenset(
    {
        "event_id", "act_id", "exhibit_seq", "kind", "occurred_from", "occurred_to", "clock",
        "plaintext_after", "length_after", "program", "claim_key",
    }
)  # fmt: skip
CLOCK = "day and order only"
SMALLEST_FILE = 8 * 1024
LARGEST = 4 * 1024**2
LONGEST_PATH = 64
LONGEST_WORDS = 200  # of an audience, of a nonce
CODE_LETTERS = 1390  # of one QR code: with its head a code of version 25 at level M
MOST_CODES = 999

_STATEMENT = ("suite", "origin", "purpose", "audience", "nonce", "day")
_DAY = re.compile("[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_CODE = re.compile(r"TP1\s+([1-9][0-9]{0,2})/([1-9][0-9]{0,2})\s+([A-Z2-7]+)\s*")
_NEXT = "Ask for the file again, as it was made: a proof can be made anew any day."
_SCAN = "Scan the codes again, each into a line of its own, in any order."


@dataclass(frozen=True)
class Statement:
    """What a proof is for. Audience and nonce are of whoever asks for it; both are empty where nobody in particular does."""

    origin: str
    purpose: str
    audience: str
    nonce: str
    day: str

    def to_bytes(self) -> bytes:
        """The statement's exact bytes. FormatError for one that no reader would take."""
        values = (SUITE, self.origin, self.purpose, self.audience, self.nonce, self.day)
        _check_statement(dict(zip(_STATEMENT, values, strict=True)))
        return canonical.encode(dict(zip(_STATEMENT, values, strict=True)))


@dataclass(frozen=True)
class ProvedItem:
    """An item of the source's packet (SPEC 3.9) with its place in the log and the path from there to the checkpoint's root."""

    index: int
    path: Sequence[bytes]
    item: Mapping[str, Any]


@dataclass(frozen=True)
class Shown:
    """An item as a proof shows it: its place in the log, its entry, and the fields that are disclosed."""

    index: int
    entry: bytes
    values: Mapping[str, Scalar]


@dataclass(frozen=True)
class Proved:
    """What a proof shows, once everything in it has held. The items stand in the order of the log."""

    statement: Statement
    log_key: Vkey
    checkpoint: Checkpoint
    note: str
    claim_key: bytes
    program: str
    items: tuple[Shown, ...]

    @property
    def indices(self) -> tuple[int, ...]:
        """The items' places in the log, rising."""
        return tuple(item.index for item in self.items)


def make_proof(statement: Statement, checkpoint_note: str, log_key: Vkey, items: Sequence[ProvedItem], claim_key: SigningKey) -> bytes:
    """Return the text file. The same statement, checkpoint and items give the same bytes.

    Raises:
        FormatError, IntegrityError: what would come out does not hold.
        WrongKey: the items are of another claim key, or the checkpoint of another log key.
    """
    lines = [statement.to_bytes(), canonical.encode({"key": log_key.text, "checkpoint": checkpoint_note})]
    lines += [_item_line(item) for item in sorted(items, key=lambda item: item.index)]
    signed = b"\n".join(lines) + b"\n"
    signature = claim_key.sign(sign_message(signed))
    proof = _filled(SUITE.encode() + b"\n" + signed + canonical.b64url(signature).encode() + b"\n")
    check_proof(proof, [log_key], statement.purpose, statement.audience, statement.nonce)
    return proof


def sign_message(lines: bytes) -> bytes:
    """Return the bytes that the claim key signs: the lines from the statement to the last item, with their line ends."""
    return SUITE.encode() + b"\0" + lines


def check_proof(data: bytes, log_keys: Sequence[Vkey], purpose: str, audience: str, nonce: str) -> Proved:
    """Return what a proof shows, in the file's form, without its filling, or as the text of its QR codes.

    Args:
        log_keys: the keys that the caller takes for the log's; the proof's must be one of them.
        purpose, audience, nonce: what the caller asked for; the proof must be made for exactly that.

    Raises:
        FormatError: it is not in the form of SPEC 3.9.
        IntegrityError: a signature, a path or an item does not hold, or it was made for something else.
        WrongKey: another log's key, or a signature by another key than the claim key that the items commit to.
    """
    statement, log, items, signature, signed = _parts(data)
    told = _statement(statement)
    key, head, note = _log(log, log_keys)
    if told.origin != head.origin:
        raise IntegrityError("the statement is about another log than the checkpoint", _NEXT)
    for name, demanded, found in (("purpose", purpose, told.purpose), ("audience", audience, told.audience), ("nonce", nonce, told.nonce)):
        if demanded != found:
            raise IntegrityError(f"made for another {name}: {found!r}, not {demanded!r}", "Ask for a proof that is made for you.")
    shown = tuple(_shown(line, head) for line in items)
    claim_key, program = _one_source(shown)
    if not verify(claim_key, signature, sign_message(signed)):
        raise WrongKey("the signature is not that of the claim key which the items commit to", _NEXT)
    return Proved(told, key, head, note, claim_key, program, shown)


def read_log(data: bytes) -> tuple[Vkey, str]:
    """Return the log's key and note that a proof of ours names, unchecked."""
    found = _object(bare(data).split(b"\n")[2], ("key", "checkpoint"))
    return parse_vkey(found["key"]), str(found["checkpoint"])


def bare(data: bytes) -> bytes:
    """Return a proof without its filling. FormatError where it is filled otherwise than SPEC 3.9 says."""
    end = _end(data)
    if data not in (data[:end], _filled(data[:end])):
        raise FormatError("bytes after the end of a proof", _NEXT)
    return data[:end]


def codes(proof: bytes, letters: int = CODE_LETTERS) -> list[str]:
    """Return the texts of the QR codes that carry a proof: "TP1 k/n " and a part of its base32 (RFC 4648 section 6, unpadded).

    Raises:
        UsageError: it takes more than 999 codes.
    """
    text = base64.b32encode(bare(proof)).decode().rstrip("=")
    parts = [text[at : at + letters] for at in range(0, len(text), letters)]
    if len(parts) > MOST_CODES:
        raise UsageError(f"{len(parts)} codes would be needed", "Give the file itself.")
    return [f"TP1 {number}/{len(parts)} {part}" for number, part in enumerate(parts, start=1)]


def joined(text: bytes) -> bytes:
    """Return the proof that scanned codes carry, in any order, told apart by white space. FormatError where one is missing."""
    parts: dict[int, str] = {}
    counts, at, told = set[str](), 0, text.decode("ascii", "replace").strip()
    while at < len(told):
        match = _CODE.match(told, at)
        if match is None or parts.setdefault(int(match[1]), match[3]) != match[3]:
            raise FormatError("not the text of the codes of one proof", _SCAN)
        counts.add(match[2])
        at = match.end()
    if len(counts) != 1 or sorted(parts) != list(range(1, int(counts.pop()) + 1)):
        raise FormatError("a code is missing, or codes of two proofs are mixed", _SCAN)
    letters = "".join(parts[number] for number in sorted(parts))
    try:
        data = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except ValueError as error:
        raise FormatError("the codes hold no base32", _SCAN) from error
    if base64.b32encode(data).decode().rstrip("=") != letters:
        raise FormatError("the codes hold base32 that is not canonical", _SCAN)
    return data


def _end(data: bytes) -> int:
    """Where the line of the signature ends: the first after the title that does not begin with a brace."""
    match = re.match(rb"tipline/proof/1\n(?:\{[^\n]*\n){3,}[A-Za-z0-9_-]{86}\n", data)
    if match is None:
        raise FormatError("not a proof of submission", _NEXT)
    return match.end()


def _filled(data: bytes) -> bytes:
    size = max(SMALLEST_FILE, 1 << (len(data) - 1).bit_length())
    return data if size == len(data) else data + b"." * (size - len(data) - 1) + b"\n"


def _parts(data: bytes) -> tuple[bytes, bytes, list[bytes], bytes, bytes]:
    """Return the lines of statement, log and items, the signature, and what it is over."""
    if len(data) > 2 * LARGEST:
        raise FormatError("a proof that is too large", _NEXT)
    text = bare(joined(data) if data.lstrip()[:4].rstrip() == b"TP1" else data)
    if len(text) > LARGEST:
        raise FormatError("a proof that is too large", _NEXT)
    _, statement, log, *items, signature, _ = text.split(b"\n")
    signed = b"".join(line + b"\n" for line in (statement, log, *items))
    return statement, log, items, canonical.unb64url(signature.decode("ascii")), signed


def _object(line: bytes, names: Sequence[str]) -> dict[str, Any]:
    found = canonical.decode(line)
    if not isinstance(found, dict) or list(found) != list(names):
        raise FormatError(f"a line of a proof that does not hold {', '.join(names)}", _NEXT)
    return found


def _statement(line: bytes) -> Statement:
    found = _object(line, _STATEMENT)
    _check_statement(found)
    return Statement(*(found[name] for name in _STATEMENT[1:]))


def _check_statement(found: Mapping[str, Any]) -> None:
    if any(not isinstance(value, str) or not is_words(value) for value in found.values()):
        raise FormatError(f"a statement holds printable words of at most {LONGEST_WORDS} characters", "Shorten audience and nonce.")
    if found["suite"] != SUITE or found["purpose"] not in PURPOSES or not _DAY.fullmatch(found["day"]) or not found["origin"]:
        raise FormatError("not a statement of this version", _NEXT)


def is_words(text: str) -> bool:
    """Tell whether a text can be an audience or a nonce: printable, not too long, no white space at its ends."""
    return len(text) <= LONGEST_WORDS and text.isprintable() and text == text.strip()


def _log(line: bytes, trusted: Sequence[Vkey]) -> tuple[Vkey, Checkpoint, str]:
    found = _object(line, ("key", "checkpoint"))
    if not isinstance(found["key"], str) or not isinstance(found["checkpoint"], str):
        raise FormatError("a proof without the log's key and checkpoint", _NEXT)
    key = parse_vkey(found["key"])
    if key not in trusted:
        raise WrongKey("the proof is of another log, or of another key of it", "Compare the log's key with the one that is published.")
    return key, open_note(found["checkpoint"], [key]), found["checkpoint"]


def _item_line(proved: ProvedItem) -> bytes:
    item = proved.item
    if item.get("schema") != SCHEMA:
        raise FormatError("an item of another schema", "Use a newer version of this program.")
    fields = [f"d:{one['d']}" if "d" in one else f"c:{one['c']}" for one in item["fields"]]
    path = [canonical.b64url(part) for part in proved.path]
    return canonical.encode({"index": proved.index, "path": path, "attest": item["attest"], "fields": fields})


def _shown(line: bytes, head: Checkpoint) -> Shown:
    found = _object(line, ("index", "path", "attest", "fields"))
    index, path, fields = found["index"], found["path"], found["fields"]
    if type(index) is not int or not _are_texts(path, LONGEST_PATH) or not _are_texts(fields, len(FIELDS)) or len(fields) != len(FIELDS):
        raise FormatError("not an item of a proof", _NEXT)
    values: dict[str, Scalar] = {}
    commitments = []
    for name, text in zip(FIELDS, fields, strict=True):
        data = canonical.unb64url(text[2:])
        if (text[:2] == "d:") != (name in DISCLOSED) or (text[:2] != "d:" and (text[:2] != "c:" or len(data) != 32)):
            raise FormatError(f"{name} is not shown as a proof shows it", _NEXT)
        if name in DISCLOSED:
            values[name] = read_disclosure(data, name)
        commitments.append(commitment(data) if name in DISCLOSED else data)
    entry = entry_hash(body_hash(commitments), _sized(found["attest"]))
    verify_inclusion(leaf_hash(entry), index, head.size, [_sized(part) for part in path], head.root)
    _check_values(values)
    return Shown(index, entry, values)


def _are_texts(found: Any, most: int) -> bool:
    return isinstance(found, list) and len(found) <= most and all(isinstance(one, str) for one in found)


def _sized(text: Any) -> bytes:
    data = canonical.unb64url(text) if isinstance(text, str) else b""
    if len(data) != 32:
        raise FormatError("a hash in a proof that is not 32 bytes long", _NEXT)
    return data


def _check_values(values: Mapping[str, Scalar]) -> None:
    """An item is the first event of something that a source sent whole."""
    length, day, claim_key = values["length_after"], values["occurred_from"], values["claim_key"]
    whole = values["kind"] == "ACQUIRED" and values["exhibit_seq"] == 1 and type(values["exhibit_seq"]) is int
    dated = values["clock"] == CLOCK and isinstance(day, str) and bool(_DAY.fullmatch(day)) and day == values["occurred_to"]
    named = all(isinstance(values[name], str) and values[name] for name in ("event_id", "act_id", "program"))
    if not whole or not dated or not named or type(length) is not int or length < 0:
        raise IntegrityError("an item of a proof that is not something which a source sent", _NEXT)
    parse_digest(str(values["plaintext_after"]))
    if not isinstance(claim_key, str) or not re.fullmatch("[0-9a-f]{64}", claim_key):
        raise FormatError("an item without a claim key", _NEXT)


def _one_source(shown: Sequence[Shown]) -> tuple[bytes, str]:
    """One claim key and one program in all items, which stand in the order of the log, none twice."""
    places = [item.index for item in shown]
    if places != sorted(set(places)):
        raise IntegrityError("the items of a proof stand in the order of the log, each once", _NEXT)
    [both, *others] = {(str(item.values["claim_key"]), str(item.values["program"])) for item in shown}
    if others:
        raise WrongKey("the items of a proof are of more than one claim key", _NEXT)
    return bytes.fromhex(both[0]), both[1]
