"""The draft secret: the form's only token, and the only key to what was typed and attached before Send (SPEC section 3).

It is 256 random bits and a MAC under HKDF(receipt pepper, "form"), base64url, in a hidden field. No time is in it.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

from evidence.canonical import b64url, unb64url
from evidence.errors import FormatError
from evidence.keys import Identity, hkdf
from evidence.vault import Sealed
from tipline.keyfolders import KeyFolder

SECRET = 32
PEPPER_FILE = "receipt.pepper"


@dataclass(frozen=True)
class Peppers:
    """The receipt pepper, and older ones that are still tried."""

    current: bytes = field(repr=False)
    older: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def all(self) -> tuple[bytes, ...]:
        return (self.current, *self.older)


@cache
def read_peppers(keys: KeyFolder) -> Peppers:
    """The peppers of the public face's key folder: receipt.pepper, and receipt.pepper.old-* of earlier ones.

    Read once in each process: who replaces a pepper starts the face again.
    """
    older = sorted(path.name for path in keys.path.glob(f"{PEPPER_FILE}.old-*"))
    return Peppers(keys.secret(PEPPER_FILE), tuple(keys.secret(name) for name in older))


@dataclass(frozen=True)
class DraftSecret:
    """A draft secret under the pepper that its form was made with."""

    secret: bytes = field(repr=False)
    pepper: bytes = field(repr=False)

    @property
    def token(self) -> str:
        """What stands in the form's hidden field."""
        return b64url(self.secret + _mac(self.pepper, self.secret))

    @cached_property
    def lookup(self) -> str:
        """HMAC(receipt pepper, draft secret), hex: the draft's id, and the unique mark of its Send."""
        return hmac.digest(self.pepper, self.secret, "sha256").hex()

    @cached_property
    def identity(self) -> Identity:
        """The age identity that opens the draft's parts and answers."""
        return Identity.from_seed(hkdf(self.secret, "tipline/draft/1", 32))


def new_draft_secret(pepper: bytes) -> DraftSecret:
    """A fresh draft secret. Nothing is stored until the form comes back."""
    return DraftSecret(secrets.token_bytes(SECRET), pepper)


def read_draft_secret(token: str, peppers: Sequence[bytes]) -> DraftSecret | None:
    """The draft secret of a form, or None for anything that this installation did not make."""
    try:
        data = unb64url(token)
    except FormatError:
        return None
    secret, mac = data[:SECRET], data[SECRET:]
    for pepper in peppers:
        if hmac.compare_digest(mac, _mac(pepper, secret)):
            return DraftSecret(secret, pepper)
    return None


@dataclass(frozen=True)
class ReceivedFile:
    """A file that arrived whole: its sealed object, the name it came with, and its type by its first bytes."""

    name: str
    sealed: Sealed
    media_type: str
    label: str


def _mac(pepper: bytes, secret: bytes) -> bytes:
    return hmac.digest(_form_key(pepper), secret, "sha256")


@cache
def _form_key(pepper: bytes) -> bytes:
    return hkdf(pepper, "form", 32)
