#!/usr/bin/env python3
"""Check a Tipline evidence bundle (SPEC section 6) or proof of submission (3.9) offline. Standard library only, Python 3.8 or newer.

    python3 verify.py [--key FINGERPRINT] [--attestations] [--ca FILE] [--witness VKEY]... [DIR]
                      [--published CHECKPOINT --proof FILE [--published-key VKEY]]
    python3 verify.py [--key FINGERPRINT] [--audience WORDS --nonce WORDS] [--file ORIGINAL]... [the options above] FILE

Exit codes: 0 all holds and the log key is the one given; 3 consistent, but nobody outside the bundle vouches for the
key; 1 broken, or another key, naming what; 2 wrong usage.
"""

import sys

if __name__ == "__main__" and not sys.flags.isolated and not getattr(sys.flags, "safe_path", False):
    del sys.path[0]  # nothing that lies in a bundle may be imported in place of the standard library

import argparse
import base64
import binascii
import csv
import datetime
import hashlib
import io
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

SCHEMA = "tipline/custody/1"
FIELDS: Tuple[str, ...] = tuple(
    re.findall(
        r"\w+",
        """
    event_id act_id act_size exhibit exhibit_seq exhibit_prev kind occurred_from occurred_to clock actor role on_behalf_of
    released_by received_by purpose authority moved_from moved_to method_tool method_version method_command plaintext_before
    ciphertext_before length_before plaintext_after ciphertext_after length_after name_b64 name_shown result justification
    parent_exhibit program claim_key source_recipient key_id manifest
    """,
    )
)
NAMESPACE = "tipline-bundle"
MANIFEST, TAGMANIFEST, SIGNATURE, SIGNERS = "manifest-sha256.txt", "tagmanifest-sha256.txt", "tagmanifest-sha256.txt.sig", "allowed_signers"
BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
EXHIBITS_HEAD, EXCEPTIONS_HEAD = ["exhibit", "number", "file", "sha256", "length"], ["exhibit", "number", "reason"]
REQUIRED = {"bagit.txt", "bag-info.txt", MANIFEST, "README-VERIFY.txt", "verify.py", "custody/checkpoint", "custody/events.jsonl"}
REQUIRED |= {"custody/events.csv", "custody/keys.jsonl"}
PUBLISHED, PROOF = "custody/published", "custody/published-proof"
STAMP = re.compile(r"seal/tagmanifest-sha256\.txt\.([1-9])\.tsr")
PUBLISHED_STAMP = re.compile(r"custody/published\.([1-9])\.tsr")
PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_:-]{0,199}")
KEY_KINDS = ("KEY_ADDED", "KEY_RETIRED", "KEY_COMPROMISED")
PROVED = r"event_id|act_id|exhibit_seq|kind|occurred_from|occurred_to|clock|plaintext_after|length_after|program|claim_key"
DAY = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
SUBMISSION = re.compile(rb"tipline/proof/1\n((?:\{[^\n]*\n){3,})([A-Za-z0-9_-]{86})\n")
SMALLEST_FILE, LARGEST_PROOF, LONGEST_WORDS = 8192, 4 << 20, 200


class Broken(Exception):
    """Something in the bundle does not hold; the text names it."""


class Event(NamedTuple):
    """One custody line, with everything recomputed that can be."""

    where: str
    place: int
    values: Dict[str, Any]
    reasons: Dict[str, str]
    attestations: Optional[List[Tuple[bytes, bytes]]]
    body: bytes
    entry: bytes
    proof: List[bytes]

    def get(self, name: str) -> Any:
        """Return a disclosed value; Broken where it is withheld."""
        if name not in self.values:
            raise Broken("%s: %s is withheld and must not be" % (self.where, name))
        return self.values[name]


class Head(NamedTuple):
    """An opened checkpoint."""

    origin: str
    size: int
    root: bytes


class Note(NamedTuple):
    """A checkpoint as it was read: what is signed, what that says, and the lines of signatures."""

    text: bytes
    head: Head
    lines: List[Tuple[str, bytes]]


class Key(NamedTuple):
    """An attesting key from the installation's own record: from which index on it had ended, or was told to be in other hands."""

    public: bytes
    role: str
    ended: Optional[int]
    compromised: Optional[int]


class Log(NamedTuple):
    """The log as the bundle shows it: its key, the head that all proofs lead to, and all keys of its record."""

    public: bytes
    head: Head
    keys: Dict[bytes, Key]


class Fixed(NamedTuple):
    """A head that somebody outside the installation has seen: of how many events, and who."""

    size: int
    by: str


class Stamp(NamedTuple):
    """What an RFC 3161 reply says. Whether its signature holds is another question."""

    time: datetime.datetime
    algorithm: str
    imprint: bytes
    serial: int
    policy: str
    nonce: Optional[int]


class Wanted(NamedTuple):
    """What the caller asks for beyond the bundle itself. Witnesses and the later log key are vkeys (C2SP signed-note)."""

    key: Optional[str] = None
    attestations: bool = False
    published: Optional[Path] = None
    proof: Optional[Path] = None
    published_key: Optional[str] = None
    witnesses: Sequence[str] = ()
    ca: Optional[Path] = None
    purpose: str = "proof"
    audience: str = ""
    nonce: str = ""
    files: Sequence[Path] = ()
    stamps: Sequence[Path] = ()


class Folder:
    """A bundle that lies unpacked in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self, report: "Report") -> Iterator[str]:
        """Yield the paths of all files; what is neither file nor folder, and empty folders, are told."""
        for here, folders, files in os.walk(str(self.path), onerror=lambda error: report.fail("%s: cannot be read" % error.filename)):
            inside = Path(here).relative_to(self.path)
            if not folders and not files:
                report.fail("%s: an empty folder (added)" % inside.as_posix())
            for name in folders + files:
                path, kind = (inside / name).as_posix(), os.lstat(os.path.join(here, name)).st_mode
                if stat.S_ISREG(kind):
                    yield path
                elif not stat.S_ISDIR(kind):
                    report.fail("%s: neither a file nor a folder" % path)

    def read(self, path: str) -> bytes:
        if not stat.S_ISREG(os.lstat(str(self.path / path)).st_mode):
            raise Broken("%s: not a file" % path)  # a pipe would be waited for, for ever
        return (self.path / path).read_bytes()

    def size(self, path: str) -> int:
        return (self.path / path).stat().st_size

    def digests(self, paths: Iterable[str]) -> Dict[str, str]:
        """Return the digest of each file; the largest begins first, so that no thread waits for it at the end."""
        large = sorted(paths, key=self.size, reverse=True)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return dict(zip(large, pool.map(self._digest, large)))  # noqa: B905 - strict= came with Python 3.10

    def _digest(self, path: str) -> str:
        digest, buffer = hashlib.sha256(), memoryview(bytearray(1 << 18))
        with open(str(self.path / path), "rb", buffering=0) as file:
            for count in iter(lambda: file.readinto(buffer), 0):
                digest.update(buffer[:count])
        return digest.hexdigest()


class Report:
    """What was checked (`OK`), what is broken (`FAIL`) and what a reader must know (`NOTE`)."""

    def __init__(self) -> None:
        self.lines: List[str] = []
        self.problems: List[str] = []
        self.vouched = False

    def tell(self, mark: str, text: str) -> None:
        """Add a line; what a bundle says can neither end it nor steer the terminal."""
        self.lines.append("%-5s %s" % (mark, "".join(letter if letter.isprintable() else "?" for letter in text)))

    def ok(self, text: str) -> None:
        self.tell("OK", text)

    def note(self, text: str) -> None:
        self.tell("NOTE", text)

    def fail(self, text: str) -> None:
        self.problems.append(text)
        self.tell("FAIL", text)

    def step(self, check: Callable[..., Any], *given: Any) -> Any:
        """Run one check; a broken one is noted and gives None."""
        try:
            return check(self, *given)
        except Broken as error:
            self.fail(str(error))
        except OSError as error:
            self.fail("%s: cannot be read (%s)" % (error.filename, error.strerror))
        return None

    def exit_code(self) -> int:
        return 1 if self.problems else 0 if self.vouched else 3


# Strict readers: each byte string has exactly one spelling.


def once(found: List[Tuple[str, Any]]) -> Dict[str, Any]:
    if len(dict(found)) != len(found):
        raise ValueError("a key stands twice")
    return dict(found)


def refuse(text: str) -> Any:
    raise ValueError("not an integer: " + text[:40])


def integer(text: str) -> int:
    if len(text) > 17 or text == "-0" or abs(int(text)) > 2**53 - 1:
        raise ValueError("an integer beyond 2^53-1")
    return int(text)


JSON = json.JSONDecoder(object_pairs_hook=once, parse_float=refuse, parse_constant=refuse, parse_int=integer)


def strict_json(data: bytes, where: str) -> Any:
    try:
        value = JSON.decode(data.decode("utf-8"))
        if b"\\u" in data:  # only an escape can make an unpaired surrogate
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Broken("%s: not strict JSON (%s)" % (where, error)) from error
    return value


TO_URL, FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")


def unb64(text: Any, where: str, length: int = 0, url: bool = True) -> bytes:
    try:
        given = text.encode("ascii")
        data = binascii.a2b_base64(given.translate(FROM_URL) + b"==="[: -len(given) % 4] if url else given)
    except (ValueError, TypeError, AttributeError) as error:
        raise Broken("%s: not base64" % where) from error
    again = binascii.b2a_base64(data, newline=False)
    if (again.translate(TO_URL).rstrip(b"=") if url else again) != given or (length and len(data) != length):
        raise Broken("%s: base64 that is not canonical or not %d bytes" % (where, length))
    return data


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


# Ed25519 verification (RFC 8032 section 5.1.7), cofactorless, S below the order.

P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def point(data: bytes) -> Optional[Tuple[int, int, int, int]]:
    y, sign = int.from_bytes(data, "little") & (2**255 - 1), data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def add(a: Tuple[int, int, int, int], b: Tuple[int, int, int, int]) -> Tuple[int, int, int, int]:
    m, n = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    base, key = point(bytes([0x58]) + bytes([0x66]) * 31), point(public)
    scalar = int.from_bytes(signature[32:], "little")
    if base is None or key is None or len(signature) != 64 or scalar >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    minus = (P - key[0], key[1], 1, P - key[3])
    table, found = ((0, 1, 1, 0), base, minus, add(base, minus)), (0, 1, 1, 0)
    for bit in range(252, -1, -1):
        found = add(found, found)
        which = scalar >> bit & 1 | (challenge >> bit & 1) << 1
        found = add(found, table[which]) if which else found
    inverse = pow(found[2], P - 2, P)
    x, y = found[0] * inverse % P, found[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


# Merkle proofs (RFC 9162 sections 2.1.3.2 and 2.1.4.2) and signed notes (C2SP signed-note, tlog-checkpoint).


def climb(node: int, last: int, first: bytes, path: List[bytes]) -> Tuple[bytes, bytes]:
    """Return the root that a path leads to, and beside it the root made of left neighbours only."""
    small = large = first
    for part in path:
        if last == 0:
            raise Broken("the proof is too long")
        if node & 1 or node == last:
            small, large = sha256(b"\1", part, small), sha256(b"\1", part, large)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            large = sha256(b"\1", large, part)
        node, last = node >> 1, last >> 1
    if last:
        raise Broken("the proof is too short")
    return small, large


def check_consistency(old: Head, new: Head, text: bytes, where: str) -> None:
    """Read a consistency file (SPEC 5.4) and check that the log at the new size begins with the log at the old one."""
    lines = text.decode("utf-8", "replace").split("\n")
    if old.origin != new.origin or lines[:2] != ["tipline/consistency/1", "%d %d" % (old.size, new.size)] or lines[-1] or len(lines) < 3:
        raise Broken("%s: not a consistency proof from size %d to %d of this log" % (where, old.size, new.size))
    path = [unb64(line, where, 32, url=False) for line in lines[2:-1]]
    if not 0 < old.size <= new.size or (old.size == new.size and path):
        raise Broken("%s: not a proof for these sizes" % where)
    node, last = old.size - 1, new.size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    if old.size & (old.size - 1) == 0:
        path = [old.root, *path]
    try:
        found = climb(node, last, path[0], path[1:]) if path and old != new else (b"", b"")
    except Broken as error:
        raise Broken("%s: %s" % (where, error)) from error
    if old != new and found != (old.root, new.root):
        raise Broken("%s: the log at size %d does not begin with the log at size %d" % (where, new.size, old.size))


def read_note(data: bytes, where: str) -> Note:
    text, blank, rest = data.decode("utf-8", "replace").rpartition("\n\n")
    lines = (text + "\n").split("\n")
    whole = blank and rest.endswith("\n") and len(lines) == 4
    if not whole or not ORIGIN.fullmatch(lines[0]) or not re.fullmatch("0|[1-9][0-9]{0,15}", lines[1]):
        raise Broken("%s: not a checkpoint" % where)
    head, found = Head(lines[0], int(lines[1]), unb64(lines[2], where, 32, url=False)), []
    for line in rest[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014":
            raise Broken("%s: a line that is no signature" % where)
        found.append((parts[1], unb64(parts[2], where, url=False)))
    return Note((text + "\n").encode(), head, found)


def signatures_of(note: Note, name: str, kind: bytes, public: bytes) -> List[bytes]:
    """Return what a key has signed under a note: a log (kind 1) or a witness (kind 4)."""
    marker = sha256(name.encode(), b"\n", kind, public)[:4]
    return [data[4:] for told, data in note.lines if told == name and data[:4] == marker]


def signed_by(note: Note, public: bytes) -> bool:
    """Tell whether exactly one line is this log key's, and holds."""
    found = signatures_of(note, note.head.origin, b"\1", public)
    return len(found) == 1 and ed25519(public, found[0], note.text)


def cosigned_at(note: Note, vkey: str, where: str) -> Optional[datetime.datetime]:
    """Return when a witness cosigned (C2SP tlog-cosignature, cosignature/v1), None where it did not."""
    name, _, public = read_vkey(vkey)
    found = signatures_of(note, name, b"\4", public)
    if not found:
        return None
    seconds = int.from_bytes(found[0][:8], "big")
    message = b"cosignature/v1\ntime %d\n" % seconds + note.text
    if len(found) != 1 or seconds >= 2**36 or not ed25519(public, found[0][8:], message):
        raise Broken("%s: a false cosignature of %s" % (where, name))
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)


def read_vkey(text: str) -> Tuple[str, bytes, bytes]:
    """Return name, kind and public key of a C2SP vkey: NAME+HASH+KEY. Broken for anything else."""
    match = re.fullmatch(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)", text)
    data = unb64(match[3], "the vkey", 33, url=False) if match else b""
    if match is None or sha256(match[1].encode(), b"\n", data)[:4].hex() != match[2]:
        raise Broken("not a vkey of the form NAME+HASH+KEY: %s" % text)
    return match[1], data[:1], data[1:]


# SSH forms of key and signature (OpenSSH PROTOCOL.sshsig), read by building them again.


def ssh(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def ssh_key(public: bytes) -> bytes:
    return ssh(b"ssh-ed25519", public)


def signers_line(origin: str, public: bytes) -> str:
    return '%s namespaces="%s" ssh-ed25519 %s\n' % (origin, NAMESPACE, base64.b64encode(ssh_key(public)).decode())


def ssh_armour(public: bytes, signature: bytes) -> str:
    wire = ssh(b"ssh-ed25519", signature)
    blob = b"SSHSIG" + (1).to_bytes(4, "big") + ssh(ssh_key(public), NAMESPACE.encode(), b"", b"sha512", wire)
    text = base64.b64encode(blob).decode()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


def fingerprint(public: bytes) -> str:
    return "SHA256:" + base64.b64encode(sha256(ssh_key(public))).rstrip(b"=").decode()


# RFC 3161 replies: just enough DER (X.690) to read what is stamped and when. `openssl ts` checks the signature.

SIGNED_DATA, TST_INFO = bytes.fromhex("2a864886f70d010702"), bytes.fromhex("2a864886f70d0109100104")
HASHES = {bytes.fromhex("608648016503040201"): "sha256", bytes.fromhex("608648016503040202"): "sha384"}
HASHES[bytes.fromhex("608648016503040203")] = "sha512"
INTEGER, OCTETS, OID, MOMENT, SEQUENCE, EXPLICIT = 0x02, 0x04, 0x06, 0x18, 0x30, 0xA0


def der(data: bytes) -> List[Tuple[int, bytes]]:
    """Return tag and content of each value that stands here, one after the other."""
    found, at = [], 0
    while at < len(data):
        tag, length, start = data[at], int.from_bytes(data[at + 1 : at + 2], "big"), at + 2
        if length >= 0x80:
            start += length & 0x7F
            length = int.from_bytes(data[at + 2 : start], "big")
            if start - at - 2 > 4 or length < 0x80 or data[at + 2] == 0:
                raise ValueError("a length that is not DER")
        at = start + length
        if start > len(data) or at > len(data) or tag & 0x1F == 0x1F:
            raise ValueError("cut off")
        found.append((tag, data[start:at]))
    return found


def inside(data: bytes, *way: Tuple[int, int]) -> bytes:
    """Follow a way of (place, tag) into nested values and return the content at its end."""
    for place, tag in way:
        found = der(data)
        if place >= len(found) or found[place][0] != tag:
            raise ValueError("value %d is not there" % place)
        data = found[place][1]
    return data


def oid(data: bytes) -> str:
    numbers, value = [], 0
    for byte in data:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(str(number) for number in [first, numbers[0] - 40 * first, *numbers[1:]])


def read_stamp(data: bytes, where: str) -> Stamp:
    """Read an RFC 3161 reply (sections 2.4.2 and RFC 5652 section 5.1); Broken where it is none, or not granted."""
    try:
        if len(der(data)) != 1 or inside(data, (0, SEQUENCE), (0, SEQUENCE), (0, INTEGER)) not in (b"\0", b"\1"):
            raise ValueError("the authority did not grant it")
        if inside(data, (0, SEQUENCE), (1, SEQUENCE), (0, OID)) != SIGNED_DATA:
            raise ValueError("no signed data")
        content = inside(data, (0, SEQUENCE), (1, SEQUENCE), (1, EXPLICIT), (0, SEQUENCE), (2, SEQUENCE))
        if inside(content, (0, OID)) != TST_INFO:
            raise ValueError("not a time stamp")
        info = inside(content, (1, EXPLICIT), (0, OCTETS), (0, SEQUENCE))
        moment = inside(info, (4, MOMENT)).decode("ascii")
        if inside(info, (0, INTEGER)) != b"\1" or not re.fullmatch(r"[0-9]{14}(\.[0-9]*[1-9])?Z", moment):
            raise ValueError("not of version 1, or a time of another form")
        return Stamp(
            datetime.datetime.strptime(moment[:14], "%Y%m%d%H%M%S"),
            HASHES[inside(info, (2, SEQUENCE), (0, SEQUENCE), (0, OID))],
            inside(info, (2, SEQUENCE), (1, OCTETS)),
            int.from_bytes(inside(info, (3, INTEGER)), "big", signed=True),
            oid(inside(info, (1, OID))),
            next((int.from_bytes(value, "big", signed=True) for tag, value in der(info)[5:] if tag == INTEGER), None),
        )
    except (ValueError, KeyError, IndexError) as error:
        raise Broken("%s: not a time stamp (%s)" % (where, error)) from error


def ask_openssl(reply: bytes, stamp: Stamp, ca: Path, not_in: Optional[Path] = None) -> Optional[str]:
    """Let `openssl ts -verify` judge a reply at the time it tells: "" where it holds, else its words; None where there is no openssl.

    A program that lies in the folder `not_in` is not run.
    """
    program = shutil.which("openssl")
    if program is None or (not_in is not None and not_in.resolve() in Path(program).resolve().parents):
        return None
    moment = str(int((stamp.time - datetime.datetime(1970, 1, 1)).total_seconds()))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "reply.tsr").write_bytes(reply)
        command = [os.path.realpath(program), "ts", "-verify", "-digest", stamp.imprint.hex(), "-CAfile", str(ca.resolve())]
        command += ["-in", str(Path(folder) / "reply.tsr"), "-attime", moment]
        try:
            done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return "it could not be asked (%s)" % type(error).__name__
    told = done.stdout.decode("utf-8", "replace")
    return "" if done.returncode == 0 and "Verification: OK" in told else told.strip()[-300:] or "no verdict"


# The checks, one for each part of SPEC 6.


def check_files(report: Report, bag: Any) -> None:
    """Every file is listed in its manifest with its digest, every listed file is there, and nothing else is."""
    present = set(bag.names(report))
    payload, tags = read_manifest(bag, MANIFEST), read_manifest(bag, TAGMANIFEST)
    sealed = {"seal/" + SIGNATURE, "seal/" + SIGNERS}
    stamps = sorted(path for path in present if STAMP.fullmatch(path))
    for path in sorted(present - set(stamps)):
        listed = path in payload if path.startswith("data/") else path in tags or path in sealed or path == TAGMANIFEST
        if not listed:
            report.fail("%s: stands in no manifest (added)" % path)
    listed_all = {**payload, **tags}
    wrong = [p for p in payload if not p.startswith("data/")] + [p for p in tags if p.startswith(("data/", "seal/")) or p == TAGMANIFEST]
    gone = (set(listed_all) | sealed | REQUIRED) - present
    problems = [(path, "stands in the wrong manifest") for path in wrong]
    problems += [(path, "missing") for path in gone]
    problems += [(path, "not listed in " + TAGMANIFEST) for path in REQUIRED - gone - set(tags)]
    problems += [(path, "not one of the files that a bundle has") for path in set(tags) - REQUIRED if not known_option(path, tags)]
    problems += [(path, "its number is out of turn") for place, path in enumerate(stamps, start=1) if not path.endswith(".%d.tsr" % place)]
    for path, problem in sorted(problems):
        report.fail("%s: %s" % (path, problem))
    found = bag.digests([path for path in sorted(listed_all) if path in present])
    for path in sorted(found):
        if found[path] != listed_all[path]:
            report.fail("%s: changed (its digest is not the one in the manifest)" % path)
    if bag.read("bagit.txt") != BAGIT.encode():
        report.fail("bagit.txt: not the declaration of BagIt 1.0")
    if not report.problems:
        report.ok("files: %d of the payload and %d beside it are there, unchanged, and no other" % (len(payload), len(tags)))


def known_option(path: str, tags: Dict[str, str]) -> bool:
    """A published checkpoint comes with its proof, and stamps only with it."""
    if path in (PUBLISHED, PROOF):
        return PUBLISHED in tags and PROOF in tags
    return PUBLISHED in tags and bool(PUBLISHED_STAMP.fullmatch(path))


def read_manifest(bag: Any, name: str) -> Dict[str, str]:
    found: Dict[str, str] = {}
    last = ""
    text = bag.read(name).decode("utf-8", "replace")
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        match = re.fullmatch("([0-9a-f]{64})  (.+)", line)
        if match is None or not PATH.fullmatch(match[2]) or match[2] <= last:
            raise Broken("%s line %d: not a digest, two spaces and a path in rising order" % (name, number))
        last = match[2]
        found[last] = match[1]
    if not text.endswith("\n"):
        raise Broken("%s: cut off" % name)
    return found


def check_seal(report: Report, bag: Any, wanted: Wanted) -> bytes:
    """The tag manifest is signed by the key in seal/, in exactly these forms, and that key is the one asked for."""
    where = "seal/" + SIGNATURE
    text = bag.read(where).decode("utf-8", "replace")
    blob = unb64("".join(text.split("\n")[1:-2]), where, url=False)
    start = len(b"SSHSIG") + 4 + 4 + len(ssh(b"ssh-ed25519")) + 4
    public, signature = blob[start : start + 32], blob[-64:]
    if len(public) != 32 or text != ssh_armour(public, signature):
        raise Broken("%s: not an Ed25519 SSH signature for %s" % (where, NAMESPACE))
    digest = hashlib.sha512(bag.read(TAGMANIFEST)).digest()
    if not ed25519(public, signature, b"SSHSIG" + ssh(NAMESPACE.encode(), b"", b"sha512", digest)):
        raise Broken("%s: the signature over %s is false" % (where, TAGMANIFEST))
    report.ok("signature: %s is signed by the log key %s" % (TAGMANIFEST, fingerprint(public)))
    check_key(report, public, wanted, "bundle")
    return public


def check_key(report: Report, public: bytes, wanted: Wanted, what: str) -> None:
    """The log key is the one that was asked for."""
    if wanted.key is None:
        report.note("the log key is vouched for by nobody outside the %s: compare its fingerprint, then give it with --key" % what)
    elif wanted.key != fingerprint(public):
        report.fail("another key: the %s is signed by %s, not by %s" % (what, fingerprint(public), wanted.key))
    else:
        report.vouched = True
        report.ok("key: it is the one that was given")


def check_checkpoint(report: Report, bag: Any, public: bytes) -> Head:
    note = read_note(bag.read("custody/checkpoint"), "custody/checkpoint")
    if not signed_by(note, public):
        raise Broken("custody/checkpoint: not signed by the log key of this bundle")
    if bag.read("seal/" + SIGNERS) != signers_line(note.head.origin, public).encode():
        raise Broken("seal/%s: does not name exactly the log key" % SIGNERS)
    report.ok("checkpoint: %s at size %d" % (note.head.origin, note.head.size))
    return note.head


def check_published(report: Report, bag: Any, log: Log, wanted: Wanted) -> List[Fixed]:
    """Compare with published checkpoints, in the bundle and beside it; return those that somebody outside has seen."""
    names, fixed, published = set(bag.names(Report())), [], False
    told = re.findall("^Tipline-Published-Checkpoint: (.*)$", bag.read("bag-info.txt").decode("utf-8", "replace"), re.M)
    if PUBLISHED in names:
        note = read_note(bag.read(PUBLISHED), PUBLISHED)
        short = hashlib.sha256(note.text).hexdigest()[:24]
        if told != ["%d %s" % (note.head.size, " ".join(short[at : at + 4] for at in range(0, 24, 4)))]:
            raise Broken("bag-info.txt: does not name the checkpoint in %s" % PUBLISHED)
        by_the_log(note, log, None, PUBLISHED)
        check_consistency(note.head, log.head, bag.read(PROOF), PROOF)
        report.ok(
            "published before: the log goes on from its published checkpoint at size %d, %s" % (note.head.size, told[0].split(" ", 1)[1])
        )
        published = note.head == log.head
        fixed += [Fixed(note.head.size, by) for by in tell_witnesses(report, note, wanted, PUBLISHED)]
        for path in sorted(name for name in names if PUBLISHED_STAMP.fullmatch(name)):
            if report.step(check_stamp, bag, path, (PUBLISHED, note.text), wanted):
                fixed.append(Fixed(note.head.size, "a stamp"))
    elif told:
        raise Broken("bag-info.txt: names a published checkpoint that is not here")
    beside = check_beside(report, log, wanted, "bundle")
    if beside is not None:
        published = published or beside.head.size >= log.head.size
        fixed += [Fixed(beside.head.size, by) for by in tell_witnesses(report, beside, wanted, str(wanted.published))]
    elif PUBLISHED not in names:
        report.note("not witnessed: the bundle holds no published checkpoint that a witness could have cosigned")
    if not published:
        report.note("interim: this checkpoint was made for the bundle; compare with a later published one by --published and --proof")
    return fixed


def check_beside(report: Report, log: Log, wanted: Wanted, what: str) -> Optional[Note]:
    """Compare with the published checkpoint that the caller has from elsewhere, and return it."""
    if wanted.published is None or wanted.proof is None:
        return None
    where = str(wanted.published)
    note = read_note(wanted.published.read_bytes(), where)
    by_the_log(note, log, wanted.published_key, where)
    old, new = (note.head, log.head) if note.head.size < log.head.size else (log.head, note.head)
    check_consistency(old, new, wanted.proof.read_bytes(), str(wanted.proof))
    covers = "covers the %s" if new is note.head else "is where the %s's log goes on from"
    report.ok("published: the checkpoint at size %d %s" % (note.head.size, covers % what))
    return note


def by_the_log(note: Note, log: Log, vkey: Optional[str], where: str) -> None:
    """A published checkpoint is signed by a log key of the installation's record that had not ended then, or by the key that was given."""
    given = read_vkey(vkey) if vkey else ("", b"", b"")
    if given[:2] == (note.head.origin, b"\1") and signed_by(note, given[2]):
        return
    logs = [key for key in log.keys.values() if key.role == "log" and (key.ended is None or note.head.size <= key.ended)]
    if not any(signed_by(note, key.public) for key in logs):
        raise Broken("%s: not signed by a log key that is known here; a later one is given with --published-key" % where)


def tell_witnesses(report: Report, note: Note, wanted: Wanted, where: str) -> List[str]:
    """Say which of the named witnesses cosigned, and when; return their names."""
    found = []
    for vkey in wanted.witnesses:
        name = read_vkey(vkey)[0]
        moment = cosigned_at(note, vkey, where)
        if moment is None:
            report.note("not witnessed by %s: it has not cosigned the checkpoint at size %d" % (name, note.head.size))
        else:
            found.append(name)
            report.ok("witness: %s cosigned the checkpoint at size %d at %sZ" % (name, note.head.size, moment.isoformat()))
    others = sorted({name for name, _ in note.lines if name != note.head.origin} - set(found))
    if others:
        text = "not checked who witnessed: lines under %s are in the name of %s; give their vkeys with --witness"
        report.note(text % (where, ", ".join(others)))
    elif not wanted.witnesses:
        report.note("not witnessed: no witness or mirror has cosigned the checkpoint at size %d" % note.head.size)
    return found


def check_stamps(report: Report, bag: Any, wanted: Wanted) -> None:
    """Say when the bundle was stamped, and by whom that was checked."""
    paths = sorted(path for path in bag.names(Report()) if STAMP.fullmatch(path))
    for path in paths:
        report.step(check_stamp, bag, path, (TAGMANIFEST, bag.read(TAGMANIFEST)), wanted)
    if not paths:
        report.note("untimestamped: no authority has stamped the bundle")


def check_stamp(report: Report, bag: Any, path: str, of: Tuple[str, bytes], wanted: Wanted) -> bool:
    """A stamp is over these bytes; return whether its signature was checked too."""
    data = bag.read(path)
    stamp = read_stamp(data, path)
    if stamp.imprint != hashlib.new(stamp.algorithm, of[1]).digest():
        raise Broken("%s: a stamp of something else than %s" % (path, of[0]))
    said = "%s: a time-stamping authority says that %s existed at %sZ" % (path, of[0], stamp.time.isoformat())
    folder = bag.path if isinstance(bag, Folder) else None
    verdict = ask_openssl(data, stamp, wanted.ca, folder) if wanted.ca else None
    if verdict is None:
        command = "openssl ts -verify -digest %s -in %s -CAfile CA.pem" % (stamp.imprint.hex(), path)
        report.note("%s; its signature was not checked here; run: %s" % (said, command))
        return False
    if verdict:
        raise Broken("%s: openssl ts -verify refuses it under %s (%s)" % (path, wanted.ca, " ".join(verdict.split())))
    report.ok("%s (serial %d); openssl ts -verify holds it good under %s" % (said, stamp.serial, wanted.ca))
    return True


def read_event(line: bytes, where: str) -> Event:
    found = strict_json(line, where)
    if not isinstance(found, dict) or sorted(found) != ["attest", "fields", "index", "proof", "reasons"]:
        raise Broken("%s: not a custody line" % where)
    fields, index, proof, reasons = found["fields"], found["index"], found["proof"], found["reasons"]
    values, body = read_fields(fields, where)
    attest, attestations = read_attest(found["attest"], where)
    hidden = set(FIELDS) - set(values) | ({"signatures"} if attestations is None else set())
    if not isinstance(reasons, dict) or set(reasons) != hidden or not all(isinstance(why, str) and why for why in reasons.values()):
        raise Broken("%s: a reason must stand there for each thing withheld, and for no other" % where)
    entry = sha256(b"tipline/entry/1\0", body, attest)
    return Event(where, index, values, reasons, attestations, body, entry, read_path(index, proof, where))


def read_path(index: Any, path: Any, where: str) -> List[bytes]:
    if type(index) is not int or index < 0 or not isinstance(path, list):
        raise Broken("%s: not a custody line: no place in the log, or no path from there" % where)
    return [unb64(part, where, 32) for part in path]


def read_fields(fields: Any, where: str) -> Tuple[Dict[str, Any], bytes]:
    """Return the disclosed values, and B over the commitments to all fields."""
    if not isinstance(fields, list) or len(fields) != len(FIELDS):
        raise Broken("%s: not a custody line of %s" % (where, SCHEMA))
    values, commitments = {}, []
    for name, text in zip(FIELDS, fields):  # noqa: B905 - as above
        data = unb64(text[2:] if isinstance(text, str) else text, where)
        if text[:2] == "d:":
            values[name] = read_disclosure(data, name, where)
            data = sha256(b"tipline/field/1\0", data)
        elif text[:2] != "c:" or len(data) != 32:
            raise Broken("%s: %s is neither disclosed nor a commitment" % (where, name))
        commitments.append(data)
    return values, sha256(b"tipline/body/1\0", SCHEMA.encode(), b"\0", *commitments)


def read_disclosure(data: bytes, name: str, where: str) -> Any:
    found = strict_json(data, where)
    if not isinstance(found, list) or len(found) != 3 or found[1] != name or isinstance(found[2], (list, dict)):
        raise Broken("%s: not the disclosure of %s" % (where, name))
    unb64(found[0], where, 16)
    return found[2]


def read_attest(found: Any, where: str) -> Tuple[bytes, Optional[List[Tuple[bytes, bytes]]]]:
    if isinstance(found, dict) and list(found) == ["withheld"]:
        return unb64(found["withheld"], where, 32), None
    if not isinstance(found, dict) or sorted(found) != ["list", "salt"] or not isinstance(found["list"], list):
        raise Broken("%s: no list of signatures" % where)
    if any(not isinstance(pair, list) or len(pair) != 2 for pair in found["list"]):
        raise Broken("%s: no list of signatures" % where)
    pairs = [(unb64(key, where, 32), unb64(signature, where, 64)) for key, signature in found["list"]]
    return sha256(b"tipline/attest/1\0", unb64(found["salt"], where, 32), *(key + signature for key, signature in pairs)), pairs


def read_events(report: Report, bag: Any, name: str, head: Head) -> List[Event]:
    """Read a file of custody lines and check each against the checkpoint."""
    data = bag.read(name)
    if data and not data.endswith(b"\n"):
        raise Broken("%s: its last line is cut off" % name)
    found = []
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        found.append(read_event(line, "%s line %d" % (name, number)))
        check_place(found[-1], head)
    report.ok("%s: %d events, each proved to stand in the log" % (name, len(found)))
    return found


def check_place(event: Event, head: Head) -> None:
    """The event's path leads from its place to the root of the checkpoint."""
    try:
        root = climb(event.place, head.size - 1, sha256(b"\0", event.entry), event.proof)[1] if event.place < head.size else b""
    except Broken as error:
        raise Broken("%s: %s" % (event.where, error)) from error
    if root != head.root:
        raise Broken("%s: the event is not the one at index %d of the log" % (event.where, event.place))


def check_chains(report: Report, events: List[Event]) -> Dict[str, List[Event]]:
    """Each exhibit's events are 1 to n, in rising index, each naming the entry before it."""
    chains: Dict[str, List[Event]] = {}
    for event in events:
        chain = chains.setdefault(str(event.get("exhibit")), [])
        before = chain[-1] if chain else None
        if repr(event.get("exhibit_seq")) != repr(len(chain) + 1):
            raise Broken("%s: event %d of exhibit %s is missing" % (event.where, len(chain) + 1, event.get("exhibit")))
        if event.get("exhibit_prev") != (before.entry.hex() if before else "0" * 64) or (before and before.place >= event.place):
            raise Broken("%s: does not follow from the event before it" % event.where)
        chain.append(event)
    report.ok("chains: %d exhibits, no event left out before their export" % len(chains))
    return chains


def check_act(report: Report, bag: Any, chains: Dict[str, List[Event]]) -> None:
    """The last event of each exhibit is its EXPORTED, all of one act of exactly these exhibits, over this payload."""
    digest, acts = "sha256:" + sha256(bag.read(MANIFEST)).hex(), set()
    for exhibit, chain in chains.items():
        last = chain[-1]
        if last.get("kind") != "EXPORTED":
            raise Broken("%s: the last event of exhibit %s is not its export" % (last.where, exhibit))
        if last.get("manifest") != digest:
            raise Broken("%s: the export is of another payload than %s" % (last.where, MANIFEST))
        acts.add((str(last.get("act_id")), repr(last.get("act_size"))))
    if len(acts) != 1 or next(iter(acts))[1] != repr(len(chains)) or "installation" in chains:
        raise Broken("custody/events.jsonl: the bundle does not hold exactly the exhibits of one act of export")
    report.ok("export: one act of %d exhibits, nothing left out" % len(chains))


def read_table(bag: Any, path: str, head: List[str]) -> List[Dict[str, str]]:
    text = bag.read(path).decode("utf-8", "replace")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise Broken("%s: not a table (%s)" % (path, error)) from error
    if not rows or rows[0] != head or any(len(row) != len(head) for row in rows):
        raise Broken("%s: not a table of %s" % (path, ", ".join(head)))
    return [dict(zip(head, row)) for row in rows[1:]]  # noqa: B905 - as above


def check_originals(report: Report, bag: Any, chains: Dict[str, List[Event]]) -> None:
    """data/originals holds each exhibit as it was acquired, but for those that the exceptions name."""
    exhibits = read_table(bag, "data/exhibits.csv", EXHIBITS_HEAD)
    exceptions = read_table(bag, "data/exceptions.csv", EXCEPTIONS_HEAD)
    if sorted(row["exhibit"] for row in exhibits + exceptions) != sorted(chains):
        raise Broken("data/exhibits.csv: with data/exceptions.csv it must name each exhibit of the export once")
    originals = {path: digest for path, digest in read_manifest(bag, MANIFEST).items() if path.startswith("data/originals/")}
    for row in exhibits:
        path, chain = "data/originals/" + row["file"], chains[row["exhibit"]]
        facts = (chain[0].get("plaintext_after"), chain[0].get("length_after"))
        told = (row["sha256"], row["length"], row["sha256"])
        if told != (facts[0], repr(facts[1]), "sha256:" + originals.pop(path, "")):
            raise Broken("%s: not the file that was acquired as %s" % (path, row["number"]))
        if bag.size(path) != facts[1]:
            raise Broken("%s: not as long as what was acquired" % path)
        for event in chain:
            if event.values.get("kind") in ("VERIFIED", "EXPORTED") and event.values.get("plaintext_after") not in (None, facts[0]):
                raise Broken("%s: names another digest than what was acquired" % event.where)
    if originals:
        raise Broken("%s: belongs to no exhibit" % min(originals))
    report.ok("originals: %d files as they were acquired" % len(exhibits))
    for row in exceptions:
        report.note("exception: %s is not in the bundle: %s" % (row["number"], row["reason"]))


def cell(value: Any) -> str:
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def events_csv(rows: List[Tuple[int, Dict[str, Any]]]) -> str:
    """Return the table of events for people: made from the custody lines, never read by a check."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("log_index", *FIELDS))
    for index, values in rows:
        writer.writerow((index, *(cell(values[name]) if name in values else "[withheld]" for name in FIELDS)))
    return out.getvalue()


def check_csv(report: Report, bag: Any, events: List[Event]) -> None:
    if bag.read("custody/events.csv") != events_csv([(event.place, event.values) for event in events]).encode():
        raise Broken("custody/events.csv: does not say what custody/events.jsonl says")
    report.ok("custody/events.csv: says the same")


def check_keys(report: Report, events: List[Event], public: bytes) -> Dict[bytes, Key]:
    """Attesting keys come only from KEY_* events of the installation's own record."""
    keys: Dict[bytes, Key] = {}
    last = -1
    for event in events:
        kind, name, role = event.get("kind"), event.get("key_id"), event.get("role")
        if event.get("exhibit") != "installation" or kind not in KEY_KINDS or event.place <= last or not isinstance(name, str):
            raise Broken("%s: not a key event of the installation, in rising index" % event.where)
        last = event.place
        if not name.startswith("ed25519:"):
            continue
        key = unb64(name[8:], event.where, 32)
        known = keys.get(sha256(key))
        if kind == "KEY_ADDED" and known is None:
            keys[sha256(key)] = Key(key, str(role), None, None)
        elif kind != "KEY_ADDED" and known is not None:
            stolen = event.place if kind == "KEY_COMPROMISED" and known.compromised is None else known.compromised
            keys[sha256(key)] = known._replace(ended=event.place if known.ended is None else known.ended, compromised=stolen)
        else:
            raise Broken("%s: the key was added before, or never" % event.where)
    log = keys.get(sha256(public))
    if log is None or log.role != "log" or log.ended is not None:
        raise Broken("custody/keys.jsonl: the record of the installation does not hold the log key as valid")
    report.ok("keys: %d attesting keys from the record of the installation" % len(keys))
    return keys


def counts(key: Key, place: int, fixed: List[Fixed]) -> bool:
    """A signature counts until its key ended; of a key in other hands, only what somebody outside had seen before that was told."""
    if key.compromised is not None and not any(place < one.size <= key.compromised for one in fixed):
        return False
    return key.ended is None or place < key.ended


def check_attestations(report: Report, events: List[Event], log: Log, fixed: List[Fixed], wanted: Wanted) -> None:
    """Who signed is known; with --attestations each signature is checked and each export bears a person's."""
    bare, stolen = 0, 0
    for event in events:
        roles = set()
        for marker, signature in event.attestations or []:
            key = log.keys.get(marker)
            if key is None:
                raise Broken("%s: signed by a key that custody/keys.jsonl does not hold" % event.where)
            if wanted.attestations and not ed25519(key.public, signature, b"tipline/sign/1\0" + event.body):
                raise Broken("%s: a false signature" % event.where)
            good = counts(key, event.place, fixed)
            stolen += key.compromised is not None and event.place < key.compromised and not good
            roles |= {key.role} if good else set()
        bare += not roles
        if wanted.attestations and event.attestations is not None and event.values.get("kind") == "EXPORTED" and "person" not in roles:
            raise Broken("%s: an export that no person signed with a key that counts" % event.where)
    if stolen:
        told = "in other hands since: %d signatures do not count, since no witness that you named and no stamp that was checked"
        report.note((told + " fixed them before their key was reported") % stolen)
    if bare:
        report.note("not attested: %d of %d events, their signatures withheld, absent, or of a key that had ended" % (bare, len(events)))
    if wanted.attestations:
        report.ok("attestations: the signatures of %d events hold" % (len(events) - bare))
    else:
        report.note("attestations: not checked; ask with --attestations")


def tell_keys(report: Report, log: Log, fixed: List[Fixed]) -> None:
    """Say which keys were reported to be in other hands, and who fixed what they had signed before."""
    for key in log.keys.values():
        if key.compromised is not None:
            by = sorted({"%s at size %d" % (one.by, one.size) for one in fixed if one.size <= key.compromised})
            text = "compromised: the %s key %s, at index %d; what was signed before is fixed by %s"
            report.note(text % (key.role, fingerprint(key.public), key.compromised, ", ".join(by) or "nobody that was checked"))


def check_origins(report: Report, bag: Any, chains: Dict[str, List[Event]]) -> None:
    """Say from what an exhibit was made and what was corrected; both must name something that fits."""
    rows = read_table(bag, "data/exhibits.csv", EXHIBITS_HEAD) + read_table(bag, "data/exceptions.csv", EXCEPTIONS_HEAD)
    numbers = {row["exhibit"]: row["number"] for row in rows}
    for exhibit, chain in chains.items():
        first, number = chain[0].values, numbers.get(exhibit, exhibit)
        parent = first.get("parent_exhibit")
        if parent is not None:
            source = chains[parent][0].values.get("plaintext_after") if parent in chains else None
            if None not in (source, first.get("plaintext_before")) and source != first["plaintext_before"]:
                raise Broken("%s: made from other bytes than those of its parent" % chain[0].where)
            here = numbers[parent] if parent in chains and parent in numbers else "%s, which is not in the bundle" % parent
            report.note("derived: %s was made (%s) from %s" % (number, first.get("kind", "withheld"), here))
        before: Dict[Any, Event] = {}
        for event in chain:
            if event.values.get("kind") == "CORRECTED":
                tell_correction(report, event, before, number)
            before[event.entry.hex()] = event


def tell_correction(report: Report, event: Event, before: Dict[Any, Event], number: str) -> None:
    target, said = None, {name: event.values.get(name, "[withheld]") for name in ("result", "justification")}
    if "authority" in event.values:
        target = before.get(event.values["authority"])
        if target is None:
            raise Broken("%s: corrects an event that is not one before it of the same exhibit" % event.where)
    about = "event %s (%s)" % (target.get("exhibit_seq"), target.values.get("kind", "withheld")) if target else "an event [withheld]"
    report.note("corrected: %s, %s: %s; why: %s" % (number, about, said["result"], said["justification"]))


def tell_withheld(report: Report, events: List[Event]) -> None:
    parts: Counter[str] = Counter()
    holders: Counter[str] = Counter()
    for event in events:
        parts.update(event.reasons.values())
        holders.update(set(event.reasons.values()))
    for reason in sorted(parts):
        report.note("withheld: %d fields in %d events (%s)" % (parts[reason], holders[reason], reason))
    if not parts:
        report.note("withheld: nothing")


def verify_bundle(place: Any, wanted: Wanted) -> Report:
    """Check a bundle, in a folder or in anything that gives names, bytes, sizes and digests as Folder does.

    The report names everything that is broken.
    """
    report, bag = Report(), Folder(place) if isinstance(place, Path) else place
    report.step(check_files, bag)
    public = report.step(check_seal, bag, wanted)
    head = public and report.step(check_checkpoint, bag, public)
    if not head:
        return report
    keyed = report.step(read_events, bag, "custody/keys.jsonl", head)
    events = report.step(read_events, bag, "custody/events.jsonl", head)
    keys = keyed is not None and report.step(check_keys, keyed, public)
    chains = events is not None and report.step(check_chains, events)
    if chains is not None and events is not None:
        report.step(check_act, bag, chains)
        report.step(check_originals, bag, chains)
        report.step(check_origins, bag, chains)
        report.step(check_csv, bag, events)
    report.step(check_stamps, bag, wanted)
    if keys and keyed is not None and events is not None:
        log = Log(public, head, keys)
        fixed = report.step(check_published, bag, log, wanted) or []
        report.step(tell_keys, log, fixed)
        report.step(check_attestations, keyed + events, log, fixed, wanted)
        report.step(tell_withheld, keyed + events)
    return report


# A proof of submission (SPEC 3.9): one text file, signed by the claim key that each of its items commits to.


def joined(text: bytes) -> bytes:
    """Return the proof that scanned QR codes carry, in any order."""
    told = text.decode("ascii", "replace").split()
    codes = {(number, part) for number, part in zip(told[1::3], told[2::3])}  # noqa: B905 - as above
    parts = {int(number.split("/")[0]): part for number, part in codes if re.fullmatch("[1-9][0-9]{0,2}/[1-9][0-9]{0,2}", number)}
    count = {number.split("/")[-1] for number, _ in codes}
    if len(told) % 3 or set(told[::3]) != {"TP1"} or len(parts) != len(codes) or len(count) != 1:
        raise Broken("not the text of the codes of one proof, each as it was scanned")
    missing = sorted(set(range(1, int(min(count)) + 1)) ^ set(parts))
    if missing:
        raise Broken("code %d of %s is missing, or of another proof" % (missing[0], min(count)))
    letters = "".join(parts[number] for number in sorted(parts))
    whole = re.fullmatch("[A-Z2-7]+", letters) and len(letters) % 8 in (0, 2, 4, 5, 7)
    data = base64.b32decode(letters + "=" * (-len(letters) % 8)) if whole else b""
    if base64.b32encode(data).decode().rstrip("=") != letters:
        raise Broken("the codes hold no canonical base32")
    return data


def read_object(line: bytes, names: str, where: str) -> Dict[str, Any]:
    found = strict_json(line, where)
    if not isinstance(found, dict) or list(found) != names.split():
        raise Broken("%s: does not hold exactly %s" % (where, names))
    return found


def read_submission(report: Report, path: Path) -> Tuple[List[bytes], bytes]:
    """Return the lines that are signed, and the signature."""
    with open(str(path), "rb") as file:
        data = file.read(3 * LARGEST_PROOF)
    data = joined(data) if data.lstrip()[:3] == b"TP1" else data
    match = SUBMISSION.match(data)
    if match is None or match.end() > LARGEST_PROOF:
        raise Broken("%s: not a proof of submission, or its lines were changed" % path)
    size, rest = max(SMALLEST_FILE, 1 << (match.end() - 1).bit_length()), data[match.end() :]
    if rest and (len(data) != size or rest.lstrip(b".") != b"\n"):
        raise Broken("%s: something stands behind the signature that is not the filling" % path)
    lines = match[1].split(b"\n")[:-1]
    report.ok("form: a proof of submission, items: %d" % (len(lines) - 2))
    return lines, unb64(match[2].decode(), "the signature", 64)


def check_statement(report: Report, line: bytes, log: Optional[Log], wanted: Wanted) -> None:
    """The statement is about this log, and for what the caller asked."""
    told = read_object(line, "suite origin purpose audience nonce day", "the statement")
    for name, value in told.items():
        if not isinstance(value, str) or len(value) > LONGEST_WORDS or not value.isprintable() or value != value.strip():
            raise Broken("the statement: its %s is not short and printable" % name)
    if told["suite"] != "tipline/proof/1" or told["purpose"] not in ("proof", "claim") or not re.fullmatch(DAY, told["day"]):
        raise Broken("the statement: not one of this version")
    if log is not None and told["origin"] != log.head.origin:
        raise Broken("the statement: about another log than the checkpoint: %s" % told["origin"])
    for name in ("purpose", "audience", "nonce"):
        if told[name] != getattr(wanted, name):
            raise Broken('the statement: its %s is "%s", not "%s" (--%s)' % (name, told[name], getattr(wanted, name), name))
    report.ok('statement: purpose {purpose}, audience "{audience}", nonce "{nonce}", made on {day} by its maker\'s word'.format(**told))
    if not told["audience"] or not told["nonce"]:
        report.note("whoever has this file can show it; who holds the claim code can make one with an audience and nonce of your own")


def check_head(report: Report, line: bytes, wanted: Wanted) -> Tuple[Log, Note]:
    """The checkpoint is signed by the log's key, and that is the one asked for."""
    found = read_object(line, "key checkpoint", "the checkpoint")
    if not isinstance(found["key"], str) or not isinstance(found["checkpoint"], str):
        raise Broken("the checkpoint: not two texts")
    (name, kind, public), note = read_vkey(found["key"]), read_note(found["checkpoint"].encode("utf-8"), "the checkpoint")
    if kind != b"\1" or name != note.head.origin or not signed_by(note, public):
        raise Broken("the checkpoint: not signed by the log key that stands beside it")
    short = hashlib.sha256(note.text).hexdigest()[:24]
    told = (note.head.origin, note.head.size, " ".join(short[at : at + 4] for at in range(0, 24, 4)), fingerprint(public))
    report.ok("checkpoint: %s at size %d, %s, signed by the log key %s" % told)
    check_key(report, public, wanted, "proof")
    return Log(public, note.head, {sha256(public): Key(public, "log", None, None)}), note


def read_item(line: bytes, where: str) -> Event:
    found = read_object(line, "index path attest fields", where)
    values, body = read_fields(found["fields"], where)
    entry = sha256(b"tipline/entry/1\0", body, unb64(found["attest"], where, 32))
    if set(values) != set(PROVED.split("|")):
        raise Broken("%s: other fields are disclosed than those of a proof" % where)
    length, forms = values["length_after"], {"plaintext_after": "sha256:[0-9a-f]{64}", "claim_key": "[0-9a-f]{64}", "occurred_from": DAY}
    forms.update({"kind": "ACQUIRED", "clock": "day and order only", "event_id": ".+", "act_id": ".+", "program": ".+"})
    whole = repr(values["exhibit_seq"]) == "1" and type(length) is int and length >= 0 and values["occurred_to"] == values["occurred_from"]
    if not whole or not all(isinstance(values[name], str) and re.fullmatch(form, values[name], re.S) for name, form in forms.items()):
        raise Broken("%s: not something that a source sent, whole and on one day" % where)
    return Event(where, found["index"], values, {}, None, body, entry, read_path(found["index"], found["path"], where))


def check_items(report: Report, lines: List[bytes], signature: bytes, head: Head) -> List[Event]:
    """Each item stood in the log at its place; all are of one claim key, which signed the statement, the checkpoint and them."""
    items = [read_item(line, "item %d" % number) for number, line in enumerate(lines[2:], start=1)]
    for item, before in zip(items, [None, *items]):  # noqa: B905 - as above
        check_place(item, head)
        if before is not None and before.place >= item.place:
            raise Broken("%s: not after the one before it in the log" % item.where)
        if (item.get("claim_key"), item.get("program")) != (items[0].get("claim_key"), items[0].get("program")):
            raise Broken("%s: of another claim key or program than item 1" % item.where)
    public = bytes.fromhex(items[0].get("claim_key"))
    if not ed25519(public, signature, b"tipline/proof/1\0" + b"".join(line + b"\n" for line in lines)):
        raise Broken("the signature is not that of the claim key which the items commit to")
    report.ok("signature: statement, checkpoint and items are signed by the claim key %s that each item commits to" % public.hex())
    for item in items:
        told = (item.where, item.get("plaintext_after"), item.get("length_after"), item.place, head.origin, head.size)
        order = (item.place, head.size - item.place - 1, item.get("occurred_from"))
        report.ok("%s: %s, %d bytes, stood at index %d of %s at size %d" % told + ", after %d others and before %d; taken in on %s" % order)
    report.note("the day is what the tip line wrote down; stamps and witnesses say by when the log held the items at the latest")
    return items


def check_given(report: Report, items: List[Event], wanted: Wanted) -> None:
    """Each file that was given beside the proof is one of its items, byte for byte."""
    for path in wanted.files:
        what = ("sha256:" + Folder(Path())._digest(str(path)), path.stat().st_size)
        same = [item.where for item in items if (item.get("plaintext_after"), item.get("length_after")) == what]
        if not same:
            raise Broken("file: %s is none of the items (%s, %d bytes)" % (path, *what))
        report.ok("file: %s is %s, byte for byte" % (path, " and ".join(same)))


def check_seen(report: Report, log: Log, note: Note, wanted: Wanted) -> None:
    """Say who outside has seen the proof's checkpoint, or another that the caller has, and when."""
    beside = check_beside(report, log, wanted, "proof")
    seen = {"the checkpoint": note, **({str(wanted.published): beside} if beside else {})}
    for where, one in seen.items():
        tell_witnesses(report, one, wanted, where)
    for path in wanted.stamps:
        stamp = read_stamp(path.read_bytes(), str(path))
        of = [one for one in seen.values() if stamp.imprint == hashlib.new(stamp.algorithm, one.text).digest()] or [note]
        check_stamp(report, Folder(Path()), str(path), ("the checkpoint at size %d" % of[0].head.size, of[0].text), wanted)
    if not wanted.stamps:
        report.note("untimestamped: no stamp over the checkpoint was given; one is given with --stamp")


def verify_proof(path: Path, wanted: Wanted) -> Report:
    """Check a proof of submission, in its file's form or as the text of its QR codes."""
    report = Report()
    lines, signature = report.step(read_submission, path) or ([], b"")
    if lines:
        log, note = report.step(check_head, lines[1], wanted) or (None, None)
        report.step(check_statement, lines[0], log, wanted)
        items = log and report.step(check_items, lines, signature, log.head)
        if items:
            report.step(check_given, items, wanted)
            report.step(check_seen, log, note, wanted)
    return report


def misfit(wanted: Wanted, place: Path) -> str:
    """Say what is wrong with the options for what is checked; "" where nothing is."""
    of_proof = wanted.purpose != "proof" or wanted.audience or wanted.nonce or wanted.files or wanted.stamps
    if place.is_file():
        return "--attestations is for bundles" if wanted.attestations else ""
    return "--purpose, --audience, --nonce, --file and --stamp are for proofs of submission" if of_proof else ""


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="verify.py", description="Check a Tipline evidence bundle or proof of submission offline.")
    parser.add_argument("--key", metavar="FINGERPRINT", help="the log key, as ssh-keygen -l prints it")
    parser.add_argument("--attestations", action="store_true", help="check the signature of each event too (some milliseconds each)")
    parser.add_argument("--published", metavar="CHECKPOINT", type=Path, help="a published checkpoint from elsewhere, later or earlier")
    parser.add_argument("--proof", metavar="FILE", type=Path, help="the consistency proof between it and the bundle's")
    parser.add_argument("--published-key", metavar="VKEY", help="the log's key that signed it, where the bundle is older than that key")
    parser.add_argument("--witness", metavar="VKEY", action="append", default=[], help="a witness that you know; may be repeated")
    parser.add_argument("--ca", metavar="FILE", type=Path, help="certificates (PEM) of the time-stamping authorities, for openssl ts")
    parser.add_argument("--purpose", choices=("proof", "claim"), default="proof", help="what a proof of submission must be for")
    parser.add_argument("--audience", metavar="WORDS", default="", help="for whom it must be made: you, if you asked for it")
    parser.add_argument("--nonce", metavar="WORDS", default="", help="the nonce that you gave when you asked for it")
    parser.add_argument("--file", metavar="ORIGINAL", type=Path, action="append", default=[], help="a file that must be one of its items")
    parser.add_argument("--stamp", metavar="TSR", type=Path, action="append", default=[], help="a time stamp over its checkpoint")
    here, told = Path(__file__).resolve().parent, "the unpacked bundle, or the text file of a proof of submission"
    parser.add_argument("place", metavar="DIR|FILE", nargs="?", type=Path, default=here, help=told)
    return parser


def main(argv: Optional[List[str]] = None) -> int:
    """Run the command line and return the exit code."""
    parser = options()
    given = parser.parse_args(argv)
    if given.key is not None and not re.fullmatch("SHA256:[A-Za-z0-9+/]{43}", given.key):
        parser.error("a fingerprint looks like SHA256: and 43 letters")
    if (given.published is None) != (given.proof is None):
        parser.error("--published and --proof belong together")
    missing = [path for path in [given.ca, *given.file, *given.stamp] if path and not path.is_file()]
    if missing or not given.place.exists():
        parser.error("no such file: %s" % (missing or [given.place])[0])
    try:
        kinds = [read_vkey(vkey)[1] for vkey in given.witness] + [read_vkey(vkey)[1] for vkey in [given.published_key] if vkey]
    except Broken as error:
        parser.error(str(error))
    if kinds != [b"\4"] * len(given.witness) + [b"\1"] * (given.published_key is not None):
        parser.error("a witness has a vkey of kind 4, a log one of kind 1")
    wanted = Wanted(given.key, given.attestations, given.published, given.proof, given.published_key, tuple(given.witness), given.ca)
    wanted = wanted._replace(purpose=given.purpose, audience=given.audience, nonce=given.nonce, files=given.file, stamps=given.stamp)
    if misfit(wanted, given.place):
        parser.error(misfit(wanted, given.place))
    report = (verify_proof if given.place.is_file() else verify_bundle)(given.place, wanted)
    encoding = sys.stdout.encoding or "ascii"
    print("\n".join(report.lines).encode(encoding, "replace").decode(encoding))
    print(("RESULT all holds", "RESULT broken", "", "RESULT consistent; give --key to be sure of who signed it")[report.exit_code()])
    return report.exit_code()


if __name__ == "__main__":
    sys.exit(main())
