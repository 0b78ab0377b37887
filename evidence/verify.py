#!/usr/bin/env python3
"""Check a Tipline evidence bundle offline (SPEC section 6). Standard library only, Python 3.8 or newer.

    python3 verify.py [--key FINGERPRINT] [--attestations] [--published CHECKPOINT --proof FILE] [DIR]

Exit codes: 0 all holds and the log key is the one given; 3 consistent, but nobody outside the bundle vouches for the
key; 1 broken, or another key, naming what; 2 wrong usage.
"""

import sys

if __name__ == "__main__" and not sys.flags.isolated and not getattr(sys.flags, "safe_path", False):
    del sys.path[0]  # nothing that lies in a bundle may be imported in place of the standard library

import argparse
import base64
import csv
import hashlib
import io
import json
import os
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

SCHEMA = "tipline/custody/1"
FIELDS = (
    "event_id",
    "act_id",
    "act_size",
    "exhibit",
    "exhibit_seq",
    "exhibit_prev",
    "kind",
    "occurred_from",
    "occurred_to",
    "clock",
    "actor",
    "role",
    "on_behalf_of",
    "released_by",
    "received_by",
    "purpose",
    "authority",
    "moved_from",
    "moved_to",
    "method_tool",
    "method_version",
    "method_command",
    "plaintext_before",
    "ciphertext_before",
    "length_before",
    "plaintext_after",
    "ciphertext_after",
    "length_after",
    "name_b64",
    "name_shown",
    "result",
    "justification",
    "parent_exhibit",
    "program",
    "claim_key",
    "source_recipient",
    "key_id",
    "manifest",
)
NAMESPACE = "tipline-bundle"
MANIFEST, TAGMANIFEST, SIGNATURE, SIGNERS = "manifest-sha256.txt", "tagmanifest-sha256.txt", "tagmanifest-sha256.txt.sig", "allowed_signers"
BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
EXHIBITS_HEAD, EXCEPTIONS_HEAD = ["exhibit", "number", "file", "sha256", "length"], ["exhibit", "number", "reason"]
REQUIRED = {"bagit.txt", "bag-info.txt", MANIFEST, "README-VERIFY.txt", "verify.py", "custody/checkpoint", "custody/events.jsonl"}
REQUIRED |= {"custody/events.csv", "custody/keys.jsonl"}
PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_:-]{0,199}")
KEY_KINDS = ("KEY_ADDED", "KEY_RETIRED", "KEY_COMPROMISED")


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


class Key(NamedTuple):
    """An attesting key from the installation's own record."""

    public: bytes
    role: str
    ended: Optional[int]


class Wanted(NamedTuple):
    """What the caller asks for beyond the bundle itself."""

    key: Optional[str] = None
    attestations: bool = False
    published: Optional[Path] = None
    proof: Optional[Path] = None


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


def strict_json(data: bytes, where: str) -> Any:
    def pairs(found: List[Tuple[str, Any]]) -> Dict[str, Any]:
        if len(dict(found)) != len(found):
            raise ValueError("a key stands twice")
        return dict(found)

    def refuse(text: str) -> Any:
        raise ValueError("not an integer: " + text[:40])

    def integer(text: str) -> int:
        if len(text) > 17 or text == "-0" or abs(int(text)) > 2**53 - 1:
            raise ValueError("an integer beyond 2^53-1")
        return int(text)

    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=pairs, parse_float=refuse, parse_constant=refuse, parse_int=integer)
        if b"\\u" in data:  # only an escape can make an unpaired surrogate
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Broken("%s: not strict JSON (%s)" % (where, error)) from error
    return value


def unb64(text: Any, where: str, length: int = 0, url: bool = True) -> bytes:
    try:
        padded = text + "=" * (-len(text) % 4) if url else text
        data = base64.b64decode(padded.encode("ascii"), altchars=b"-_" if url else None, validate=True)
    except (ValueError, TypeError, AttributeError) as error:
        raise Broken("%s: not base64" % where) from error
    again = base64.urlsafe_b64encode(data).rstrip(b"=") if url else base64.b64encode(data)
    if again.decode() != text or (length and len(data) != length):
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


def check_consistency(old: Head, new: Head, path: List[bytes]) -> None:
    if not 0 < old.size <= new.size or (old.size == new.size and path):
        raise Broken("the published checkpoint is not newer than the bundle's, or the proof is not for it")
    node, last = old.size - 1, new.size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    if old.size & (old.size - 1) == 0:
        path = [old.root, *path]
    if old != new and (not path or climb(node, last, path[0], path[1:]) != (old.root, new.root)):
        raise Broken("the published log does not begin with the bundle's log")


def open_note(note: str, public: bytes, where: str) -> Head:
    text, blank, rest = note.rpartition("\n\n")
    lines = (text + "\n").split("\n")
    whole = blank and rest.endswith("\n") and len(lines) == 4
    if not whole or not ORIGIN.fullmatch(lines[0]) or not re.fullmatch("0|[1-9][0-9]{0,15}", lines[1]):
        raise Broken("%s: not a checkpoint" % where)
    head = Head(lines[0], int(lines[1]), unb64(lines[2], where, 32, url=False))
    marker, found = sha256(head.origin.encode(), b"\n\1", public)[:4], []
    for line in rest[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014":
            raise Broken("%s: a line that is no signature" % where)
        data = unb64(parts[2], where, url=False)
        found += [data[4:]] if parts[1] == head.origin and data[:4] == marker else []
    if len(found) != 1 or not ed25519(public, found[0], (text + "\n").encode()):
        raise Broken("%s: not signed by the log key of this bundle" % where)
    return head


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


# The checks, one for each part of SPEC 6.


def check_files(report: Report, folder: Path) -> None:
    """Every file is listed in its manifest with its digest, every listed file is there, and nothing else is."""
    present = set(walk(report, folder))
    payload, tags = read_manifest(folder, MANIFEST), read_manifest(folder, TAGMANIFEST)
    sealed = {"seal/" + SIGNATURE, "seal/" + SIGNERS}
    for path in sorted(present):
        listed = path in payload if path.startswith("data/") else path in tags or path in sealed or path == TAGMANIFEST
        if not listed:
            report.fail("%s: stands in no manifest (added)" % path)
    listed_all = {**payload, **tags}
    wrong = [p for p in payload if not p.startswith("data/")] + [p for p in tags if p.startswith(("data/", "seal/")) or p == TAGMANIFEST]
    gone = (set(listed_all) | sealed | REQUIRED) - present
    problems = [(path, "stands in the wrong manifest") for path in wrong]
    problems += [(path, "missing") for path in gone]
    problems += [(path, "not listed in " + TAGMANIFEST) for path in REQUIRED - gone - set(tags)]
    for path, problem in sorted(problems):
        report.fail("%s: %s" % (path, problem))
    here = [path for path in sorted(listed_all) if path in present]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda path: file_digest(folder / path), here))
    for path, digest in zip(here, found):  # noqa: B905 - strict= came with Python 3.10
        if digest != listed_all[path]:
            report.fail("%s: changed (its digest is not the one in the manifest)" % path)
    if (folder / "bagit.txt").read_bytes() != BAGIT.encode():
        report.fail("bagit.txt: not the declaration of BagIt 1.0")
    if not report.problems:
        report.ok("files: %d of the payload and %d beside it are there, unchanged, and no other" % (len(payload), len(tags)))


def walk(report: Report, folder: Path) -> Iterator[str]:
    for here, folders, files in os.walk(str(folder)):
        inside = Path(here).relative_to(folder)
        if not folders and not files:
            report.fail("%s: an empty folder (added)" % inside.as_posix())
        for name in folders + files:
            path = (inside / name).as_posix()
            if (folder / path).is_symlink() or not ((folder / path).is_dir() or (folder / path).is_file()):
                report.fail("%s: neither a file nor a folder" % path)
        for name in files:
            yield (inside / name).as_posix()


def read_manifest(folder: Path, name: str) -> Dict[str, str]:
    found: Dict[str, str] = {}
    last = ""
    text = (folder / name).read_bytes().decode("utf-8", "replace")
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        match = re.fullmatch("([0-9a-f]{64})  (.+)", line)
        if match is None or not PATH.fullmatch(match[2]) or match[2] <= last:
            raise Broken("%s line %d: not a digest, two spaces and a path in rising order" % (name, number))
        last = match[2]
        found[last] = match[1]
    if not text.endswith("\n"):
        raise Broken("%s: cut off" % name)
    return found


def file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def check_seal(report: Report, folder: Path, wanted: Wanted) -> bytes:
    """The tag manifest is signed by the key in seal/, in exactly these forms, and that key is the one asked for."""
    where = "seal/" + SIGNATURE
    text = (folder / "seal" / SIGNATURE).read_bytes().decode("utf-8", "replace")
    blob = unb64("".join(text.split("\n")[1:-2]), where, url=False)
    start = len(b"SSHSIG") + 4 + 4 + len(ssh(b"ssh-ed25519")) + 4
    public, signature = blob[start : start + 32], blob[-64:]
    if len(public) != 32 or text != ssh_armour(public, signature):
        raise Broken("%s: not an Ed25519 SSH signature for %s" % (where, NAMESPACE))
    digest = hashlib.sha512((folder / TAGMANIFEST).read_bytes()).digest()
    if not ed25519(public, signature, b"SSHSIG" + ssh(NAMESPACE.encode(), b"", b"sha512", digest)):
        raise Broken("%s: the signature over %s is false" % (where, TAGMANIFEST))
    report.ok("signature: %s is signed by the log key %s" % (TAGMANIFEST, fingerprint(public)))
    if wanted.key is None:
        report.note("the log key is vouched for by nobody outside the bundle: compare its fingerprint, then give it with --key")
    elif wanted.key != fingerprint(public):
        report.fail("another key: the bundle is signed by %s, not by %s" % (fingerprint(public), wanted.key))
    else:
        report.vouched = True
        report.ok("key: it is the one that was given")
    return public


def check_checkpoint(report: Report, folder: Path, public: bytes, wanted: Wanted) -> Head:
    note = (folder / "custody/checkpoint").read_bytes().decode("utf-8", "replace")
    head = open_note(note, public, "custody/checkpoint")
    if (folder / "seal" / SIGNERS).read_bytes() != signers_line(head.origin, public).encode():
        raise Broken("seal/%s: does not name exactly the log key" % SIGNERS)
    report.ok("checkpoint: %s at size %d" % (head.origin, head.size))
    if wanted.published is None or wanted.proof is None:
        report.note("interim: this checkpoint was made for the bundle; compare with a published one by --published and --proof")
    else:
        later = open_note(wanted.published.read_text("utf-8", "replace"), public, str(wanted.published))
        lines = wanted.proof.read_text("utf-8", "replace").split("\n")
        if later.origin != head.origin or lines[:2] != ["tipline/consistency/1", "%d %d" % (head.size, later.size)] or lines[-1]:
            raise Broken("%s: not a consistency proof from size %d to %d of this log" % (wanted.proof, head.size, later.size))
        check_consistency(head, later, [unb64(line, str(wanted.proof), 32, url=False) for line in lines[2:-1]])
        report.ok("published: the checkpoint at size %d covers the bundle" % later.size)
    report.note("not witnessed: no witness or mirror has cosigned the checkpoint")
    report.note("untimestamped: no authority has stamped the bundle")
    return head


def read_event(line: bytes, where: str) -> Event:
    found = strict_json(line, where)
    if not isinstance(found, dict) or sorted(found) != ["attest", "fields", "index", "proof", "reasons"]:
        raise Broken("%s: not a custody line" % where)
    fields, index, proof, reasons = found["fields"], found["index"], found["proof"], found["reasons"]
    if not isinstance(fields, list) or len(fields) != len(FIELDS) or not isinstance(proof, list) or type(index) is not int or index < 0:
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
    body = sha256(b"tipline/body/1\0", SCHEMA.encode(), b"\0", *commitments)
    attest, attestations = read_attest(found["attest"], where)
    hidden = set(FIELDS) - set(values) | ({"signatures"} if attestations is None else set())
    if not isinstance(reasons, dict) or set(reasons) != hidden or not all(isinstance(why, str) and why for why in reasons.values()):
        raise Broken("%s: a reason must stand there for each thing withheld, and for no other" % where)
    entry = sha256(b"tipline/entry/1\0", body, attest)
    return Event(where, index, values, reasons, attestations, body, entry, [unb64(part, where, 32) for part in proof])


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


def read_events(report: Report, folder: Path, name: str, head: Head) -> List[Event]:
    """Read a file of custody lines and check each against the checkpoint."""
    data = (folder / name).read_bytes()
    if data and not data.endswith(b"\n"):
        raise Broken("%s: its last line is cut off" % name)
    found = []
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        event = read_event(line, "%s line %d" % (name, number))
        try:
            root = climb(event.place, head.size - 1, sha256(b"\0", event.entry), event.proof)[1] if event.place < head.size else b""
        except Broken as error:
            raise Broken("%s: %s" % (event.where, error)) from error
        if root != head.root:
            raise Broken("%s: the event is not the one at index %d of the log" % (event.where, event.place))
        found.append(event)
    report.ok("%s: %d events, each proved to stand in the log" % (name, len(found)))
    return found


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


def check_act(report: Report, folder: Path, chains: Dict[str, List[Event]]) -> None:
    """The last event of each exhibit is its EXPORTED, all of one act of exactly these exhibits, over this payload."""
    digest, acts = "sha256:" + file_digest(folder / MANIFEST), set()
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


def read_table(folder: Path, path: str, head: List[str]) -> List[Dict[str, str]]:
    text = (folder / path).read_bytes().decode("utf-8", "replace")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise Broken("%s: not a table (%s)" % (path, error)) from error
    if not rows or rows[0] != head or any(len(row) != len(head) for row in rows):
        raise Broken("%s: not a table of %s" % (path, ", ".join(head)))
    return [dict(zip(head, row)) for row in rows[1:]]  # noqa: B905 - as above


def check_originals(report: Report, folder: Path, chains: Dict[str, List[Event]]) -> None:
    """data/originals holds each exhibit as it was acquired, but for those that the exceptions name."""
    exhibits = read_table(folder, "data/exhibits.csv", EXHIBITS_HEAD)
    exceptions = read_table(folder, "data/exceptions.csv", EXCEPTIONS_HEAD)
    if sorted(row["exhibit"] for row in exhibits + exceptions) != sorted(chains):
        raise Broken("data/exhibits.csv: with data/exceptions.csv it must name each exhibit of the export once")
    originals = {path: digest for path, digest in read_manifest(folder, MANIFEST).items() if path.startswith("data/originals/")}
    for row in exhibits:
        path, chain = "data/originals/" + row["file"], chains[row["exhibit"]]
        facts = (chain[0].get("plaintext_after"), chain[0].get("length_after"))
        told = (row["sha256"], row["length"], row["sha256"])
        if told != (facts[0], repr(facts[1]), "sha256:" + originals.pop(path, "")):
            raise Broken("%s: not the file that was acquired as %s" % (path, row["number"]))
        if (folder / path).stat().st_size != facts[1]:
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


def check_csv(report: Report, folder: Path, events: List[Event]) -> None:
    if (folder / "custody/events.csv").read_bytes() != events_csv([(event.place, event.values) for event in events]).encode():
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
            keys[sha256(key)] = Key(key, str(role), None)
        elif kind != "KEY_ADDED" and known is not None:
            keys[sha256(key)] = known._replace(ended=event.place if known.ended is None else known.ended)
        else:
            raise Broken("%s: the key was added before, or never" % event.where)
    log = keys.get(sha256(public))
    if log is None or log.role != "log" or log.ended is not None:
        raise Broken("custody/keys.jsonl: the record of the installation does not hold the log key as valid")
    report.ok("keys: %d attesting keys from the record of the installation" % len(keys))
    return keys


def check_attestations(report: Report, events: List[Event], keys: Dict[bytes, Key], wanted: Wanted) -> None:
    """Who signed is known; with --attestations each signature is checked and each export bears a person's."""
    bare = 0
    for event in events:
        roles = set()
        for marker, signature in event.attestations or []:
            key = keys.get(marker)
            if key is None:
                raise Broken("%s: signed by a key that custody/keys.jsonl does not hold" % event.where)
            if wanted.attestations and not ed25519(key.public, signature, b"tipline/sign/1\0" + event.body):
                raise Broken("%s: a false signature" % event.where)
            roles |= {key.role} if key.ended is None or event.place < key.ended else set()
        bare += not roles
        if wanted.attestations and event.attestations is not None and event.values.get("kind") == "EXPORTED" and "person" not in roles:
            raise Broken("%s: an export that no person signed" % event.where)
    if bare:
        report.note("not attested: %d of %d events, their signatures withheld, absent, or of a key that had ended" % (bare, len(events)))
    if wanted.attestations:
        report.ok("attestations: the signatures of %d events hold" % (len(events) - bare))
    else:
        report.note("attestations: not checked; ask with --attestations")


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


def verify_bundle(folder: Path, wanted: Wanted) -> Report:
    """Check a bundle; the report names everything that is broken."""
    report = Report()
    report.step(check_files, folder)
    public = report.step(check_seal, folder, wanted)
    head = public and report.step(check_checkpoint, folder, public, wanted)
    if not head:
        return report
    keyed = report.step(read_events, folder, "custody/keys.jsonl", head)
    events = report.step(read_events, folder, "custody/events.jsonl", head)
    keys = keyed is not None and report.step(check_keys, keyed, public)
    chains = events is not None and report.step(check_chains, events)
    if chains is not None and events is not None:
        report.step(check_act, folder, chains)
        report.step(check_originals, folder, chains)
        report.step(check_csv, folder, events)
    if keys and events is not None:
        report.step(check_attestations, keyed + events, keys, wanted)
        report.step(tell_withheld, keyed + events)
    return report


def main(argv: Optional[List[str]] = None) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="verify.py", description="Check a Tipline evidence bundle offline.")
    parser.add_argument("--key", metavar="FINGERPRINT", help="the log key, as ssh-keygen -l prints it")
    parser.add_argument("--attestations", action="store_true", help="check the signature of each event too (some milliseconds each)")
    parser.add_argument("--published", metavar="CHECKPOINT", type=Path, help="a later, published checkpoint")
    parser.add_argument("--proof", metavar="FILE", type=Path, help="the consistency proof to it")
    parser.add_argument("folder", metavar="DIR", nargs="?", type=Path, default=Path(__file__).resolve().parent, help="the unpacked bundle")
    given = parser.parse_args(argv)
    if given.key is not None and not re.fullmatch("SHA256:[A-Za-z0-9+/]{43}", given.key):
        parser.error("a fingerprint looks like SHA256: and 43 letters")
    if (given.published is None) != (given.proof is None):
        parser.error("--published and --proof belong together")
    if not given.folder.is_dir():
        parser.error("no such folder: %s" % given.folder)
    report = verify_bundle(given.folder, Wanted(given.key, given.attestations, given.published, given.proof))
    encoding = sys.stdout.encoding or "ascii"
    print("\n".join(report.lines).encode(encoding, "replace").decode(encoding))
    print(("RESULT all holds", "RESULT broken", "", "RESULT consistent; give --key to be sure of who signed it")[report.exit_code()])
    return report.exit_code()


if __name__ == "__main__":
    sys.exit(main())
