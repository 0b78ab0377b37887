"""The keys of an examiner's folder, and how a passphrase opens them (SPEC 7.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evidence import canonical, signing
from evidence.errors import IntegrityError, KeyUnavailable, UsageError
from evidence.keys import Identity, aead_open, aead_seal, passphrase_key

SUITE = "tipline/folder/1"
SHORTEST_PASSPHRASE = 12


@dataclass(frozen=True)
class Keys:
    """What the passphrase opens."""

    examiner: str
    identity: Identity
    log: signing.SigningKey
    process: signing.SigningKey
    person: signing.SigningKey

    @classmethod
    def generate(cls, examiner: str) -> Keys:
        """Fresh keys for an examiner of this name."""
        return cls(examiner, Identity.generate(), *(signing.SigningKey.generate() for _ in range(3)))

    def encode(self) -> bytes:
        """The form that is sealed."""
        seeds = {"log": self.log.seed.hex(), "process": self.process.seed.hex(), "person": self.person.seed.hex()}
        return canonical.encode({"examiner": self.examiner, "identity": self.identity.secret, **seeds})

    @classmethod
    def decode(cls, data: bytes) -> Keys:
        """Inverse of `encode`."""
        found = canonical.decode(data)
        seeds = (signing.SigningKey.from_seed(bytes.fromhex(found[name])) for name in ("log", "process", "person"))
        return cls(found["examiner"], Identity.parse(found["identity"]), *seeds)


def lock(keys: Keys, passphrase: str, salt: bytes, origin: str) -> bytes:
    """The keys under the passphrase. UsageError where it is short."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise UsageError(f"A passphrase has at least {SHORTEST_PASSPHRASE} characters.", "Six random words are easy to keep in mind.")
    return aead_seal(passphrase_key(passphrase, salt, b"", origin), keys.encode(), f"{SUITE}:{origin}")


def unlock(about: Mapping[str, Any], passphrase: str) -> Keys:
    """The keys of a folder.json. KeyUnavailable where the passphrase is another."""
    key = passphrase_key(passphrase, canonical.unb64url(about["salt"]), b"", about["origin"])
    try:
        return Keys.decode(aead_open(key, canonical.unb64url(about["keys"]), f"{SUITE}:{about['origin']}"))
    except IntegrityError as error:
        raise KeyUnavailable("This passphrase does not open the folder.", "Try again; without the passphrase nobody can.") from error
