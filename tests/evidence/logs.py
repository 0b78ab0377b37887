"""Logs to follow: their files made here, and served over HTTP on loopback by servers that may misbehave."""

from __future__ import annotations

import gzip
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from evidence.checkpoint import ED25519, Checkpoint, Vkey, sign_checkpoint
from evidence.merkle import Tree, leaf_hash
from evidence.signing import SigningKey
from evidence.tiles import entry_bundles, tiles

ORIGIN = "tips.example.org/log"


def entry(number: int, history: str = "") -> bytes:
    return hashlib.sha256(f"{history}{number}".encode()).digest()


@dataclass
class PublishedLog:
    """A log that publishes at the sizes that a test asks for. `histories` names, by first index, where another history begins."""

    key: SigningKey = field(default_factory=SigningKey.generate)
    origin: str = ORIGIN
    files: dict[str, bytes] = field(default_factory=dict)
    entries: list[bytes] = field(default_factory=list)

    @property
    def vkey(self) -> Vkey:
        return Vkey(self.origin, ED25519, self.key.public)

    def publish(self, size: int, history: str = "") -> str:
        """Grow to `size`, write all its files, and return the note."""
        old = len(self.entries)
        self.entries += [entry(number, history) for number in range(old, size)]
        tree = Tree(map(leaf_hash, self.entries))
        self.files |= dict(tiles(tree, 0, size))
        self.files |= dict(entry_bundles(lambda start, stop: self.entries[start:stop], 0, size))
        note = sign_checkpoint(Checkpoint(self.origin, size, tree.root()), self.key)
        self.files["checkpoint"] = note.encode()
        return note

    def forked(self, at: int) -> PublishedLog:
        """The same log with the same key, as if it had held other things from `at` on."""
        other = PublishedLog(self.key, self.origin, {}, self.entries[:at])
        return other


@dataclass
class Server:
    """A web server in this process. `answer` may be replaced by a test; it gets a path and returns status, headers, body."""

    answer: Callable[[str, bytes], tuple[int, dict[str, str], bytes]]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    drip: float = 0.0  # seconds between bytes
    cut_after: int | None = None  # bytes of a body after which the line goes dead


def of_files(
    files: dict[str, bytes], prefix: str = "/log/", packed: bool = False
) -> Callable[[str, bytes], tuple[int, dict[str, str], bytes]]:
    """An answer from a dictionary that may change while it is served."""

    def answer(path: str, _body: bytes) -> tuple[int, dict[str, str], bytes]:
        data = files.get(path.removeprefix(prefix))
        if data is None or not path.startswith(prefix):
            return 404, {}, b"no"
        return (200, {"Content-Encoding": "gzip"}, gzip.compress(data)) if packed else (200, {}, data)

    return answer


@contextmanager
def serve(answer: Callable[[str, bytes], tuple[int, dict[str, str], bytes]]) -> Iterator[Server]:
    """Serve on loopback until the block ends."""
    server = Server(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(b"")

        def do_POST(self) -> None:
            self.reply(self.rfile.read(int(self.headers["Content-Length"])))

        def reply(self, body: bytes) -> None:
            server.asked.append(self.path)
            status, headers, data = server.answer(self.path, body)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(data))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            data = data if server.cut_after is None else data[: server.cut_after]
            if not server.drip:
                self.wfile.write(data)
                return
            for place in range(len(data)):
                self.wfile.write(data[place : place + 1])
                self.wfile.flush()
                time.sleep(server.drip)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that goes away is part of the tests."""

    httpd = Quiet(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
