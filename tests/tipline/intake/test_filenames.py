"""Names under which files are saved: ASCII, never a path, never hidden, with the ending that says what they are."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipline.intake.filenames import ascii_name


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_any_name_is_safe(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,112}", ascii_name(name))


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("How to be safe – guide.pdf", "How_to_be_safe_guide.pdf"),
        ("фото.jpg", "original.jpg"),
        ("фото", "original"),
        ("фото.", "original"),
        (".profile", "profile"),
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\a.txt", "a.txt"),
        ('a"b\r\n.txt', "a_b_.txt"),
        ("", "original"),
    ],
)
def test_names(name: str, saved: str) -> None:
    assert ascii_name(name) == saved
