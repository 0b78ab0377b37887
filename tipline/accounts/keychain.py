"""A colleague's own keys: made at set-up, opened by the passphrase (SPEC section 2)."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from evidence import canonical
from evidence.errors import IntegrityError
from evidence.keys import Identity, aead_open, aead_seal, passphrase_keys
from evidence.signing import SigningKey

SALT_BYTES = 16
AT_ONCE = 4  # each passphrase takes 64 MiB while it is worked on
_ROOM = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True)
class StaffKeys:
    """The staff identity (age), the signing key (Ed25519) and the secret of the authenticator."""

    identity: Identity
    signing_key: SigningKey
    totp_secret: str

    @classmethod
    def generate(cls, totp_secret: str) -> StaffKeys:
        return cls(Identity.generate(), SigningKey.generate(), totp_secret)

    def encode(self) -> bytes:
        return canonical.encode({"identity": self.identity.secret, "signing": self.signing_key.seed.hex(), "totp": self.totp_secret})

    @classmethod
    def decode(cls, data: bytes) -> StaffKeys:
        value = canonical.decode(data)
        return cls(Identity.parse(value["identity"]), SigningKey.from_seed(bytes.fromhex(value["signing"])), value["totp"])


@dataclass(frozen=True)
class PassphraseLock:
    """What turns a passphrase into the key of one person's secrets: salt, pepper and whose they are."""

    salt: bytes
    pepper: bytes
    staff_id: str

    @classmethod
    def fresh(cls, pepper: bytes, staff_id: str) -> PassphraseLock:
        return cls(secrets.token_bytes(SALT_BYTES), pepper, staff_id)

    def seal(self, keys: StaffKeys, passphrase: str) -> bytes:
        """Return the keys under AES-GCM and the passphrase's key."""
        return aead_seal(self._key(passphrase), keys.encode(), self._bound_to())

    def open(self, blob: bytes, passphrase: str) -> StaffKeys:
        """Return the keys. Raises IntegrityError for a wrong passphrase, another person or a changed blob."""
        return self.renew(blob, passphrase, ())[0]

    def renew(self, blob: bytes, passphrase: str, older: Sequence[bytes]) -> tuple[StaffKeys, bytes]:
        """Return the keys, and the blob as it is to be kept: sealed anew where it stood under a pepper that was replaced (`older`).

        Raises: as `open`.
        """
        with _ROOM:
            current, *before = passphrase_keys(passphrase, self.salt, [self.pepper, *older], self.staff_id)
        for key in before:
            with suppress(IntegrityError):
                opened = aead_open(key, blob, self._bound_to())
                return StaffKeys.decode(opened), aead_seal(current, opened, self._bound_to())
        return StaffKeys.decode(aead_open(current, blob, self._bound_to())), blob

    def spend_time(self, passphrase: str) -> None:
        """Do the work of `open` for nobody, so that an unknown name answers no faster than a known one."""
        self._key(passphrase)

    def _key(self, passphrase: str) -> bytes:
        with _ROOM:
            return passphrase_keys(passphrase, self.salt, [self.pepper], self.staff_id)[0]

    def _bound_to(self) -> str:
        return f"staff/secrets/{self.staff_id}"
