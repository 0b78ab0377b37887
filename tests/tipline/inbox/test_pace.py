"""What keeps lists fast at 100,000 tips, on plans and not on clocks: few rows are asked, and look-ups go by the few, not by the program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, Select, event, func, select

from tests.tipline.desk_house import Desk
from tipline import access
from tipline.actor import Actor
from tipline.cases import services as cases
from tipline.cases.services import OpenCase, PutTip
from tipline.exhibits import checkouts, listing
from tipline.exhibits.listing import list_exhibits
from tipline.inbox import finding
from tipline.inbox.filters import Term, where
from tipline.models.cases import Link
from tipline.models.custody import Exhibit
from tipline.models.programs import ProgramWrap
from tipline.models.tips import Tip
from tipline.work import Work


def count_one_by_one(work: Work, actor: Actor) -> int:
    return work.session.scalar(select(func.count()).select_from(Tip).where(access.sees(actor, Tip))) or 0


def test_all_tips_are_those_that_the_person_sees_whatever_is_hidden(desk: Desk) -> None:
    numbers = desk.add_tips(5)
    with desk.acting() as (work, actor):
        case = cases.open_case(work, actor, OpenCase(desk.installation.program_id, "Closed to counsel"))
        cases.put_tip(work, actor, PutTip(numbers[0], case.number))
        case.access = access.MEMBERS
    totals = {}
    for role in ("investigator", "counsel"):
        with desk.acting(role, write=False) as (work, actor):
            totals[role] = finding.count_all(work, actor)
            assert totals[role] == count_one_by_one(work, actor)
    assert totals["investigator"] == totals["counsel"] + 1
    with desk.installation.work() as work:
        person = desk.installation.people["counsel"].staff_id
        work.session.delete(work.session.get_one(ProgramWrap, (desk.installation.program_id, person)))
    with desk.acting("counsel", write=False) as (work, actor):
        assert finding.count_all(work, actor) == 0


def plans_of(work: Work, act: Callable[[], object], about: str = "FROM exhibit") -> list[str]:
    """How SQLite answers each query about exhibits, or about something else, that runs meanwhile."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    engine = work.session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    connection = work.session.connection()
    queries = [one for one in asked if about in one[0]]
    return [
        "\n".join(str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values)) for query, values in queries
    ]


@pytest.mark.parametrize("everything", [False, True])
def test_lists_of_exhibits_come_from_an_index_in_their_order(desk: Desk, everything: bool) -> None:
    with desk.acting(write=False) as (work, actor):
        plan = plans_of(work, lambda: list_exhibits(work, actor, listing.Filters(everything)))[0]
    assert f"COVERING INDEX {'ix_exhibit_stored' if everything else 'ix_exhibit_numbered'} (program_id=?)" in plan


def test_look_ups_begin_with_the_few_and_not_with_all_of_a_program(desk: Desk) -> None:
    with desk.acting(write=False) as (work, actor):
        plans = plans_of(work, lambda: checkouts.count_overdue(work, actor))
        plans += plans_of(work, lambda: list_exhibits(work, actor, listing.Filters(everything=True, only="late")))
        of_case = select(Exhibit.id).where(Exhibit.case_id == "x", access.sees(actor, Exhibit))
        plans += plans_of(work, lambda: work.session.scalars(of_case).all())
    assert ["INDEX ix_checkout_out" in plan for plan in plans[:2]] == [True, True]
    assert "INDEX ix_exhibit_case_id (case_id=?)" in plans[-1].splitlines()[0]
    assert not any("ix_exhibit_stored" in plan for plan in plans)


def test_an_exhibit_list_by_what_few_have_shows_the_same_rows(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"a.txt": b"a"}))[1]
    with desk.acting() as (work, actor):
        work.session.get_one(Exhibit, file.id).custodian_id = actor.staff_id
    with desk.acting(write=False) as (work, actor):
        found = {only: [row.id for row in list_exhibits(work, actor, listing.Filters(True, only=only))[0]] for only in listing.NARROWED}
    assert found == {"hold": [], "mine": [file.id], "out": [], "late": []}


def test_a_condition_leaves_out_programs_that_are_not_held_on_both_ways(desk: Desk) -> None:
    desk.add_tips(1)
    with desk.acting(write=False) as (work, actor):
        queries: list[Select[Any]] = [select(Tip.number).where(access.sees(actor, Tip, by_program=one)) for one in (False, True)]
        seen = [sorted(work.session.scalars(query)) for query in queries]
        assert seen[0] == seen[1] != []
        keyless = replace(actor, keyring=replace(actor.keyring, wraps={}))
        queries = [select(Tip.number).where(access.sees(keyless, Tip, by_program=one)) for one in (False, True)]
        assert [list(work.session.scalars(query)) for query in queries] == [[], []]


def test_a_page_of_many_linked_tips_is_met_along_the_list_and_shows_the_same(desk: Desk) -> None:
    """Where few fit, each is looked up; where many do, the list is walked in its order, on both without a tip more or less."""
    numbers = desk.add_tips(6)
    with desk.acting() as (work, actor):
        ids = list(work.session.scalars(select(Tip.id).where(Tip.number.in_(numbers)).order_by(Tip.number)))
        for first, second in (ids[:2], ids[2:4]):
            ends = {"from_kind": "tip", "from_id": first, "to_kind": "tip", "to_id": second}
            work.session.add(
                Link(program_id=desk.installation.program_id, kind="same_template", state="suggested", made_at=work.now(), **ends)
            )
    for term in (Term("link", ("some",)), Term("link", ("some",), negated=True)):
        filters = where(term)
        with desk.acting(write=False) as (work, actor):
            who = finding.asker(work, actor)
            few, many = (
                list(work.session.scalars(finding.page_ids(replace(who, many_fit=fit), filters, None, 9))) for fit in (False, True)
            )
            walked = work.session.connection(), finding.page_ids(replace(who, many_fit=True), filters, None, 9)
            plan = _plan(*walked)
        assert few == many
        assert set(ids[:4]) <= set(few) if not term.negated else set(few) == set(ids[4:])
        assert "ix_tip_inbox" in plan


def test_no_tip_is_counted_for_programs_of_others_that_are_not_there(desk: Desk) -> None:
    """PostgreSQL otherwise starts helpers to join nothing with every tip."""
    with desk.acting(write=False) as (work, actor):
        plans = plans_of(work, lambda: finding.count_all(work, actor), "FROM tip")
    assert any("CORRELATED SCALAR SUBQUERY" in plan for plan in plans)


def _plan(connection: Connection, query: Select[Any]) -> str:
    compiled = query.compile(connection, compile_kwargs={"render_postcompile": True})
    values = tuple(compiled.params[name] for name in compiled.positiontup or ())
    return "\n".join(str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values))
