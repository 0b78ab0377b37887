"""The tree against RFC 6962 by definition, against the vectors of transparency-dev, and its tiles against a real log."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import merkle, tiles
from evidence.checkpoint import Checkpoint
from evidence.errors import EvidenceError, FormatError, IntegrityError, UsageError
from evidence.merkle import Tree, verify_consistency, verify_inclusion


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def root_by_definition(found: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not found:
        return hashlib.sha256(b"").digest()
    if len(found) == 1:
        return found[0]
    split = 1
    while split * 2 < len(found):
        split *= 2
    return hashlib.sha256(b"\1" + root_by_definition(found[:split]) + root_by_definition(found[split:])).digest()


@given(st.integers(0, 300))
def test_the_root_is_that_of_the_definition(size: int) -> None:
    tree = Tree(leaves(300))
    assert tree.root(size) == root_by_definition(leaves(size))


@given(st.integers(1, 300), st.data())
def test_every_leaf_of_every_size_can_be_proved(size: int, data: st.DataObject) -> None:
    tree = Tree(leaves(300))
    index = data.draw(st.integers(0, size - 1))
    verify_inclusion(leaves(300)[index], index, size, tree.inclusion(index, size), tree.root(size))


@given(st.integers(1, 300), st.data())
def test_every_size_is_consistent_with_every_later_one(new: int, data: st.DataObject) -> None:
    tree = Tree(leaves(300))
    old = data.draw(st.integers(1, new))
    verify_consistency(old, new, tree.consistency(old, new), tree.root(old), tree.root(new))


@given(st.integers(2, 100), st.data())
def test_a_proof_proves_one_leaf_at_one_place(size: int, data: st.DataObject) -> None:
    tree = Tree(leaves(size))
    index, other = data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True))
    proof = tree.inclusion(index)
    with pytest.raises(IntegrityError):
        verify_inclusion(leaves(size)[other], index, size, proof, tree.root())
    with pytest.raises(IntegrityError):
        verify_inclusion(leaves(size)[index], other, size, proof, tree.root())
    with pytest.raises(IntegrityError):
        verify_inclusion(leaves(size)[index], index, size, proof[:-1], tree.root())
    with pytest.raises(IntegrityError):
        verify_inclusion(leaves(size)[index], index, size, [*proof, proof[0]], tree.root())


@given(st.integers(0, 200), st.integers(0, 200))
def test_appending_is_the_same_as_beginning_with(first: int, more: int) -> None:
    tree = Tree(leaves(first))
    for leaf in leaves(first + more)[first:]:
        tree.append(leaf)
    assert tree.size == first + more
    assert tree.root() == Tree(leaves(first + more)).root()


def test_it_refuses_questions_without_an_answer() -> None:
    tree = Tree(leaves(5))
    for ask in (
        lambda: tree.inclusion(5),
        lambda: tree.inclusion(0, 6),
        lambda: tree.consistency(0),
        lambda: tree.consistency(3, 2),
        lambda: tree.root(6),
        lambda: tree.append(b"short"),
        lambda: Tree([b"short"]),
        lambda: tree.node(3, 0),
    ):
        with pytest.raises(UsageError):
            ask()
    with pytest.raises(IntegrityError):
        verify_consistency(0, 0, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)


def test_inclusion_vectors(shared: Path | None) -> None:
    for case, path in vectors(shared, "inclusion"):
        proof = [raw(part) for part in case["proof"] or []]
        given_case = (raw(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, raw(case["root"]))
        assert holds(verify_inclusion, *given_case) is not case["wantErr"], path


def test_consistency_vectors(shared: Path | None) -> None:
    for case, path in vectors(shared, "consistency"):
        proof = [raw(part) for part in case["proof"] or []]
        given_case = (case["size1"], case["size2"], proof, hash_sized(case["root1"]), hash_sized(case["root2"]))
        assert holds(verify_consistency, *given_case) is not case["wantErr"], path


def vectors(shared: Path | None, kind: str) -> list[tuple[dict[str, Any], Path]]:
    if shared is None:
        pytest.skip("the vectors stand beside the project, not in it")
    paths = sorted((shared / "vectors/merkle/testdata" / kind).rglob("*.json"))
    assert len(paths) > 50
    return [(json.loads(path.read_text()), path) for path in paths]


def raw(text: object) -> bytes:
    return base64.b64decode(str(text))


def hash_sized(text: object) -> bytes:
    """Some vectors have words ("don't care 2") where a root stands; equal words stay equal."""
    return raw(text) if len(raw(text)) == 32 else hashlib.sha256(raw(text)).digest()


def holds(check: object, *given_case: object) -> bool:
    try:
        check(*given_case)  # type: ignore[operator]
    except IntegrityError:
        return False
    return True


def test_tiles_are_those_of_a_real_log(shared: Path | None) -> None:
    if shared is None:
        pytest.skip("the vectors stand beside the project, not in it")
    log = shared / "vectors/tlog-tiles/testdata/log"
    data, entries = (log / "tile/entries/000.p/15").read_bytes(), []
    while data:
        length = int.from_bytes(data[:2], "big")
        entries.append(data[2 : 2 + length])
        data = data[2 + length :]
    tree = Tree(merkle.leaf_hash(entry) for entry in entries)
    for size in range(1, 16):
        lines = (log / f"checkpoint.{size}").read_text().split("\n")
        assert Checkpoint(lines[0], int(lines[1]), raw(lines[2])) == Checkpoint("example.com/log/testdata", size, tree.root(size))
        for path, content in tiles.tiles(tree, size - 1, size):
            assert (log / path).read_bytes() == content if (log / path).exists() else path == "tile/0/000.p/1"
        for path, content in tiles.entry_bundles(lambda start, stop: entries[start:stop], size - 1, size):
            assert (log / path).read_bytes() == content


def test_tiles_of_several_levels() -> None:
    tree = Tree(leaves(600))
    found = dict(tiles.tiles(tree, 0, 600))
    assert list(found) == ["tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"]
    assert found["tile/1/000.p/2"] == tree.root(256) + root_by_definition(leaves(512)[256:])
    assert [path for path, _ in tiles.tiles(tree, 512, 600)] == ["tile/0/002.p/88"]
    assert [path for path, _ in tiles.tiles(tree, 255, 256)] == ["tile/0/000", "tile/1/000.p/1"]
    assert list(tiles.tiles(tree, 600, 600)) == []


def test_tile_paths() -> None:
    assert tiles.tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tiles.tile_path(1, 0, 4) == "tile/1/000.p/4"
    assert tiles.tile_path("entries", 999) == "tile/entries/999"
    assert tiles.tile_path(0, 1000) == "tile/0/x001/000"
    for wrong in ((64, 0, 256), (0, -1, 256), (0, 0, 0), (0, 0, 257)):
        with pytest.raises(FormatError):
            tiles.tile_path(*wrong)


def test_an_entry_bundle_with_a_gap_is_refused() -> None:
    with pytest.raises(EvidenceError, match="0 entries where 3"):
        list(tiles.entry_bundles(lambda start, stop: [], 0, 3))
