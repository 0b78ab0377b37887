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
from evidence.keys import Identity, aead_open, aead_seal, hkdf
from evidence.vault import Sealed
from tipline.keyfolders import KeyFolder

SECRET = 32
PEPPER_FILE = "receipt.pepper"
AGE = b"age-encryption.org/"  # how an age file begins


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

    @cached_property
    def token(self) -> str:
        """What stands in the form's hidden field."""
        return b64url(self.secret + hmac.digest(_form_key(self.pepper), self.secret, "sha256"))

    @cached_property
    def lookup(self) -> str:
        """HMAC(receipt pepper, draft secret), hex: the draft's id, and the unique mark of its Send."""
        return hmac.digest(self.pepper, self.secret, "sha256").hex()

    @cached_property
    def key(self) -> bytes:
        """What the draft's parts and answers are sealed under."""
        return hkdf(self.secret, "tipline/draft/2", 32)

    def seal(self, data: bytes, place: str) -> bytes:
        """`data` as only this secret opens it, in this place: table, column and row (SPEC 2.5)."""
        return aead_seal(self.key, data, place)

    def open(self, blob: bytes, place: str) -> bytes:
        """What `seal` sealed.

        Until drafts had this key, they were age files under an identity of their own; one that is open while the version changes
        still opens. Its second daily sweep takes it away, so the release after the first with this key needs these lines no more.

        Raises:
            IntegrityError: it was changed, or comes from another draft or place; of an age file KeyUnavailable.
        """
        if blob.startswith(AGE):
            return Identity.from_seed(hkdf(self.secret, "tipline/draft/1", 32)).unwrap(blob)
        return aead_open(self.key, blob, place)


def new_draft_secret(pepper: bytes) -> DraftSecret:
    """A fresh draft secret. Nothing is stored until the form comes back."""
    return DraftSecret(secrets.token_bytes(SECRET), pepper)


def read_draft_secret(token: str, peppers: Sequence[bytes]) -> DraftSecret | None:
    """The draft secret of a form, or None for anything that this installation did not make."""
    try:
        secret = unb64url(token)[:SECRET]
    except FormatError:
        return None
    for pepper in peppers:
        draft = DraftSecret(secret, pepper)
        if hmac.compare_digest(token, draft.token):
            return draft
    return None


@dataclass(frozen=True)
class ReceivedFile:
    """A file that arrived whole: its sealed object, the name it came with, and its type by its first bytes."""

    name: str
    sealed: Sealed
    media_type: str
    label: str


@cache
def _form_key(pepper: bytes) -> bytes:
    return hkdf(pepper, "form", 32)
