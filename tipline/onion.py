"""`tipline onion`: what a tor of one's own needs to serve the public face as an onion service, version 3.

Keys are files as tor writes them (rend-spec-v3, and the headers of its key files); the address is base32 of the public key, two
bytes of SHA3-256 and the version (section 6 of that text). Everything else stands in `torrc`.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from evidence import verify
from tipline.errors import BadInput

SERVICE, TORRC = "service", "torrc"
SECRET, PUBLIC, HOSTNAME = "hs_ed25519_secret_key", "hs_ed25519_public_key", "hostname"
SECRET_HEAD = b"== ed25519v1-secret: type0 ==".ljust(32, b"\0")
PUBLIC_HEAD = b"== ed25519v1-public: type0 ==".ljust(32, b"\0")
SECRET_BYTES, PUBLIC_BYTES, CHECK_BYTES, VERSION = 64, 32, 2, b"\x03"
BASE_POINT = bytes([0x58]) + bytes([0x66]) * 31
NEUTRAL = (0, 1, 1, 0)
TEXT = """\
# An onion service for the public face, by a tor of its own: tor -f {folder}/torrc
# Written by `tipline onion`; it may be changed. The folder {service} is the address: keep a copy of it where the recovery shares are.
DataDirectory {folder}/state
SocksPort 0
# nothing is logged
Log err file /dev/null
SafeLogging 1
AvoidDiskWrites 1

HiddenServiceDir {service}
HiddenServiceVersion 3
HiddenServicePort 80 127.0.0.1:{port}
# the service hides where it stands too: never single hop
HiddenServiceSingleHopMode 0
HiddenServiceNonAnonymousMode 0
# under a flood visitors are asked for some computing, those who do more of it first; a quiet service asks for none
HiddenServicePoWDefensesEnabled 1
HiddenServicePoWQueueRate 250
HiddenServicePoWQueueBurst 2500
# and the points where they are introduced slow a flood down
HiddenServiceEnableIntroDoSDefense 1
HiddenServiceEnableIntroDoSRatePerSec 25
HiddenServiceEnableIntroDoSBurstPerSec 200
# one circuit holds no more connections than one browser opens
HiddenServiceMaxStreams 32
HiddenServiceMaxStreamsCloseCircuit 1
"""


@dataclass(frozen=True)
class Service:
    """An onion service that is ready to be started."""

    torrc: Path
    address: str
    made: bool

    @property
    def origin(self) -> str:
        return f"http://{self.address}"


def prepare(folder: Path, port: int) -> Service:
    """Write torrc and, where there are none, keys into `folder`. Keys that lie in its folder `service` are taken as they are.

    Raises:
        BadInput: keys are there, but not whole or not a pair.
    """
    service = folder.resolve() / SERVICE
    for one in (folder, service, folder / "state"):
        one.mkdir(mode=0o700, parents=True, exist_ok=True)
        one.chmod(0o700)  # tor refuses a folder that others can enter
    made = not (service / SECRET).exists()
    if made:
        _refuse_leftovers(service)
        _write(service / SECRET, SECRET_HEAD + expand(secrets.token_bytes(32)))
    public = public_of(_read(service / SECRET, SECRET_HEAD, SECRET_BYTES))
    address = address_of(public)
    _agree(service / PUBLIC, PUBLIC_HEAD + public)
    _agree(service / HOSTNAME, f"{address}\n".encode())
    torrc = folder.resolve() / TORRC
    _write(torrc, TEXT.format(folder=folder.resolve(), service=service, port=port).encode())
    return Service(torrc, address, made)


def _refuse_leftovers(service: Path) -> None:
    left = [name for name in (PUBLIC, HOSTNAME) if (service / name).exists()]
    if left:
        raise BadInput(f"{service} has {' and '.join(left)} but no {SECRET}.", "Put the missing file back, or choose another folder.")


def _read(path: Path, head: bytes, length: int) -> bytes:
    found = path.read_bytes()
    if not found.startswith(head) or len(found) != len(head) + length:
        raise BadInput(f"{path} is not a key of an onion service, version 3.", "Put the right file there, or choose another folder.")
    return found.removeprefix(head)


def _agree(path: Path, wanted: bytes) -> None:
    if path.exists() and path.read_bytes() != wanted:
        raise BadInput(f"{path} does not belong to the secret key beside it.", "Put the right files there, or choose another folder.")
    _write(path, wanted)


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def expand(seed: bytes) -> bytes:
    """Return the 64 bytes that tor keeps of an Ed25519 seed: SHA-512, clamped (RFC 8032 section 5.1.5)."""
    digest = bytearray(hashlib.sha512(seed).digest())
    digest[0] &= 248
    digest[31] = digest[31] & 63 | 64
    return bytes(digest)


def public_of(expanded: bytes) -> bytes:
    """Return the public key of an expanded secret key. Not in constant time: it runs once, by hand, on the operator's machine."""
    scalar, found = int.from_bytes(expanded[:32], "little"), NEUTRAL
    base = verify.point(BASE_POINT)
    assert base is not None
    for bit in range(255, -1, -1):
        found = verify.add(found, found)
        found = verify.add(found, base) if scalar >> bit & 1 else found
    inverse = pow(found[2], verify.P - 2, verify.P)
    x, y = found[0] * inverse % verify.P, found[1] * inverse % verify.P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def address_of(public: bytes) -> str:
    """Return the address of an onion service from its public key."""
    return base64.b32encode(public + _check(public) + VERSION).decode().lower() + ".onion"


def is_address(address: str) -> bool:
    """Whether this is the address of an onion service, version 3, whose check bytes hold."""
    name = address.removesuffix(".onion")
    if name == address or len(name) != 56 or not name.isascii() or name != name.lower():
        return False
    try:
        data = base64.b32decode(name.upper())
    except ValueError:
        return False
    public, check = data[:PUBLIC_BYTES], data[PUBLIC_BYTES : PUBLIC_BYTES + CHECK_BYTES]
    return check == _check(public) and data.endswith(VERSION) and verify.point(public) is not None


def _check(public: bytes) -> bytes:
    return hashlib.sha3_256(b".onion checksum" + public + VERSION).digest()[:CHECK_BYTES]
