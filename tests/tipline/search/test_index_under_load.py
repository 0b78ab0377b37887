"""The index file under load and damage: several processes at once lose nothing, a spoiled file is refused, no agreement is made up."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.keys import Identity
from tipline.actor import ProgramKeys
from tipline.errors import Unsound
from tipline.letters.indicators import find_indicators
from tipline.search.index import Fingerprint, Item, ProgramIndex, path_of

WORDS = "Write to clearing@harrow-desk.example and pay bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4 soon."
TIP, SAMPLE = ("tip", "t1"), ("sample", "s1")


def new_keys() -> ProgramKeys:
    return ProgramKeys("ab" * 16, Identity.generate(), secrets.token_bytes(32), secrets.token_bytes(32), secrets.token_hex(32))


@pytest.fixture
def keys() -> ProgramKeys:
    return new_keys()


def put_words(folder: Path, keys: ProgramKeys, *items: Item, words: str = WORDS) -> None:
    with ProgramIndex(folder, keys) as index:
        for item in items:
            index.put_text(item, find_indicators(words))


def test_another_key_opens_nothing_and_harms_nothing(tmp_path: Path, keys: ProgramKeys) -> None:
    put_words(tmp_path, keys, TIP)
    with pytest.raises(Unsound), ProgramIndex(tmp_path, replace(new_keys(), program_id=keys.program_id)):
        pass
    with ProgramIndex(tmp_path, keys) as index:
        assert index.corpus() == 1


@pytest.mark.parametrize("spoil", ["cut", "flipped", "foreign"])
def test_a_damaged_file_is_refused_in_words(tmp_path: Path, keys: ProgramKeys, spoil: str) -> None:
    put_words(tmp_path, keys, TIP)
    path = path_of(tmp_path, keys.program_id)
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes({"cut": bytes(data[:4000]), "flipped": bytes(data), "foreign": b"SQLite format 3\0" + bytes(4080)}[spoil])
    with pytest.raises(Unsound, match="does not open"), ProgramIndex(tmp_path, keys):
        pass


def test_several_at_once_lose_nothing(tmp_path: Path, keys: ProgramKeys) -> None:
    items = [("tip", f"t{number}") for number in range(24)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda item: put_words(tmp_path, keys, item), items))
    with ProgramIndex(tmp_path, keys) as index:
        assert index.corpus() == 24
        assert index.frequency("email", "clearing@harrow-desk.example") == 24


pairs = st.sets(st.tuples(st.sampled_from(["ssn", "email", "name_birth"]), st.integers(0, 8)), max_size=12)


@settings(max_examples=25, deadline=None)
@given(theirs=pairs, ours=pairs)
def test_an_agreement_is_exactly_what_both_have(
    tmp_path_factory: pytest.TempPathFactory, theirs: set[tuple[str, int]], ours: set[tuple[str, int]]
) -> None:
    def prints(people: set[tuple[str, int]], place: str) -> list[Fingerprint]:
        # as an HMAC of kind and value: two kinds never give the same
        return [Fingerprint(kind.encode().ljust(16) + number.to_bytes(16, "big"), kind, place, "line 1") for kind, number in people]

    keys = new_keys()
    with ProgramIndex(tmp_path_factory.mktemp("index"), keys) as index:
        index.put_people(SAMPLE, prints(theirs, "1"))
        index.put_people(TIP, prints(ours, "e1:0"))
        found = {kind for one in index.agreements(TIP) for kind in one.kinds}
    assert found == {kind for kind, _ in theirs & ours}
