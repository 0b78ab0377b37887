"""The Merkle tree of the log (RFC 6962 section 2.1, RFC 9162 section 2.1): roots, inclusion and consistency proofs.

leaf_hash(entry)  = SHA-256(0x00 || entry)
node_hash(l, r)   = SHA-256(0x01 || l || r)
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import islice

from evidence.errors import IntegrityError, UsageError

HASH = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
_BLOCK = 4096  # leaves that are hashed at once; a power of two
_NEXT = "Keep both files and ask who gave them to you: the log was changed, or the proof belongs to another one."


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf that carries this entry."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\1" + left + right).digest()


def parents(hashes: bytes) -> bytes:
    """Return the hashes above an even number of hashes, all as one run of bytes."""
    sha256 = hashlib.sha256
    return b"".join([sha256(b"\1" + hashes[at : at + 64]).digest() for at in range(0, len(hashes), 64)])


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes as they come; a few thousand of them are held at any time."""
    rest, peaks = iter(leaves), list[tuple[int, bytes]]()
    while block := _joined(list(islice(rest, _BLOCK))):
        peaks += subtrees(block)
        while len(peaks) > 1 and peaks[-1][0] == peaks[-2][0]:
            width, right = peaks.pop()
            peaks[-1] = (2 * width, node_hash(peaks[-1][1], right))
    return folded([peak for _, peak in peaks])


def subtrees(hashes: bytes) -> list[tuple[int, bytes]]:
    """Return width and root of each complete subtree, the largest first, that a run of neighbouring hashes makes."""
    found: list[tuple[int, bytes]] = []
    level, width = hashes, 1
    while level:
        if len(level) // HASH % 2:
            found.insert(0, (width, level[-HASH:]))
            level = level[:-HASH]
        level, width = parents(level), 2 * width
    return found


def folded(peaks: Sequence[bytes]) -> bytes:
    """Return the root over complete subtrees, the largest and leftmost first; the empty tree's root for none."""
    return reduce(lambda right, left: node_hash(left, right), reversed(peaks)) if peaks else EMPTY_ROOT


class Nodes(ABC):
    """A tree of which every complete node can be had; from them come roots and proofs of its size and of every smaller one."""

    _edges: tuple[int, list[bytes | None]] = (0, [])

    @property
    @abstractmethod
    def size(self) -> int:
        """How many leaves there are."""

    @abstractmethod
    def node(self, level: int, index: int) -> bytes:
        """Return a complete node; UsageError when it is not there yet."""

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first `size` leaves (all by default)."""
        size = self._size(size)
        return EMPTY_ROOT if size == 0 else self._range(0, size)

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the audit path of the leaf at `index` in the tree of `size` (RFC 9162 section 2.1.3.1)."""
        size = self._size(size)
        if not 0 <= index < size:
            raise UsageError(f"no leaf {index} in a tree of {size}", "Ask for an index below the size.")
        edges, path, node = self._right_edges(size), list[bytes](), self.node
        for level in range((size - 1).bit_length()):
            sibling = (index >> level) ^ 1
            if (sibling + 1) << level <= size:
                path.append(node(level, sibling))
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
            below: bytes | None = None
            for level in range(size.bit_length()):
                last = size >> level  # the index of this level's incomplete node, where there is one
                edges.append(below)
                if last & 1:
                    complete = self.node(level, last - 1)
                    below = complete if below is None else node_hash(complete, below)
            self._edges = (size, edges)
        return self._edges[1]

    def _size(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise UsageError(f"the tree has {self.size} leaves, not {size}", "Ask for a size up to that.")
        return size


class Tree(Nodes):
    """A tree that only grows, in memory: 64 bytes a leaf. It may grow from another one, of which it keeps nothing."""

    def __init__(self, leaves: Iterable[bytes] = (), base: Nodes | None = None) -> None:
        """Take leaf hashes (not entries) in order, after those of `base`."""
        self._base = base
        self._first = [base.size if base else 0]  # of each level: how many of its nodes are the base's
        self._levels = [bytearray()]
        self._count = self._first[0]
        self.extend(leaves)

    @property
    def size(self) -> int:
        return self._count

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the end."""
        self._levels[0] += _joined([leaf])
        self._grow()

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes at the end."""
        rest = iter(leaves)
        while block := _joined(list(islice(rest, _BLOCK))):
            self._levels[0] += block
            self._grow()

    def node(self, level: int, index: int) -> bytes:
        try:
            at = (index - self._first[level]) * HASH
            found = self._levels[level][at : at + HASH] if at >= 0 else b""
        except IndexError:
            found = b""
        return bytes(found) if found else self._older(level, index)

    def _older(self, level: int, index: int) -> bytes:
        if self._base is None or not 0 <= index < self._base.size >> level:
            raise UsageError(f"the tree of {self.size} has no complete node {index} on level {level}", "Ask for a smaller one.")
        return self._base.node(level, index)

    def _grow(self) -> None:
        """Add the nodes that became complete, level by level."""
        self._count = self._first[0] + len(self._levels[0]) // HASH
        level = 0
        while self._count >> (level + 1):
            if level + 1 == len(self._levels):
                self._levels.append(bytearray())
                self._first.append(self._first[0] >> (level + 1))
            above = self._levels[level + 1]
            have, want = self._first[level + 1] + len(above) // HASH, self._count >> (level + 1)
            if have < want:
                start, stop = 2 * have - self._first[level], 2 * want - self._first[level]
                before = self._older(level, 2 * have) if start < 0 else b""
                above += parents(before + self._levels[level][max(start, 0) * HASH : stop * HASH])
            level += 1


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
    if not 0 < old <= new:
        raise IntegrityError(f"no consistency proof leads from {old} to {new}", _NEXT)
    verify_subtree((0, old, new), proof, old_root, new_root)


def is_subtree(start: int, end: int) -> bool:
    """Say whether leaves start to end are one subtree, perhaps incomplete on its right, of every tree that reaches `end`."""
    return 0 <= start < end and start % (1 << (end - start - 1).bit_length()) == 0


def verify_subtree(where: tuple[int, int, int], proof: Sequence[bytes], subtree_root: bytes, root: bytes) -> None:
    """Check that the tree of a size has a subtree (draft-ietf-plants-merkle-tree-certs-03 section 4.4.3); IntegrityError if not.

    Args:
        where: start and end of the subtree, and the size of the tree. An empty subtree is refused: it would prove nothing.
    """
    start, end, size = where
    if not is_subtree(start, end) or end > size or any(len(part) != HASH for part in (subtree_root, root, *proof)):
        raise IntegrityError(f"no proof leads from {start}:{end} to {size}", _NEXT)
    first, last, edge = start, end - 1, size - 1
    while first != last and (last == edge or last & 1):
        first, last, edge = first >> 1, last >> 1, edge >> 1
    path = [subtree_root, *proof] if first == last else list(proof)
    if not path:
        raise IntegrityError("the consistency proof is empty", _NEXT)
    older = newer = path[0]
    for part in path[1:]:
        if edge == 0:
            raise IntegrityError("the consistency proof is too long", _NEXT)
        if last & 1 or last == edge:
            older, newer = node_hash(part, older) if first < last else older, node_hash(part, newer)
            while not last & 1:
                first, last, edge = first >> 1, last >> 1, edge >> 1
        else:
            newer = node_hash(newer, part)
        first, last, edge = first >> 1, last >> 1, edge >> 1
    if edge != 0:
        raise IntegrityError("the consistency proof is too short", _NEXT)
    if older != subtree_root or newer != root:
        raise IntegrityError(f"the tree of {size} does not have the tree of {start} to {end} in it", _NEXT)


def _split(width: int) -> int:
    """Return the largest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)


def _joined(leaves: Sequence[bytes]) -> bytes:
    if set(map(len, leaves)) - {HASH}:
        raise UsageError("a leaf hash is 32 bytes long", "Give leaf_hash(entry), not the entry itself.")
    return b"".join(leaves)
