"""How a search is read: whatever is typed, it is words to look for and never syntax."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlcipher3 import dbapi2

from tipline.search import rules
from tipline.search.rules import CLOSE, OPEN, Query, Segment, Term, parse
from tipline.search.words import Span, Text, Words

DAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def words() -> Words:
    made = Words(dbapi2.connect(":memory:", isolation_level=None))
    made.create()
    made.put("tip:a", [Text("tip:a", "a", "tip", "a", DAY, "TIP-1", "to whom it may concern: NEAR(x y), name: kind AND tip OR words*")])
    return made


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab\"*-:(){}^+'“”\\\0 NEARANDOTkindé\n,"), max_size=40))
def test_whatever_is_typed_is_no_syntax(words: Words, typed: str) -> None:
    query = Query(typed)
    if not query.fault():
        words.newest(query.match(), Span(), 5)
        words.best(query.match(), Span(), 5)


def test_operators_and_columns_are_words_like_others(words: Words) -> None:
    for typed in ("AND", "name:", "kind", "NEAR(x", "words*", '"it may concern"', "con*"):
        assert words.newest(Query(typed).match(), Span(), 5), typed
    for typed in ("kind -tip", "letter", '"concern it"', "kind:letter"):
        assert not words.newest(Query(typed).match(), Span(), 5), typed


def test_what_is_typed_is_read_as_meant() -> None:
    assert parse('invoice "new  bank" -"news letter" -spam harr* a-b “typed so” - "open') == (
        Term("invoice"),
        Term("new bank", quoted=True),
        Term("news letter", excluded=True, quoted=True),
        Term("spam", excluded=True),
        Term("harr", begins=True),
        Term("a-b"),
        Term("typed so", quoted=True),
        Term("open", quoted=True),
    )
    assert parse('* - "" …') == ()


@pytest.mark.parametrize(
    ("one", "other", "away"),
    [("ledger", "ledger", 0), ("ledegr", "ledger", 1), ("ledge", "ledger", 1), ("lxdgxr", "ledger", 2), ("a", "xyz", 3)],
)
def test_distance(one: str, other: str, away: int) -> None:
    assert rules.distance(one, other, 3) == rules.distance(other, one, 3) == away


def test_a_correction_keeps_the_rest_of_the_search() -> None:
    query = Query('acountant "the ledger" -spam har*', kinds=("tip",), sort="newest")
    assert query.correct("acountant", "accountant") == Query('accountant "the ledger" -spam har*', kinds=("tip",), sort="newest")
    assert [term.text for term in query.plain()] == ["acountant"]


def test_marks_become_segments() -> None:
    marked = f"the {OPEN}ledger{CLOSE} of {OPEN}Ada{CLOSE}"
    assert rules.segments(marked) == (Segment("the "), Segment("ledger", True), Segment(" of "), Segment("Ada", True))
    assert rules.clean(f"a{OPEN}b\x00\u202ec\nd") == "a b  c\nd"


@given(st.text(min_size=1, max_size=900))
def test_a_long_text_is_cut_with_overlap_and_loses_nothing(text: str) -> None:
    pieces = rules.clip([text], 300)
    assert all(len(piece) <= 300 for piece in pieces)
    assert pieces[0] + "".join(piece[200:] for piece in pieces[1:]) == text
