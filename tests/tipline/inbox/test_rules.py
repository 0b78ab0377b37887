"""Titles, ages, marks."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipline.inbox import rules
from tipline.inbox.rules import Mark


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("\n\n  He showed me\ta table.  \nMore.", "He showed me a table."),
        ("", "A tip without words"),
        ("\x00\u202e\n", "A tip without words"),
        ("word " * 40, "word " * 17 + "word…"),
        ("x" * 200, "x" * 90 + "…"),
    ],
)
def test_a_title_is_the_first_words(text: str, title: str) -> None:
    assert rules.title_of(text) == title


@given(st.text())
def test_a_title_is_one_short_printable_line(text: str) -> None:
    title = rules.title_of(text)
    assert 0 < len(title) <= rules.TITLE_LENGTH + 1
    assert title.isprintable()


def test_ages_are_told_by_the_day() -> None:
    assert [rules.age(date(2026, 11, day), date(2026, 11, 22)) for day in (23, 22, 21, 1)] == ["today", "today", "1 d", "21 d"]


def test_numbers_beyond_9999_come_after() -> None:
    assert max(["TIP-2026-9999", "TIP-2026-10000"], key=rules.number_key) == "TIP-2026-10000"


def test_marks_that_need_a_look_come_first_and_once() -> None:
    marks = [Mark("Insider"), Mark("Indicator", "warn"), Mark("Named .pdf, is ZIP", "bad"), Mark("Indicator", "warn")]
    assert [mark.word for mark in rules.order_marks(marks)] == ["Named .pdf, is ZIP", "Indicator", "Insider"]


def test_typed_words_keep_their_lines_and_lose_the_rest() -> None:
    assert rules.clean_words("  One\r\nTwo\rThree\x00 \n") == "One\nTwo\nThree"
    assert rules.clean_label("  two \t words\n") == "two words"
    assert rules.clean_label("x" * 100) == "x" * rules.LABEL_LENGTH
