"""Manifests of a bag (RFC 8493 section 2.1.3): which files there are, each with its SHA-256.

    ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  data/originals/EX-2026-0007-01.bin

Two spaces, so that `sha256sum -c` and `shasum -c` read them too; paths in rising order; ASCII names only.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
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


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file as hex, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def list_files(folder: Path) -> Iterator[str]:
    """Yield the paths of all files in a folder, relative to it, with slashes, in rising order."""
    found = (Path(here, name).relative_to(folder).as_posix() for here, _, names in os.walk(folder) for name in names)
    yield from sorted(found)


def lines(digests: Mapping[str, str]) -> bytes:
    """Return a manifest of these paths and hex digests; FormatError for a path that is not made of generated names."""
    for path in digests:
        for part in path.split("/"):
            check_name(part)
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)).encode("ascii")


def validate_bag(path: Path) -> tuple[list[str], list[str]]:
    return [], []
