"""A second verifier, written from SPEC.md sections 1, 4, 5 and 6 alone; it agrees with verify.py on good and bad bundles.

Nothing here imports the library but the tests at the end, which make bundles and ask both.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import rfc3161_client
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SPEC = (Path(__file__).parents[2] / "evidence" / "SPEC.md").read_text()
NAMES = SPEC.partition("```\nevent_id")[2].partition("```")[0].split()  # 4.1
NAMES.insert(0, "event_id")
MUST = [
    "bagit.txt",
    "bag-info.txt",
    "manifest-sha256.txt",
    "custody/events.jsonl",
    "custody/events.csv",
    "custody/keys.jsonl",
    "custody/checkpoint",
    "README-VERIFY.txt",
    "verify.py",
    "tagmanifest-sha256.txt",
    "seal/tagmanifest-sha256.txt.sig",
    "seal/allowed_signers",
    "data/exhibits.csv",
    "data/exceptions.csv",
    "data/case.json",
]


class Refused(Exception):
    pass


@dataclass
class Key:
    public: bytes
    role: str
    ended: float = math.inf
    stolen: float = math.inf


def need(condition: object, what: str) -> None:
    if not condition:
        raise Refused(what)


def h(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def unb64(text: Any, url: bool = True) -> bytes:  # 1.5
    need(isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9_-]*" if url else r"[A-Za-z0-9+/]*={0,2}", text), "letters of base64")
    data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_" if url else b"+/")
    again = base64.urlsafe_b64encode(data).decode().rstrip("=") if url else base64.b64encode(data).decode()
    need(again == text, "canonical base64")
    return data


def strict(data: bytes) -> Any:  # 1.4
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        need(len(dict(pairs)) == len(pairs), "a key twice")
        return dict(pairs)

    def whole(text: str) -> int:
        need(text != "-0" and abs(int(text)) < 2**53, "an integer in range")
        return int(text)

    def no_float(text: str) -> Any:
        raise Refused("a float")

    value = json.loads(data.decode(), object_pairs_hook=once, parse_int=whole, parse_float=no_float, parse_constant=no_float)
    json.dumps(value, ensure_ascii=False).encode()
    return value


def signed(key: bytes, signature: bytes, message: bytes) -> None:  # 1.2
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        raise Refused("a signature") from None


def listing(folder: Path, name: str) -> dict[str, str]:  # 6.2
    lines = (folder / name).read_bytes().decode().split("\n")
    need(lines.pop() == "", f"{name} ends with a line feed")
    found = [(line[66:], line[:64]) for line in lines if re.fullmatch(r"[0-9a-f]{64}  [A-Za-z0-9][A-Za-z0-9._/-]*", line)]
    need(len(found) == len(lines), f"lines of {name}")
    paths = [path for path, _ in found]
    need(paths == sorted(set(paths)), f"order of {name}")
    need(all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", part) for path in paths for part in path.split("/")), f"paths of {name}")
    return dict(found)


def files(folder: Path) -> dict[str, str]:
    present = set()
    for here, folders, names in os.walk(folder):
        need(folders or names, "an empty folder")
        for name in folders + names:
            need(not Path(here, name).is_symlink() and (Path(here, name).is_file() or Path(here, name).is_dir()), "files and folders")
        present |= {Path(here, name).relative_to(folder).as_posix() for name in names}
    payload, tags = listing(folder, "manifest-sha256.txt"), listing(folder, "tagmanifest-sha256.txt")
    need(set(MUST) <= present, "all files of 6.1")
    need({path for path in present if path.startswith("data/")} == set(payload), "exactly the listed payload")
    beside = {path for path in present if not path.startswith(("data/", "seal/"))} - {"tagmanifest-sha256.txt"}
    need(beside == set(tags), "exactly the listed tag files")
    published = {path for path in tags if path in ("custody/published", "custody/published-proof")}
    need(len(published) in (0, 2), "published and its proof")
    stamps = {path for path in tags if published and re.fullmatch(r"custody/published\.[1-9]\.tsr", path)}
    need(set(tags) == {path for path in MUST if not path.startswith(("data/", "seal/", "tagm"))} | published | stamps, "files of 6.1")
    sealed = {path for path in present if path.startswith("seal/")} - {path for path in MUST if path.startswith("seal/")}
    need(sealed == {f"seal/tagmanifest-sha256.txt.{n}.tsr" for n in range(1, 10)[: len(sealed)]}, "the seal")
    for path, digest in {**payload, **tags}.items():
        need(hashlib.sha256((folder / path).read_bytes()).hexdigest() == digest, path)
    need((folder / "bagit.txt").read_bytes().decode() == "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n", "bagit.txt")
    return payload


def string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def seal(folder: Path) -> bytes:  # 6.9
    text = (folder / "seal/tagmanifest-sha256.txt.sig").read_bytes().decode("utf-8", "replace")
    match = re.fullmatch(r"-----BEGIN SSH SIGNATURE-----\n((?:.{70}\n)*.{1,70}\n)-----END SSH SIGNATURE-----\n", text)
    need(match, "armour")
    assert match is not None
    blob = unb64(match[1].replace("\n", ""), url=False)
    parts, rest = [], blob[10:]
    need(blob[:10] == b"SSHSIG\0\0\0\1", "SSHSIG version 1")
    while rest:
        size = int.from_bytes(rest[:4], "big")
        need(len(rest) >= 4 + size, "strings of the signature")
        parts.append(rest[4 : 4 + size])
        rest = rest[4 + size :]
    need(len(parts) == 5, "five parts")
    key, signature = parts[0][-32:], parts[4][-64:]
    need(parts[0] == string(b"ssh-ed25519") + string(key) and parts[4] == string(b"ssh-ed25519") + string(signature), "Ed25519")
    need(parts[1:4] == [b"tipline-bundle", b"", b"sha512"], "namespace and hash")
    digest = hashlib.sha512((folder / "tagmanifest-sha256.txt").read_bytes()).digest()
    signed(key, signature, b"SSHSIG" + string(b"tipline-bundle") + string(b"") + string(b"sha512") + string(digest))
    return key


def lines_of(text: str) -> list[str]:  # 5.2
    lines = text.split("\n")
    need(len(lines) == 3 and re.fullmatch(r"0|[1-9]\d*", lines[1]), "three lines")
    need(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9./_:-]{0,199}", lines[0]), "an origin")
    return lines


def signatures_under(note: str, name: str, kind: bytes, key: bytes) -> list[bytes]:  # 5.2
    signatures = note.partition("\n\n")[2]
    need(signatures.endswith("\n"), "lines of signatures")
    need(all(re.fullmatch(r"— \S+ \S+", one) and unb64(one.split(" ")[2], url=False) for one in signatures[:-1].split("\n")), "signatures")
    mark = h(name.encode(), b"\n", kind, key)[:4]
    found = re.findall(rf"^— {re.escape(name)} (\S+)$", signatures, re.M)
    return [data[4:] for data in (unb64(one, url=False) for one in found) if data[:4] == mark]


def head(folder: Path, key: bytes) -> tuple[int, bytes]:  # 5.2
    note = (folder / "custody/checkpoint").read_bytes().decode()
    text = note.partition("\n\n")[0]
    lines, ours = lines_of(text), signatures_under(note, lines_of(text)[0], b"\1", key)
    need(len(ours) == 1, "one signature of the log")
    signed(key, ours[0], (text + "\n").encode())
    blob = base64.b64encode(string(b"ssh-ed25519") + string(key)).decode()
    expected = f'{lines[0]} namespaces="tipline-bundle" ssh-ed25519 {blob}\n'
    need((folder / "seal/allowed_signers").read_bytes().decode() == expected, "allowed_signers")
    return int(lines[1]), unb64(lines[2], url=False)


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 6962: the path of a leaf, by the recursion that defines it."""
    if size == 1:
        need(not path, "a path that is not too long")
        return leaf
    need(path, "a path that is long enough")
    split = 1 << ((size - 1).bit_length() - 1)
    if index < split:
        return h(b"\1", root_of(leaf, index, split, path[:-1]), path[-1])
    return h(b"\1", path[-1], root_of(leaf, index - split, size - split, path[:-1]))


def roots_of(old: int, size: int, path: list[bytes], known: bytes | None) -> tuple[bytes, bytes]:
    """The roots of the first `old` leaves and of all, from a consistency path, by the recursion that makes it (RFC 9162 section 2.1.4.1).

    `known` is the old root while the way goes left only; what both trees share stands in the path otherwise.
    """
    if old == size:
        need(known or path, "a path that is long enough")
        node = known or path.pop()
        return node, node
    need(path, "a path that is long enough")
    split, other = 1 << ((size - 1).bit_length() - 1), path.pop()
    if old <= split:
        first, both = roots_of(old, split, path, known)
        return first, h(b"\1", both, other)
    first, both = roots_of(old - split, size - split, path, None)
    return h(b"\1", other, first), h(b"\1", other, both)


def line(data: bytes, size: int, root: bytes) -> dict[str, Any]:  # 6.3, 4.4, 4.6
    found = strict(data)
    need(set(found) == {"index", "fields", "reasons", "attest", "proof"} and len(found["fields"]) == 38, "a custody line")
    values, commitments = {}, []
    for name, text in zip(NAMES, found["fields"], strict=True):
        part = unb64(text[2:])
        if text.startswith("d:"):
            three = strict(part)
            need(isinstance(three, list) and len(three) == 3 and three[1] == name and len(unb64(three[0])) == 16, name)
            need(not isinstance(three[2], list | dict), "a scalar")
            values[name] = three[2]
            part = h(b"tipline/field/1\0", part)
        else:
            need(text.startswith("c:") and len(part) == 32, name)
        commitments.append(part)
    body = h(b"tipline/body/1\0tipline/custody/1\0", *commitments)
    hidden = set(NAMES) - set(values)
    if set(found["attest"]) == {"withheld"}:
        a, signatures = unb64(found["attest"]["withheld"]), None
        hidden.add("signatures")
    else:
        need(set(found["attest"]) == {"salt", "list"}, "attest")
        signatures = [(unb64(key), unb64(signature)) for key, signature in found["attest"]["list"]]
        need(all(len(key) == 32 and len(signature) == 64 for key, signature in signatures), "sizes of signatures")
        a = h(b"tipline/attest/1\0", unb64(found["attest"]["salt"]), *(key + signature for key, signature in signatures))
    need(set(found["reasons"]) == hidden and all(isinstance(why, str) and why for why in found["reasons"].values()), "reasons")
    entry = h(b"tipline/entry/1\0", body, a)
    index = found["index"]
    need(type(index) is int and 0 <= index < size, "an index of the log")
    need(root_of(h(b"\0", entry), index, size, [unb64(part) for part in found["proof"]]) == root, "a proof")
    return {"index": index, "values": values, "entry": entry, "body": body, "signatures": signatures}


def lines(folder: Path, name: str, size: int, root: bytes) -> list[dict[str, Any]]:
    data = (folder / name).read_bytes()
    need(not data or data.endswith(b"\n"), f"{name} ends with a line feed")
    return [line(one, size, root) for one in data.split(b"\n")[:-1]]


def chains(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:  # 6.4, 4.5
    found: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        chain = found.setdefault(event["values"]["exhibit"], [])
        need(event["values"]["exhibit_seq"] == len(chain) + 1, "numbers without a gap")
        need(event["values"]["exhibit_prev"] == (chain[-1]["entry"].hex() if chain else "0" * 64), "the entry before")
        need(not chain or chain[-1]["index"] < event["index"], "rising indexes")
        chain.append(event)
    return found


def act(folder: Path, found: dict[str, list[dict[str, Any]]]) -> None:  # 6.5
    last = [chain[-1]["values"] for chain in found.values()]
    digest = "sha256:" + hashlib.sha256((folder / "manifest-sha256.txt").read_bytes()).hexdigest()
    need("installation" not in found and last, "exhibits")
    need(all(values.get("kind") == "EXPORTED" and values.get("manifest") == digest for values in last), "exports of this payload")
    need({(values["act_id"], values["act_size"]) for values in last} == {(last[0]["act_id"], len(found))}, "one act")


def rows(folder: Path, name: str, columns: str) -> list[list[str]]:
    first, *others = (folder / name).read_bytes().decode().split("\r\n")
    need(first == columns and others and others.pop() == "", name)
    return [row.split(",", columns.count(",")) for row in others]


def originals(folder: Path, found: dict[str, list[dict[str, Any]]], payload: dict[str, str]) -> None:  # 6.6
    exhibits = rows(folder, "data/exhibits.csv", "exhibit,number,file,sha256,length")
    missing = rows(folder, "data/exceptions.csv", "exhibit,number,reason")
    need(sorted(row[0] for row in exhibits + missing) == sorted(found), "each exhibit once")
    held = {path for path in payload if path.startswith("data/originals/")}
    need(held == {"data/originals/" + row[2] for row in exhibits} and len(held) == len(exhibits), "the files of the exhibits")
    for exhibit, _, file, digest, length in exhibits:
        path = "data/originals/" + file
        first = found[exhibit][0]["values"]
        need(first["plaintext_after"] == digest == "sha256:" + payload[path], path)
        need(str(first["length_after"]) == length == str((folder / path).stat().st_size), path)
        for event in found[exhibit]:
            if event["values"].get("kind") in ("VERIFIED", "EXPORTED"):
                need(event["values"].get("plaintext_after") in (None, digest), "the same digest")


def table(folder: Path, events: list[dict[str, Any]]) -> None:  # 6.7
    text = ["log_index," + ",".join(NAMES)]
    for event in events:
        cells = [str(event["index"])]
        for name in NAMES:
            value = event["values"].get(name, "[withheld]")
            cell = "" if value is None else {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
            cell = "'" + cell if cell[:1] in tuple("=+-@\t\r") else cell
            cells.append('"' + cell.replace('"', '""') + '"' if re.search(r'[,"\r\n]', cell) else cell)
        text.append(",".join(cells))
    need((folder / "custody/events.csv").read_bytes() == "".join(row + "\r\n" for row in text).encode(), "events.csv")


def keys(found: list[dict[str, Any]], log: bytes) -> dict[bytes, Key]:  # 6.8, 5.6
    known: dict[bytes, Key] = {}
    indexes = [event["index"] for event in found]
    need(indexes == sorted(set(indexes)), "rising indexes of keys")
    for event in found:
        values = event["values"]
        need(values["exhibit"] == "installation" and values["kind"] in ("KEY_ADDED", "KEY_RETIRED", "KEY_COMPROMISED"), "key events")
        if not values["key_id"].startswith("ed25519:"):
            continue
        key = unb64(values["key_id"][8:])
        need((values["kind"] == "KEY_ADDED") != (h(key) in known), "a key added once, then ended")
        before = known.setdefault(h(key), Key(key, values["role"]))
        if values["kind"] != "KEY_ADDED":
            before.ended = min(before.ended, event["index"])
        if values["kind"] == "KEY_COMPROMISED":
            before.stolen = min(before.stolen, event["index"])
    need(h(log) in known and known[h(log)].role == "log" and known[h(log)].ended == math.inf, "the log key")
    return known


def attestations(events: list[dict[str, Any]], known: dict[bytes, Key], fixed: list[int]) -> None:  # 6.8
    for event in events:
        roles = set()
        for marker, signature in event["signatures"] or []:
            need(marker in known, "a known key")
            key = known[marker]
            signed(key.public, signature, b"tipline/sign/1\0" + event["body"])
            safe = key.stolen == math.inf or any(event["index"] < size <= key.stolen for size in fixed)
            roles |= {key.role} if event["index"] < key.ended and safe else set()
        if event["signatures"] is not None and event["values"].get("kind") == "EXPORTED":
            need("person" in roles, "a person's signature")


def stamps(folder: Path) -> None:  # 5.10: what is stamped; nobody here knows a root
    of = {"seal/tagmanifest-sha256.txt": (folder / "tagmanifest-sha256.txt").read_bytes()}
    if (folder / "custody/published").exists():
        of["custody/published"] = (folder / "custody/published").read_bytes().partition(b"\n\n")[0] + b"\n"
    for name, data in of.items():
        for path in folder.glob(f"{name}.*.tsr"):
            told = rfc3161_client.decode_timestamp_response(path.read_bytes())
            need(told.status in (0, 1) and told.tst_info.version == 1, "a stamp that was granted")
            imprint = told.tst_info.message_imprint
            need((imprint.hash_algorithm.dotted_string, imprint.message) == ("2.16.840.1.101.3.4.2.1", h(data)), "a stamp of this")


def published(folder: Path, top: tuple[int, bytes], known: dict[bytes, Key], witnesses: dict[str, bytes]) -> list[int]:  # 6.12
    told = re.findall("^Tipline-Published-Checkpoint: (.*)$", (folder / "bag-info.txt").read_bytes().decode(), re.M)
    if not (folder / "custody/published").exists():
        need(not told, "no published checkpoint in bag-info.txt")
        return []
    note = (folder / "custody/published").read_bytes().decode()
    text = note.partition("\n\n")[0] + "\n"
    origin, size, root = lines_of(text[:-1])
    need(origin == (folder / "custody/checkpoint").read_text().split("\n")[0], "the same origin")
    short = h(text.encode()).hex()[:24]
    need(told == [f"{size} " + " ".join(short[at : at + 4] for at in range(0, 24, 4))], "bag-info.txt")
    logs = [key for key in known.values() if key.role == "log" and int(size) <= key.ended]
    ours = [(key.public, signature) for key in logs for signature in signatures_under(note, origin, b"\1", key.public)]
    need(len(ours) == 1, "a log key's signature")
    signed(*ours[0], text.encode())
    title, sizes, *parts = (folder / "custody/published-proof").read_bytes().decode().split("\n")
    need(title == "tipline/consistency/1" and sizes == f"{size} {top[0]}" and parts.pop() == "" and 0 < int(size) <= top[0], "a proof")
    path = [unb64(part, url=False) for part in parts]
    need(all(len(part) == 32 for part in path), "hashes of a proof")
    need(roots_of(int(size), top[0], path, unb64(root, url=False)) == (unb64(root, url=False), top[1]) and not path, "consistency")
    fixed = []
    for name, key in witnesses.items():
        for data in signatures_under(note, name, b"\4", key):
            signed(key, data[8:], b"cosignature/v1\ntime %d\n" % int.from_bytes(data[:8], "big") + text.encode())
            fixed.append(int(size))
    return fixed


def origins(found: dict[str, list[dict[str, Any]]]) -> None:  # 6.6
    for chain in found.values():
        first = chain[0]["values"]
        parent = found.get(first.get("parent_exhibit"), [{"values": {}}])[0]["values"].get("plaintext_after")
        need(None in (parent, first.get("plaintext_before")) or parent == first["plaintext_before"], "the parent's bytes")
        before: set[Any] = set()
        for event in chain:
            if event["values"].get("kind") == "CORRECTED" and "authority" in event["values"]:
                need(event["values"]["authority"] in before, "a correction of something")
            before.add(event["entry"].hex())


def holds(folder: Path, witnesses: dict[str, bytes] | None = None) -> bool:
    """Say whether the bundle holds, signatures included."""
    try:
        payload = files(folder)
        key = seal(folder)
        top = head(folder, key)
        events, of_keys = lines(folder, "custody/events.jsonl", *top), lines(folder, "custody/keys.jsonl", *top)
        found = chains(events)
        act(folder, found)
        originals(folder, found, payload)
        origins(found)
        table(folder, events)
        known = keys(of_keys, key)
        stamps(folder)
        attestations(of_keys + events, known, published(folder, top, known, witnesses or {}))
    except (Refused, ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError):
        return False
    return True


# What follows asks both verifiers about the same bundles.

from evidence import custody, manifest, merkle, signing, timestamp, verify  # noqa: E402
from tests.evidence.authority import Authority  # noqa: E402
from tests.evidence.bundles import WITNESS, Installation, make_bundle, make_full_bundle  # noqa: E402


def product(folder: Path) -> bool:
    return not verify.verify_bundle(folder, verify.Wanted(attestations=True)).problems


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, Path]:
    return make_bundle(tmp_path_factory.mktemp("good") / "bundle")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, Path]:
    authority = Authority(tmp_path_factory.mktemp("tsa") / "a")
    return make_full_bundle(tmp_path_factory.mktemp("full") / "bundle", lambda data: [authority.reply(timestamp.request(h(data))[0])])


@pytest.fixture
def copy(good: tuple[Installation, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(good[1], tmp_path / "copy"))


def test_the_verifier_above_knows_nothing_of_the_library() -> None:
    above = Path(__file__).read_text().partition("# What follows asks both")[0]
    assert not re.search(r"^(from|import) (evidence|tests|tipline)", above, re.M)


def test_both_accept_a_good_bundle(good: tuple[Installation, Path]) -> None:
    assert holds(good[1])
    assert product(good[1])


def test_both_accept_all_that_a_bundle_can_have(full: tuple[Installation, Path]) -> None:
    assert holds(full[1], {WITNESS.name: WITNESS.public})
    assert product(full[1])


@pytest.mark.parametrize("sizes", [(1, 1), (1, 2), (3, 7), (4, 7), (6, 8), (64, 68), (5, 64), (63, 64), (8, 64)])
def test_the_proofs_of_the_library_lead_to_both_roots(sizes: tuple[int, int]) -> None:
    tree = merkle.Tree(merkle.leaf_hash(bytes([number])) for number in range(sizes[1]))
    old = merkle.Tree(merkle.leaf_hash(bytes([number])) for number in range(sizes[0])).root()
    path = tree.consistency(sizes[0])
    assert roots_of(*sizes, path, old) == (old, tree.root())
    assert path == []


def test_both_refuse_any_damaged_file(good: tuple[Installation, Path], copy: Path) -> None:
    for path in manifest.list_files(good[1]):
        data = (good[1] / path).read_bytes()
        for damaged in (data + b"\n", data[:-1], data[: len(data) // 2] + b"~" + data[len(data) // 2 + 1 :], None):
            if damaged == data:
                continue
            if damaged is None:
                (copy / path).unlink()
            else:
                (copy / path).write_bytes(damaged)
            assert not holds(copy), path
            assert not product(copy), path
            (copy / path).write_bytes(data)
    assert holds(copy)


def each_field(found: dict[str, Any]) -> list[dict[str, Any]]:
    wrong = []
    for place, text in enumerate(found["fields"]):
        fields = list(found["fields"])
        fields[place] = text[:-2] + ("AA" if not text.endswith("AA") else "BA")
        wrong.append({**found, "fields": fields})
    return wrong


CHANGES: dict[str, Callable[[dict[str, Any]], list[dict[str, Any]]]] = {
    "nothing": lambda found: [found],
    "index": lambda found: [{**found, "index": other} for other in (-1, found["index"] + 1, 10**6, True, "0", None)],
    "fields": each_field,
    "fewer fields": lambda found: [{**found, "fields": found["fields"][:-1]}, {**found, "fields": found["fields"][::-1]}],
    "proof": lambda found: [{**found, "proof": other} for other in (found["proof"][:-1], found["proof"] * 2, [], ["AA"], None)],
    "reasons": lambda found: [{**found, "reasons": other} for other in ({"kind": "x"}, {"signatures": ""}, [], None)],
    "attest": lambda found: [{**found, "attest": other} for other in ({}, {"withheld": "A" * 43}, None, {"salt": "", "list": []})],
    "more": lambda found: [{**found, "more": 1}],
}


@pytest.mark.parametrize("name", ["custody/events.jsonl", "custody/keys.jsonl"])
@pytest.mark.parametrize("change", list(CHANGES))
def test_both_agree_on_lines_changed_with_the_log_key(good: tuple[Installation, Path], copy: Path, name: str, change: str) -> None:
    before = (good[1] / name).read_text().splitlines()
    for place in (0, 1, 2):
        for found in CHANGES[change](json.loads(before[place])):
            agree(good[0], copy, name, [*before[:place], json.dumps(found), *before[place + 1 :]], expected=change == "nothing")


@pytest.mark.parametrize("name", ["custody/events.jsonl", "custody/keys.jsonl"])
def test_both_agree_on_lines_dropped_and_repeated_with_the_log_key(good: tuple[Installation, Path], copy: Path, name: str) -> None:
    before = (good[1] / name).read_text().splitlines()
    for place in range(len(before)):
        agree(good[0], copy, name, before[:place] + before[place + 1 :], expected=False)
        agree(good[0], copy, name, before[: place + 1] + before[place:], expected=False)


def agree(house: Installation, folder: Path, name: str, changed: list[str], expected: bool) -> None:
    """Write the lines, make table, manifest and signature fit again, and compare the verdicts."""
    (folder / name).write_text("".join(one + "\n" for one in changed))
    if name == "custody/events.jsonl":
        refresh_table(folder, changed)
    beside = [path for path in manifest.list_files(folder) if not path.startswith(("data/", "seal/")) and path != manifest.TAGS]
    tags = manifest.lines({path: manifest.hash_file(folder / path) for path in beside})
    (folder / manifest.TAGS).write_bytes(tags)
    (folder / "seal" / verify.SIGNATURE).write_text(signing.ssh_signature(house.log, tags, verify.NAMESPACE))
    assert (holds(folder), product(folder)) == (expected, expected), changed


def refresh_table(folder: Path, changed: list[str]) -> None:
    try:
        events = [custody.decode_event(json.dumps(json.loads(one), separators=(",", ":"))) for one in changed]
    except custody.FormatError:
        return
    (folder / "custody/events.csv").write_bytes(verify.events_csv([(event.index, event.values()) for event in events]).encode())
