"""Whether answers can be told apart by how long they take: requests over one open line each, and a test that says so."""

from __future__ import annotations

import random
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations
from statistics import fmean, pstdev

APART = 4.5  # standard deviations: by chance once in a hundred thousand comparisons
QUICKEST = 0.1  # noise only ever adds time, so the quickest tenth tells most
SHUFFLES = 150
PLANTED = 0.002  # seconds, which must be seen for "not told apart" to mean something
CHANGING = (re.compile(rb"(?im)^date: [^\r]+"), re.compile(rb"(?im)(?<==)[\w-]{20,}(?=;)"))


class Line:
    """One connection that is kept open, and what comes on it."""

    def __init__(self, origin: str) -> None:
        host, port = origin.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> tuple[bytes, float]:
        """Send a request; return its answer and the seconds until all of it was there."""
        began = time.perf_counter()
        self.socket.sendall(request)
        answer = b""
        while not _is_whole(answer):
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionError("the server closed the line")
            answer += part
        return answer, time.perf_counter() - began

    def close(self) -> None:
        self.socket.close()


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


def form(path: str, body: bytes, cookie: str = "") -> bytes:
    """A form's bytes as a browser sends them."""
    kind = "application/x-www-form-urlencoded"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}{f'Cookie: {cookie}{chr(13)}{chr(10)}' if cookie else ''}\r\n".encode() + body


def shape(answer: bytes) -> bytes:
    """An answer without its date and without the random letters of its cookie."""
    for pattern in CHANGING:
        answer = pattern.sub(lambda found: b"x" * len(found[0]), answer)
    return answer


@dataclass
class Measured:
    """The seconds that each kind of request took, and the shapes of all answers."""

    seconds: dict[str, list[float]]
    shapes: set[bytes] = field(default_factory=set)

    def apart(self, *, planted: float = 0.0) -> float:
        """How far apart the two most different kinds are, in standard deviations; `planted` is added to each one in turn first."""
        kinds = list(self.seconds)
        added: list[Mapping[str, float]] = [{kind: planted} for kind in kinds] if planted else [{}]
        return min(max(distance(self._with(a, more), self._with(b, more)) for a, b in combinations(kinds, 2)) for more in added)

    def _with(self, kind: str, added: Mapping[str, float]) -> list[float]:
        return [seconds + added.get(kind, 0.0) for seconds in self.seconds[kind]]


def measure(origin: str, requests: Mapping[str, Callable[[], bytes]], rounds: int, within: float, at_once: int = 3) -> Measured:
    """Ask each kind `rounds` times, interleaved in random order, over several lines; then go on until 2 ms could be seen or time is up."""
    found, lock = Measured({kind: [] for kind in requests}), threading.Lock()
    until = time.monotonic() + within

    def some(seed: int) -> None:
        chance, line = random.Random(seed), Line(origin)
        for _ in range(-(-rounds // at_once)):
            order = list(requests)
            chance.shuffle(order)
            for kind in order:
                answer, seconds = line.ask(requests[kind]())
                with lock:
                    found.seconds[kind].append(seconds)
                    found.shapes.add(shape(answer))
        line.close()

    seeds = iter(range(10_000))
    while True:
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(some, [next(seeds) for _ in range(at_once)]))
        if found.apart(planted=PLANTED) > APART or time.monotonic() > until:
            return found


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """How far the quickest answers of two kinds are apart, in standard deviations of what shuffling them gives."""
    chance, pool, shuffled = random.Random(1), [*one, *other], []
    for _ in range(SHUFFLES):
        chance.shuffle(pool)
        shuffled.append(_quick(pool[: len(one)]) - _quick(pool[len(one) :]))
    return abs(_quick(one) - _quick(other)) / pstdev(shuffled)


def _quick(seconds: Sequence[float]) -> float:
    return fmean(sorted(seconds)[: max(1, int(len(seconds) * QUICKEST))])
