"""Codes of letters: the example of the specification, what the database keeps, and what only a code opens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evidence
from evidence.errors import IntegrityError
from tipline.notices import codes
from tipline.notices.codes import Answer

SECRET = bytes(range(32))
ANSWER = Answer("Northfield Scripts", "2026-10", "the theft found in September 2026")
SPEC = (Path(evidence.__file__).parent / "SPEC.md").read_text()


def test_the_example_of_the_specification() -> None:
    section = re.search(r"### 3\.11 .*?(?=^## )", SPEC, re.S | re.M)
    assert section is not None
    letter = codes.letter_of(SECRET, 1)
    computed = {"bits": letter.bits.hex(), "code": letter.code, "words": " ".join(letter.words), "lookup": codes.lookup(letter.bits)}
    for name, value in computed.items():
        assert re.search(rf"^    {name} += {value}$", section[0], re.M), name


@given(st.binary(min_size=32, max_size=32), st.integers(1, 250_000))
def test_a_letter_opens_its_own_answer_and_no_other(secret: bytes, row: int) -> None:
    letter, other = codes.letter_of(secret, row), codes.letter_of(secret, row + 1)
    assert letter.bits != other.bits
    assert codes.bits_of(letter.code) == letter.bits
    answer = Answer(ANSWER.sender, ANSWER.month, ANSWER.incident, letter.words)
    sealed = codes.seal_answer(letter.bits, answer)
    assert codes.open_answer(letter.bits, sealed) == answer
    with pytest.raises(IntegrityError):
        codes.open_answer(other.bits, sealed)


def test_the_size_of_an_answer_does_not_tell_the_words() -> None:
    sizes = {len(codes.seal_answer(SECRET[:12], Answer("N", "2026-10", "x", words))) for words in (("a", "b"), ("a" * 9, "b" * 9))}
    assert sizes == {256 + 1 + 12 + 16}


def test_letters_and_words_are_all_different() -> None:
    letters = [codes.letter_of(SECRET, row) for row in range(1, 501)]
    assert len({letter.bits for letter in letters}) == 500
    assert len({letter.words for letter in letters}) > 490
    counted = [0] * 90
    for letter in letters:
        number = int.from_bytes(letter.bits, "big")
        assert number < 2**90
        for place in range(90):
            counted[place] += number >> place & 1
    assert all(175 < ones < 325 for ones in counted), "a bit of the codes is not random"


def test_what_is_no_code_is_looked_up_all_the_same() -> None:
    first, second = codes.bits_of("nonsense"), codes.bits_of("nonsense")
    assert len(first) == len(second) == codes.CODE_BYTES
    assert first != second


def test_nothing_secret_is_printed_by_accident() -> None:
    letter = codes.letter_of(SECRET, 1)
    assert "juiciness" not in repr(letter)
    assert letter.bits.hex() not in repr(letter)
