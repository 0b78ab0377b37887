"""Starts a program whose system calls on files are asked about: python -m tests.faults.filtered SOCKET PROGRAM ARGUMENT...

SOCKET is the number of an inherited socket, through which the handle for the questions is sent.
"""

from __future__ import annotations

import os
import socket
import sys

from tests.faults.injector import filter_calls


def main(handle: int, command: list[str]) -> None:
    with socket.socket(fileno=handle) as line:
        listener = filter_calls()
        socket.send_fds(line, [b"!"], [listener])
        os.close(listener)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
