"""The log as files (C2SP tlog-tiles): runs of 256 hashes of every eighth level, and bundles of 256 entries.

tile_path(0, 1234067, 256) == "tile/0/x001/x234/067"
tile_path("entries", 0, 64) == "tile/entries/000.p/64"
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from evidence.errors import FormatError, IntegrityError, NotFound, UsageError
from evidence.merkle import HASH, Nodes, folded, parents, subtrees

TILE_WIDTH = 256
ENTRY = 32  # bytes of an entry of our logs
_REMEMBERED = 128  # whole tiles with the nodes inside them, 16 KiB each
_PATH = re.compile(r"tile/(entries|0|[1-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,5})([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_BROKEN = "Keep what you have. If it was fetched, fetch it again; if it stays so, the log was changed: ask who keeps it."


@dataclass(frozen=True)
class TilePath:
    """What the path of a tile names; `level` is None for an entry bundle."""

    level: int | None
    index: int
    width: int


def tile_path(level: int | str, index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile, or with level "entries" of an entry bundle; FormatError outside the format."""
    if index < 0 or not 1 <= width <= TILE_WIDTH or (isinstance(level, int) and not 0 <= level < 64):
        raise FormatError(f"no tile {index} of width {width} on level {level}", "Levels are 0 to 63, widths 1 to 256.")
    parts = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        parts.insert(0, f"x{index % 1000:03d}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(parts)}{partial}"


def parse_tile_path(path: str) -> TilePath:
    """Return what a path names; FormatError for any but the one spelling of a tile."""
    match = _PATH.fullmatch(path)
    if match:
        level = None if match[1] == "entries" else int(match[1])
        found = TilePath(level, int(match[2].replace("x", "").replace("/", "") + match[3]), int(match[4] or TILE_WIDTH))
        if found.width <= TILE_WIDTH and tile_path(match[1], found.index, found.width) == path:
            return found
    raise FormatError(f"not the path of a tile: {path[:80]!r}", "A tile is tile/<level>/<index>, with .p/<width> if it is partial.")


def tiles(tree: Nodes, old_size: int, new_size: int) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of each tile that a log of `new_size` needs beyond what one of `old_size` wrote."""
    level = 0
    while new_size >> (8 * level):
        for index, width in changed(old_size >> (8 * level), new_size >> (8 * level)):
            start = index * TILE_WIDTH
            yield tile_path(level, index, width), b"".join(tree.node(8 * level, at) for at in range(start, start + width))
        level += 1


def entry_bundles(entries: Callable[[int, int], Sequence[bytes]], old_size: int, new_size: int) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of each entry bundle that is new; `entries(start, stop)` gives the 32-byte entries of a range."""
    for index, width in changed(old_size, new_size):
        start = index * TILE_WIDTH
        found = entries(start, start + width)
        if len(found) != width:
            raise UsageError(f"{len(found)} entries where {width} were asked for", "The log has a gap: run the check of the log.")
        yield tile_path("entries", index, width), bundle_of(found)


def bundle_of(entries: Sequence[bytes]) -> bytes:
    """Return an entry bundle: each entry after its length in two bytes."""
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def leaves_of(bundle: bytes, width: int, name: str) -> bytes:
    """Return the leaf hashes of an entry bundle of `width` entries of 32 bytes; IntegrityError for another one."""
    step = 2 + ENTRY
    if len(bundle) != width * step or bundle[0::step] != bytes(width) or bundle[1::step] != bytes([ENTRY]) * width:
        raise IntegrityError(f"{name} is not a bundle of {width} entries of {ENTRY} bytes", _BROKEN)
    sha256 = hashlib.sha256
    return b"".join([sha256(b"\0" + bundle[at : at + ENTRY]).digest() for at in range(2, len(bundle), step)])


def changed(old: int, new: int) -> Iterator[tuple[int, int]]:
    """Yield index and width of each tile of one level that `new` hashes need beyond those of `old`."""
    for index in range(old // TILE_WIDTH, -(-new // TILE_WIDTH)):
        width = min(TILE_WIDTH, new - index * TILE_WIDTH)
        if index * TILE_WIDTH + width > old:
            yield index, width


class StoredTree(Nodes):
    """A tree whose tiles lie elsewhere: any root or proof reads a few tiles for each level, whatever its size.

    With a trusted `root` nothing unproved ever comes out: the incomplete tiles together must make that root, and each
    complete one the hash that stands for it in the tile above.

    Args:
        read: given a path, returns the bytes of that file; NotFound where it is not there.
        root: what a signed checkpoint says of this size; None if the tiles are trusted as they are.
    """

    def __init__(self, size: int, read: Callable[[str], bytes], root: bytes | None = None) -> None:
        self._count = size
        self._read = read
        self._proved = root is not None
        self._partial: dict[tuple[int, int], list[bytes]] = {}
        self._whole: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()
        if root is not None and self.root() != root:
            raise IntegrityError(f"the tiles do not lead to the root of the checkpoint at {size}", _BROKEN)

    @property
    def size(self) -> int:
        return self._count

    def node(self, level: int, index: int) -> bytes:
        if level < 0 or not 0 <= index < self._count >> level:
            raise UsageError(f"the tree of {self._count} has no complete node {index} on level {level}", "Ask for a smaller one.")
        within = level % 8
        tile, place = divmod(index, TILE_WIDTH >> within)
        return self._tile(level // 8, tile)[within][place * HASH : (place + 1) * HASH]

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of one tile, as many as this size has."""
        return self._tile(level, index)[0]

    def _tile(self, level: int, index: int) -> list[bytes]:
        """Return the hashes of a tile and all complete nodes above them, level by level."""
        name = (level, index)
        found = self._partial.get(name) or self._whole.get(name)
        if found is None:
            width = min(TILE_WIDTH, (self._count >> 8 * level) - index * TILE_WIDTH)
            found = expanded(self._hashes(level, index, width))
            if width < TILE_WIDTH:
                self._partial[name] = found
            else:
                self._keep(name, found)
        return found

    def _keep(self, name: tuple[int, int], found: list[bytes]) -> None:
        level, index = name
        if self._proved and found[8] != self.node(8 * (level + 1), index):
            raise IntegrityError(f"{tile_path(level, index)} is not the tile that the checkpoint stands for", _BROKEN)
        self._whole[name] = found
        if len(self._whole) > _REMEMBERED:
            self._whole.popitem(last=False)

    def _hashes(self, level: int, index: int, width: int) -> bytes:
        """A partial tile may be gone once the whole one is there: then it is the beginning of that."""
        path = tile_path(level, index, width)
        try:
            found, length = self._read(path), width * HASH
        except NotFound:
            if width == TILE_WIDTH:
                raise
            found, length = self._read(tile_path(level, index)), TILE_WIDTH * HASH
        if len(found) != length:
            raise IntegrityError(f"{path} has {len(found)} bytes instead of {length}", _BROKEN)
        return found[: width * HASH]


def expanded(hashes: bytes) -> list[bytes]:
    """Return the hashes of one tile and the complete nodes above them: 9 levels, of which the upper may be empty."""
    levels = [hashes]
    for _ in range(8):
        below = levels[-1]
        levels.append(parents(below[: len(below) // (2 * HASH) * 2 * HASH]))
    return levels


class TileBuilder:
    """Makes all tiles of a log from its leaves, in order; at most 256 hashes of each level are held."""

    def __init__(self) -> None:
        self._open: list[bytes] = []
        self._done: list[int] = []
        self.size = 0

    def add(self, leaves: bytes) -> list[tuple[int, int, bytes]]:
        """Take the hashes of the next 256 leaves, fewer only the last time; return level, index and hashes of complete tiles."""
        self.size += len(leaves) // HASH
        return self._push(0, leaves)

    def _push(self, level: int, hashes: bytes) -> list[tuple[int, int, bytes]]:
        if level == len(self._open):
            self._open.append(b"")
            self._done.append(0)
        self._open[level] += hashes
        whole = self._open[level]
        if len(whole) < TILE_WIDTH * HASH:
            return []
        if len(whole) > TILE_WIDTH * HASH:
            raise UsageError("a tile holds 256 hashes", "Give the leaves in runs of 256.")
        index, self._open[level] = self._done[level], b""
        self._done[level] += 1
        return [(level, index, whole), *self._push(level + 1, subtrees(whole)[0][1])]

    def partial(self) -> list[tuple[int, int, bytes]]:
        """Return level, index and hashes of the incomplete tiles."""
        return [(level, self._done[level], hashes) for level, hashes in enumerate(self._open) if hashes]

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        return folded([peak for hashes in reversed(self._open) for _, peak in subtrees(hashes)])
