"""Strict JSON and base64url: one spelling each, everything ambiguous refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import canonical
from evidence.errors import FormatError
from evidence.hashing import digest, parse_digest

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12)


@given(VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert canonical.decode(canonical.encode(value)) == value
    assert json.loads(canonical.encode(value)) == value


@given(VALUES)
def test_writing_what_was_read_gives_the_same_bytes(value: Any) -> None:
    data = canonical.encode(value)
    assert canonical.encode(canonical.decode(data)) == data


def test_the_example_of_the_spec() -> None:
    assert canonical.encode(["ZEs5C2YDPr9Yhagryu1zyA", "name_shown", "Müller.txt"]).decode() == (
        '["ZEs5C2YDPr9Yhagryu1zyA","name_shown","Müller.txt"]'
    )


@pytest.mark.parametrize(
    "data",
    [
        b"1.0", b"1e3", b"-0", b"NaN", b"Infinity", b"9007199254740992", b"-9007199254740992", b"123456789012345678901",
        b'{"a":1,"a":2}', b'{"a":{"b":1,"b":1}}', b'"\\ud800"', b'["\\udfff\\ud800"]', b'{"\\ud800":1}', b'"\xff"', b"\xef\xbb\xbf1", b"",
        b"[1", b"[1]x", b"'a'", b"[" * 100_000,
    ],
)  # fmt: skip
def test_it_refuses_what_two_readers_could_read_differently(data: bytes) -> None:
    with pytest.raises(FormatError):
        canonical.decode(data)


@pytest.mark.parametrize("value", [1.5, 2**53, -(2**53), "\ud800", {"\ud800": 1}, {1: 2}, b"bytes", {1, 2}, float("nan"), [object()]])
def test_it_writes_nothing_that_it_would_not_read(value: Any) -> None:
    with pytest.raises(FormatError):
        canonical.encode(value)


@given(st.integers(0, 40).flatmap(lambda length: st.lists(st.binary(min_size=length, max_size=length), max_size=8)))
def test_several_of_one_length_read_as_each_by_itself(parts: list[bytes]) -> None:
    assert canonical.b64urls(parts) == [canonical.b64url(part) for part in parts]


def test_several_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        canonical.b64urls([b"a", b"bc"])


@given(st.binary())
def test_base64url_has_one_spelling(data: bytes) -> None:
    text = canonical.b64url(data)
    assert canonical.unb64url(text) == data
    assert not set(text) & set("+/=")


@pytest.mark.parametrize("text", ["A", "AB", "AAB", "AA==", "AA=", "A A", "AA\n", "+/8", "ä", "AAAA="])
def test_it_refuses_other_spellings_of_base64url(text: str) -> None:
    with pytest.raises(FormatError):
        canonical.unb64url(text)


def test_it_writes_digests_in_one_way() -> None:
    assert digest(b"abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert parse_digest(digest(b"abc")).hex() == digest(b"abc")[7:]


@pytest.mark.parametrize("text", ["", "sha256:", f"sha256:{'A' * 64}", f"sha256:{'a' * 63}", f"sha1:{'a' * 64}", f"sha256:{'a' * 64}\n"])
def test_it_refuses_other_digests(text: str) -> None:
    with pytest.raises(FormatError):
        parse_digest(text)
