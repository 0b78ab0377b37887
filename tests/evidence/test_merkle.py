"""The tree against RFC 6962 by definition, and against the vectors of transparency-dev."""

from __future__ import annotations

import base64
import hashlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import merkle
from evidence.errors import IntegrityError, UsageError
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


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 50), st.data())
def test_a_tree_that_grew_from_another_is_the_whole_one(base: int, more: int, again: int, data: st.DataObject) -> None:
    """Whatever lies below: answers are those of one tree over all leaves."""
    every = leaves(base + more + again)
    whole, grown = Tree(every), Tree(every[base : base + more], Tree(every[:base]))
    grown.extend(every[base + more :])
    size = data.draw(st.integers(0, whole.size))
    assert grown.size == whole.size
    assert grown.root(size) == whole.root(size)
    if size:
        index = data.draw(st.integers(0, size - 1))
        assert grown.inclusion(index, size) == whole.inclusion(index, size)
        assert grown.consistency(index + 1, size) == whole.consistency(index + 1, size)


@given(st.integers(0, 300) | st.integers(4090, 4100) | st.integers(8190, 8200))
def test_a_root_can_be_had_without_a_tree(size: int) -> None:
    assert merkle.root_of(iter(leaves(size))) == Tree(leaves(size)).root()


def test_a_root_over_many_leaves_holds_few_of_them() -> None:
    tracemalloc.start()
    merkle.root_of(number.to_bytes(32, "big") for number in range(100_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000, "the leaves alone would be 3.2 MB and more"


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
        lambda: Tree([bytes(31), bytes(33)]),
        lambda: merkle.root_of([b"short"]),
        lambda: Tree([], Tree(leaves(5))).node(3, 0),
        lambda: tree.node(3, 0),
    ):
        with pytest.raises(UsageError):
            ask()
    with pytest.raises(IntegrityError):
        verify_consistency(0, 0, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)


def test_inclusion_vectors(shared: Path | None) -> None:
    for case, path in vectors(shared, "inclusion", 98, 92):
        proof = [raw(part) for part in case["proof"] or []]
        given_case = (raw(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, raw(case["root"]))
        assert holds(verify_inclusion, *given_case) is not case["wantErr"], path


def test_consistency_vectors(shared: Path | None) -> None:
    for case, path in vectors(shared, "consistency", 98, 92):
        proof = [raw(part) for part in case["proof"] or []]
        given_case = (case["size1"], case["size2"], proof, hash_sized(case["root1"]), hash_sized(case["root2"]))
        assert holds(verify_consistency, *given_case) is not case["wantErr"], path


def test_subtree_inclusion_vectors(shared: Path | None) -> None:
    """A leaf in a subtree is a leaf in a tree of its own."""
    for case, path in vectors(shared, "subtreeinclusion", 204, 192):
        start, end, proof = case["start"], case["end"], [raw(part) for part in case["proof"] or []]
        given_case = (raw(case["leafHash"]), case["leafIdx"] - start, end - start, proof, raw(case["root"]))
        assert (merkle.is_subtree(start, end) and holds(verify_inclusion, *given_case)) is not case["wantErr"], path


def test_subtree_consistency_vectors(shared: Path | None) -> None:
    """All but six: those hold an empty subtree to be in every tree, we refuse it as we refuse a size of 0."""
    empty = 0
    for case, path in vectors(shared, "subtreeconsistency", 118, 106):
        where, proof = (case["start"], case["end"], case["size"]), [raw(part) for part in case["proof"] or []]
        held = holds(merkle.verify_subtree, where, proof, hash_sized(case["root1"]), hash_sized(case["root2"]))
        if where[0] == where[1] and not case["wantErr"]:
            empty += 1
            assert not held, path
        else:
            assert held is not case["wantErr"], path
    assert empty in (0, 6)


def vectors(shared: Path | None, kind: str, count: int, refused: int) -> list[tuple[dict[str, Any], Path]]:
    """All vectors of a kind, counted; alone, the project's own of the same form."""
    if shared is None:
        return made(kind)
    paths = sorted((shared / "vectors/merkle/testdata" / kind).rglob("*.json"))
    found = [(json.loads(path.read_text()), path) for path in paths]
    assert (len(found), sum(case["wantErr"] for case, _ in found)) == (count, refused)
    return found


def made(kind: str) -> list[tuple[dict[str, Any], Path]]:
    """Small vectors of the same form, for the project alone: one that holds, and what a slip makes of it."""

    def text(data: bytes) -> str:
        return base64.b64encode(data).decode()

    tree = Tree(leaves(13))
    if kind.endswith("inclusion"):
        start = 8 if kind.startswith("subtree") else 0
        part = Tree(leaves(13)[start:12])
        case = {"start": start, "end": 12, "treeSize": 12, "leafIdx": 10, "leafHash": text(leaves(11)[10])}
        case |= {"root": text(part.root()), "proof": [text(one) for one in part.inclusion(10 - start)], "wantErr": False}
        slips = [{"leafIdx": 9}, {"root": text(tree.root())}, {"proof": None}, {"end": 10, "treeSize": 11}]
    else:
        case = {"start": 0, "end": 12, "size": 13, "size1": 12, "size2": 13, "root1": text(tree.root(12)), "root2": text(tree.root())}
        case |= {"proof": [text(one) for one in tree.consistency(12)], "wantErr": False}
        slips = [{"end": 11, "size1": 11}, {"root1": text(tree.root())}, {"proof": None}, {"end": 0, "size": 0, "size1": 0, "size2": 0}]
    return [(case | slip, Path(f"{kind} {number}")) for number, slip in enumerate([{}, *({"wantErr": True, **one} for one in slips)])]


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
