"""Digests, always SHA-256, always written `sha256:<64 lower-case hex digits>` (SPEC 1.3).

digest(b"abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""

from __future__ import annotations

import hashlib
import re

from evidence.errors import FormatError

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


def digest(data: bytes) -> str:
    """Return the SHA-256 of the bytes in Tipline's written form."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def parse_digest(text: str) -> bytes:
    """Return the 32 bytes of a written digest.

    Raises FormatError for anything but `sha256:` and 64 lower-case hex digits.
    """
    match = _DIGEST.fullmatch(text)
    if match is None:
        raise FormatError(f"not a SHA-256 digest: {text[:80]!r}", "Write it as sha256: and 64 lower-case hex digits.")
    return bytes.fromhex(match[1])
