"""How a code is written and read: slips of the hand don't matter, a wrong character is always noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipline.notices import rules

BITS = st.integers(0, 2**90 - 1).map(lambda number: number.to_bytes(12, "big"))
PLACES = st.integers(0, rules.CHARACTERS - 1)
OTHER = st.integers(1, 31)


def characters(bits: bytes) -> list[str]:
    return list(rules.write_code(bits).replace("-", ""))


def wrong(typed: list[str], place: int, by: int) -> list[str]:
    """The characters with one of them changed to another."""
    value = (rules.ALPHABET.index(typed[place]) + by) % 32
    return [*typed[:place], rules.ALPHABET[value], *typed[place + 1 :]]


@given(BITS)
def test_a_code_is_read_back(bits: bytes) -> None:
    code = rules.write_code(bits)
    assert [len(group) for group in code.split("-")] == [4] * 5
    assert rules.read_code(code) == bits


@given(BITS, st.data())
def test_slips_of_the_hand_do_not_matter(bits: bytes, data: st.DataObject) -> None:
    typed = ""
    for letter in characters(bits):
        alike = {"0": "0Oo", "1": "1IiLl"}.get(letter, letter + letter.lower())
        typed += data.draw(st.sampled_from(alike)) + data.draw(st.sampled_from(["", "", " ", "-", " - ", "\u2013", "\t", "\u00a0"]))
    assert rules.read_code(f"  {typed} ") == bits


@given(BITS, PLACES)
def test_a_wrong_character_is_always_noticed(bits: bytes, place: int) -> None:
    typed = characters(bits)
    for by in range(1, 32):
        assert rules.read_code("".join(wrong(typed, place, by))) is None


@given(BITS, PLACES, PLACES, OTHER, OTHER)
def test_two_wrong_characters_are_always_noticed(bits: bytes, first: int, second: int, by: int, also: int) -> None:
    typed = wrong(characters(bits), first, by)
    if first != second:
        typed = wrong(typed, second, also)
    assert rules.read_code("".join(typed)) is None


@given(BITS, PLACES, PLACES)
def test_two_characters_that_changed_places_are_always_noticed(bits: bytes, first: int, second: int) -> None:
    typed = characters(bits)
    typed[first], typed[second] = typed[second], typed[first]
    assert (rules.read_code("".join(typed)) is None) == (typed != characters(bits))


@given(st.text(max_size=60))
def test_no_text_breaks_it(typed: str) -> None:
    bits = rules.read_code(typed)
    assert bits is None or rules.read_code(rules.write_code(bits)) == bits


@pytest.mark.parametrize("typed", ["", "-", "0", "U" * 20, "0" * 19, "0" * 21, "0" * 100_000, "ENZQ-MK4B-9FMV-48QN-ZF5\u00b5"])
def test_what_is_no_code(typed: str) -> None:
    assert rules.read_code(typed) is None


def test_control_words_are_compared_without_case_and_hyphen() -> None:
    assert rules.same_word(" Yo Yo ", "yo-yo")
    assert not rules.same_word("yoyos", "yo-yo")
    assert not rules.same_word("", "yo-yo")


@pytest.mark.parametrize(
    ("typed", "ranges"),
    [
        ("3", [(3, 3)]),
        (" 3, 7-9 ", [(3, 3), (7, 9)]),
        ("7 \u2013 9; 1", [(7, 9), (1, 1)]),
        ("1-10", [(1, 10)]),
        ("", []),
        ("0", []),
        ("11", []),
        ("9-7", []),
        ("3, x", []),
        ("3,,", []),
        ("-3", []),
        (",".join(["1"] * 201), []),
    ],
)
def test_rows_of_a_list(typed: str, ranges: list[tuple[int, int]]) -> None:
    assert rules.read_rows(typed, 10) == ranges
    assert rules.read_rows(rules.rows_words(ranges), 10) == ranges


def test_months() -> None:
    assert rules.read_month(" 2026-10 ") == "2026-10"
    assert rules.month_words("2026-10") == "October 2026"
    for typed in ("", "2026-13", "2026-1", "10-2026", "2026-10-01", "1999-10"):
        assert rules.read_month(typed) == ""
