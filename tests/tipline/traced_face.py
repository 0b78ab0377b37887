"""A console that answers two requests and ends, to be run under strace: `python -m tests.tipline.traced_face DATA PORT`."""

from __future__ import annotations

import sys
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

from tipline.app import create_console_app
from tipline.config import Settings
from tipline.process import open_process


class Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def main(data: str, port: str) -> None:
    app = create_console_app(open_process("console", Settings(data=Path(data))))
    server = make_server("127.0.0.1", int(port), app, handler_class=Silent)
    print("ready", flush=True)
    for _ in range(2):
        server.handle_request()


if __name__ == "__main__":
    main(*sys.argv[1:])
