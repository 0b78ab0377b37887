"""Checksums inside addresses, so that a typing mistake or an invented address is told from a real one. Pure.

Sources: Bitcoin base58check, BIP 173 and BIP 350 (bech32, bech32m), EIP-55, Monero address format, Tor rend-spec-v3, Tox ID format.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Literal

_BASE58 = {letter: at for at, letter in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}
_BECH32 = {letter: at for at, letter in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32M = 0x2BC830A3
_MONERO_BLOCKS = {2: 1, 3: 2, 5: 3, 6: 4, 7: 5, 9: 6, 10: 7, 11: 8}  # letters in a block: bytes in it
_MASK = (1 << 64) - 1
_ROUNDS = 24


def _round_constants() -> tuple[int, ...]:
    """The constants of Keccak's iota step, by its linear feedback shift register (FIPS 202, 3.2.5)."""
    constants, register = [], 1
    for _ in range(_ROUNDS):
        constant = 0
        for power in range(7):
            if register & 1:
                constant |= 1 << ((1 << power) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return tuple(constants)


_CONSTANTS = _round_constants()


def _permute(lanes: list[int]) -> list[int]:
    """Keccak-f[1600] on 25 lanes, lane x + 5 y."""
    for constant in _CONSTANTS:
        sums = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        turns = [sums[(x + 4) % 5] ^ _rotate(sums[(x + 1) % 5], 1) for x in range(5)]
        lanes = [lane ^ turns[at % 5] for at, lane in enumerate(lanes)]
        x, y, moving = 1, 0, lanes[1]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            moving, lanes[x + 5 * y] = lanes[x + 5 * y], _rotate(moving, (step + 1) * (step + 2) // 2 % 64)
        rows = [lanes[5 * y : 5 * y + 5] for y in range(5)]
        lanes = [row[x] ^ (~row[(x + 1) % 5] & _MASK & row[(x + 2) % 5]) for row in rows for x in range(5)]
        lanes[0] ^= constant
    return lanes


def _rotate(lane: int, by: int) -> int:
    return ((lane << by) | (lane >> (64 - by))) & _MASK if by else lane


def keccak256(data: bytes) -> bytes:
    """Keccak-256 as Ethereum and Monero use it: SHA-3's permutation with the padding from before the standard."""
    rate = 136
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % rate)
    padded[-1] |= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), rate):
        for at in range(rate // 8):
            lanes[at] ^= int.from_bytes(padded[start + 8 * at : start + 8 * at + 8], "little")
        lanes = _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def bitcoin_base58(text: str) -> bool:
    """Check a base58 address of Bitcoin's main network (version 0 or 5)."""
    number = 0
    for letter in text:
        number = number * 58 + _BASE58[letter]
    if number >= 1 << 200:
        return False
    raw = number.to_bytes(25, "big")
    zeros = len(text) - len(text.lstrip("1"))
    if zeros != len(raw) - len(raw.lstrip(b"\0")):
        return False
    return raw[0] in {0, 5} and hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()[:4] == raw[21:]


def bitcoin_bech32(text: str) -> bool:
    """Check a segwit address: bech32 for version 0, bech32m above it, program of an allowed length."""
    lower = text.lower()
    if text not in {lower, text.upper()} or not lower.startswith("bc1") or len(text) > 90:
        return False
    values = [_BECH32.get(letter, -1) for letter in lower[3:]]
    if -1 in values or len(values) < 7:
        return False
    prefix = [ord(c) >> 5 for c in "bc"] + [0] + [ord(c) & 31 for c in "bc"]
    version, bits = values[0], 5 * (len(values) - 7)
    length = bits // 8
    if version > 16 or not 2 <= length <= 40 or bits % 8 >= 5 or (version == 0 and length not in {20, 32}):
        return False
    return _bech32_sum(prefix + values) == (1 if version == 0 else _BECH32M)


def _bech32_sum(values: list[int]) -> int:
    total = 1
    for value in values:
        top = total >> 25
        total = (total & 0x1FFFFFF) << 5 ^ value
        for at, generator in enumerate(_GENERATORS):
            if top >> at & 1:
                total ^= generator
    return total


def ethereum(text: str) -> Literal["ok", "fails", "none"]:
    """Check "0x" and 40 hex digits by EIP-55: "ok" or "fails" where the case carries a checksum, else "none"."""
    plain = text[2:]
    letters = [c for c in plain if c.isalpha()]
    if not letters or all(c.islower() for c in letters) or all(c.isupper() for c in letters):
        return "none"
    digest = keccak256(plain.lower().encode("ascii")).hex()
    right = all(c.isupper() == (int(digest[at], 16) >= 8) for at, c in enumerate(plain) if c.isalpha())
    return "ok" if right else "fails"


def monero(text: str) -> bool:
    """Check a Monero address: base58 in blocks of 11 letters, four bytes of Keccak-256 at the end."""
    raw = bytearray()
    for start in range(0, len(text), 11):
        block = text[start : start + 11]
        size = _MONERO_BLOCKS.get(len(block))
        number = 0
        for letter in block:
            number = number * 58 + _BASE58[letter]
        if size is None or number >= 1 << 8 * size:
            return False
        raw += number.to_bytes(size, "big")
    return raw[0] in {18, 19, 42} and keccak256(bytes(raw[:-4]))[:4] == bytes(raw[-4:])


def onion_v3(host: str) -> bool:
    """Check the 56 letters before ".onion": key, two bytes of SHA3-256, version 3."""
    try:
        raw = base64.b32decode(host.upper())
    except binascii.Error:
        return False
    key, checksum, version = raw[:32], raw[32:34], raw[34:]
    return version == b"\x03" and hashlib.sha3_256(b".onion checksum" + key + version).digest()[:2] == checksum


def tox(text: str) -> bool:
    """Check a Tox ID of 76 hex digits: the exclusive or of its 16-bit words is zero."""
    raw = bytes.fromhex(text)
    total = 0
    for at in range(0, len(raw), 2):
        total ^= int.from_bytes(raw[at : at + 2], "big")
    return total == 0
