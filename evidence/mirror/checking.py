"""Reading a whole copy of a log again: from the entries to the signed root, in bounded memory (SPEC 5.8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from evidence.checkpoint import Vkey
from evidence.errors import IntegrityError, NotFound
from evidence.merkle import HASH
from evidence.mirror.copy import Copy, Head, missing
from evidence.tiles import TileBuilder, changed, leaves_of, tile_path

_CHANGED = "The copy was changed after it was made. Keep it as it is, and make a new mirror in another folder to compare."


def check(path: Path, keys: Sequence[Vkey], progress: Callable[[int], object] = lambda _: None) -> Head:
    """Compute every tile and the root of a mirror, or of a log's own folder, anew from its entries; return its checkpoint.

    Args:
        progress: told how many events were read, again and again.

    Raises:
        IntegrityError, FormatError: a file is missing or another one, or the checkpoint is not signed by these keys.
        NotFound: there is no checkpoint.
    """
    copy = Copy(path)
    head = copy.head(keys)
    if head is None:
        raise NotFound(f"{path} holds no checkpoint.", "Name the folder of a mirror, or of a published log.")
    builder = TileBuilder()
    for index, width in changed(0, head.checkpoint.size):
        name = tile_path("entries", index, width)
        for level, place, hashes in builder.add(leaves_of(_read(copy, name), width, name)):
            _compare(copy, tile_path(level, place), hashes)
        progress(width)
    for level, place, hashes in builder.partial():
        _compare(copy, tile_path(level, place, len(hashes) // HASH), hashes)
    if builder.root() != head.checkpoint.root:
        raise IntegrityError(f"The entries do not lead to the root of the checkpoint at size {head.checkpoint.size}.", _CHANGED)
    return head


def _compare(copy: Copy, name: str, hashes: bytes) -> None:
    if _read(copy, name) != hashes:
        raise IntegrityError(f"{name} does not hold the hashes of the entries below it.", _CHANGED)


def _read(copy: Copy, name: str) -> bytes:
    try:
        return copy.read(name)
    except NotFound as error:
        raise missing(name) from error
