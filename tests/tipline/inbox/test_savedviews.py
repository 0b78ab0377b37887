"""Saved views: sealed names, private or shared, counted in the rail in a fixed number of queries; and who has how much."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.tipline.desk_house import Desk
from tipline.errors import BadInput, Forbidden, NotFound
from tipline.inbox import savedviews, workload
from tipline.inbox.filters import Filters, Term, where
from tipline.inbox.finding import Place
from tipline.inbox.queries import PAGE, list_tips
from tipline.inbox.railcounts import SECONDS, RailCounts
from tipline.inbox.savedviews import ChangeView, SaveView
from tipline.models.desk import SavedView
from tipline.models.programs import ProgramWrap
from tipline.models.tips import Tip

MINE = where(Term("assignee", ("me",)), Term("state", ("waiting",)))


def keep(desk: Desk, name: str, filters: Filters, *, shared: bool = False, role: str = "investigator") -> str:
    with desk.acting(role) as (work, actor):
        return savedviews.save(work, actor, SaveView(name, filters, shared)).id


def rail(desk: Desk, role: str = "investigator") -> list[tuple[str, str]]:
    with desk.acting(role, write=False) as (work, actor):
        return [(one.view.name, one.count) for one in savedviews.count_views(work, actor, RailCounts())]


def test_views_are_sealed_counted_for_who_looks_and_shared_where_that_was_said(desk: Desk) -> None:
    numbers = desk.add_tips(3)
    keep(desk, "Mine-canary, waiting", MINE)
    keep(desk, "All new", where(Term("state", ("new",)), order="oldest"), shared=True)
    with desk.installation.work() as work:
        tip = work.session.scalars(select(Tip).where(Tip.number == numbers[0])).one()
        tip.assignee_id, tip.state = desk.installation.people["investigator"].staff_id, "waiting"
    assert rail(desk) == [("Mine-canary, waiting", "1"), ("All new", "2")]
    assert rail(desk, "counsel") == [("All new", "2")]
    assert b"Mine-canary" not in desk.everything_stored()
    with desk.acting(write=False) as (work, actor):
        assert [view.filters for view in savedviews.list_views(work, actor)] == [MINE, where(Term("state", ("new",)), order="oldest")]


def test_a_count_stops_where_nobody_reads_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(savedviews, "MOST_COUNTED", 2)
    desk.add_tips(4)
    keep(desk, "All", Filters(()))
    assert rail(desk) == [("All", "2+")]


def test_the_rail_costs_two_queries_however_many_views(desk: Desk) -> None:
    def look() -> None:
        rail(desk)

    keep(desk, "One", Filters())
    few = desk.queries(look)
    for number in range(savedviews.IN_RAIL + 3):
        keep(desk, f"Another {number}", where(Term("priority", ("high",)), Term("label", ("none",)), Term("read", ("unread",))))
    assert desk.queries(look) == few
    assert len(rail(desk)) == savedviews.IN_RAIL


def test_counts_are_kept_for_seconds_and_made_anew_after_an_act(desk: Desk) -> None:
    (number,) = desk.add_tips(1)
    keep(desk, "All new", where(Term("state", ("new",))))
    browser = desk.client()
    browser.get("/inbox")
    desk.change(Tip, desk.tip(number).id, state="closed")
    assert 'All new <span class="n">1</span>' in browser.get("/cases").text
    browser.post("/bulk", data={"tip": number, "act": "priority:high"})
    assert 'All new <span class="n">0</span>' in browser.get("/cases").text
    now = [100.0]
    counts = RailCounts(lambda: now[0])
    counts.put("one", {"a": 3})
    assert (counts.get("one", ["a"]), counts.get("another", ["a"]), counts.get("one", ["a", "b"])) == ({"a": 3}, None, None)
    now[0] += SECONDS
    assert counts.get("one", ["a"]) is None


def test_only_who_made_a_view_changes_it(desk: Desk) -> None:
    view = keep(desk, "All new", Filters(), shared=True)
    private = keep(desk, "Private", Filters())
    with desk.acting("counsel") as (work, actor):
        with pytest.raises(Forbidden):
            savedviews.change(work, actor, ChangeView(view, "Theirs", shared=False))
        with pytest.raises(Forbidden):
            savedviews.remove(work, actor, view)
        with pytest.raises(NotFound):
            savedviews.remove(work, actor, private)
    with desk.acting() as (work, actor), pytest.raises(BadInput):
        savedviews.change(work, actor, ChangeView(view, " \t", shared=False))
    with desk.acting() as (work, actor):
        savedviews.change(work, actor, ChangeView(private, "First", shared=False, move=-1))
    assert [name for name, _ in rail(desk)] == ["First", "All new"]
    with desk.acting() as (work, actor):
        savedviews.remove(work, actor, view)
    assert [name for name, _ in rail(desk)] == ["First"]


def test_a_view_goes_with_the_key_of_its_program_and_an_administrator_has_none(desk: Desk) -> None:
    keep(desk, "All new", Filters(), role="counsel")
    with desk.installation.work() as work:
        person = desk.installation.people["counsel"].staff_id
        work.session.delete(work.session.get_one(ProgramWrap, (desk.installation.program_id, person)))
    assert rail(desk, "counsel") == []
    with desk.acting("administrator") as (work, actor), pytest.raises(Forbidden):
        savedviews.save(work, actor, SaveView("x", Filters()))
    with desk.installation.work(write=False) as work:
        assert len(list(work.session.scalars(select(SavedView)))) == 1


def test_the_pages_keep_change_and_remove_a_view_and_its_name_stands_in_no_address(desk: Desk) -> None:
    desk.add_tips(2)
    browser = desk.client()
    saved = browser.post("/views", data={"name": "Canary view", "f": ["state:is:new"], "order": "oldest"})
    assert saved.status_code == 303
    assert "anary" not in saved.location
    page = browser.get(saved.location).text
    assert 'aria-current="page">Canary view <span class="n">2</span>' in page
    view = saved.location.partition("view=")[2].partition("&")[0]
    assert browser.post("/views", data={"name": " "}).status_code == 422
    assert browser.post(f"/views/{view}", data={"name": "", "act": "save"}).status_code == 422
    assert browser.post(f"/views/{view}", data={"name": "New name", "act": "save", "shared": "1"}).status_code == 303
    assert "New name" in desk.client("counsel").get("/views").text
    assert browser.post(f"/views/{view}", data={"act": "remove"}).status_code == 303
    assert "No saved view yet" in browser.get("/views").text


# the list and the pane


def test_pages_go_forth_and_back_and_the_open_tip_keeps_its_place(desk: Desk) -> None:
    numbers = sorted(desk.add_tips(2 * PAGE + 3, due_on=None), reverse=True)
    with desk.acting(write=False) as (work, actor):
        second = list_tips(work, actor, Filters(), Place(after=numbers[PAGE - 1]))
        first = list_tips(work, actor, Filters(), Place(before=second.previous))
        third = list_tips(work, actor, Filters(), Place(after=second.following))
    assert [row.number for row in first.rows + second.rows + third.rows] == numbers
    assert (first.previous, third.following) == (None, None)
    browser = desk.client()
    last = numbers[PAGE - 1]
    page = browser.get(f"/inbox?tip={last}").text
    assert f'rel="next" href="/inbox?after={last}&amp;tip={numbers[PAGE]}#open"' in page
    assert f'rel="prev" href="/inbox?tip={numbers[PAGE - 2]}#open"' in page
    onward = browser.get(f"/inbox?after={last}&tip={numbers[PAGE]}").text
    assert f'rel="prev" href="/inbox?before={numbers[PAGE]}&amp;tip={last}#open"' in onward
    browser.post(f"/bulk?f=state:is:new&tip={numbers[3]}", data={"tip": numbers[3], "act": "close"})
    gone = browser.get(f"/inbox?f=state:is:new&tip={numbers[3]}").text  # it does not fit any more, and its place is kept
    assert f'rel="next" href="/inbox?f=state:is:new&amp;tip={numbers[4]}#open"' in gone
    assert f'rel="prev" href="/inbox?f=state:is:new&amp;tip={numbers[2]}#open"' in gone


@pytest.mark.parametrize("order", ["due", "priority", "oldest", "newest"])
def test_each_order_shows_each_tip_once_over_its_pages(desk: Desk, order: str) -> None:
    desk.add_tips(PAGE + 8)
    with desk.installation.work() as work:
        today = work.today()
        for at, tip in enumerate(work.session.scalars(select(Tip))):
            tip.due_on = today + timedelta(days=at % 3) if at % 4 else None
            tip.priority = at % 3 - 1
    filters = Filters(order=order)
    with desk.acting(write=False) as (work, actor):
        first = list_tips(work, actor, filters)
        rest = list_tips(work, actor, filters, Place(after=first.following)) if first.following else None
    rows = first.rows + (rest.rows if rest else [])
    assert len({row.number for row in rows}) == len(rows) == first.matching
    keys = {
        "due": [(row.due_on, row.number) for row in rows],
        "priority": [(-row.priority,) for row in rows],
        "oldest": [row.number for row in rows],
        "newest": [tuple(-ord(letter) for letter in row.number) for row in rows],
    }
    assert keys[order] == sorted(keys[order])


def test_reading_beside_the_list_is_reading(desk: Desk) -> None:
    number = desk.send("He showed me a table.\nI took a picture.")
    browser = desk.client()
    page = browser.get(f"/inbox?tip={number}")
    assert "I took a picture." in page.text
    assert desk.kinds(desk.exhibits(number)[0].id) == ["ACQUIRED", "EXAMINED", "VIEWED"]
    assert f'<tr class="unread" data-row="{number}"' not in browser.get("/inbox").text
    assert browser.get("/inbox?tip=TIP-2026-9999").status_code == 404


def test_what_a_form_adds_goes_into_the_address(desk: Desk) -> None:
    browser = desk.client()
    added = browser.get("/inbox/filter?f=state:is:new&join=or&op-priority=is&v-priority=high&op-assignee=not&v-assignee=me&v-label=%3Cb%3E")
    assert added.location == "/inbox?f=state:is:new&f=or&f=assignee:not:me&f=priority:is:high"
    assert desk.client("administrator").get("/inbox/filter").status_code == 403


# work-load


def test_the_work_load_says_who_has_how_much_how_old_and_how_late(desk: Desk) -> None:
    desk.add_tips(6)
    me = desk.installation.people["investigator"].staff_id
    with desk.installation.work() as work:
        today = work.today()
        rows = list(work.session.scalars(select(Tip).order_by(Tip.number)))
        for tip in rows[:4]:
            tip.assignee_id, tip.state = me, "working"
        rows[0].received_on, rows[1].received_on, rows[2].received_on = today, today - timedelta(days=5), today - timedelta(days=40)
        rows[0].due_on, rows[1].due_on = today - timedelta(days=1), today + timedelta(days=7)
        rows[3].state, rows[4].state = "closed", "junk"
    with desk.acting(write=False) as (work, actor):
        nobody, first, *others = workload.list_loads(work, actor)
    assert (nobody.name, nobody.open) == ("Nobody", 1)
    assert (first.name, first.open, first.states["working"]) == ("M. Okafor", 3, 3)
    assert (first.ages, first.oldest) == ((1, 1, 0, 1), today - timedelta(days=40))
    assert (first.overdue, first.week, {other.open for other in others}) == (1, 1, {0})
    assert all(load.overdue <= load.open for load in (nobody, first, *others))
    browser = desk.client()
    assert browser.get("/workload").status_code == 200
    with desk.acting(write=False) as (work, actor):
        assert list_tips(work, actor, first.links["overdue"]).matching == 1
        assert list_tips(work, actor, first.filters).matching == 3


def test_the_work_load_costs_the_same_queries_however_many_people_have_tips(desk: Desk) -> None:
    def look() -> None:
        with desk.acting(write=False) as (work, actor):
            workload.list_loads(work, actor)

    desk.add_tips(3)
    few = desk.queries(look)
    with desk.installation.work() as work:
        people = [person.staff_id for person in desk.installation.people.values()]
        for tip, who in zip(work.session.scalars(select(Tip)), people, strict=False):
            tip.assignee_id = who
    assert desk.queries(look) == few
