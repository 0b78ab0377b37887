"""The key with which a mirror signs what it has seen and stored; under a passphrase, beside the copy (SPEC 5.8).

cosigner.json    {"suite":"tipline/cosigner/1","vkey":"<name+hash+key>","salt":"<16 bytes>","seed":"<sealed value>"}
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evidence import canonical
from evidence.checkpoint import COSIGNATURE, Vkey, cosign, parse_vkey
from evidence.errors import EvidenceError, FormatError, KeyUnavailable, UsageError
from evidence.keys import aead_open, aead_seal, passphrase_key
from evidence.signing import SigningKey

SUITE = "tipline/cosigner/1"
FILE = "cosigner.json"
SHORTEST_PASSPHRASE = 12
_RESTORE = "Restore cosigner.json from a backup, or remove it and tell the log's keeper the key of the next run."


@dataclass(frozen=True)
class Cosigner:
    """A witness's name and key."""

    vkey: Vkey
    key: SigningKey

    def line(self, note: str, at: int) -> str:
        """Return the signature line over a checkpoint that was verified, at this second since 1970."""
        return cosign(note, self.vkey.name, self.key, at)


def open_cosigner(folder: Path, name: str, passphrase: Callable[[bool], str]) -> Cosigner:
    """Return the cosigner of a mirror; the first time its key is made.

    Args:
        passphrase: asked with True where a new one is to be chosen.

    Raises UsageError for another name than the key was made for, or a short passphrase; KeyUnavailable for a wrong one.
    """
    path = folder / FILE
    return _load(path, name, passphrase(False)) if path.exists() else _make(path, name, passphrase(True))


def _make(path: Path, name: str, passphrase: str) -> Cosigner:
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise UsageError(f"A passphrase has at least {SHORTEST_PASSPHRASE} characters.", "Six random words are easy to keep in mind.")
    key, salt = SigningKey.generate(), secrets.token_bytes(16)
    vkey = Vkey(name, COSIGNATURE, key.public)
    parse_vkey(vkey.text)
    sealed = aead_seal(passphrase_key(passphrase, salt, b"", name), key.seed, f"{SUITE}:{vkey.text}")
    about = {"suite": SUITE, "vkey": vkey.text, "salt": canonical.b64url(salt), "seed": canonical.b64url(sealed)}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(FILE + ".new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(canonical.encode(about) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return Cosigner(vkey, key)


def _load(path: Path, name: str, passphrase: str) -> Cosigner:
    try:
        about = canonical.decode(path.read_bytes())
        if about["suite"] != SUITE:
            raise FormatError(f"{path} is of another kind.", _RESTORE)
        vkey = parse_vkey(about["vkey"])
        salt, sealed = canonical.unb64url(about["salt"]), canonical.unb64url(about["seed"])
    except (KeyError, TypeError) as error:
        raise FormatError(f"{path} is not a cosigner's key.", _RESTORE) from error
    if vkey.name != name:
        raise UsageError(f"This mirror signs as {vkey.name}, not as {name}.", "A key is good for one name: use that, or another mirror.")
    try:
        seed = aead_open(passphrase_key(passphrase, salt, b"", name), sealed, f"{SUITE}:{vkey.text}")
    except EvidenceError as error:
        raise KeyUnavailable("The passphrase does not open the cosigner's key.", "It was chosen when the key was made.") from error
    return Cosigner(vkey, SigningKey.from_seed(seed))
