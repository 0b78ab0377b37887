"""What the public face shows of the log: files that the worker wrote, as they are, and the key that signs them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from evidence.checkpoint import LARGEST_NOTE, Checkpoint, Vkey, decode_note, open_note, parse_vkey
from evidence.errors import IntegrityError
from evidence.signing import ssh_fingerprint


@dataclass(frozen=True)
class ShownKey:
    """The log's key as mirrors take it, and as `ssh-keygen -l` prints it."""

    vkey: str
    fingerprint: str


@dataclass(frozen=True)
class Head:
    """The newest published checkpoint: the note as it is served, what it says, and the key that signed it."""

    note: str
    checkpoint: Checkpoint
    key: Vkey


def find_file(log: Path, name: str) -> bytes | None:
    """Return a file of the published log; None where it is not there. The caller has checked the name."""
    try:
        with (log / name).open("rb") as file:
            return file.read(LARGEST_NOTE)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def find_key(log: Path) -> ShownKey | None:
    """Return the key that signs the log's checkpoints; None before the worker first ran."""
    found = find_file(log, "key")
    if found is None:
        return None
    key = parse_vkey(found.decode("ascii").strip())
    return ShownKey(key.text, ssh_fingerprint(key.public))


def find_head(log: Path) -> Head | None:
    """Return the newest published checkpoint; None before the first, and while the log's key has changed since it was signed."""
    note, key = find_file(log, "checkpoint"), find_file(log, "key")
    if note is None or key is None:
        return None
    text, vkey = decode_note(note), parse_vkey(key.decode("ascii").strip())
    try:
        return Head(text, open_note(text, [vkey]), vkey)
    except IntegrityError:
        return None


def verifier() -> bytes:
    """Return the program that checks bundles and proofs with nothing but Python."""
    return files("evidence").joinpath("verify.py").read_bytes()
