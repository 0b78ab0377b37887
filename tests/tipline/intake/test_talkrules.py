"""The rules of a conversation: words for its states, answers that are read back, pages that take no more than fits."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipline.intake import talkrules
from tipline.intake.talkrules import PAGE_WEIGHT, RATHER_NOT, answer_text, clean_options, fitting, read_answer, status
from tipline.intake.told import Question

LINE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=60)
DAY = date(2026, 11, 22)


@given(st.builds(Question, LINE, st.lists(LINE, min_size=2, max_size=8).map(tuple)), st.integers(-2, 10))
def test_an_answer_is_read_back_as_it_was_chosen(question: Question, choice: int) -> None:
    text = answer_text(question, DAY, choice)
    options = (*question.options, RATHER_NOT)
    if not 0 <= choice < len(options):
        assert text is None
        return
    assert text == f"Question of 2026-11-22: {question.text}\n\nAnswer: {options[choice]}\n"
    assert read_answer(text) == options[choice]


@given(st.text())
def test_other_words_are_shown_whole(text: str) -> None:
    assert read_answer(text) == text


@given(st.lists(st.integers(1, 2 * PAGE_WEIGHT), max_size=100))
def test_a_page_takes_what_fits_and_always_one(weights: list[int]) -> None:
    count = fitting(weights)
    assert min(1, len(weights)) <= count <= min(len(weights), talkrules.MESSAGES_ON_PAGE)
    assert count <= 1 or sum(weights[:count]) <= PAGE_WEIGHT
    if count < min(len(weights), talkrules.MESSAGES_ON_PAGE):
        assert sum(weights[: count + 1]) > PAGE_WEIGHT


def test_offered_answers_are_said_once_and_never_what_is_always_there() -> None:
    assert clean_options([" Yes ", "No", "", "Yes", "i would rather NOT say"]) == ("Yes", "No")


@pytest.mark.parametrize(
    ("state", "talk", "last_word", "answered", "heading"),
    [
        ("new", "open", False, False, "Your tip has not been read yet"),
        ("new", "open", False, True, "We have read your tip"),
        ("working", "open", False, True, "An investigator is working on it"),
        ("working", "open", True, True, "We have written to you"),
        ("waiting", "open", False, True, "We have written to you"),
        ("junk", "open", False, False, "We have read your tip"),
        ("working", "paused", True, True, "The investigators have paused this conversation"),
        ("closed", "closed", False, True, "The investigators have closed this conversation"),
        ("new", "withdrawn", False, False, "You have withdrawn from this conversation"),
    ],
)
def test_each_state_has_its_words(state: str, talk: str, last_word: bool, answered: bool, heading: str) -> None:
    assert status(state, talk, last_word=last_word, answered=answered).heading == heading
