"""Brackets around what is hidden: nothing else of a source's words can be changed by who redacts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tipline.errors import BadInput
from tipline.inbox import marking

LETTERS = st.text(alphabet="ab []\n", max_size=40)


def test_marks_become_spans_and_back() -> None:
    spans = marking.spans_of("Maria works at Harrow.", "[[Maria]] works at [[Harrow]].")
    assert spans == [(0, 5), (15, 21)]
    assert marking.with_marks("Maria works at Harrow.", spans) == "[[Maria]] works at [[Harrow]]."
    assert marking.redacted("Maria works at Harrow.", spans) == "[redacted] works at [redacted]."


def test_what_is_hidden_has_one_length() -> None:
    assert len({marking.redacted(f"{name} left", [(0, len(name))]) for name in ("Al", "Alexandra Quartermaine")}) == 1


@pytest.mark.parametrize(
    "marked", ["", "Maria works at Harrow", "Maria works at Harrow..", "[[Mary]] works at Harrow.", "[[Maria works at Harrow.", "x"]
)
def test_other_words_or_open_brackets_are_refused(marked: str) -> None:
    with pytest.raises(BadInput):
        marking.spans_of("Maria works at Harrow.", marked)


def test_a_passage_is_hidden_wherever_it_stands_whole() -> None:
    text = "Maria  Lopez said so. maria\nlopez again; Marialopez and Maria alone are others."
    spans = marking.everywhere(text, [(0, 12)], ["Maria  Lopez"])
    assert marking.redacted(text, spans) == "[redacted] said so. [redacted] again; Marialopez and Maria alone are others."


@settings(max_examples=60, deadline=None)
@given(LETTERS, st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10)), max_size=3))
def test_any_words_survive_the_form_and_nothing_marked_is_left(text: str, cuts: list[tuple[int, int]]) -> None:
    text = marking.plain_ends(text)
    spans = marking.together([(start, min(start + length, len(text))) for start, length in cuts if start < len(text)])
    if "[" in text or "]" in text:  # brackets of the source's own may move a mark, never the words
        try:
            found = marking.spans_of(text, marking.with_marks(text, spans))
        except BadInput:
            return
        assert all(0 <= start < end <= len(text) for start, end in found)
        return
    found = marking.spans_of(text, marking.with_marks(text, spans).replace("\n", "\r\n"))
    assert found == spans
