"""Keys: age X25519 identities, small age files, key files, derivation, and sealing under a symmetric key (SPEC section 2).

The only door to pyrage, to Argon2 and, with `sealing`, to the symmetric half of cryptography. A key file, opened:

    # suite 1
    # object sha256:9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a
    # length 1234
    # plaintext sha256:4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce
    AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0
"""

from __future__ import annotations

import hmac
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, reduce
from operator import xor

import pyrage
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from evidence.errors import FormatError, IntegrityError, KeyUnavailable, UsageError
from evidence.hashing import parse_digest

SUITE = 1  # suite 2 is reserved for age's post-quantum recipient
WRAP_LIMIT = 1 << 26  # wrapped things are small; a larger blob is not one of ours

_IDENTITY_PREFIX = "age-secret-key-"
_RECIPIENT_PREFIX = "age"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_AEAD_SUITE = b"\x01"
_NONCE = 12

# Argon2id as RFC 9106 section 4 recommends where memory is scarce
ARGON2_MEMORY_KIB = 64 * 1024
ARGON2_PASSES = 3
ARGON2_LANES = 4


@dataclass(frozen=True)
class Identity:
    """An age X25519 identity (C2SP age, "The X25519 recipient type")."""

    scalar: bytes = field(repr=False)
    recipient: str

    @classmethod
    def generate(cls) -> Identity:
        """A fresh identity from the system's randomness."""
        return cls.from_seed(os.urandom(32))

    @classmethod
    def parse(cls, text: str) -> Identity:
        """The identity in its age form, AGE-SECRET-KEY-1... FormatError where the text is not in that exact form."""
        if text != text.upper():
            raise FormatError("This is not an age identity: it must be in capitals.", "Check that the whole line was copied.")
        return cls.from_seed(_bech32_decode(_IDENTITY_PREFIX, text.lower()))

    @classmethod
    def from_seed(cls, seed: bytes) -> Identity:
        """The identity whose X25519 scalar is these 32 bytes. UsageError on another length."""
        if len(seed) != 32:
            raise UsageError("An age identity is made from exactly 32 bytes.")
        public = X25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        return cls(bytes(seed), _bech32_encode(_RECIPIENT_PREFIX, public))

    @cached_property
    def secret(self) -> str:
        """The age form: AGE-SECRET-KEY-1..."""
        return _bech32_encode(_IDENTITY_PREFIX, self.scalar).upper()

    def unwrap(self, blob: bytes) -> bytes:
        """The content of a small age file that `wrap` made for this identity. KeyUnavailable where it doesn't open."""
        if len(blob) > WRAP_LIMIT:
            raise KeyUnavailable("This file is too large to be a wrapped key.", "Restore the file from a backup.")
        try:
            content: bytes = pyrage.decrypt(blob, [pyrage.x25519.Identity.from_str(self.secret)])
        except pyrage.DecryptError as error:
            raise KeyUnavailable(
                f"This key does not open the wrapped file ({error}).", "Ask someone who has access to grant it, or restore the file."
            ) from error
        return content


@dataclass(frozen=True)
class Successor(Identity):
    """An identity that took another one's place: it also opens what is still wrapped to the one before it."""

    before: Identity = field(repr=False)

    @classmethod
    def of(cls, before: Identity, identity: Identity) -> Successor:
        """`identity`, which follows `before`."""
        return cls(identity.scalar, identity.recipient, before)

    def unwrap(self, blob: bytes) -> bytes:
        """As `Identity.unwrap`, by this identity or else by the one before."""
        try:
            return super().unwrap(blob)
        except KeyUnavailable:
            return self.before.unwrap(blob)


@lru_cache(maxsize=64)
def parse_recipient(text: str) -> bytes:
    """The 32 public bytes of an age1... recipient. FormatError where the text is not in that exact form."""
    return _bech32_decode(_RECIPIENT_PREFIX, text)


def wrap(data: bytes, recipients: Sequence[str]) -> bytes:
    """`data` as a small age file that each of the recipients can open. UsageError where there is none."""
    if not recipients:
        raise UsageError("Nothing can be wrapped without a recipient.", "Name at least one age recipient.")
    blob: bytes = pyrage.encrypt(data, [_native_recipient(text) for text in recipients])
    return blob


@lru_cache(maxsize=64)  # the same few are wrapped to again and again
def _native_recipient(text: str) -> pyrage.x25519.Recipient:
    parse_recipient(text)
    return pyrage.x25519.Recipient.from_str(text)


def hkdf(key: bytes, label: str, length: int, salt: bytes = b"") -> bytes:
    """HKDF-SHA256 (RFC 5869) of `key`, `label` as info, to `length` bytes."""
    return HKDF(algorithm=SHA256(), length=length, salt=salt or None, info=label.encode()).derive(key)


def passphrase_key(passphrase: str, salt: bytes, pepper: bytes, staff_id: str) -> bytes:
    """32 bytes from HKDF(Argon2id(passphrase) || HMAC(pepper, staff_id)): neither the passphrase nor the pepper is enough alone."""
    return passphrase_keys(passphrase, salt, [pepper], staff_id)[0]


def passphrase_keys(passphrase: str, salt: bytes, peppers: Sequence[bytes], staff_id: str) -> list[bytes]:
    """The same for each of several peppers, at the price of one: the slow part is done once."""
    text = unicodedata.normalize("NFKC", passphrase).encode()
    stretched = hash_secret_raw(text, salt, ARGON2_PASSES, ARGON2_MEMORY_KIB, ARGON2_LANES, 32, Type.ID)
    mixed = (stretched + hmac.digest(pepper, staff_id.encode(), "sha256") for pepper in peppers)
    return [hkdf(one, "tipline/passphrase/1", 32, salt) for one in mixed]


def aead_seal(key: bytes, plaintext: bytes, bound_to: str) -> bytes:
    """AES-256-GCM: suite byte, random 12-byte nonce, ciphertext and tag. `bound_to` must be the same on opening."""
    nonce = os.urandom(_NONCE)
    return _AEAD_SUITE + nonce + AESGCM(key).encrypt(nonce, plaintext, _bound(bound_to))


def aead_open(key: bytes, blob: bytes, bound_to: str) -> bytes:
    """What `aead_seal` sealed. IntegrityError on another key, another place or a changed byte."""
    if len(blob) < 1 + _NONCE + 16 or blob[:1] != _AEAD_SUITE:
        raise IntegrityError("A sealed value is cut short or of an unknown suite.", "Restore it from a backup.")
    try:
        return AESGCM(key).decrypt(blob[1 : 1 + _NONCE], blob[1 + _NONCE :], _bound(bound_to))
    except InvalidTag as error:
        raise IntegrityError("A sealed value does not open in this place with this key.", "Restore it from a backup.") from error


def _bound(bound_to: str) -> bytes:
    return b"tipline/aead/1\0" + bound_to.encode()


@dataclass(frozen=True)
class KeyFile:
    """What opens one sealed object, and what the opened bytes must be."""

    identity: Identity
    object_name: str  # SHA-256 of the ciphertext, hex
    length: int  # of the plaintext, without padding
    plaintext_digest: str  # "sha256:..."

    def encode(self) -> bytes:
        """The age identity file (to be wrapped before it is stored)."""
        return (
            f"# suite {SUITE}\n# object sha256:{self.object_name}\n# length {self.length}\n"
            f"# plaintext {self.plaintext_digest}\n{self.identity.secret}\n"
        ).encode()

    @classmethod
    def decode(cls, data: bytes) -> KeyFile:
        """Strict inverse of `encode`. FormatError on any other form, an unknown suite included."""
        try:
            match = _KEY_FILE.fullmatch(data.decode("ascii"))
        except UnicodeDecodeError as error:
            raise FormatError("A key file is not plain text.", "Restore it from a backup.") from error
        if match is None:
            raise FormatError("A key file is not in its exact form.", "Restore it from a backup.")
        if match["suite"] != str(SUITE):
            raise FormatError(f"A key file is of the unknown suite {match['suite']}.", "Use a newer version of this program.")
        parse_digest(match["plaintext"])
        return cls(Identity.parse(match["secret"]), match["object"], int(match["length"]), match["plaintext"])


_KEY_FILE = re.compile(
    r"# suite (?P<suite>[1-9][0-9]{0,3})\n# object sha256:(?P<object>[0-9a-f]{64})\n# length (?P<length>0|[1-9][0-9]{0,15})\n"
    r"# plaintext (?P<plaintext>sha256:[0-9a-f]{64})\n(?P<secret>AGE-SECRET-KEY-1[0-9A-Z]{58})\n"
)


# Bech32 (BIP 173) as age uses it: 32 bytes, without the length limit of addresses.


_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_REDUCED = [reduce(xor, (g for bit, g in enumerate(_GENERATORS) if top >> bit & 1), 0) for top in range(32)]
_VALUES = {letter: value for value, letter in enumerate(_BECH32)}


def _polymod(values: Iterable[int], check: int = 1) -> int:
    for value in values:
        check = (check & 0x1FFFFFF) << 5 ^ value ^ _REDUCED[check >> 25]
    return check


@lru_cache(maxsize=4)
def _begun(prefix: str) -> int:
    """The checksum's state behind the prefix."""
    return _polymod([*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix)])


def _bech32_encode(prefix: str, data: bytes) -> str:
    number = int.from_bytes(data, "big") << 4  # 256 bits and 4 of padding are 52 groups of 5
    groups = [number >> shift & 31 for shift in range(255, -1, -5)]
    check = _polymod([*groups, 0, 0, 0, 0, 0, 0], _begun(prefix)) ^ 1
    groups += [check >> shift & 31 for shift in range(25, -1, -5)]
    return prefix + "1" + "".join(map(_BECH32.__getitem__, groups))


def _bech32_decode(prefix: str, text: str) -> bytes:
    body = text[len(prefix) + 1 :]
    refusal = FormatError(f"This is not an age key that begins with {prefix}1.", "Check that the whole line was copied.")
    if not text.startswith(prefix + "1") or len(body) != 58 or not _VALUES.keys() >= set(body):
        raise refusal
    groups = [_VALUES[c] for c in body]
    if _polymod(groups, _begun(prefix)) != 1 or groups[51] & 15:
        raise refusal
    number = 0
    for group in groups[:52]:
        number = number << 5 | group
    return (number >> 4).to_bytes(32, "big")
