"""A second reader of proofs of submission, written from SPEC.md sections 1, 3.9, 4 and 5 alone; test_submission compares all readers.

Nothing here imports the library.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from tests.evidence.test_spec_verifier import NAMES, SPEC, h, lines_of, need, root_of, signatures_under, signed, strict, unb64

TITLE = b"tipline/proof/1"
SHOWN = re.search(r"either its disclosure `d` \((.*?)\)", SPEC, re.S)
assert SHOWN is not None
ELEVEN = set(re.split(r",\s+", SHOWN[1]))


def paper(data: bytes) -> bytes:
    """On paper (3.9)."""
    words = data.decode("ascii").split()
    need(len(words) % 3 == 0 and set(words[0::3]) == {"TP1"}, "codes")
    parts: dict[int, str] = {}
    for place, part in zip(words[1::3], words[2::3], strict=True):
        need(re.fullmatch(r"[1-9]\d{0,2}/[1-9]\d{0,2}", place), "k of n")
        k, n = map(int, place.split("/"))
        need(parts.setdefault(k, part) == part and parts.setdefault(0, str(n)) == str(n), "codes of one proof")
    n = int(parts.pop(0))
    need(set(parts) == set(range(1, n + 1)), "all codes")
    text = "".join(parts[k] for k in range(1, n + 1))
    found = base64.b32decode(text + "=" * (-len(text) % 8))
    need(base64.b32encode(found).decode().rstrip("=") == text, "canonical base32")
    return found


def unfilled(data: bytes) -> bytes:
    end = len(data)
    lines = data.split(b"\n")
    need(lines.pop() == b"", "a line feed at the end")
    if set(lines[-1]) <= {ord(".")}:
        need(end >= 8192 and end & (end - 1) == 0, "a power of two")
        end -= len(lines.pop()) + 1
        need(end < len(data) and (len(data) == 8192 or 2 * end > len(data)), "the next power of two")
    need(end <= 4 * 1024 * 1024, "4 MiB")
    return data[:end]


def printable(text: Any) -> bool:
    return isinstance(text, str) and text.isprintable() and text == text.strip() and len(text) <= 200


def day(text: Any) -> bool:
    four = isinstance(text, str) and re.fullmatch(r"\d{4}-(\d{2})-(\d{2})", text, re.A)
    return bool(four) and 1 <= int(four[1]) <= 12 and 1 <= int(four[2]) <= 31


def item(line: bytes, size: int, root: bytes) -> dict[str, Any]:
    found = strict(line)
    need(list(found) == ["index", "path", "attest", "fields"], "keys of an item")
    need(isinstance(found["path"], list) and len(found["path"]) <= 64 and len(found["fields"]) == 38, "an item")
    values, commitments = {}, []
    for name, text in zip(NAMES, found["fields"], strict=True):
        part = unb64(text[2:])
        if text.startswith("d:"):
            salt, named, value = strict(part)
            need(named == name and len(unb64(salt)) == 16 and not isinstance(value, list | dict), "a disclosure")
            values[name] = value
            part = h(b"tipline/field/1\0", part)
        need(text[:2] in ("d:", "c:") and len(part) == 32, "a commitment")
        commitments.append(part)
    need(set(values) == ELEVEN, "the eleven of the packet")
    a = unb64(found["attest"])
    need(len(a) == 32, "a")
    entry = h(b"tipline/entry/1\0", h(b"tipline/body/1\0tipline/custody/1\0", *commitments), a)
    index = found["index"]
    need(type(index) is int and 0 <= index < size, "an index of the log")
    need(root_of(h(b"\0", entry), index, size, [unb64(part) for part in found["path"]]) == root, "a path to the root")
    need(values["kind"] == "ACQUIRED" and values["exhibit_seq"] == 1 and values["exhibit_seq"] is not True, "the first event")
    need(values["clock"] == "day and order only" and day(values["occurred_from"]), "a source's day")
    need(values["occurred_from"] == values["occurred_to"], "one day")
    need(type(values["length_after"]) is int and values["length_after"] >= 0, "a length")
    need(re.fullmatch("sha256:[0-9a-f]{64}", values["plaintext_after"]), "a digest")
    need(re.fullmatch("[0-9a-f]{64}", values["claim_key"]), "a claim key")
    need(all(isinstance(values[name], str) and values[name] for name in ("event_id", "act_id", "program")), "ids")
    return {"index": index, **values}


def read(data: bytes, vkey: str, asked: tuple[str, str, str]) -> list[dict[str, Any]]:
    """The items of a proof for whoever asked with purpose, audience and nonce, and knows the log by its vkey."""
    text = unfilled(paper(data) if data.lstrip().startswith(b"TP1") else data)
    title, *lines, signature, end = text.split(b"\n")
    need(title == TITLE and end == b"" and len(lines) > 2, "title, lines, signature")
    statement, log = strict(lines[0]), strict(lines[1])
    need(list(statement) == ["suite", "origin", "purpose", "audience", "nonce", "day"], "keys of the statement")
    need(all(printable(value) for value in statement.values()) and day(statement["day"]), "texts of the statement")
    need(statement["suite"] == TITLE.decode(), "suite")
    need((statement["purpose"], statement["audience"], statement["nonce"]) == asked, "what was asked for")
    need(list(log) == ["key", "checkpoint"] and log["key"] == vkey, "the log's key")
    name, _, rest = vkey.partition("+")
    key = unb64(rest.partition("+")[2], url=False)
    head, blank, _ = log["checkpoint"].partition("\n\n")
    origin, size, root = lines_of(head)
    need(blank and name == origin == statement["origin"] and key[:1] == b"\1", "one origin")
    ours = signatures_under(log["checkpoint"], origin, b"\1", key[1:])
    need(len(ours) == 1, "one signature of the log")
    signed(key[1:], ours[0], (head + "\n").encode())
    items = [item(line, int(size), unb64(root, url=False)) for line in lines[2:]]
    places = [one["index"] for one in items]
    need(places == sorted(set(places)), "rising indexes")
    need(len({(one["claim_key"], one["program"]) for one in items}) == 1, "one source")
    raw = unb64(signature.decode())
    need(len(raw) == 64, "a signature of 64 bytes")
    signed(bytes.fromhex(items[0]["claim_key"]), raw, TITLE + b"\0" + b"".join(line + b"\n" for line in lines))
    return items
