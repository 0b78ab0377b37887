"""Ed25519 (RFC 8032) and the OpenSSH forms of its keys and signatures; the only door to `cryptography`'s Ed25519.

key_id(public)            "ed25519:" and base64url of the 32 bytes: how a leaf names a key
ssh_public_line(...)      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI... comment"
ssh_fingerprint(...)      "SHA256:" and 43 letters, as `ssh-keygen -l` prints it
ssh_signature(...)        "-----BEGIN SSH SIGNATURE-----" ..., as `ssh-keygen -Y sign` writes it (OpenSSH PROTOCOL.sshsig)
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from evidence.canonical import b64url, unb64url
from evidence.errors import FormatError, UsageError

_SSH_TYPE = b"ssh-ed25519"
_KEY_ID = "ed25519:"


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 private key. Its repr never shows the seed."""

    seed: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> SigningKey:
        """Return a fresh key from the system's randomness."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        """Return the key of a 32-byte seed; FormatError for another length."""
        if len(seed) != 32:
            raise FormatError("a signing seed is 32 bytes long", "Give the seed as it was stored.")
        return cls(seed)

    @functools.cached_property
    def public(self) -> bytes:
        """The 32 bytes of the public key."""
        return self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of the message."""
        return self._private.sign(message)

    @functools.cached_property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Say whether the signature is the key's over the message; keys and signatures of a wrong form are simply false."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_ml_dsa(public: bytes, signature: bytes, message: bytes) -> bool:
    """Say the same of an ML-DSA-44 signature (FIPS 204, pure, empty context), with which newer witnesses sign."""
    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_id(public: bytes) -> str:
    """Return how a custody leaf names this signing key."""
    return _KEY_ID + b64url(_sized(public))


def parse_key_id(text: str) -> bytes:
    """Return the 32 bytes of a named signing key; FormatError for anything else."""
    if not text.startswith(_KEY_ID):
        raise FormatError(f"not the name of a signing key: {text[:60]!r}", "It begins with ed25519: and base64url follows.")
    return _sized(unb64url(text[len(_KEY_ID) :]))


def ssh_public_line(public: bytes, comment: str) -> str:
    """Return the key as a line of an authorized_keys or .pub file, without a line end."""
    line = f"{_SSH_TYPE.decode()} {base64.b64encode(_ssh_blob(public)).decode()} {comment}"
    if not line.isprintable():
        raise UsageError("the comment of a key is one printable line", "Leave out line ends and control characters.")
    return line.rstrip()


def parse_ssh_public(line: str) -> bytes:
    """Return the key of an OpenSSH line, as `ssh_public_line` writes it, with any comment; FormatError for another form."""
    parts = line.split(maxsplit=2)
    try:
        blob = base64.b64decode(parts[1].encode(), validate=True) if len(parts) > 1 else b""
    except ValueError:
        blob = b""
    public = blob[-32:]
    if parts[:1] != [_SSH_TYPE.decode()] or len(public) != 32 or blob != _ssh_blob(public):
        raise FormatError("not an OpenSSH line of an Ed25519 key", "Copy the whole line, beginning with ssh-ed25519.")
    return public


def ssh_fingerprint(public: bytes) -> str:
    """Return the fingerprint as `ssh-keygen -l` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(_ssh_blob(public)).digest()).rstrip(b"=").decode()


def ssh_signature(key: SigningKey, data: bytes | Iterable[bytes], namespace: str) -> str:
    """Return an armoured signature that `ssh-keygen -Y verify -n NAMESPACE` accepts, over bytes or a stream of chunks."""
    if not namespace:
        raise UsageError("an SSH signature needs a namespace", "Name what is signed, for example tipline-bundle.")
    digest = hashlib.sha512()
    for chunk in (data,) if isinstance(data, bytes) else data:
        digest.update(chunk)
    common = _ssh_string(namespace.encode()) + _ssh_string(b"") + _ssh_string(b"sha512")
    signature = key.sign(b"SSHSIG" + common + _ssh_string(digest.digest()))
    wire = _ssh_string(_SSH_TYPE) + _ssh_string(signature)
    blob = b"SSHSIG" + (1).to_bytes(4, "big") + _ssh_string(_ssh_blob(key.public)) + common + _ssh_string(wire)
    text = base64.b64encode(blob).decode()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


def _ssh_blob(public: bytes) -> bytes:
    return _ssh_string(_SSH_TYPE) + _ssh_string(_sized(public))


def _ssh_string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _sized(public: bytes) -> bytes:
    if len(public) != 32:
        raise FormatError("an Ed25519 public key is 32 bytes long", "Check where the key came from.")
    return public
