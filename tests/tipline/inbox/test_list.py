"""The inbox's list: titles under seal, filters, pages, marks, and no query for each row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from tests.tipline.desk_house import Desk, archive, photo
from tests.tipline.intake.house import come_back, field_value, post_form
from tipline.config import Settings
from tipline.db import Database, upgrade
from tipline.errors import Forbidden
from tipline.inbox import replying
from tipline.inbox.filters import Filters, Term, where
from tipline.inbox.finding import Place
from tipline.inbox.queries import PAGE, Row, list_tips
from tipline.inbox.replying import Reply, SetTalk
from tipline.models.base import new_id
from tipline.models.cases import Link
from tipline.models.programs import ProgramWrap
from tipline.models.tips import Tip

WORDS = "He showed me a table of names and medicines on his screen.\nI took a picture."


def rows(desk: Desk, filters: Filters | None = None, after: str | None = None, role: str = "investigator") -> list[Row]:
    with desk.acting(role, write=False) as (work, actor):
        return list_tips(work, actor, filters or Filters(), Place(after)).rows


def test_the_first_to_open_the_inbox_gives_tips_their_titles_under_seal(desk: Desk) -> None:
    number = desk.send(WORDS)
    assert desk.tip(number).title is None
    assert [row.title for row in rows(desk)] == ["He showed me a table of names and medicines on his screen."]
    assert desk.tip(number).title is not None
    assert b"medicines on his screen" not in desk.everything_stored()


def test_a_title_that_stands_is_not_replaced(desk: Desk) -> None:
    number = desk.send(WORDS)
    rows(desk)
    before = desk.tip(number).title
    assert rows(desk, role="counsel")[0].title == rows(desk)[0].title
    assert desk.tip(number).title == before


def test_a_tip_that_was_not_examined_yet_has_no_title_and_opening_the_list_is_no_access(desk: Desk) -> None:
    number = desk.send(WORDS, examine=False)
    assert [row.title for row in rows(desk)] == [""]
    assert desk.kinds(desk.exhibits(number)[0].id) == ["ACQUIRED"]


def test_pages_show_each_tip_once_in_order(desk: Desk) -> None:
    numbers = desk.add_tips(2 * PAGE + 3)
    seen: list[str] = []
    after = None
    with desk.acting(write=False) as (work, actor):
        while True:
            page = list_tips(work, actor, Filters(), Place(after))
            assert (page.matching, page.total) == (len(numbers), len(numbers))
            seen += [row.number for row in page.rows]
            after = page.following
            if after is None:
                break
        oldest = list_tips(work, actor, Filters(order="oldest")).rows
    assert seen == sorted(numbers, reverse=True)
    assert [row.number for row in oldest] == sorted(numbers)[:PAGE]


def test_a_longer_number_comes_after_a_shorter_one(desk: Desk) -> None:
    desk.add_tips(2)
    with desk.installation.work() as work:
        first, second = work.session.scalars(select(Tip).order_by(Tip.number))
        first.number, second.number = "TIP-2025-9999", "TIP-2025-10000"
    assert [row.number for row in rows(desk)] == ["TIP-2025-10000", "TIP-2025-9999"]
    assert [row.number for row in rows(desk, after="TIP-2025-10000")] == ["TIP-2025-9999"]


def test_filters_by_state_assignee_and_day(desk: Desk) -> None:
    desk.add_tips(3)
    me = desk.installation.people["investigator"].staff_id
    with desk.installation.work() as work:
        mine, junk, fresh = work.session.scalars(select(Tip).order_by(Tip.number))
        mine.assignee_id, mine.state = me, "waiting"
        junk.state = "junk"
        fresh.received_on = datetime.now(UTC).date()

    def shown(*terms: Term) -> list[int]:
        return sorted(int(row.number[-1]) for row in rows(desk, where(*terms)))

    assert sorted(int(row.number[-1]) for row in rows(desk)) == [1, 3]
    assert shown(Term("state", ("junk",))) == [2]
    assert shown() == [1, 2, 3]
    assert shown(Term("assignee", ("me",))) == shown(Term("assignee", (me,))) == [1]
    assert shown(Term("assignee", ("nobody",))) == shown(Term("assignee", ("me",), True)) == [2, 3]
    assert shown(Term("assignee", ("me", "nobody"))) == [1, 2, 3]
    assert shown(Term("received", ("7",))) == [3]
    assert shown(Term("received", ("7",), True)) == [1, 2]
    either = Filters(((Term("state", ("junk",)),), (Term("assignee", ("me",)), Term("state", ("waiting",)))))
    assert sorted(int(row.number[-1]) for row in rows(desk, either)) == [1, 2]


def test_when_nothing_fits_it_says_which_filter_hides_most(desk: Desk) -> None:
    desk.add_tips(4, state="working", received_on=date(2025, 1, 1))
    with desk.acting(write=False) as (work, actor):
        page = list_tips(work, actor, where(Term("state", ("working",)), Term("received", ("7",))))
        assert page.hint is not None
        assert (page.hint.words, page.hint.count) == ("received last 7 days", 4)
        assert list_tips(work, actor, page.hint.without).matching == 4


def test_a_row_costs_no_query(desk: Desk) -> None:
    desk.send(WORDS, {"IMG.jpg": photo(), "list.pdf": archive()})
    rows(desk)

    def look() -> None:
        with desk.acting(write=False) as (work, actor):
            list_tips(work, actor, Filters())

    few = desk.queries(look)
    for position in range(4):
        desk.send(f"Tip {position}", {f"{position}.txt": b"text"})
    desk.add_tips(PAGE)
    rows(desk)
    assert desk.queries(look) == few


def test_marks_name_what_disagrees_what_identifies_and_what_is_suggested(desk: Desk) -> None:
    number = desk.send(WORDS, {"chat-export.pdf": archive(), "IMG.jpg": photo()})
    tip = desk.tip(number)
    with desk.installation.work() as work:
        work.session.add(
            Link(
                id=new_id(),
                program_id=tip.program_id,
                from_kind="exhibit",
                from_id=desk.exhibits(number)[1].id,
                to_kind="sample",
                to_id=new_id(),
                kind="contains_records",
                state="suggested",
                made_at=datetime.now(UTC),
            )
        )
    (row,) = rows(desk)
    assert row.files == 2
    assert [(mark.word, mark.kind) for mark in row.marks][:2] == [("Named .pdf, is ZIP", "bad"), ("Records of sample", "warn")]


def test_a_tip_is_unread_until_this_person_has_read_its_last_message(desk: Desk) -> None:
    number = desk.send(WORDS)
    assert [row.unread for row in rows(desk)] == [True]
    assert desk.client().get(f"/tips/{number}").status_code == 200
    assert [row.unread for row in rows(desk)] == [False]
    assert [row.unread for row in rows(desk, role="counsel")] == [True]
    with desk.acting() as (work, actor):
        replying.reply(work, actor, Reply(number, "Thank you."))
    assert [row.unread for row in rows(desk, role="counsel")] == [False]  # somebody has answered


def test_the_inbox_shows_where_the_source_wrote_since(desk: Desk) -> None:
    first, second = desk.send(WORDS), desk.send("Another tip.")
    since = where(Term("read", ("wrote",)))
    assert rows(desk, since) == []
    browser = desk.public.application.test_client()
    page = come_back(browser, desk.receipts[first])
    fields = {"draft": field_value(page, "draft"), "token": field_value(page, "token"), "what": "More."}
    post_form(browser, "/conversation/check", fields)
    assert [row.number for row in rows(desk, since)] == [row.number for row in rows(desk, since, role="counsel")] == [first]
    assert "Source wrote again" in [mark.word for mark in rows(desk, since)[0].marks]
    desk.client().get(f"/tips/{first}")
    assert rows(desk, since) == []
    with desk.acting() as (work, actor):
        replying.set_talk(work, actor, SetTalk(first, "paused", "Wait."))
    assert [row.number for row in rows(desk, since, role="counsel")] == [first]  # to be told of a pause is no answer
    with desk.acting() as (work, actor):
        replying.set_talk(work, actor, SetTalk(first, "open", "Go on."))
        replying.reply(work, actor, Reply(first, "Thank you."))
    assert rows(desk, since, role="counsel") == []
    assert second in {row.number for row in rows(desk)}


def test_both_databases_find_where_the_source_wrote_since(every_database: Settings, desk: Desk) -> None:
    every_database.data.mkdir(parents=True, exist_ok=True)
    upgrade(every_database.database)
    database = Database(every_database.database)
    with desk.acting(write=False) as (work, actor), database.session(write=False) as session:
        assert list_tips(replace(work, session=session), actor, where(Term("read", ("wrote",)))).rows == []
    database.dispose()


def test_without_the_program_key_the_inbox_is_empty(desk: Desk) -> None:
    desk.send(WORDS)
    with desk.installation.work() as work:
        person = desk.installation.people["counsel"].staff_id
        work.session.delete(work.session.get_one(ProgramWrap, (desk.installation.program_id, person)))
    with desk.acting("counsel", write=False) as (work, actor):
        page = list_tips(work, actor, Filters())
    assert (page.rows, page.total) == ([], 0)


def test_an_administrator_reads_no_tips(desk: Desk) -> None:
    with desk.acting("administrator", write=False) as (work, actor), pytest.raises(Forbidden):
        list_tips(work, actor, Filters())


def test_a_day_that_is_past_is_overdue_only_while_somebody_has_yet_to_deal_with_the_tip(desk: Desk) -> None:
    first, second = desk.add_tips(2, due_on=date(2025, 7, 1))
    desk.change(Tip, desk.tip(first).id, state="closed")
    overdue = rows(desk, where(Term("due", ("overdue",))))
    assert [row.number for row in overdue] == [second]
    page = desk.client().get("/inbox").text
    assert (page.count("overdue since"), page.count("1 Jul 2025")) == (1, 2)
