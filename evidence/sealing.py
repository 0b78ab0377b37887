"""A sealed object: one age v1 file for one X25519 recipient, padded (SPEC section 3; C2SP age).

    age-encryption.org/v1
    -> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc
    hjabGXwSLQ9c3S6Lw2i+S2Tu2fiwQHHslbBN6B41FLE
    --- WyJp9F/9FOZh7gJdheq2WIJcwHgYc8NIVh3ddwhrcNg
    16 bytes of nonce, then chunks of 64 KiB under ChaCha20-Poly1305

The payload is the original, then zero bytes up to `padded_length`. pyrage, the second implementation, opens it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import SEEK_END
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from evidence.errors import IntegrityError
from evidence.keys import Identity, hkdf, parse_recipient

CHUNK = 64 * 1024
TAG = 16
BATCH = 4  # chunks sealed and written at once: large writes, and an upload holds about half a MiB
HEADER = 168  # bytes: the three lines above and the MAC line always have this length
NONCE = 16

_HEADER = re.compile(
    rb"age-encryption\.org/v1\n-> X25519 (?P<share>[A-Za-z0-9+/]{43})\n(?P<body>[A-Za-z0-9+/]{43})\n---(?= (?P<mac>[A-Za-z0-9+/]{43})\n)"
)
_ZEROS = bytes(CHUNK)


@dataclass(frozen=True)
class SealedFacts:
    """What a finished object is."""

    object_name: str  # SHA-256 of the ciphertext, hex
    plaintext_digest: str  # "sha256:..." of the original, without padding
    length: int  # of the original
    sealed_length: int  # of the ciphertext


def padded_length(n: int) -> int:
    """The size that an original of `n` bytes is padded to: multiples of 256 up to 4,096, Padmé sizes above."""
    if n <= 4096:
        return max(256, -(-n // 256) * 256)
    exponent = n.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    mask = (1 << low_bits) - 1
    return (n + mask) & ~mask


def sealed_length(n: int) -> int:
    """The size of the sealed object of an original of `n` bytes."""
    padded = padded_length(n)
    return HEADER + NONCE + padded + TAG * -(-padded // CHUNK)


class SealedWriter:
    """Seals what is written to it, as it comes, and hands the ciphertext to `write` in large pieces.

    A piece is a view of a buffer that is used again: who keeps it must copy it.
    """

    def __init__(self, recipient: str, write: Callable[[memoryview], object]) -> None:
        header, file_key = _new_header(recipient)
        nonce = os.urandom(NONCE)
        self._aead = ChaCha20Poly1305(_payload_key(file_key, nonce))
        self._write = write
        self._make_room(1)  # enough for most texts
        self._counter = 0
        self._plain_hash, self._sealed_hash = hashlib.sha256(), hashlib.sha256()
        self._length = self._sealed_length = 0
        self._done = False
        self._emit(memoryview(header + nonce))

    def write(self, data: bytes | memoryview) -> None:
        """Takes the next bytes of the original."""
        if self._done:
            raise ValueError("the object is finished")
        self._plain_hash.update(data)
        self._length += len(data)
        self._take(data)

    def finish(self) -> SealedFacts:
        """Pads, writes the last chunk, and says what was made."""
        if self._done:
            raise ValueError("the object is finished")
        self._done = True
        missing = padded_length(self._length) - self._length
        while missing:
            piece = min(missing, CHUNK)
            self._take(_ZEROS[:piece])
            missing -= piece
        self._flush(last=True)
        return SealedFacts(self._sealed_hash.hexdigest(), f"sha256:{self._plain_hash.hexdigest()}", self._length, self._sealed_length)

    def _make_room(self, chunks: int) -> None:
        self._plain, self._fill = bytearray(chunks * CHUNK), 0
        self._plain_view = memoryview(self._plain)
        self._sealed_view = memoryview(bytearray(chunks * (CHUNK + TAG)))

    def _take(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            if self._fill == len(self._plain):
                self._flush(last=False)  # only now: a full buffer may be the end, whose last chunk is marked
                if len(self._plain) < BATCH * CHUNK:
                    self._make_room(BATCH)
            part = view[: len(self._plain) - self._fill]
            self._plain_view[self._fill : self._fill + len(part)] = part
            self._fill += len(part)
            view = view[len(part) :]

    def _flush(self, last: bool) -> None:
        end = 0
        for start in range(0, self._fill, CHUNK):
            chunk = self._plain_view[start : min(start + CHUNK, self._fill)]
            final = last and start + CHUNK >= self._fill
            size = len(chunk) + TAG
            self._aead.encrypt_into(_chunk_nonce(self._counter, final), chunk, None, self._sealed_view[end : end + size])
            self._counter += 1
            end += size
        self._fill = 0
        self._emit(self._sealed_view[:end])

    def _emit(self, data: memoryview) -> None:
        self._sealed_hash.update(data)
        self._sealed_length += len(data)
        self._write(data)


def open_sealed(source: BinaryIO, identity: Identity, length: int, start: int = 0) -> Iterator[bytes]:
    """The bytes of the original from `start` to its end, chunk by chunk.

    IntegrityError, before the first byte where it can be seen there, unless `source` is exactly one sealed object of an
    original of `length` bytes for this identity. The padding is checked before the last bytes are handed out.
    """
    payload = Payload(source, identity)
    if payload.length != padded_length(length):
        raise IntegrityError("A sealed object has another size than its record says.", "Restore the object from a backup.")
    if not 0 <= start <= length:
        raise ValueError("start lies outside the original")
    return _pieces(payload, length, start)


def _pieces(payload: Payload, length: int, start: int) -> Iterator[bytes]:
    held = b""  # one piece is held back, so that the padding is checked before the last bytes leave
    for index in range(start // CHUNK, payload.chunks):
        chunk = payload.chunk(index)
        begin = index * CHUNK
        kept = chunk[max(0, start - begin) : max(0, length - begin)]
        if begin + len(chunk) > length and any(memoryview(chunk)[max(0, length - begin) :]):
            raise IntegrityError("The padding of a sealed object is not zero.", "Restore the object from a backup.")
        if kept:
            if held:
                yield held
            held = kept
    if held:
        yield held


class Payload:
    """The chunks of an age v1 file with exactly one X25519 stanza, in any order. It knows nothing of padding."""

    def __init__(self, source: BinaryIO, identity: Identity) -> None:
        """Reads and checks the header. IntegrityError where it isn't one, or the identity doesn't open it."""
        size = source.seek(0, SEEK_END)
        source.seek(0)
        start = _read_exactly(source, HEADER + NONCE)
        file_key = _open_header(start[:HEADER], identity)
        self._source = source
        self._aead = ChaCha20Poly1305(_payload_key(file_key, start[HEADER:]))
        self._position = 0  # the chunk that the source stands before
        body = size - HEADER - NONCE
        self.chunks = -(-body // (CHUNK + TAG))
        self.length = body - TAG * self.chunks  # of the plaintext
        last = body - (self.chunks - 1) * (CHUNK + TAG)
        if self.chunks < 1 or last < TAG or (last == TAG and self.chunks > 1):
            raise IntegrityError("A sealed object is cut short.", "Restore the object from a backup.")

    def chunk(self, index: int) -> bytes:
        """The plaintext of chunk `index`. IntegrityError where one bit of it differs."""
        final = index == self.chunks - 1
        if index != self._position:
            self._source.seek(HEADER + NONCE + index * (CHUNK + TAG))
        size = self.length - index * CHUNK + TAG if final else CHUNK + TAG
        sealed = _read_exactly(self._source, size)
        self._position = index + 1
        try:
            return self._aead.decrypt(_chunk_nonce(index, final), sealed, None)
        except InvalidTag as error:
            raise IntegrityError(f"Chunk {index} of a sealed object was changed.", "Restore the object from a backup.") from error


def _new_header(recipient: str) -> tuple[bytes, bytes]:
    public = parse_recipient(recipient)
    file_key, ephemeral = os.urandom(16), X25519PrivateKey.generate()
    share = ephemeral.public_key().public_bytes_raw()
    wrapping = hkdf(ephemeral.exchange(X25519PublicKey.from_public_bytes(public)), "age-encryption.org/v1/X25519", 32, share + public)
    body = ChaCha20Poly1305(wrapping).encrypt(bytes(12), file_key, None)
    lines = b"age-encryption.org/v1\n-> X25519 %s\n%s\n---" % (_b64(share), _b64(body))
    return lines + b" " + _b64(_header_mac(file_key, lines)) + b"\n", file_key


def _open_header(header: bytes, identity: Identity) -> bytes:
    match = _HEADER.match(header)
    if match is None:
        raise IntegrityError("This is not an age file with exactly one X25519 recipient.", "Restore the object from a backup.")
    share, body, mac = (_unb64(match[name]) for name in ("share", "body", "mac"))
    try:
        shared = X25519PrivateKey.from_private_bytes(identity.scalar).exchange(X25519PublicKey.from_public_bytes(share))
        salt = share + parse_recipient(identity.recipient)
        file_key = ChaCha20Poly1305(hkdf(shared, "age-encryption.org/v1/X25519", 32, salt)).decrypt(bytes(12), body, None)
    except (InvalidTag, ValueError) as error:  # ValueError: a share of low order
        raise IntegrityError("A sealed object does not open with its key.", "Restore the object from a backup.") from error
    if not hmac.compare_digest(mac, _header_mac(file_key, match[0])):
        raise IntegrityError("The header of a sealed object was changed.", "Restore the object from a backup.")
    return file_key


def _header_mac(file_key: bytes, lines: bytes) -> bytes:
    return hmac.digest(hkdf(file_key, "header", 32), lines, "sha256")


def _payload_key(file_key: bytes, nonce: bytes) -> bytes:
    return hkdf(file_key, "payload", 32, nonce)


def _chunk_nonce(index: int, final: bool) -> bytes:
    return index.to_bytes(11, "big") + (b"\x01" if final else b"\x00")


def _read_exactly(source: BinaryIO, size: int) -> bytes:
    data = source.read(size)
    while len(data) < size:
        more = source.read(size - len(data))
        if not more:
            raise IntegrityError("A sealed object is cut short.", "Restore the object from a backup.")
        data += more
    return data


def _b64(data: bytes) -> bytes:
    return b64encode(data).rstrip(b"=")


def _unb64(text: bytes) -> bytes:
    try:
        data = b64decode(text + b"=", validate=True)
    except Base64Error as error:
        raise IntegrityError("The header of a sealed object is malformed.", "Restore the object from a backup.") from error
    if _b64(data) != text:
        raise IntegrityError("The header of a sealed object is not canonical.", "Restore the object from a backup.")
    return data
