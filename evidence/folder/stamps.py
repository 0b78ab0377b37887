"""Time stamps over an examiner's checkpoints (SPEC 7.8).

stamps/<size>.checkpoint    the checkpoint
stamps/<size>.<n>.tsr       a raw RFC 3161 reply over its signed part, as in a bundle (SPEC 5.10)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evidence import checkpoint, timestamp, verify
from evidence.errors import FormatError, IntegrityError, UsageError
from evidence.folder.case import Folder
from evidence.folder.durable import replace_file, sync_folder

STAMPS, MOST = "stamps", 9
_NEXT = "Ask the authority again; if it says the same, ask another one."
Ask = Callable[[bytes], bytes]  # sends a query, returns the raw reply


@dataclass(frozen=True)
class Stamped:
    """A checkpoint of the folder with the replies of authorities over it."""

    size: int
    note: str
    replies: tuple[bytes, ...]


def stamp(found: Folder, ask: Ask, roots: Path | None) -> str:
    """Has the present checkpoint stamped and keeps the raw reply; says what the reply says. UsageError, FormatError, IntegrityError."""
    note = found.note()
    size = found.journal.tree.size
    place = found.path / STAMPS
    reply, words = asked(checkpoint.signed_part(note).encode(), ask, roots, found)
    known = [number for number in range(1, MOST + 1) if (place / f"{size}.{number}.tsr").exists()]
    if len(known) == MOST:
        raise UsageError(f"The checkpoint has {MOST} time stamps already.", "That is enough.")
    if not place.is_dir():
        place.mkdir(mode=0o700)
        sync_folder(found.path)
    replace_file(place / f"{size}.{len(known) + 1}.tsr", reply)
    replace_file(place / f"{size}.checkpoint", note.encode())
    return words


def asked(data: bytes, ask: Ask, roots: Path | None, found: Folder) -> tuple[bytes, str]:
    """The raw reply of an authority over these bytes, and what it says. Without roots nothing is said about who signed it."""
    digest = hashlib.sha256(data).digest()
    query, nonce = timestamp.request(digest)
    reply = ask(query)
    if roots is not None:
        told = timestamp.check_reply(reply, digest, nonce, roots, found.clock())
        return reply, f"stamped {told.time.isoformat()} by {told.authority}, signature checked by {' and '.join(told.checked_by)}"
    try:
        read = verify.read_stamp(reply, "the reply")
    except verify.Broken as error:
        raise FormatError(str(error), _NEXT) from error
    if (read.algorithm, read.imprint, read.nonce) != ("sha256", digest, nonce):
        raise IntegrityError("The reply is not over what was asked for.", _NEXT)
    return reply, f"stamped {read.time}; who signed it was not checked: give --roots"


def newest(found: Folder) -> Stamped | None:
    """The newest stamped checkpoint that the present log key signed: of another key a bundle could not tell whose it was."""
    place = found.path / STAMPS
    names = (re.fullmatch(r"([1-9][0-9]{0,15})\.checkpoint", path.name) for path in place.glob("*.checkpoint"))
    for size in sorted((int(name[1]) for name in names if name), reverse=True):
        note = checkpoint.decode_note((place / f"{size}.checkpoint").read_bytes())
        try:
            checkpoint.open_checkpoint(note, found.origin, found.keys.log.public)
        except IntegrityError:
            continue  # the log had another key then
        replies = [path.read_bytes() for number in range(1, MOST + 1) if (path := place / f"{size}.{number}.tsr").exists()]
        return Stamped(size, note, tuple(replies))
    return None
