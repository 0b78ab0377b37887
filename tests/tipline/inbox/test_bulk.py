"""One act on many tips: counted first, done at once, taken back but for what somebody changed since."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from tests.tipline.desk_house import Desk
from tipline.cases.members import add_member, set_access
from tipline.cases.services import OpenCase, open_case
from tipline.config import Settings
from tipline.db import Database, upgrade
from tipline.errors import BadInput, Conflict, Forbidden, NotFound
from tipline.inbox import bulk, bulkundo, finding
from tipline.inbox.bulk import Which
from tipline.inbox.bulkacts import NO_MEMBER, Change
from tipline.inbox.choosing import untouched
from tipline.inbox.filters import Filters, Term, where
from tipline.inbox.labels import labels_on
from tipline.models.cases import CaseFile
from tipline.models.desk import BulkAct, CaseMember
from tipline.models.operations import AuditEvent
from tipline.models.tips import Tip
from tipline.notes.history import list_changes
from tipline.notes.things import thing_of

COLUMNS = ("state", "assignee_id", "priority", "due_on", "case_id")


def tips(desk: Desk) -> list[tuple[object, ...]]:
    """What staff set on each tip, labels too."""
    with desk.acting(write=False) as (work, actor):
        rows = list(work.session.scalars(select(Tip).order_by(Tip.number)))
        labels = labels_on(work, actor, {tip.id: tip.program_id for tip in rows})
        return [(*(getattr(tip, name) for name in COLUMNS), tuple(label.word for label in labels.get(tip.id, []))) for tip in rows]


def do(desk: Desk, which: Which, change: Change, shown: int | None = None) -> bulk.Done:
    with desk.acting() as (work, actor):
        return bulk.act(work, actor, which, change, shown)


def back(desk: Desk, act_id: str) -> bulkundo.Back:
    with desk.acting() as (work, actor):
        return bulkundo.undo(work, actor, act_id)


def a_case(desk: Desk) -> str:
    with desk.acting() as (work, actor):
        return open_case(work, actor, OpenCase(desk.installation.program_id, "A letter")).number


def test_each_act_sets_what_it_says_on_all_that_are_meant_and_undo_puts_everything_back(desk: Desk) -> None:
    numbers = desk.add_tips(5)
    me, case = desk.installation.people["investigator"].staff_id, a_case(desk)
    do(desk, Which(tuple(numbers[:1])), Change("label", "Insider"))
    do(desk, Which(tuple(numbers[1:2])), Change("state", "waiting"))
    before = tips(desk)
    soon = date.today() + timedelta(days=7)
    expected = {
        Change("assign", "me"): (1, me),
        Change("state", "junk"): (0, "junk"),
        Change("close"): (0, "closed"),
        Change("priority", "high"): (2, 1),
        Change("due", "week"): (3, soon),
        Change("due", "2027-01-31"): (3, date(2027, 1, 31)),
        Change("case", case): (4, None),
        Change("label", "insider"): (5, ("Insider",)),
        Change("label", "Spanish"): (5, None),
        Change("unlabel", "Insider"): (5, ()),
    }
    for change, (column, value) in expected.items():
        done = do(desk, Which(filters=Filters()), change)
        after = tips(desk)
        assert {row[column] for row in after} == {value} if value is not None else all(row[column] for row in after), change
        assert done.tips + done.already == len(numbers)
        assert (back(desk, done.id).tips, tips(desk)) == (done.tips, before), change


def test_taking_new_tips_means_working_on_them_and_undo_makes_them_new_again(desk: Desk) -> None:
    numbers = desk.add_tips(2)
    do(desk, Which((numbers[1],)), Change("state", "waiting"))
    done = do(desk, Which(tuple(numbers)), Change("assign", "me"))
    assert [row[0] for row in tips(desk)] == ["working", "waiting"]
    back(desk, done.id)
    assert [row[:2] for row in tips(desk)] == [("new", None), ("waiting", None)]


def test_the_count_before_is_the_count_after_and_changes_nothing(desk: Desk) -> None:
    numbers = desk.add_tips(6)
    do(desk, Which(tuple(numbers[:2])), Change("state", "closed"))
    untouched_rows = tips(desk)
    with desk.acting(write=False) as (work, actor):
        plan = bulk.look(work, actor, Which(filters=Filters()), Change("close"))
    assert (plan.changes, plan.already, plan.fit) == (4, 2, 6)
    assert tips(desk) == untouched_rows
    assert do(desk, Which(filters=Filters()), Change("close"), plan.changes).tips == plan.changes


def test_more_than_the_person_was_told_are_not_changed(desk: Desk) -> None:
    desk.add_tips(3)
    before = tips(desk)
    with pytest.raises(Conflict):
        do(desk, Which(filters=Filters()), Change("close"), shown=2)
    assert tips(desk) == before


def test_undo_leaves_what_somebody_changed_since_and_says_how_many(desk: Desk) -> None:
    numbers = desk.add_tips(3)
    done = do(desk, Which(tuple(numbers)), Change("priority", "high"))
    do(desk, Which((numbers[0],)), Change("label", "Insider"))
    assert back(desk, done.id) == bulkundo.Back(2, 1)
    assert [row[2] for row in tips(desk)] == [1, 0, 0]
    with pytest.raises(Conflict):
        back(desk, done.id)


def test_tips_of_another_case_stay_where_they_are(desk: Desk) -> None:
    numbers, first, second = desk.add_tips(2), a_case(desk), a_case(desk)
    do(desk, Which((numbers[0],)), Change("case", first))
    done = do(desk, Which(tuple(numbers)), Change("case", second))
    assert (done.tips, done.stays) == (1, {"stand in another case": 1})


def test_a_tip_whose_words_are_for_others_is_handed_out_by_its_readers_only(desk: Desk) -> None:
    numbers = desk.add_tips(2)
    with desk.installation.work() as work:
        work.session.execute(update(Tip).where(Tip.number == numbers[0]).values(audience="named"))
    done = do(desk, Which(tuple(numbers)), Change("assign", "me"))
    assert (done.tips, done.stays) == (1, {bulk.UNREAD: 1})
    assert [row[1] for row in tips(desk)] == [None, desk.installation.people["investigator"].staff_id]


def test_a_tip_of_a_closed_case_is_given_to_its_members_only_and_how_many_are_not_is_said(desk: Desk) -> None:
    numbers, case, colleague = desk.add_tips(3), a_case(desk), desk.installation.people["program_manager"].staff_id
    do(desk, Which(tuple(numbers[:2])), Change("case", case))
    with desk.acting() as (work, actor):
        set_access(work, actor, case, "members")
    browser = desk.client()
    sent = {"tip": numbers, "act": f"assign:{colleague}"}
    assert f'<span class="meta">2 {NO_MEMBER}</span>' in browser.post("/bulk/look", data=sent).text
    browser.post("/bulk", data=sent)
    assert f"1 tip assigned to T. Brandt. 2 tips {NO_MEMBER}." in browser.get("/inbox").text
    assert [row[1] for row in tips(desk)] == [None, None, colleague]
    alone = browser.post(f"/tips/{numbers[0]}/assign", data={"assignee": colleague})
    assert (alone.status_code, "Only members of its case see this tip." in alone.text) == (422, True)
    with desk.acting() as (work, actor):
        add_member(work, actor, case, colleague)
    assert do(desk, Which(tuple(numbers)), Change("assign", colleague)).tips == 2


@pytest.mark.parametrize(
    ("which", "change"),
    [
        (Which(), Change("close")),
        (Which(("TIP-2025-0001", "TIP-2026-9999")), Change("close")),
        (Which(filters=where(Term("state", ("waiting",)))), Change("close")),
        (Which(("TIP-2025-0001",)), Change("burn")),
        (Which(("TIP-2025-0001",)), Change("state", "stolen")),
        (Which(("TIP-2025-0001",)), Change("assign", "0" * 32)),
        (Which(("TIP-2025-0001",)), Change("priority", "9")),
        (Which(("TIP-2025-0001",)), Change("due", "soon")),
        (Which(("TIP-2025-0001",)), Change("due", "0001-01-01")),
        (Which(("TIP-2025-0001",)), Change("label", " \t")),
        (Which(("TIP-2025-0001",)), Change("unlabel", "0" * 32)),
        (Which(("TIP-2025-0001",)), Change("case", "NS-2026-9999")),
        (Which(tuple(f"TIP-2025-{number:04d}" for number in range(bulk.TICKED + 1))), Change("close")),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_changed(desk: Desk, which: Which, change: Change) -> None:
    desk.add_tips(2)
    before = tips(desk)
    with pytest.raises(BadInput):
        do(desk, which, change)
    assert tips(desk) == before


def test_each_tip_keeps_who_changed_what_and_is_not_swept_any_more(desk: Desk) -> None:
    numbers = desk.add_tips(2)
    done = do(desk, Which(tuple(numbers)), Change("priority", "low"))
    back(desk, done.id)
    with desk.acting(write=False) as (work, actor):
        tip = work.session.scalars(select(Tip).where(Tip.number == numbers[0])).one()
        assert [(one.field, one.before, one.after) for one in list_changes(work, actor, thing_of(tip))[0]] == [
            ("Priority", "low", "normal"),
            ("Priority", "normal", "low"),
        ]
        assert list(work.session.scalars(select(Tip.id).where(*untouched()))) == []
        acts = set(work.session.scalars(select(AuditEvent.act).where(AuditEvent.act.like("tip.%"))))
    assert acts == {"tip.priority", "tip.bulk", "tip.bulk_undo"}


def test_labels_and_acts_stand_under_seal(desk: Desk) -> None:
    desk.add_tips(2)
    do(desk, Which(filters=Filters()), Change("label", "canary-word"))
    assert b"canary-word" not in desk.everything_stored()


def test_who_may_not_work_on_tips_is_refused_before_anything_is_looked_up(desk: Desk) -> None:
    numbers = desk.add_tips(1)
    done = do(desk, Which(tuple(numbers)), Change("close"))
    for role in ("counsel", "administrator"):
        with desk.acting(role) as (work, actor):
            for act in (
                lambda: bulk.look(work, actor, Which(("TIP-0",)), Change("close")),
                lambda: bulk.act(work, actor, Which(("TIP-0",)), Change("close")),
                lambda: bulkundo.undo(work, actor, done.id),
                lambda: bulkundo.undo(work, actor, "x"),
                lambda: bulkundo.list_acts(work, actor),
            ):
                with pytest.raises(Forbidden):
                    act()


def test_what_stands_in_a_case_for_others_is_neither_changed_nor_brought_back_nor_named(desk: Desk) -> None:
    numbers, case = desk.add_tips(2), a_case(desk)
    put = do(desk, Which((numbers[0],)), Change("case", case))
    closed = do(desk, Which(tuple(numbers)), Change("close"))
    with desk.installation.work() as work:
        work.session.execute(update(CaseFile).values(access="members"))
    with desk.acting("program_manager") as (work, actor):
        with pytest.raises(BadInput):
            bulk.act(work, actor, Which((numbers[0],)), Change("priority", "high"))
        assert bulk.look(work, actor, Which(filters=where()), Change("priority", "high")).fit == 1
        assert [one.words for one in bulkundo.list_acts(work, actor)] == ["set to closed"]
        with pytest.raises(NotFound):
            bulkundo.undo(work, actor, put.id)
        assert bulkundo.undo(work, actor, closed.id) == bulkundo.Back(1, 1)
    with desk.installation.work() as work:
        person = desk.installation.people["program_manager"].staff_id
        case_id = work.session.scalars(select(Tip.case_id).where(Tip.number == numbers[0])).one()
        work.session.add(CaseMember(case_id=case_id, staff_id=person, added_by=person, added_at=work.now()))
    with desk.acting("program_manager", write=False) as (work, actor):
        assert bulk.look(work, actor, Which(filters=where()), Change("priority", "high")).fit == 2


def test_an_act_costs_the_same_queries_however_many_tips(desk: Desk) -> None:
    desk.add_tips(2)

    def act() -> None:
        with desk.acting(write=False) as (work, actor):
            bulk.look(work, actor, Which(filters=Filters()), Change("label", "x"))

    few = desk.queries(act)
    with desk.installation.work() as work:
        work.session.execute(update(Tip).values(number=Tip.number + "x"))
    desk.add_tips(300)
    assert desk.queries(act) == few


def test_the_pages_look_do_say_and_take_back(desk: Desk) -> None:
    first, second = desk.send("One."), desk.send("Two.")
    browser = desk.client()
    place = "/bulk?f=assignee:is:nobody&tip=" + first
    answer = browser.post(place, data={"tip": [first, second], "act": "assign:me"})
    assert (answer.status_code, answer.location) == (303, f"/inbox?f=assignee:is:nobody&tip={first}")
    page = browser.get("/inbox").text
    assert "2 tips assigned to M. Okafor." in page
    undo = page.partition('<form method="post" action="/bulk/')[2].partition('"')[0]
    assert browser.post(f"/bulk/{undo}").status_code == 303
    assert "2 tips are as before." in browser.get("/inbox").text
    assert {desk.tip(number).state for number in (first, second)} == {"new"}
    looked = browser.post("/bulk?f=state:is:new", data={"all": "1", "act": "close"})
    assert "2 tips would be set to closed" in looked.text
    assert desk.tip(first).state == "new"
    assert browser.post("/bulk?f=state:is:new", data={"all": "1", "act": "close", "shown": "1"}).status_code == 409
    assert browser.post("/bulk?f=state:is:new", data={"all": "1", "act": "close", "shown": "2"}).status_code == 303
    assert desk.tip(second).state == "closed"
    assert "set to closed" in browser.get("/bulk").text


def test_what_is_typed_is_asked_for_on_the_next_page(desk: Desk) -> None:
    (number,) = desk.add_tips(1)
    browser = desk.client()
    asked = browser.post("/bulk", data={"tip": number, "act": "label"})
    assert 'name="label"' in asked.text
    empty = browser.post("/bulk/look", data={"tip": number, "act": "due", "due_on": "soon"})
    assert (empty.status_code, "This is not a day." in empty.text) == (422, True)
    looked = browser.post("/bulk/look", data={"tip": number, "act": "label", "label": "Insider"})
    assert "1 tip would be labelled “Insider”" in looked.text
    browser.post("/bulk", data={"tip": number, "act": "label", "label": "Insider", "shown": "1"})
    assert "Insider" in browser.get("/inbox").text


@pytest.mark.parametrize("values", [{}, {"act": "state:junk"}, {"tip": "TIP-2025-0001", "act": "burn"}, {"tip": "TIP-9", "act": "close"}])
def test_an_act_that_cannot_be_done_keeps_the_list_and_says_why(desk: Desk, values: dict[str, str]) -> None:
    desk.add_tips(1)
    answer = desk.client().post("/bulk", data=values)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert [row[0] for row in tips(desk)] == ["new"]


def test_both_databases_take_every_filter_and_order(every_database: Settings, desk: Desk) -> None:
    every_database.data.mkdir(parents=True, exist_ok=True)
    upgrade(every_database.database)
    database = Database(every_database.database)
    values = {"label": "none", "assignee": "me", "case": "NS-2026-0001"}
    with desk.acting(write=False) as (work, actor), database.session(write=False) as session:
        other = replace(work, session=session)
        who = finding.asker(other, actor)
        for field, meets in finding.TERMS.items():
            words = finding.terms.WORDS.get(field, {values.get(field, ""): ""})
            for negated in (False, True):
                filters = Filters(
                    ((Term(field, tuple(words)[:1], negated), Term("state", ("new",))), (Term(field, tuple(words), negated),))
                )
                assert finding.count(other, finding.matching(who, filters)) == 0, (field, meets)
        (anchor,) = [work.session.scalars(select(Tip)).first() or _some_tip(desk)]
        for order in finding.terms.ORDERS:
            for back in (False, True):
                assert list(session.scalars(finding.page_ids(who, Filters(order=order), anchor, 5, back=back))) == []
    database.dispose()


def _some_tip(desk: Desk) -> Tip:
    desk.add_tips(1, due_on=date(2026, 12, 1))
    with desk.installation.work(write=False) as work:
        return work.session.scalars(select(Tip)).one()


def test_acts_are_kept_with_how_their_tips_were_found(desk: Desk) -> None:
    desk.add_tips(2)
    done = do(desk, Which(filters=where(Term("state", ("new",)))), Change("close"))
    with desk.acting(write=False) as (work, actor):
        made = work.session.get_one(BulkAct, done.id)
        about = actor.keyring.program(made.program_id).open_json("bulk_act", "about", made.id, made.about)
    assert about["filters"] == ["state:is:new"]
    assert (made.act, made.tips, made.done_by) == ("close", 2, desk.installation.people["investigator"].staff_id)
