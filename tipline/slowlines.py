"""Connections that hold a place and send next to nothing are cut, sooner when there are many.

The server gives headers ten seconds and a body all the time in the world: each body that never ends holds a thread. So a thread
looks at the sockets of visitors every few seconds and shuts down those on which too little came and nothing went out. It reads
counters of the kernel (TCP_INFO of Linux; nothing happens elsewhere), no bytes and no address.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

SINCE_SENT, RECEIVED = 44, 128  # where TCP_INFO has milliseconds since we sent data, and all bytes that came
INFO_BYTES = 136


@dataclass(frozen=True)
class Patience:
    """A connection is cut when fewer than `per_second` bytes came over the last `seconds`, and none was sent."""

    seconds: float
    per_second: float


QUIET, CROWDED = Patience(120, 50), Patience(10, 1000)  # a modem is faster than both; looking into files takes less than the first
MANY = 128  # connections at once, from which it is a crowd
EVERY = 3.0  # seconds


@dataclass
class _Seen:
    """How much had come on a connection, and when that was."""

    received: int
    at: float


@dataclass
class SlowLines:
    """Watches the visitors of this process: whoever is connected to a port on which it listens."""

    quiet: Patience = QUIET
    crowded: Patience = CROWDED
    many: int = MANY
    _seen: dict[int, _Seen] = field(default_factory=dict, repr=False)  # by inode of the socket

    @classmethod
    def of(cls, processes: int) -> SlowLines:
        """For one of so many processes: the visitors of all of them make a crowd together."""
        return cls(many=MANY // processes)

    def watch(self) -> None:
        """Look every few seconds from now on, in a thread that ends with the process."""
        if sys.platform == "linux":
            threading.Thread(target=self._forever, name="slow lines", daemon=True).start()

    def _forever(self) -> None:
        while True:
            time.sleep(EVERY)
            self.look()

    def look(self) -> int:
        """Cut every connection that is too slow. Returns how many."""
        lines = list(_visitors())
        patience = self.crowded if len(lines) > self.many else self.quiet
        now, known, cut = time.monotonic(), self._seen, 0
        self._seen = {}
        for line in lines:
            with line:
                inode = os.fstat(line.fileno()).st_ino
                info = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_BYTES)
                received = int(struct.unpack_from("=Q", info, RECEIVED)[0]) if len(info) == INFO_BYTES else 0
                since_sent = struct.unpack_from("=I", info, SINCE_SENT)[0] / 1000
                seen = known.get(inode, _Seen(received, now))
                if now - seen.at < patience.seconds:
                    self._seen[inode] = seen
                elif received - seen.received >= patience.per_second * (now - seen.at) or since_sent < patience.seconds:
                    self._seen[inode] = _Seen(received, now)  # it goes on: a new stretch begins
                else:
                    cut += _cut(line)
        return cut


def _cut(line: socket.socket) -> int:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return 0  # it has just ended by itself
    return 1


def _visitors() -> Iterator[socket.socket]:
    """Handles of our own on the connections to the ports on which this process listens; the caller closes them."""
    ports, lines = set(), []
    for line in _sockets():
        try:
            if line.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                ports.add(line.getsockname()[1])
            elif line.getpeername():
                lines.append(line)
                continue
        except OSError:
            pass  # it is not connected
        line.close()
    for line in lines:
        if line.getsockname()[1] in ports:
            yield line
        else:
            line.close()  # to a database or a store


def _sockets() -> Iterator[socket.socket]:
    """Only of sockets is a second handle made: closing one on the database's file would give up its locks, and two would write at once."""
    for name in os.listdir("/proc/self/fd"):
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            handle = os.dup(int(name))
        except OSError:
            continue  # closed since
        if not stat.S_ISSOCK(os.fstat(handle).st_mode):
            continue  # the number was given to a file just now: rather a handle that stays open than a lock that is lost
        line = socket.socket(fileno=handle)
        if line.type == socket.SOCK_STREAM and line.family in (socket.AF_INET, socket.AF_INET6):
            yield line
        else:
            line.close()
