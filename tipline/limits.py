"""How much of everything one process takes at once. Nothing here logs or stores an address.

The limits guard the machine, not secrets: receipts, claim codes and letter codes have too many bits to be guessed at any rate.
So each is as wide as the machine allows, fills again within seconds, and refuses with words that keep what was typed.

Who comes from loopback (an onion service, a proxy on the same machine) shares a bucket with others who do, apart from who comes
from a network: so no flood from networks, whatever their number, locks the users of Tor out.
"""

from __future__ import annotations

import functools
import hmac
import ipaddress
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flask import Request, g, request
from werkzeug.exceptions import BadRequest

from tipline.config import Face
from tipline.errors import Busy, Forbidden
from tipline.languages import say

UPLOADS_AT_ONCE = 400
UPLOADS_OF_A_NETWORK = 40
SALT_SECONDS = 600
NETWORKS_REMEMBERED = 50_000
READING = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Rate:
    """A token bucket: `burst` at once, then `per_second`."""

    per_second: float
    burst: float


@dataclass(frozen=True)
class Limit:
    """What is taken of one purpose: from everybody, and from one network."""

    purpose: str
    everybody: Rate
    network: Rate

    @functools.cache  # noqa: B019  limits are constants
    def share(self, processes: int) -> Limit:
        """What one of so many processes takes, so that all of them together never take more."""
        return self if processes == 1 else Limit(self.purpose, _share(self.everybody, processes), _share(self.network, processes))


def _share(rate: Rate, processes: int) -> Rate:
    return Rate(rate.per_second / processes, max(1.0, rate.burst / processes))


POST = "post"
LIMITS: dict[Face, Mapping[str, Limit]] = {
    "public": {
        r"/receipt": Limit("receipt", Rate(200, 2000), Rate(2, 120)),
        r"/letter(/.*)?": Limit("letter", Rate(100, 1000), Rate(0.5, 40)),
        r"/conversation/(claim|proof)(/.*)?": Limit("claim", Rate(50, 500), Rate(1, 60)),
        r".*": Limit(POST, Rate(300, 3000), Rate(2, 120)),  # tips and messages
    },
    "console": {
        r"/sign-in|/recover(/.*)?": Limit("sign-in", Rate(2, 30), Rate(0.2, 10)),  # each try costs an Argon2id
        r".*": Limit(POST, Rate(100, 1000), Rate(20, 300)),
    },
}


def limit_of(face: Face, path: str) -> Limit:
    """Return the limit under which a form to this path falls."""
    return next(limit for pattern, limit in LIMITS[face].items() if re.fullmatch(pattern, path, re.DOTALL))


@dataclass
class _Bucket:
    tokens: float
    at: float


@dataclass
class Limiter:
    """Token buckets for each purpose: one for all who come from networks, one for all from loopback, one for each network.

    A network is known only as an HMAC of its truncated address under a salt that lives ten minutes in memory; with the
    salt all its buckets go.
    """

    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _salt: bytes = field(default=b"", repr=False)
    _salted_at: float = field(default=float("-inf"), repr=False)
    _everybody: dict[tuple[str, bool], _Bucket] = field(default_factory=dict, repr=False)
    _networks: dict[tuple[str, bytes], _Bucket] = field(default_factory=dict, repr=False)

    def allow(self, limit: Limit, address: str | None) -> bool:
        """Take one token of each bucket, or none; False when one is empty."""
        now, network = self.clock(), self.network(address)
        with self._lock:
            group = (limit.purpose, bool(network))
            buckets = [_filled(self._everybody.setdefault(group, _Bucket(limit.everybody.burst, now)), limit.everybody, now)]
            if network:
                key = (limit.purpose, network)
                buckets.append(_filled(self._networks.setdefault(key, _Bucket(limit.network.burst, now)), limit.network, now))
            if any(bucket.tokens < 1 for bucket in buckets):
                return False
            for bucket in buckets:
                bucket.tokens -= 1
            return True

    def network(self, address: str | None) -> bytes:
        """The network of an address, salted; empty for loopback."""
        truncated = truncate(address)
        if not truncated:
            return b""
        with self._lock:
            now = self.clock()
            if now - self._salted_at >= SALT_SECONDS or len(self._networks) >= NETWORKS_REMEMBERED:
                self._salt, self._salted_at = secrets.token_bytes(32), now
                self._networks.clear()
            return hmac.digest(self._salt, truncated, "sha256")


def _filled(bucket: _Bucket, rate: Rate, now: float) -> _Bucket:
    bucket.tokens = min(rate.burst, bucket.tokens + (now - bucket.at) * rate.per_second)
    bucket.at = now
    return bucket


def truncate(address: str | None) -> bytes:
    """Return the network of an address, /24 or /48, as bytes; empty for loopback and for what is no address."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return b""
    if parsed.is_loopback:
        return b""
    return parsed.packed[: 3 if parsed.version == 4 else 6]


@dataclass
class Places:
    """Places for uploads: so many at once, and of one network no more than its share."""

    most: int = UPLOADS_AT_ONCE
    of_a_network: int = UPLOADS_OF_A_NETWORK
    taken: int = 0
    _networks: Counter[bytes] = field(default_factory=Counter, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, network: bytes) -> bool:
        """Take a place; False where none is left. `network` is empty for loopback."""
        with self._lock:
            if self.taken >= self.most or (network and self._networks[network] >= self.of_a_network):
                return False
            self.taken += 1
            self._networks.update([network] if network else [])
            return True

    def give_back(self, network: bytes) -> None:
        with self._lock:
            self.taken -= 1
            if network:
                self._networks.subtract([network])
                self._networks += Counter()  # forgets who holds none

    @property
    def crowded(self) -> bool:
        """More than half are taken."""
        return 2 * self.taken > self.most


@dataclass(frozen=True)
class Gate:
    """The limits of one process: what is refused before a view runs. Of so many processes of a face each has its share."""

    face: Face
    limiter: Limiter = field(default_factory=Limiter)
    places: Places = field(default_factory=Places)
    processes: int = 1

    @classmethod
    def of(cls, face: Face, processes: int) -> Gate:
        """The gate of one of so many processes. They know nothing of each other: what each counts never leaves its memory."""
        places = Places(-(-UPLOADS_AT_ONCE // processes), -(-UPLOADS_OF_A_NETWORK // processes))
        return cls(face, places=places, processes=processes)

    def check(self) -> None:
        """Refuse a request from another site, one too many, or an upload beyond those that fit.

        Raises:
            BadRequest: a NUL in the address, which no page of ours has and PostgreSQL takes in no value.
            Forbidden: another site made the browser send this form.
            Busy: a limit is reached.
        """
        asked: Request = request._get_current_object()  # type: ignore[attr-defined]  # once: the proxy looks for it at each name
        if "\0" in asked.path or b"%00" in asked.query_string or b"\0" in asked.query_string:
            raise BadRequest
        if asked.method in READING:
            return
        if asked.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise Forbidden(say("Another site sent this form."), say("Open the page here and fill it in again."))
        if not self.limiter.allow(limit_of(self.face, asked.path).share(self.processes), asked.remote_addr):
            raise Busy(say("Too many requests are arriving just now."), how_to_keep())
        if asked.mimetype == "multipart/form-data":
            self._take_place(asked.remote_addr)

    def _take_place(self, address: str | None) -> None:
        network = self.limiter.network(address)
        if not self.places.take(network):
            raise Busy(say("Too many files are arriving just now."), how_to_keep())
        g.place_of = network

    def release(self, _error: BaseException | None = None) -> None:
        """Give the upload's place back when the request is over, however it ended."""
        network = g.pop("place_of", None)
        if network is not None:
            self.places.give_back(network)


def how_to_keep() -> str:
    """How what was typed outlives a refusal. A form that is answered is sent again by a reload, with all that was in it."""
    return say(
        "Do not close this page. Wait a minute, then reload it. Your browser asks if it may send the form again: "
        "say yes. Your words and files go with it, and nothing is lost."
    )
