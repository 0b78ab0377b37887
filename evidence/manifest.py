"""Manifests of a bag (RFC 8493 section 2.1.3): which files there are, each with its SHA-256.

    ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  data/originals/EX-2026-0007-01.bin

Two spaces, so that `sha256sum -c` and `shasum -c` read them too; paths in rising order; ASCII names only.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from evidence.errors import FormatError

PAYLOAD = "manifest-sha256.txt"
TAGS = "tagmanifest-sha256.txt"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CHUNK = 1024 * 1024


def check_name(name: str) -> str:
    """Return a file name that is safe in every manifest and on every system; FormatError otherwise."""
    if not _NAME.fullmatch(name) or len(name) > 128:
        raise FormatError(f"not a generated file name: {name[:80]!r}", "Use ASCII letters, digits, dot, hyphen and underscore.")
    return name


def hash_file(path: Path, algorithm: str = "sha256") -> str:
    """Return the digest of a file as hex, read in chunks."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def list_files(folder: Path) -> Iterator[str]:
    """Yield the paths of all files in a folder, relative to it, with slashes, in rising order; OSError where a folder can't be read."""
    walked = os.walk(folder, onerror=_refuse)
    yield from sorted(Path(here, name).relative_to(folder).as_posix() for here, _, names in walked for name in names)


def _refuse(error: OSError) -> None:
    """A folder that can't be read is not an empty one, which os.walk would make of it."""
    raise error


def lines(digests: Mapping[str, str]) -> bytes:
    """Return a manifest of these paths and hex digests; FormatError for a path that is not made of generated names."""
    for path in digests:
        for part in path.split("/"):
            check_name(part)
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)).encode("ascii")


# Any BagIt bag, by RFC 8493 alone.

_VERSIONS = ("0.93", "0.94", "0.95", "0.96", "0.97", "1.0")
_SYSTEM_FILES = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_OUTSIDE = re.compile(r"[/\\~]|[A-Za-z]:|(.*[/\\])?\.\.([/\\]|$)|%[A-Za-z_]+%|\$")


def validate_bag(path: Path) -> tuple[list[str], list[str]]:
    """Check a bag of BagIt 0.93 to 1.0, complete and with every checksum; return errors and warnings.

    A bag with errors is invalid; warnings name what is allowed and unwise. Nothing is fetched.
    """
    bag = _Bag(path)
    try:
        bag.check()
    except (_Unreadable, OSError) as error:
        bag.errors.append(str(error))
    return bag.errors, bag.warnings


class _Unreadable(Exception):
    """What makes any further check pointless."""


class _Bag:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self.files: set[str] = set()
        self.strict = True
        self.encoding = "utf-8"

    def check(self) -> None:
        self._read_declaration()
        if not (self.path / "data").is_dir():
            raise _Unreadable("data: there is no payload folder")
        self.files = set(list_files(self.path))
        manifests = self._read_manifests("manifest")
        tags = self._read_manifests("tagmanifest")
        if not manifests:
            raise _Unreadable("no payload manifest")
        self._check_payload(manifests)
        self._check_fetch(manifests)
        self._check_info()
        self._check_names()
        for name, entries in (manifests | tags).items():
            self._check_sums(name, entries)

    def _read_declaration(self) -> None:
        if not (self.path / "bagit.txt").is_file():
            raise _Unreadable("bagit.txt: missing")
        text = (self.path / "bagit.txt").read_bytes().decode("utf-8", "replace")
        found = re.fullmatch(r"BagIt-Version: ([0-9]+\.[0-9]+) *\r?\nTag-File-Character-Encoding: ([A-Za-z0-9._-]+) *(\r?\n)*", text)
        if found is None or found[1] not in _VERSIONS:
            raise _Unreadable("bagit.txt: not the declaration of a known version of BagIt")
        self.strict = found[1] == "1.0"
        try:
            self.encoding = codecs.lookup(found[2]).name
        except LookupError:
            raise _Unreadable(f"bagit.txt: unknown encoding {found[2]}") from None

    def _lines(self, name: str) -> list[str]:
        try:
            text = (self.path / name).read_bytes().decode(self.encoding)
        except UnicodeDecodeError:
            raise _Unreadable(f"{name}: not written in {self.encoding}") from None
        return [line for line in re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff")) if line.strip()]

    def _read_manifests(self, kind: str) -> dict[str, dict[str, str]]:
        return {name: self._read_manifest(name) for name in sorted(self.files) if re.fullmatch(kind + r"-[a-z0-9]+\.txt", name)}

    def _read_manifest(self, name: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in self._lines(name):
            match = re.fullmatch(r"([0-9A-Fa-f]+)[ \t]+(\*?)(.+)", line)
            path = self._inside(name, match[3]) if match else None
            if match is None or path is None:
                self.errors.append(f"{name}: not a checksum and a path inside the bag: {line[:120]}")
                continue
            if match[2]:
                self.warnings.append(f"{name}: {path}: written with md5sum's asterisk")
            self._note(name, found, path, match[1].lower())
        payload = name.startswith("manifest-")
        self.errors += [f"{name}: {path}: belongs into the other kind of manifest" for path in found if path.startswith("data/") != payload]
        return found

    def _note(self, name: str, found: dict[str, str], path: str, checksum: str) -> None:
        if path in found:
            wrong = self.strict or found[path] != checksum
            (self.errors if wrong else self.warnings).append(f"{name}: {path}: listed twice")
        found[path] = checksum

    def _inside(self, name: str, path: str) -> str | None:
        """Return the path as it should be on disk, None when it leads out of the bag."""
        if path.startswith("./"):
            self.warnings.append(f"{name}: {path}: begins with ./")
            path = path[2:]
        for escape, character in (("%0A", "\n"), ("%0D", "\r"), ("%25", "%"))[: 3 if self.strict else 2]:
            path = re.sub(escape, character, path, flags=re.IGNORECASE)
        return None if _OUTSIDE.match(path) else path

    def _check_payload(self, manifests: dict[str, dict[str, str]]) -> None:
        payload = {path for path in self.files if path.startswith("data/")}
        listed = {name: set(self._on_disk(entries).values()) for name, entries in manifests.items()}
        anywhere = set().union(*listed.values())
        self.errors += [f"{path}: listed in no manifest" for path in sorted(payload - anywhere)]
        if self.strict:
            for name, paths in listed.items():
                self.errors += [f"{name}: does not list {path}" for path in sorted(payload & anywhere - paths)]

    def _on_disk(self, entries: dict[str, str]) -> dict[str, str]:
        """Return for each listed path the file that it means: its own, else one of the same name in another spelling, else ""."""
        spelled = {_folded(path): path for path in sorted(self.files)}
        return {path: path if path in self.files else spelled.get(_folded(path), "") for path in entries}

    def _check_fetch(self, manifests: dict[str, dict[str, str]]) -> None:
        for line in self._lines("fetch.txt") if "fetch.txt" in self.files else ():
            match = re.fullmatch(r"(\S+)[ \t]+([0-9]+|-)[ \t]+(.+)", line)
            path = self._inside("fetch.txt", match[3]) if match else None
            if path is None or not path.startswith("data/"):
                self.errors.append(f"fetch.txt: not an address, a length and a path of the payload: {line[:120]}")
            elif not any(path in entries for entries in manifests.values()):
                self.errors.append(f"fetch.txt: {path}: listed in no manifest")

    def _check_info(self) -> None:
        if "bag-info.txt" not in self.files:
            return
        octets = [(self.path / path).stat().st_size for path in self.files if path.startswith("data/")]
        sizes = f"{sum(octets)}.{len(octets)}"
        for line in self._lines("bag-info.txt"):
            label, colon, value = line.partition(":")
            if not line[0].isspace() and not colon:
                self.errors.append(f"bag-info.txt: not a label and a value: {line[:120]}")
            if label.strip().lower() == "payload-oxum" and value.strip() != sizes:
                self.errors.append(f"bag-info.txt: Payload-Oxum is {value.strip()}, the payload has {sizes}")

    def _check_names(self) -> None:
        same: dict[str, list[str]] = {}
        for path in sorted(self.files):
            same.setdefault(_folded(path), []).append(path)
            if path.rpartition("/")[2].lower() in _SYSTEM_FILES:
                self.warnings.append(f"{path}: a file of the operating system")
            if (self.path / path).is_symlink():
                self.errors.append(f"{path}: a link")
        self.warnings += [f"{', '.join(paths)}: one name on some systems" for paths in same.values() if len(paths) > 1]

    def _check_sums(self, name: str, entries: dict[str, str]) -> None:
        algorithm = name.rpartition("-")[2].removesuffix(".txt")
        if algorithm not in hashlib.algorithms_guaranteed or algorithm.startswith("shake"):
            self.errors.append(f"{name}: {algorithm} is not a checksum known here")
            return
        if algorithm in ("md5", "sha1"):
            self.warnings.append(f"{name}: {algorithm} no longer protects against forgery")
        same = Counter(_folded(path) for path in entries)
        self.warnings += [f"{name}: {path}: listed in two spellings" for path, count in same.items() if count > 1]
        present = self._on_disk(entries)
        self.warnings += [f"{name}: {path}: spelled {found} on disk" for path, found in present.items() if found not in (path, "")]
        self.errors += [f"{path}: missing" for path, found in present.items() if not found]
        here = [path for path, found in present.items() if found]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            sums = list(pool.map(lambda path: hash_file(self.path / present[path], algorithm), here))
        self.errors += [f"{path}: changed ({name})" for path, found in zip(here, sums, strict=True) if found != entries[path]]


def _folded(path: str) -> str:
    """Return one spelling for the names that some file systems take for one (RFC 8493 section 5.2)."""
    return unicodedata.normalize("NFC", path).casefold()
