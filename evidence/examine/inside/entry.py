"""What every jailed program begins and ends with: the request, the file by its descriptor, what it is, and how a step may fail."""

from __future__ import annotations

import json
import lzma
import os
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from evidence.examine.identify import HEAD, TAIL, Identification
from evidence.examine.inside.frames import Speaker

# What parsers raise on hostile bytes. Anything else is a fault of ours and ends the process, which the parent reports.
BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
)


class Unreadable(ValueError):
    """Something of the file that cannot be read. The message is a sentence that says why."""


@dataclass(frozen=True)
class Subject:
    """The file in hand. `size` bytes of it are here; `tail` is empty where its end is not among them."""

    file: BinaryIO
    size: int
    request: Mapping[str, Any]
    head: bytes
    tail: bytes
    kind: Identification

    @property
    def media_type(self) -> str:
        return self.kind.media_type

    def start(self) -> BinaryIO:
        """The file, at its beginning."""
        self.file.seek(0)
        return self.file


def run(program: Callable[[Subject, Speaker], None]) -> None:
    """Read the request line from standard input, identify the file that it names by descriptor, and let the program say the rest."""
    request = json.loads(sys.stdin.buffer.readline())
    speaker = Speaker()
    with os.fdopen(request["fd"], "rb") as file:
        subject = identified(file, request)
        kind = subject.kind
        speaker.say_json("identification", [kind.media_type, kind.label, kind.extension_expected, list(kind.warnings)])
        program(subject, speaker)
    speaker.say("end", b"")


def identified(file: BinaryIO, request: Mapping[str, Any]) -> Subject:
    """Read the head and, where the file is here whole, the tail."""
    from evidence.examine.inside.identifying import identify  # libmagic is for who is inside; modules outside share limits and errors

    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(HEAD)
    file.seek(max(0, size - TAIL))
    tail = file.read(TAIL) if size == request["length"] else b""
    return Subject(file, size, request, head, tail, identify(head, request["name"], tail))


def attempt(step: Callable[[], None], failure: str, speaker: Speaker) -> bool:
    """Take a step that hostile bytes may break; say so where they do. Returns whether it went well."""
    try:
        step()
    except MemoryError:
        speaker.note(f"{failure}: it needs more than 512 MB of memory.")
        return False
    except Unreadable as error:
        speaker.note(str(error))
        return False
    except BROKEN as error:
        speaker.note(f"{failure} ({type(error).__name__}).")
        return False
    return True
