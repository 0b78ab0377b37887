"""A proxy before PostgreSQL that cuts the connection after the k-th message, in either direction.

Source: PostgreSQL, "Message Formats": a type and a length, but for the first message of a client, which has no type.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import make_url


@dataclass
class Wire:
    """`cut_after(k)` arms it; `messages` counts since then. Connections made after the cut are left alone."""

    listener: socket.socket
    upstream: str
    messages: int = 0
    cut: bool = False
    _limit: int | None = None
    _counting: bool = False
    _open: list[tuple[socket.socket, socket.socket]] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def url(self, direct: str) -> str:
        """The address of the same database through this proxy."""
        query = {"sslmode": "disable", "gssencmode": "disable"}
        port = self.listener.getsockname()[1]
        return make_url(direct).set(host="127.0.0.1", port=port, query=query).render_as_string(hide_password=False)

    def count(self) -> None:
        """Count from now on, and cut nothing."""
        self.messages, self.cut, self._limit, self._counting = 0, False, None, True

    def cut_after(self, messages: int) -> None:
        self.count()
        self._limit = messages

    def leave_alone(self) -> None:
        self._counting = False

    def serve(self) -> None:
        with suppress(OSError):  # the listener is closed at the end
            while True:
                client, _ = self.listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.upstream)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.append((client, server))
                for source, target, first in ((client, server, True), (server, client, False)):
                    self._threads.append(threading.Thread(target=self._pump, args=(source, target, first), daemon=True))
                    self._threads[-1].start()

    def close(self) -> None:
        """End all connections."""
        _shut(*(one for pair in self._open for one in pair))
        for thread in self._threads:
            thread.join(10)
        for pair in self._open:
            for one in pair:
                one.close()

    def _pump(self, source: socket.socket, target: socket.socket, untyped: bool) -> None:
        held = b""
        with suppress(OSError):
            while piece := source.recv(1 << 16):
                held += piece
                while (length := _length(held, untyped)) is not None and len(held) >= length:
                    self._pass(source, target, held[:length])
                    held, untyped = held[length:], False
        _shut(source, target)

    def _pass(self, source: socket.socket, target: socket.socket, message: bytes) -> None:
        with self._one_at_a_time:
            if self._counting and not self.cut and self._limit is not None and self.messages >= self._limit:
                self.cut = True
                _shut(*(one for pair in self._open for one in pair))
                raise ConnectionAbortedError
            target.sendall(message)
            self.messages += self._counting


def _length(held: bytes, untyped: bool) -> int | None:
    start = 0 if untyped else 1
    return None if len(held) < start + 4 else start + int(struct.unpack_from(">I", held, start)[0])


def _shut(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire_to(direct: str) -> Iterator[Wire]:
    """Start a proxy before the server of a unix-socket URL."""
    host = make_url(direct).query["host"]
    assert isinstance(host, str)
    upstream = next(Path(host).glob(".s.PGSQL.*[0-9]"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = Wire(listener, str(upstream))
        serving = threading.Thread(target=wire.serve, daemon=True)
        serving.start()
        yield wire
        listener.shutdown(socket.SHUT_RDWR)
        serving.join(10)
        wire.close()
