"""Every single change to a bundle: to each file, each line, each folder, each field. A mutant says what it is and how it is made."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from evidence import canonical, manifest

Act = Callable[[Path], object]


@dataclass(frozen=True)
class Mutant:
    """A change, in words, and what makes it in a copy of the bundle. `touched` are the files to be put back afterwards."""

    name: str
    act: Act
    touched: tuple[str, ...] = ()


def flipped(data: bytes, place: int, bit: int = 1) -> bytes:
    return data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]


def contents(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Each way to change what stands in a file."""
    for place in sorted({0, len(data) // 3, len(data) // 2, len(data) - 2, len(data) - 1} & set(range(len(data)))):
        yield f"bit of byte {place} flipped", flipped(data, place, 1 << place % 8)
    for length in sorted({0, len(data) // 2, len(data) - 1} & set(range(len(data)))):
        yield f"cut to {length}", data[:length]
    yield "a byte appended", data + b"\n"
    yield "zeros appended", data + bytes(3)
    yield "twice over", data + data
    yield "byte order mark", b"\xef\xbb\xbf" + data
    yield "CR LF", data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    yield "LF only", data.replace(b"\r\n", b"\n")
    yield "upper case", data.upper()
    yield "zeroed", bytes(len(data))


def lines(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Each way to change the order and number of lines."""
    parts = data.splitlines(keepends=True)
    if len(parts) < 2 or b"\0" in data:
        return
    for place in range(len(parts)):
        yield f"line {place + 1} deleted", b"".join(parts[:place] + parts[place + 1 :])
        yield f"line {place + 1} doubled", b"".join(parts[: place + 1] + parts[place:])
        if place:
            yield f"line {place + 1} moved up", b"".join([*parts[: place - 1], parts[place], parts[place - 1], *parts[place + 1 :]])
    yield "lines reversed", b"".join(reversed(parts))
    yield "an empty line", b"\n".join([data, b""])


def of_file(folder: Path, path: str) -> Iterator[Mutant]:
    """Each change of one file: what stands in it, its name, its kind."""
    data = (folder / path).read_bytes()
    few = path in ("verify.py", "README-VERIFY.txt")  # long texts; a dozen lines of them stand for all
    changes = [*contents(data), *list(lines(data))[:: 97 if few else 1]]
    for what, changed in changes:
        if changed != data:
            yield Mutant(f"{path}: {what}", lambda copy, changed=changed: (copy / path).write_bytes(changed), (path,))
    place, slash, name = path.rpartition("/")
    renamed = [path + "x", path + ".", f"{place}{slash}.{name}", path[:-1] + "e\u0301", path[:-1] + "\u00e9", path.swapcase()]
    renamed += [f"{place}{slash}moved/{name}", "data/originals/" + path.replace("/", "-")]
    for other in renamed:
        yield Mutant(f"{path}: renamed to {other}", lambda copy, other=other: move(copy, path, other), (path,))
    yield Mutant(f"{path}: deleted", lambda copy: (copy / path).unlink(), (path,))
    yield Mutant(f"{path}: duplicated beside", lambda copy: shutil.copyfile(copy / path, copy / f"{path}-copy"))
    yield Mutant(f"{path}: duplicated into data/originals", lambda copy: shutil.copyfile(copy / path, copy / "data/originals/copy"))
    yield Mutant(f"{path}: a link to itself elsewhere", lambda copy: linked(copy, path), (path,))
    yield Mutant(f"{path}: a folder", lambda copy: ((copy / path).unlink(), (copy / path).mkdir()), (path,))
    yield Mutant(f"{path}: a pipe", lambda copy: ((copy / path).unlink(), os.mkfifo(copy / path)), (path,))


def move(copy: Path, path: str, other: str) -> None:
    (copy / other).parent.mkdir(parents=True, exist_ok=True)
    (copy / path).rename(copy / other)


def linked(copy: Path, path: str) -> None:
    shutil.copyfile(copy / path, copy.parent / "elsewhere")
    (copy / path).unlink()
    (copy / path).symlink_to(copy.parent / "elsewhere")


def swaps(folder: Path) -> Iterator[Mutant]:
    """Each two files that differ, one in the place of the other."""
    whole = {path: (folder / path).read_bytes() for path in manifest.list_files(folder)}
    for one, other in combinations(sorted(whole), 2):
        if whole[one] != whole[other]:

            def act(copy: Path, one: str = one, other: str = other) -> None:
                (copy / one).write_bytes(whole[other])
                (copy / other).write_bytes(whole[one])

            yield Mutant(f"{one} and {other}: swapped", act, (one, other))


ADDED = ("added", ".hidden", "a b", "%41", "CON", "e\u0301", "manifest-md5.txt", "fetch.txt", "tagmanifest-sha512.txt", "verify.pyc")


def of_folder(folder: Path) -> Iterator[Mutant]:
    """Each thing that can be added to each folder."""
    for place in ["", *sorted({path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_dir()})]:
        for name in ADDED:
            path = f"{place}/{name}".lstrip("/")
            yield Mutant(f"{path}: added", lambda copy, path=path: (copy / path).write_bytes(b"x\n"))
        path = f"{place}/empty".lstrip("/")
        yield Mutant(f"{path}: an empty folder", lambda copy, path=path: (copy / path).mkdir())
        yield Mutant(f"{path}: a dangling link", lambda copy, path=path: (copy / path).symlink_to("nowhere"))
        yield Mutant(f"{path}: a link to a folder", lambda copy, path=path: (copy / path).symlink_to(copy / "custody"))


def of_bundle(folder: Path) -> Iterator[Mutant]:
    """Each single change to a bundle that needs no key."""
    for path in manifest.list_files(folder):
        yield from of_file(folder, path)
    yield from of_folder(folder)
    yield from swaps(folder)


def of_line(line: str) -> Iterator[tuple[str, str]]:
    """Each single change to a custody line: every field, its salt and its value, its form, and everything beside the fields."""
    found = json.loads(line)

    def changed(**parts: Any) -> str:
        return canonical.encode({**found, **parts}).decode()

    for place, text in enumerate(found["fields"]):
        fields = found["fields"]
        for what, other in of_field(text):
            yield f"field {place}: {what}", changed(fields=[*fields[:place], other, *fields[place + 1 :]])
        if place:
            swapped = [*fields[: place - 1], fields[place], fields[place - 1], *fields[place + 1 :]]
            yield f"fields {place - 1} and {place}: swapped", changed(fields=swapped)
    yield "a field more", changed(fields=[*found["fields"], found["fields"][0]])
    yield "a field less", changed(fields=found["fields"][:-1])
    for other in (found["index"] + 1, found["index"] - 1, found["index"] + 64, str(found["index"]), True, None):
        yield f"index {other!r}", changed(index=other)
    for place in range(len(found["proof"])):
        proof = list(found["proof"])
        yield f"proof {place}: flipped", changed(proof=[*proof[:place], flip64(proof[place]), *proof[place + 1 :]])
        yield f"proof {place}: deleted", changed(proof=proof[:place] + proof[place + 1 :])
        yield f"proof {place}: doubled", changed(proof=proof[: place + 1] + proof[place:])
    for reason in found["reasons"]:
        yield f"reason of {reason}: deleted", changed(reasons={name: why for name, why in found["reasons"].items() if name != reason})
        yield f"reason of {reason}: emptied", changed(reasons={**found["reasons"], reason: ""})
    yield "a reason more", changed(reasons={**found["reasons"], "exhibit": "why not"})
    yield from ((f"signatures: {what}", changed(attest=attest)) for what, attest in of_attest(found["attest"]))


def of_field(text: str) -> Iterator[tuple[str, str]]:
    data = canonical.unb64url(text[2:])
    yield "flipped", text[:2] + flip64(text[2:])
    yield "the other form", ("c:" if text[0] == "d" else "d:") + text[2:]
    yield "padded", text + "="
    yield "null", "d:" + canonical.b64url(b"null")
    if text[0] == "d":
        salt, name, value = json.loads(data)
        yield "another value", "d:" + canonical.b64url(canonical.encode([salt, name, f"{value}x"]))
        yield "null for a value", "d:" + canonical.b64url(canonical.encode([salt, name, None if value is not None else ""]))
        yield "another name", "d:" + canonical.b64url(canonical.encode([salt, f"{name}x", value]))
        yield "another salt", "d:" + canonical.b64url(canonical.encode([flip64(salt), name, value]))
        yield "other spelling", "d:" + canonical.b64url(data.replace(b",", b", ", 1))


def of_attest(attest: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if "withheld" in attest:
        yield "hash flipped", {"withheld": flip64(attest["withheld"])}
        yield "list for a hash", {"salt": attest["withheld"], "list": []}
        return
    pairs = attest["list"]
    yield "salt flipped", {**attest, "salt": flip64(attest["salt"])}
    yield "withheld", {"withheld": attest["salt"]}
    yield "none", {**attest, "list": []}
    yield "reversed", {**attest, "list": [*pairs, *pairs]}
    for place, (key, signature) in enumerate(pairs):
        yield f"key {place} replaced", {**attest, "list": [*pairs[:place], [flip64(key), signature], *pairs[place + 1 :]]}
        yield f"signature {place} replaced", {**attest, "list": [*pairs[:place], [key, flip64(signature)], *pairs[place + 1 :]]}
        yield f"signature {place} deleted", {**attest, "list": pairs[:place] + pairs[place + 1 :]}


def flip64(text: str) -> str:
    """Flip a bit of what base64url text stands for."""
    return canonical.b64url(flipped(canonical.unb64url(text), 0))
