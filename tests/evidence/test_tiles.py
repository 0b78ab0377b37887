"""Tiles against a real log, in both directions; a tree over tiles against one in memory; what is false never comes out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import merkle, tiles
from evidence.checkpoint import ED25519, Checkpoint, Vkey, decode_note, open_note, parse_vkey
from evidence.errors import EvidenceError, FormatError, IntegrityError, NotFound, UsageError
from evidence.merkle import Tree
from evidence.tiles import StoredTree, TileBuilder, parse_tile_path, tile_path
from tests.evidence.logs import PublishedLog

# the key of the vectors' log; that it opens their notes shows that it is
TESTDATA = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


LEAVES = leaves(70_000)
WHOLE = Tree(LEAVES)


def reader(files: dict[str, bytes], asked: list[str] | None = None) -> Callable[[str], bytes]:
    def read(name: str) -> bytes:
        if asked is not None:
            asked.append(name)
        if name not in files:
            raise NotFound(name)
        return files[name]

    return read


def published(size: int) -> dict[str, bytes]:
    return dict(tiles.tiles(WHOLE, 0, size))


# the vectors: a real log of 15 entries


def real_log(shared: Path | None) -> tuple[dict[str, bytes], Vkey]:
    """The files of the vectors' log and its key; alone, a log of our own with the same files."""
    if shared is not None:
        log = shared / "vectors/tlog-tiles/testdata/log"
        files = {path.relative_to(log).as_posix(): path.read_bytes() for path in log.rglob("*") if path.is_file()}
        return files, parse_vkey(TESTDATA)
    own = PublishedLog()
    for size in range(1, 16):
        own.files[f"checkpoint.{size}"] = own.publish(size).encode()
    own.files["checkpoint.0"] = PublishedLog(own.key).publish(0).encode()
    return own.files, own.vkey


def entries_of(bundle: bytes) -> list[bytes]:
    found = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        found.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return found


def test_every_file_of_a_real_log_is_the_one_we_would_write(shared: Path | None) -> None:
    files, key = real_log(shared)
    entries = entries_of(files["tile/entries/000.p/15"])
    tree = Tree(map(merkle.leaf_hash, entries))
    ours: dict[str, bytes] = {}
    for size in range(16):
        note = files[f"checkpoint.{size}"].decode()
        assert open_note(note, [key]) == Checkpoint(key.name, size, tree.root(size))
        ours |= dict(tiles.tiles(tree, max(size - 1, 0), size))
        ours |= dict(tiles.entry_bundles(lambda start, stop: entries[start:stop], max(size - 1, 0), size))
    written = {name: data for name, data in files.items() if name.startswith("tile/")}
    assert written == ours
    assert len(written) == 30
    assert files["checkpoint"] == files["checkpoint.15"]


def test_every_tile_of_a_real_log_leads_to_its_checkpoint(shared: Path | None) -> None:
    files, key = real_log(shared)
    heads = [open_note(files[f"checkpoint.{size}"].decode(), [key]) for size in range(16)]
    for head in heads:
        tree = StoredTree(head.size, reader(files), head.root)
        for older in heads[1 : head.size + 1]:
            assert tree.root(older.size) == older.root
            merkle.verify_consistency(older.size, head.size, tree.consistency(older.size), older.root, head.root)
        for index in range(head.size):
            leaf = merkle.leaf_hash(entries_of(files[f"tile/entries/000.p/{head.size}"])[index])
            merkle.verify_inclusion(leaf, index, head.size, tree.inclusion(index), head.root)


def test_a_real_log_that_was_changed_is_refused(shared: Path | None) -> None:
    files, key = real_log(shared)
    for size in range(1, 16):
        head, path = open_note(files[f"checkpoint.{size}"].decode(), [key]), f"tile/0/000.p/{size}"
        for place in range(0, size * 32, 7):
            spoiled = files[path][:place] + bytes([files[path][place] ^ 1]) + files[path][place + 1 :]
            with pytest.raises(IntegrityError):
                StoredTree(size, reader({path: spoiled}), head.root)


def test_no_changed_note_of_a_real_log_is_opened(shared: Path | None) -> None:
    files, key = real_log(shared)
    whole = files["checkpoint.15"]
    for place in range(len(whole)):
        spoiled = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        with pytest.raises(EvidenceError):
            open_note(decode_note(spoiled), [key])
    with pytest.raises(IntegrityError, match="not signed by this log"):
        open_note(whole.decode(), [Vkey(key.name, ED25519, bytes(32))])


# paths


def test_tile_paths() -> None:
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path(1, 0, 4) == "tile/1/000.p/4"
    assert tile_path("entries", 999) == "tile/entries/999"
    assert tile_path(0, 1000) == "tile/0/x001/000"
    for wrong in ((64, 0, 256), (0, -1, 256), (0, 0, 0), (0, 0, 257)):
        with pytest.raises(FormatError):
            tile_path(*wrong)


@given(st.integers(0, 63) | st.just("entries"), st.integers(0, 10**18 - 1), st.integers(1, 256))
def test_a_path_is_read_as_written(level: int | str, index: int, width: int) -> None:
    found = parse_tile_path(tile_path(level, index, width))
    assert (found.level, found.index, found.width) == (None if level == "entries" else level, index, width)


@pytest.mark.parametrize(
    "path",
    ["", "tile/0/0", "tile/00/000", "tile/64/000", "tile/0/x000/001", "tile/0/001/000", "tile/0/x1/000", "tile/0/000.p/0",
     "tile/0/000.p/256",
     "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000/", "/tile/0/000", "tile/0/../0/000", "tile/-1/000", "tile/entries/x000/000",
     "tile/0/000\n", "tile/0/000.p/1.new", "TILE/0/000", "tile/data/000", "tile/0/٠٠٠"],
)  # fmt: skip
def test_other_spellings_are_refused(path: str) -> None:
    with pytest.raises(FormatError):
        parse_tile_path(path)


# which tiles there are


def test_tiles_of_several_levels() -> None:
    tree = Tree(leaves(600))
    found = dict(tiles.tiles(tree, 0, 600))
    assert list(found) == ["tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"]
    assert found["tile/1/000.p/2"] == tree.root(256) + Tree(leaves(512)[256:]).root()
    assert [path for path, _ in tiles.tiles(tree, 512, 600)] == ["tile/0/002.p/88"]
    assert [path for path, _ in tiles.tiles(tree, 255, 256)] == ["tile/0/000", "tile/1/000.p/1"]
    assert list(tiles.tiles(tree, 600, 600)) == []


def test_a_log_of_70000_has_the_tiles_that_the_format_counts() -> None:
    """C2SP tlog-tiles, "Partial Tiles", has this example."""
    paths = list(published(70_000))
    assert len([path for path in paths if path.startswith("tile/0/") and ".p/" not in path]) == 273
    assert [path for path in paths if path.startswith("tile/1/") or ".p/" in path] == [
        "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1",
    ]  # fmt: skip


@given(st.lists(st.integers(0, 70_000), min_size=1, max_size=4).map(sorted))
@settings(max_examples=15, deadline=None)
def test_tiles_written_in_steps_are_those_written_at_once(sizes: list[int]) -> None:
    files: dict[str, bytes] = {}
    for old, new in zip([0, *sizes], sizes, strict=False):
        files |= dict(tiles.tiles(WHOLE, old, new))
    assert files.items() >= published(sizes[-1]).items()


@given(st.integers(0, 2000) | st.integers(65_530, 66_000))
@settings(max_examples=25, deadline=None)
def test_a_builder_makes_the_same_tiles_and_root(size: int) -> None:
    builder, found = TileBuilder(), dict[str, bytes]()
    for start in range(0, size, 256):
        for level, index, hashes in builder.add(b"".join(LEAVES[start : min(start + 256, size)])):
            found[tile_path(level, index)] = hashes
    found |= {tile_path(level, index, len(hashes) // 32): hashes for level, index, hashes in builder.partial()}
    assert found == published(size)
    assert builder.root() == WHOLE.root(size)


def test_a_builder_takes_runs_of_256() -> None:
    builder = TileBuilder()
    builder.add(b"".join(leaves(200)))
    with pytest.raises(UsageError):
        builder.add(b"".join(leaves(200)))


# a tree over tiles


@given(st.integers(1, 70_000), st.data())
@settings(max_examples=40, deadline=None)
def test_a_tree_over_tiles_answers_as_one_in_memory(size: int, data: st.DataObject) -> None:
    stored = StoredTree(size, reader(FILES_OF.setdefault(size, published(size))), WHOLE.root(size))
    smaller = data.draw(st.integers(1, size))
    index = data.draw(st.integers(0, smaller - 1))
    assert stored.root(smaller) == WHOLE.root(smaller)
    assert stored.inclusion(index, smaller) == WHOLE.inclusion(index, smaller)
    assert stored.consistency(smaller) == WHOLE.consistency(smaller, size)
    assert stored.node(0, index) == LEAVES[index]
    FILES_OF.clear()


FILES_OF: dict[int, dict[str, bytes]] = {}


def test_an_answer_reads_a_few_tiles_whatever_the_size() -> None:
    asked: list[str] = []
    stored = StoredTree(70_000, reader(published(70_000), asked), WHOLE.root(70_000))
    assert len(asked) == 3, "the three incomplete ones"
    stored.inclusion(31_337)
    assert len(asked) <= 6
    stored.consistency(12_345)
    assert len(asked) <= 9


@given(st.integers(257, 70_000), st.data())
@settings(max_examples=40, deadline=None)
def test_no_changed_tile_ever_tells_anything(size: int, data: st.DataObject) -> None:
    files = published(size)
    name = data.draw(st.sampled_from(sorted(files)))
    place = data.draw(st.integers(0, len(files[name]) - 1))
    how = data.draw(st.sampled_from(["flip", "cut", "more"]))
    whole = files[name]
    flipped = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
    files[name] = {"flip": flipped, "cut": whole[:-32], "more": whole + bytes(32)}[how]
    where = parse_tile_path(name)
    index = min(size - 1, (where.index * 256 + place // 32) << 8 * (where.level or 0))
    with pytest.raises(IntegrityError):
        StoredTree(size, reader(files), WHOLE.root(size)).tile(where.level or 0, where.index)
    try:
        proof = StoredTree(size, reader(files), WHOLE.root(size)).inclusion(index)
    except IntegrityError:
        return
    merkle.verify_inclusion(LEAVES[index], index, size, proof, WHOLE.root(size))


def test_a_missing_tile_is_named_and_a_whole_one_stands_for_a_partial() -> None:
    files = published(600)
    del files["tile/0/002.p/88"]
    with pytest.raises(NotFound):
        StoredTree(600, reader(files), WHOLE.root(600))
    files["tile/0/002"] = published(768)["tile/0/002"]
    assert StoredTree(600, reader(files), WHOLE.root(600)).inclusion(599) == WHOLE.inclusion(599, 600)
    del files["tile/0/000"]
    with pytest.raises(NotFound):
        StoredTree(600, reader(files), WHOLE.root(600)).inclusion(3)


def test_it_refuses_questions_without_an_answer() -> None:
    stored = StoredTree(300, reader(published(300)))
    for level, index in ((0, 300), (9, 0), (-1, 0), (0, -1), (8, 1)):
        with pytest.raises(UsageError):
            stored.node(level, index)


# bundles


def test_an_entry_bundle_with_a_gap_is_refused() -> None:
    with pytest.raises(EvidenceError, match="0 entries where 3"):
        list(tiles.entry_bundles(lambda start, stop: [], 0, 3))


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=256))
def test_a_bundle_is_read_as_written_and_in_no_other_form(entries: list[bytes]) -> None:
    bundle = tiles.bundle_of(entries)
    assert entries_of(bundle) == entries
    assert tiles.leaves_of(bundle, len(entries), "x") == b"".join(map(merkle.leaf_hash, entries))
    for wrong in (bundle[:-1], bundle + b"\0", b"\1" + bundle[1:], bundle[:1] + b"\x21" + bundle[2:], b""):
        with pytest.raises(IntegrityError):
            tiles.leaves_of(wrong, len(entries), "x")
    with pytest.raises(IntegrityError):
        tiles.leaves_of(bundle, len(entries) + 1, "x")
