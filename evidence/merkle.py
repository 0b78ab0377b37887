"""The Merkle tree of the log (RFC 6962 section 2.1, RFC 9162 section 2.1) and its tiles (C2SP tlog-tiles).

leaf_hash(entry)  = SHA-256(0x00 || entry)
node_hash(l, r)   = SHA-256(0x01 || l || r)
tile_path(0, 1234067, 256) == "tile/0/x001/x234/067"
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from evidence.errors import FormatError, IntegrityError, UsageError

HASH = 32
TILE_WIDTH = 256
EMPTY_ROOT = hashlib.sha256(b"").digest()
_NEXT = "Keep both files and ask who gave them to you: the log was changed, or the proof belongs to another one."


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf that carries this entry."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """A tree that only grows. Every complete node of every level is kept, 64 bytes a leaf in all."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """Take leaf hashes (not entries) in order."""
        self._levels: list[bytearray] = [bytearray()]
        self._edges: tuple[int, list[bytes | None]] = (0, [])
        bottom = self._levels[0]
        for leaf in leaves:
            bottom += _hash_sized(leaf)
        self._build()

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0]) // HASH

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the end."""
        self._levels[0] += _hash_sized(leaf)
        level, count = 0, self.size
        while count % 2 == 0:
            pair = bytes(self._levels[level][-2 * HASH :])
            if level + 1 == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level + 1] += hashlib.sha256(b"\1" + pair).digest()
            level, count = level + 1, count // 2

    def node(self, level: int, index: int) -> bytes:
        """Return a complete node; UsageError when it is not there yet."""
        if level >= len(self._levels) or not 0 <= index < len(self._levels[level]) // HASH:
            raise UsageError(f"the tree of {self.size} has no complete node {index} on level {level}", "Ask for a smaller one.")
        return bytes(self._levels[level][index * HASH : (index + 1) * HASH])

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first `size` leaves (all by default)."""
        size = self._size(size)
        return EMPTY_ROOT if size == 0 else self._range(0, size)

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the audit path of the leaf at `index` in the tree of `size` (RFC 9162 section 2.1.3.1)."""
        size = self._size(size)
        if not 0 <= index < size:
            raise UsageError(f"no leaf {index} in a tree of {size}", "Ask for an index below the size.")
        edges, path = self._right_edges(size), []
        for level in range((size - 1).bit_length()):
            sibling = (index >> level) ^ 1
            if (sibling + 1) << level <= size:
                path.append(bytes(self._levels[level][sibling * HASH : (sibling + 1) * HASH]))
            elif sibling << level < size:
                path.append(edges[level] or b"")
        return path

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """Return the proof that the tree of `new` begins with the tree of `old` (RFC 9162 section 2.1.4.1)."""
        new = self._size(new)
        if not 0 < old <= new:
            raise UsageError(f"no consistency proof from {old} to {new}", "The older size is at least 1 and not above the newer one.")
        return [] if old == new else self._subproof(old, 0, new, True)

    def _subproof(self, old: int, start: int, stop: int, whole: bool) -> list[bytes]:
        if old == stop - start:
            return [] if whole else [self._range(start, stop)]
        split = _split(stop - start)
        if old <= split:
            return [*self._subproof(old, start, start + split, whole), self._range(start + split, stop)]
        return [*self._subproof(old - split, start + split, stop, False), self._range(start, start + split)]

    def _range(self, start: int, stop: int) -> bytes:
        """Return the hash over leaves start to stop; start is a multiple of the power of two that covers the range."""
        width = stop - start
        if width & (width - 1) == 0:
            level = width.bit_length() - 1
            return self.node(level, start >> level)
        split = _split(width)
        return node_hash(self._range(start, start + split), self._range(start + split, stop))

    def _right_edges(self, size: int) -> list[bytes | None]:
        """Return for each level the hash of its incomplete last node; kept for the size asked for last."""
        if self._edges[0] != size or not self._edges[1]:
            edges: list[bytes | None] = []
            for level in range(size.bit_length() + 1):
                start = size >> level << level
                edges.append(self._range(start, size) if start < size else None)
            self._edges = (size, edges)
        return self._edges[1]

    def _build(self) -> None:
        below = self._levels[0]
        while len(below) >= 2 * HASH:
            stop = len(below) // (2 * HASH) * 2 * HASH
            sha256, view = hashlib.sha256, bytes(below)
            above = b"".join(sha256(b"\1" + view[at : at + 64]).digest() for at in range(0, stop, 64))
            below = bytearray(above)
            self._levels.append(below)

    def _size(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise UsageError(f"the tree has {self.size} leaves, not {size}", "Ask for a size up to that.")
        return size


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash stands at `index` of the tree (RFC 9162 section 2.1.3.2); IntegrityError if not."""
    if not 0 <= index < size:
        raise IntegrityError(f"no leaf {index} in a tree of {size}", _NEXT)
    if any(len(part) != HASH for part in (leaf, root, *proof)):
        raise IntegrityError("a hash in the inclusion proof is not 32 bytes long", _NEXT)
    node, last, found = index, size - 1, leaf
    for part in proof:
        if last == 0:
            raise IntegrityError("the inclusion proof is too long", _NEXT)
        if node & 1 or node == last:
            found = node_hash(part, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, part)
        node, last = node >> 1, last >> 1
    if last != 0 or found != root:
        raise IntegrityError(f"the inclusion proof of leaf {index} does not lead to the root of {size}", _NEXT)


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree of `new` begins with that of `old` (RFC 9162 section 2.1.4.2); IntegrityError if not.

    Refuses an older size of 0: it would prove nothing.
    """
    if not 0 < old <= new or any(len(part) != HASH for part in (old_root, new_root, *proof)):
        raise IntegrityError(f"no consistency proof leads from {old} to {new}", _NEXT)
    if old == new:
        if proof or old_root != new_root:
            raise IntegrityError(f"two different trees of {old}", _NEXT)
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise IntegrityError("the consistency proof is empty", _NEXT)
    first, second = _climb(old, new, path)
    if first != old_root or second != new_root:
        raise IntegrityError(f"the tree of {new} does not begin with the tree of {old}", _NEXT)


def _climb(old: int, new: int, path: list[bytes]) -> tuple[bytes, bytes]:
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = path[0]
    for part in path[1:]:
        if last == 0:
            raise IntegrityError("the consistency proof is too long", _NEXT)
        if node & 1 or node == last:
            first, second = node_hash(part, first), node_hash(part, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, part)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise IntegrityError("the consistency proof is too short", _NEXT)
    return first, second


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


def tiles(tree: Tree, old_size: int, new_size: int) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of each tile that a log of `new_size` needs beyond what one of `old_size` wrote."""
    level = 0
    while new_size >> (8 * level):
        for index, width in _changed(old_size >> (8 * level), new_size >> (8 * level)):
            start = index * TILE_WIDTH
            yield tile_path(level, index, width), b"".join(tree.node(8 * level, at) for at in range(start, start + width))
        level += 1


def entry_bundles(entries: Callable[[int, int], Sequence[bytes]], old_size: int, new_size: int) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of each entry bundle that is new; `entries(start, stop)` gives the 32-byte entries of a range."""
    for index, width in _changed(old_size, new_size):
        start = index * TILE_WIDTH
        found = entries(start, start + width)
        if len(found) != width:
            raise UsageError(f"{len(found)} entries where {width} were asked for", "The log has a gap: run the check of the log.")
        yield tile_path("entries", index, width), b"".join(len(entry).to_bytes(2, "big") + entry for entry in found)


def _changed(old: int, new: int) -> Iterator[tuple[int, int]]:
    for index in range(old // TILE_WIDTH, -(-new // TILE_WIDTH)):
        width = min(TILE_WIDTH, new - index * TILE_WIDTH)
        if index * TILE_WIDTH + width > old:
            yield index, width


def _split(width: int) -> int:
    """Return the largest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)


def _hash_sized(leaf: bytes) -> bytes:
    if len(leaf) != HASH:
        raise UsageError("a leaf hash is 32 bytes long", "Give leaf_hash(entry), not the entry itself.")
    return leaf
