"""A personal key file: who receives or releases things signs with it in somebody else's folder (SPEC 7.6).

{"suite":"tipline/person/1","name":"B. Stone","public":"ed25519:...","salt":"<16 bytes>","key":"<sealed value>"}
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from evidence import canonical, signing
from evidence.errors import AlreadyThere, FormatError, IntegrityError, KeyUnavailable, NotFound
from evidence.folder.durable import Staged
from evidence.folder.keyring import key_of
from evidence.keys import aead_open, aead_seal, passphrase_key
from evidence.signing import SigningKey

SUITE = "tipline/person/1"
_NAMES = ("suite", "name", "public", "salt", "key")


@dataclass(frozen=True)
class Person:
    """What a key file says of its owner in the clear."""

    name: str
    public: bytes
    salt: bytes
    sealed: bytes

    @property
    def fingerprint(self) -> str:
        """As ssh-keygen prints it."""
        return signing.ssh_fingerprint(self.public)

    def key(self, passphrase: str) -> SigningKey:
        """The key itself. KeyUnavailable where the passphrase is another, IntegrityError where it is not the key of this file."""
        place = _place(self.name, self.public)
        try:
            seed = aead_open(passphrase_key(passphrase, self.salt, b"", place), self.sealed, place)
        except IntegrityError as error:
            raise KeyUnavailable(f"This passphrase does not open the key of {self.name}.", "Try again.") from error
        key = SigningKey.from_seed(seed)
        if key.public != self.public:
            raise IntegrityError("The key file holds another key than it says.", "Restore it from a backup.")
        return key


def make(path: Path, name: str, passphrase: str) -> Person:
    """Writes a fresh key file. AlreadyThere, UsageError for a short passphrase."""
    key, salt = SigningKey.generate(), secrets.token_bytes(16)
    place = _place(name, key.public)
    sealed = aead_seal(key_of(passphrase, salt, place), key.seed, place)
    about = {"suite": SUITE, "name": name, "public": signing.key_id(key.public), "salt": canonical.b64url(salt)}
    staged = Staged(path, (canonical.encode({**about, "key": canonical.b64url(sealed)}) + b"\n",))
    try:
        staged.put_new()
    except FileExistsError as error:
        raise AlreadyThere(f"{path} is there already.", "Choose a new name.") from error
    finally:
        staged.drop()
    return Person(name, key.public, salt, sealed)


def read(path: Path) -> Person:
    """The key file, still closed. NotFound, FormatError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path}: {os.strerror(error.errno or 0)}", "Name a file that was made with: evidence person init") from error
    try:
        found = canonical.decode(data)
        if not isinstance(found, dict) or (tuple(found), found.get("suite")) != (_NAMES, SUITE):
            raise FormatError("not in the form")
        sealed = canonical.unb64url(found["key"])
        return Person(str(found["name"]), signing.parse_key_id(found["public"]), canonical.unb64url(found["salt"]), sealed)
    except (FormatError, AttributeError) as error:
        raise FormatError(f"{path} is not a personal key file.", "Name a file that was made with: evidence person init") from error


def _place(name: str, public: bytes) -> str:
    return f"{SUITE}:{signing.key_id(public)}:{name}"
