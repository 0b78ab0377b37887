"""Following another installation's log: its newest checkpoint is taken only if it grew from what is held (SPEC 5.8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evidence.checkpoint import ED25519, LARGEST_NOTE, Vkey, decode_note, open_note, short_hash
from evidence.errors import EvidenceError, FormatError, IntegrityError, NotFound, UsageError
from evidence.fetching import Limits, checked, fetch
from evidence.merkle import HASH
from evidence.mirror.copy import Copy, Head
from evidence.tiles import ENTRY, TILE_WIDTH, StoredTree, changed, leaves_of, tile_path, tiles

_TILE_LIMIT = TILE_WIDTH * (2 + ENTRY)
_FORK = (
    "It shows different histories to different people. Rely on neither: keep both checkpoints, they are signed and prove it, and tell "
    "everyone who relies on this log."
)
_DAMAGED = "Keep it as it is, and make a new mirror in another folder."
_BAD = "Run it again. If it stays so, compare the log's key with the one that its keeper printed or told you, and ask them."


class Fork(IntegrityError):
    """Two checkpoints of one log that do not belong to one history, both signed by it."""


class WentBack(IntegrityError):
    """An older checkpoint of the same history than the one held."""


class Damaged(EvidenceError):
    """The mirror's own files are not what it wrote: nothing can be said about the log."""


@dataclass(frozen=True)
class Source:
    """A log as its keeper serves it: `read(name, limit)` returns a file's bytes. NotFound, Unreachable."""

    name: str
    read: Callable[[str, int], bytes]

    def tile(self, path: str) -> bytes:
        """Return a tile or bundle, at most as large as one can be."""
        return self.read(path, _TILE_LIMIT)


@dataclass(frozen=True)
class Followed:
    """What a run came to: the sizes before and after, and the note that is held now."""

    before: int
    size: int
    note: str


def http_source(url: str, seconds: float = 30.0) -> Source:
    """Return the log that is served under an address such as https://tips.example.org/log. UsageError for what is no address."""
    prefix = checked(url).rstrip("/")
    return Source(prefix, lambda name, limit: fetch(f"{prefix}/{name}", Limits(limit, seconds)))


def follow(source: Source, path: Path, keys: Sequence[Vkey], progress: Callable[[int], object] = lambda _: None) -> Followed:
    """Bring a mirror to the log's newest checkpoint. What was fetched before a cut is used again.

    Args:
        keys: the log's own, more than one while its key changes.
        progress: told how many events were fetched, again and again.

    Raises:
        Fork: the log signed something that did not grow from what is held here.
        WentBack: it showed an older checkpoint than the one held.
        IntegrityError, FormatError: a signature, the form of a note, or a tile does not hold.
        Unreachable, NotFound: the log does not answer.
        Damaged: the mirror itself was changed.
        UsageError: another run is at work in the folder.

    On the first four the mirror is as it was, and the refused checkpoint lies beside it as `fork-<hash>`.
    """
    one_log(keys)
    copy = Copy(path)
    with copy.alone():
        return _follow(source, copy, keys, progress)


def _follow(source: Source, copy: Copy, keys: Sequence[Vkey], progress: Callable[[int], object]) -> Followed:
    held = _held(copy, keys)
    data = source.read("checkpoint", LARGEST_NOTE)
    try:
        taken = _take(source, copy, (held, data, keys), progress)
    except (IntegrityError, FormatError) as error:
        kept = copy.keep(data)
        pending = copy.fetched("checkpoint")
        if isinstance(error, Fork) and pending is not None:
            copy.keep(pending)
        copy.discard()
        where = f"The mirror is as it was; what was refused is kept as {kept}."
        raise type(error)(f"{source.name}: {error}", f"{where} {error.next_step}") from error
    copy.note_keys(keys)
    return Followed(held.checkpoint.size if held else 0, taken.checkpoint.size, taken.note)


def one_log(keys: Sequence[Vkey]) -> str:
    """Return the origin that all keys are of; UsageError for none, for a witness's or for keys of two logs."""
    names = {key.name for key in keys}
    if len(names) != 1 or any(key.kind != ED25519 for key in keys):
        raise UsageError(
            "The keys have to be those of one log.", "Give its key as it is published: --key NAME+HASH+KEY, again for a second."
        )
    return names.pop()


def _take(source: Source, copy: Copy, given: tuple[Head | None, bytes, Sequence[Vkey]], progress: Callable[[int], object]) -> Head:
    held, data, keys = given
    note = decode_note(data)
    new = Head(note, open_note(note, keys))
    if held is not None and new.checkpoint.size <= held.checkpoint.size:
        return _nothing_new(copy, held, new)
    tree = StoredTree(new.checkpoint.size, source.tile, new.checkpoint.root)
    for older in (held, _pending(copy, keys)):
        if older is not None:
            _require_growth(tree, older, new)
    copy.stage("checkpoint", data)
    old = held.checkpoint.size if held else 0
    for index, width in changed(old, new.checkpoint.size):
        _fetch_entries(source, copy, tree, (index, width))
        progress(width)
    for name, hashes in tiles(tree, old, new.checkpoint.size):
        copy.stage(name, hashes)
    copy.admit(note)
    return new


def _held(copy: Copy, keys: Sequence[Vkey]) -> Head | None:
    try:
        return copy.head(keys)
    except EvidenceError as error:
        raise Damaged(
            f"The checkpoint in {copy.path} is not one that the given keys signed: {error}",
            "While a log changes its key give both, --key OLD --key NEW. Else name another folder: this one holds another log.",
        ) from error


def _pending(copy: Copy, keys: Sequence[Vkey]) -> Head | None:
    """What a cut run was about to take; a note that these keys no longer open says nothing."""
    try:
        return copy.pending(keys)
    except EvidenceError:
        return None


def _nothing_new(copy: Copy, held: Head, new: Head) -> Head:
    """Take further signatures over the checkpoint that is held; refuse an older one, telling whether it is of the same history."""
    at, here = new.checkpoint, held.checkpoint
    try:
        root = StoredTree(here.size, copy.read, here.root).root(at.size)
    except (IntegrityError, NotFound) as error:
        raise Damaged(f"This mirror's own files are not what it wrote: {error}", _DAMAGED) from error
    if root != at.root:
        raise Fork(f"its checkpoint at size {at.size} is of another history than the one held at {here.size}", _FORK)
    if at.size < here.size:
        raise WentBack(
            f"its checkpoint went back from size {here.size} to {at.size}",
            "It is of the same history: an old copy may have been served. Run it again in a while; if it stays so, the log lost its end.",
        )
    if set(held.note.splitlines()) < set(new.note.splitlines()):
        copy.write("checkpoint", new.note.encode())
        return new
    return held


def _require_growth(tree: StoredTree, older: Head, new: Head) -> None:
    at = older.checkpoint
    if at.size > tree.size or (at.size and tree.root(at.size) != at.root):
        raise Fork(
            f"its checkpoint at {tree.size} ({short_hash(new.note)}) did not grow from the one at {at.size} ({short_hash(older.note)})",
            _FORK,
        )


def _fetch_entries(source: Source, copy: Copy, tree: StoredTree, which: tuple[int, int]) -> None:
    """Stage one bundle of entries whose leaves are those of the tile that the checkpoint stands for."""
    index, width = which
    name, wanted = tile_path("entries", index, width), tree.tile(0, index)
    before = copy.fetched(name)
    if before is not None and _matches(before, wanted, name):
        return
    try:
        bundle = source.tile(name)
    except NotFound:
        if width == TILE_WIDTH:
            raise
        bundle = source.tile(tile_path("entries", index))[: width * (2 + ENTRY)]  # a partial bundle may be gone once the whole one is there
    if leaves_of(bundle, width, name) != wanted:
        raise IntegrityError(f"{name} does not hold the entries that its tile stands for", _BAD)
    copy.stage(name, bundle)


def _matches(bundle: bytes, wanted: bytes, name: str) -> bool:
    try:
        return leaves_of(bundle, len(wanted) // HASH, name) == wanted
    except IntegrityError:
        return False
