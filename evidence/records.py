"""The custody leaf (SPEC section 4): salted commitments to each field, attested, hashed to 32 bytes.

s_i   = base64url of bytes 16 i to 16 i + 15 of SHAKE-256("tipline/salts/1\\0" || K)
d_i   = ["<s_i>","kind","ACQUIRED"]                       the disclosure of one field, UTF-8 JSON
c_i   = SHA-256("tipline/field/1\\0" || d_i)
B     = SHA-256("tipline/body/1\\0" || S || "\\0" || c_1 ... c_n)
a     = SHA-256("tipline/attest/1\\0" || salt || list)      list: SHA-256(key) || Ed25519("tipline/sign/1\\0" || B)
entry = SHA-256("tipline/entry/1\\0" || B || a)
"""

from __future__ import annotations

import functools
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from evidence import canonical
from evidence.errors import FormatError, UsageError

SCHEMA = "tipline/custody/1"
FIELDS: tuple[str, ...] = (
    "event_id",
    "act_id",
    "act_size",
    "exhibit",
    "exhibit_seq",
    "exhibit_prev",
    "kind",
    "occurred_from",
    "occurred_to",
    "clock",
    "actor",
    "role",
    "on_behalf_of",
    "released_by",
    "received_by",
    "purpose",
    "authority",
    "moved_from",
    "moved_to",
    "method_tool",
    "method_version",
    "method_command",
    "plaintext_before",
    "ciphertext_before",
    "length_before",
    "plaintext_after",
    "ciphertext_after",
    "length_after",
    "name_b64",
    "name_shown",
    "result",
    "justification",
    "parent_exhibit",
    "program",
    "claim_key",
    "source_recipient",
    "key_id",
    "manifest",
)
_NAMES = tuple(name.encode() for name in FIELDS)
NEVER_WITHHELD = ("exhibit", "exhibit_seq", "exhibit_prev")
NO_PREVIOUS = "0" * 64
PADDED_TO = 1024
LARGEST_OPENING = 1024 * 1024

Scalar = str | int | bool | None
_NEXT = "The opening is damaged or was written by another program."


class Signer(Protocol):
    """Who attests: a process, a person. `evidence.signing.SigningKey` is one."""

    @property
    def public(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


class Attestation(NamedTuple):
    """One signature of the list: SHA-256 of the 32-byte public key, and the 64-byte Ed25519 signature."""

    key: bytes
    signature: bytes


@dataclass(frozen=True)
class Opening:
    """Everything that an event committed to. Who holds it reads all of the event; it never leaves whole."""

    event_key: bytes
    values: tuple[bytes, ...]
    attest_salt: bytes
    attestations: tuple[tuple[bytes, bytes], ...]

    def field(self, name: str) -> Scalar:
        """Return the value of one field; KeyError for a name that the schema does not have."""
        return scalar(self.values[_position(name)])

    def fields(self) -> dict[str, Scalar]:
        """Return all fields in the order of the schema, null ones included."""
        return {name: scalar(value) for name, value in zip(FIELDS, self.values, strict=True)}

    def disclosures(self) -> tuple[bytes, ...]:
        """Return d_1 ... d_n."""
        return self._committed[0]

    @functools.cached_property
    def _committed(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """d_1 ... d_n and c_1 ... c_n, computed once: they are most of an event's work."""
        found = zip(salts(self.event_key), _NAMES, self.values, strict=True)
        disclosures = [b'["%b","%b",%b]' % (salt.encode(), name, value) for salt, name, value in found]
        return tuple(disclosures), tuple([commitment(disclosure) for disclosure in disclosures])

    def commitments(self) -> tuple[bytes, ...]:
        """Return c_1 ... c_n."""
        return self._committed[1]

    def body(self) -> bytes:
        """Return B."""
        return body_hash(self.commitments())

    def attest(self) -> bytes:
        """Return a."""
        return attest_hash(self.attest_salt, self.attestations)

    def entry(self) -> bytes:
        """Return the 32 bytes that the log shows."""
        return entry_hash(self.body(), self.attest())

    def to_bytes(self) -> bytes:
        """Return the stored form: canonical JSON, then zero bytes up to a multiple of 1 KiB."""
        data = canonical.encode(
            {
                "schema": SCHEMA,
                "key": canonical.b64url(self.event_key),
                "values": [value.decode() for value in self.values],
                "salt": canonical.b64url(self.attest_salt),
                "attestations": [[canonical.b64url(key), canonical.b64url(signature)] for key, signature in self.attestations],
            }
        )
        return data + bytes(-len(data) % PADDED_TO)

    @classmethod
    def from_bytes(cls, data: bytes) -> Opening:
        """Read the stored form; FormatError for anything that `to_bytes` would not have written."""
        if len(data) > LARGEST_OPENING:
            raise FormatError("an opening of more than 1 MiB", _NEXT)
        found = canonical.decode(data.rstrip(b"\0"))
        try:
            opening = cls(
                canonical.unb64url(found["key"]),
                tuple(value.encode() for value in found["values"]),
                canonical.unb64url(found["salt"]),
                tuple((canonical.unb64url(key), canonical.unb64url(signature)) for key, signature in found["attestations"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormatError("an opening without its parts", _NEXT) from error
        opening._check()
        if opening.to_bytes() != data:
            raise FormatError("an opening that is not in its canonical form", _NEXT)
        return opening

    def _check(self) -> None:
        lengths = [(self.event_key, 32), (self.attest_salt, 32)]
        lengths += [part for key, signature in self.attestations for part in ((key, 32), (signature, 64))]
        if len(self.values) != len(FIELDS) or any(len(part) != length for part, length in lengths):
            raise FormatError("an opening whose parts have wrong sizes", _NEXT)
        for value in self.values:
            if canonical.encode(scalar(value)) != value:
                raise FormatError("a value that is not in its canonical form", _NEXT)


def new_opening(fields: Mapping[str, Scalar], signers: Sequence[Signer]) -> Opening:
    """Make the opening of an event from its fields and who attests it: the recording process, then the person.

    Missing fields are null. Raises UsageError for a field outside the schema, FormatError for a value that is no scalar.
    """
    if unknown := sorted(set(fields).difference(FIELDS)):
        raise UsageError(f"no such custody field: {', '.join(unknown)}", "Use the names of SPEC section 4.")
    given = {name: canonical.encode(_scalar(value)) for name, value in fields.items()}
    values = tuple([given.get(name, b"null") for name in FIELDS])
    unsigned = Opening(secrets.token_bytes(32), values, secrets.token_bytes(32), ())
    body = unsigned.body()
    attestations = tuple(Attestation(hashlib.sha256(signer.public).digest(), signer.sign(sign_message(body))) for signer in signers)
    opening = Opening(unsigned.event_key, values, unsigned.attest_salt, attestations)
    opening.__dict__["_committed"] = unsigned._committed  # the same key and values: not computed twice
    if sum(map(len, values)) > LARGEST_OPENING // 8 and len(opening.to_bytes()) > LARGEST_OPENING:  # writing it can make it 6 times as long
        raise FormatError("an event of more than 1 MiB", "Shorten its texts; long texts belong into an exhibit.")
    return opening


def salts(event_key: bytes) -> list[str]:
    """Return s_1 ... s_n in their written form."""
    stream = hashlib.shake_256(b"tipline/salts/1\0" + event_key).digest(16 * len(FIELDS))
    return canonical.b64urls([stream[start : start + 16] for start in range(0, len(stream), 16)])


def commitment(disclosure: bytes) -> bytes:
    """Return c of one disclosure, over its exact bytes."""
    return hashlib.sha256(b"tipline/field/1\0" + disclosure).digest()


def body_hash(commitments: Sequence[bytes]) -> bytes:
    """Return B of all commitments in the order of the schema."""
    return hashlib.sha256(b"tipline/body/1\0" + SCHEMA.encode() + b"\0" + b"".join(commitments)).digest()


def attest_hash(salt: bytes, attestations: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return a of the salt and the list of signatures."""
    parts = b"".join(key + signature for key, signature in attestations)
    return hashlib.sha256(b"tipline/attest/1\0" + salt + parts).digest()


def entry_hash(body: bytes, attest: bytes) -> bytes:
    """Return the entry of B and a."""
    return hashlib.sha256(b"tipline/entry/1\0" + body + attest).digest()


def sign_message(body: bytes) -> bytes:
    """Return the bytes that an attesting key signs."""
    return b"tipline/sign/1\0" + body


def read_disclosure(disclosure: bytes, name: str) -> Scalar:
    """Return the value of a disclosure that must be that of the field `name`; FormatError otherwise."""
    found = canonical.decode(disclosure)
    if not isinstance(found, list) or len(found) != 3 or found[1] != name or not isinstance(found[0], str):
        raise FormatError(f"not a disclosure of {name}", _NEXT)
    if len(canonical.unb64url(found[0])) != 16:
        raise FormatError(f"a salt of the wrong length in the disclosure of {name}", _NEXT)
    return _scalar(found[2])


def scalar(value: bytes) -> Scalar:
    """Return the scalar that these JSON bytes stand for; FormatError when they are no scalar."""
    return None if value == b"null" else _scalar(canonical.decode(value))  # most are: one schema serves every kind


def _scalar(value: object) -> Scalar:
    if value is None or isinstance(value, str | int):
        return value
    raise FormatError(f"a custody field holds a {type(value).__name__}", "Fields are text, integers, true, false or null.")


@functools.cache
def _position(name: str) -> int:
    try:
        return FIELDS.index(name)
    except ValueError as error:
        raise KeyError(name) from error
