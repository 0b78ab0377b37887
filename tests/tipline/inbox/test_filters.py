"""Filters as they stand in an address: read back as they were written, said in words, changed by links."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipline.inbox import filters as terms
from tipline.inbox.filters import PLAIN, Filters, Term, add, chips, parse_filters, parse_term, say

STAFF = "0123456789abcdef0123456789abcdef"
VALUES = {field: list(words) for field, words in terms.WORDS.items()}
VALUES |= {"assignee": ["me", "nobody", STAFF], "label": ["none", STAFF], "case": ["none", "some", "NS-2026-0007"]}


def some_term(field: str) -> st.SearchStrategy[Term]:
    most = 1 if field == "received" else 3
    values = st.lists(st.sampled_from(VALUES[field]), min_size=1, max_size=most, unique=True).map(tuple)
    return st.builds(Term, st.just(field), values, st.booleans())


a_term = st.sampled_from(terms.FIELDS).flatmap(some_term)
a_group = st.lists(a_term, min_size=1, max_size=4, unique=True).map(tuple)
some_filters = st.builds(Filters, st.lists(a_group, max_size=3).map(tuple), st.sampled_from(list(terms.ORDERS)))


@given(some_filters)
def test_filters_survive_their_address(filters: Filters) -> None:
    assert parse_filters(filters.query()) == filters


@given(st.dictionaries(st.sampled_from(["f", "order"]), st.lists(st.text(max_size=60) | st.just("or") | st.just("all"), max_size=20)))
def test_any_address_gives_filters_that_stay_the_same(values: dict[str, list[str]]) -> None:
    filters = parse_filters(values)
    assert len(filters.terms) <= terms.MOST_TERMS
    assert parse_filters(filters.query()) == filters


@pytest.mark.parametrize(
    "text", ["state:is:stolen", "state:is:", "state::new", "colour:is:red", "assignee:is:<script>", "received:is:-1", "or"]
)
def test_what_a_stranger_put_into_the_address_is_left_out(text: str) -> None:
    assert parse_term(text) is None
    assert parse_filters({"f": [text]}) == Filters()


def test_the_plain_inbox_leaves_out_junk_and_its_address_says_nothing() -> None:
    assert Filters().query() == {}
    assert [(chip.name, chip.words) for chip in chips(Filters(), {})] == [("state is not", "Junk")]
    assert chips(Filters(), {})[0].without.query() == {"f": ["all"]}


def test_chips_say_the_query_take_themselves_away_turn_round_and_join_otherwise() -> None:
    waiting, mine, late = Term("state", ("new", "waiting")), Term("assignee", ("me", STAFF, "nobody"), True), Term("due", ("overdue",))
    found = chips(Filters(((waiting, mine), (late,))), {STAFF: "T. Brandt"})
    assert [(chip.name, chip.words, chip.join) for chip in found] == [
        ("state is", "New or Waiting", "and"),
        ("assignee is not", "me, T. Brandt or nobody", "or"),
        ("due", "overdue", ""),
    ]
    assert found[2].without == Filters(((waiting, mine),))
    assert found[1].turned == Filters(((waiting, replace(mine, negated=False)), (late,)))
    assert found[0].rejoined == Filters(((waiting,), (mine,), (late,)))
    assert found[1].rejoined == Filters(((waiting, mine, late),))
    assert say(Filters(((waiting,), (late,))), {}) == "state is New or Waiting or due overdue"


def test_what_is_added_joins_the_last_group_or_begins_one() -> None:
    new, high, low = Term("state", ("new",)), Term("priority", ("high",)), Term("priority", ("low",))
    assert add(Filters(), high, "and").groups == ((*PLAIN[0], high),)
    assert add(Filters(), new, "and").groups == ((new,),)  # "not junk" would only stand in its way
    assert add(Filters(((new, high),)), low, "and").groups == ((new, Term("priority", ("high", "low"))),)
    assert add(Filters(((new,),)), low, "or").groups == ((new,), (low,))
    full = Filters(tuple((new,) for _ in range(terms.MOST_TERMS)))
    assert add(full, low, "or") == full
