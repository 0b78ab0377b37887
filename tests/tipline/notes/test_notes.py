"""Notes, mentions, tasks, history and presence: what is kept, who is told, who sees it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.tipline.desk_house import Desk
from tipline.access import MEMBERS
from tipline.actor import Actor
from tipline.errors import BadInput, Forbidden, NotFound
from tipline.models.cases import CaseFile
from tipline.models.desk import CaseMember, Note, NoteMention, Presence, Task
from tipline.models.tips import Tip
from tipline.notes import presence, rules, services, tasks
from tipline.notes.history import list_changes, record_change
from tipline.notes.locking import ChangedMeanwhile
from tipline.notes.services import EditNote, WriteNote
from tipline.notes.tasks import AddTask, ChangeTask, CloseTask
from tipline.notes.things import Thing, find_thing, get_thing, list_things, thing_of
from tipline.work import Work

EVERY_TIP = "TIP-2025-0001"


def thing(work: Work, actor: Actor, number: str = EVERY_TIP) -> Thing:
    tip_id = work.session.scalars(select(Tip.id).where(Tip.number == number)).one()
    return get_thing(work, actor, "tip", tip_id)


def test_a_note_is_sealed_and_read_back_by_who_sees_the_tip(desk: Desk) -> None:
    desk.add_tips(1)
    with desk.acting() as (work, actor):
        services.write_note(work, actor, WriteNote(thing(work, actor), "  Call the mail house\r\nfirst.  "))
    with desk.acting("counsel", write=False) as (work, actor):
        page = services.list_notes(work, actor, thing(work, actor))
        assert [(row.body, row.by, row.by_me) for row in page.rows] == [("Call the mail house\nfirst.", "M. Okafor", False)]
        assert b"mail house" not in work.session.scalars(select(Note.body)).one()


def test_roles_that_hold_no_key_write_and_read_none(desk: Desk) -> None:
    desk.add_tips(1)
    with desk.acting() as (work, actor):
        on = thing(work, actor)
    with desk.acting("administrator") as (work, actor):
        assert find_thing(work, actor, on.kind, on.id) is None
        for act in (
            lambda: get_thing(work, actor, on.kind, on.id),
            lambda: services.write_note(work, actor, WriteNote(on, "x")),
            lambda: services.list_notes(work, actor, on),
            lambda: tasks.add_task(work, actor, AddTask(on, "x")),
            lambda: presence.beat(work, actor, on, writing=False),
        ):
            with pytest.raises(Forbidden):
                act()


def test_a_note_that_is_empty_or_too_long_is_refused(desk: Desk) -> None:
    desk.add_tips(1)
    with desk.acting() as (work, actor):
        for body in ("", " \n ", "\x00", "x" * (rules.NOTE_LENGTH + 1)):
            with pytest.raises(BadInput):
                services.write_note(work, actor, WriteNote(thing(work, actor), body))
        assert services.count_notes(work, thing(work, actor)) == 0


def test_who_is_named_is_told_until_seen(desk: Desk) -> None:
    desk.add_tips(1)
    with desk.acting() as (work, actor):
        said = "@T.Brandt and @d.acosta: look. Not an address: x@t.brandt, nor @nobody.here."
        written = services.write_note(work, actor, WriteNote(thing(work, actor), said))
        assert (written.told, written.not_told) == (("T. Brandt", "D. Acosta"), ("nobody.here",))
    with desk.acting("program_manager") as (work, actor):
        assert [row.body for _, row in services.list_mentions(work, actor)] == [said]
        services.see_mentions(work, actor)
        assert services.count_mentions(work, actor) == 0
    with desk.acting("counsel", write=False) as (work, actor):
        assert services.count_mentions(work, actor) == 1  # each sees for oneself


def test_an_edit_keeps_what_was_before_and_tells_only_who_is_new(desk: Desk) -> None:
    desk.add_tips(1)
    with desk.acting() as (work, actor):
        note = services.write_note(work, actor, WriteNote(thing(work, actor), "Ask @t.brandt")).note
        written = services.edit_note(work, actor, EditNote(note.id, "Ask @t.brandt and @d.acosta", "1"))
        assert written.told == ("D. Acosta",)
        services.edit_note(work, actor, EditNote(note.id, "Ask nobody", "2"))
        assert work.session.scalars(select(NoteMention)).all() == []
        changes, _ = list_changes(work, actor, thing(work, actor))
        assert [(one.field, one.before, one.after) for one in changes] == [
            ("Note", "Ask @t.brandt and @d.acosta", "Ask nobody"),
            ("Note", "Ask @t.brandt", "Ask @t.brandt and @d.acosta"),
        ]
        with pytest.raises(ChangedMeanwhile):
            services.edit_note(work, actor, EditNote(note.id, "From an older window", "1"))
    with desk.acting("counsel") as (work, actor), pytest.raises(Forbidden):
        services.edit_note(work, actor, EditNote(note.id, "Mine now", "3"))


def test_notes_come_in_pages_each_once(desk: Desk) -> None:
    desk.add_tips(1)
    with desk.acting() as (work, actor):
        on = thing(work, actor)
        for count in range(services.PAGE + 3):
            services.write_note(work, actor, WriteNote(on, f"Note {count}"))
        first = services.list_notes(work, actor, on)
        second = services.list_notes(work, actor, on, first.older)
        found = [row.body for row in first.rows + second.rows]
        assert found == [f"Note {count}" for count in reversed(range(services.PAGE + 3))]
        assert second.older is None
        assert first.count == services.PAGE + 3


def test_a_task_goes_from_open_to_done_and_back(desk: Desk) -> None:
    desk.add_tips(1)
    with desk.acting() as (work, actor):
        on, yesterday = thing(work, actor), work.today() - timedelta(days=1)
        task = tasks.add_task(work, actor, AddTask(on, "  Call   the\tmail house ", "me", yesterday.isoformat()))
        [row] = tasks.list_tasks(work, actor, assignee=actor.staff_id)
        assert (row.title, row.assignee, row.late, row.state) == ("Call the mail house", "M. Okafor", True, "open")
        assert b"mail" not in task.title
        tasks.close_task(work, actor, CloseTask(task.id, "done", "1"))
        assert tasks.list_tasks(work, actor, assignee=actor.staff_id) == []
        assert tasks.count_open(work, on) == 0
        [row] = tasks.list_tasks(work, actor, on=on)
        assert (row.state, row.closed_by, row.late) == ("done", "M. Okafor", False)
        with pytest.raises(ChangedMeanwhile):
            tasks.close_task(work, actor, CloseTask(task.id, "dropped", "1"))
        tasks.close_task(work, actor, CloseTask(task.id, "open", "2"))
        assert tasks.count_open(work, on) == 1
        with pytest.raises(BadInput):
            tasks.close_task(work, actor, CloseTask(task.id, "forgotten"))


def test_two_who_change_one_task_are_told_of_each_other(desk: Desk) -> None:
    desk.add_tips(1)
    with desk.acting() as (work, actor):
        task_id = tasks.add_task(work, actor, AddTask(thing(work, actor), "Call")).id
    with desk.acting("counsel") as (work, actor):
        tasks.change_task(work, actor, ChangeTask(task_id, "Call", "me", "", "1"))
    with desk.acting() as (work, actor), pytest.raises(ChangedMeanwhile) as refused:
        tasks.change_task(work, actor, ChangeTask(task_id, "Write", "me", "2026-12-01", "1"))
    assert refused.value.by == "D. Acosta"
    assert {one.field: (one.theirs, one.mine) for one in refused.value.differences} == {
        "Task": ("Call", "Write"),
        "Assignee": ("D. Acosta", "M. Okafor"),
        "Due": ("", "2026-12-01"),
    }


def test_a_task_that_cannot_be_kept_says_why(desk: Desk) -> None:
    desk.add_tips(1)
    wrong = {"title": ("", "", ""), "assignee": ("Call", "0" * 32, ""), "due": ("Call", "", "soon")}
    with desk.acting() as (work, actor):
        for field, (title, assignee, due) in wrong.items():
            with pytest.raises(BadInput) as refused:
                tasks.add_task(work, actor, AddTask(thing(work, actor), title, assignee, due))
            assert set(refused.value.fields) == {field}
        assert work.session.scalars(select(Task)).all() == []


def test_nothing_of_a_closed_case_reaches_who_is_no_member(desk: Desk) -> None:
    desk.add_tips(1)
    with desk.acting() as (work, actor):
        on = thing(work, actor)
        services.write_note(work, actor, WriteNote(on, "Look, @t.brandt and @d.acosta"))
        note_id = work.session.scalars(select(Note.id)).one()
        brandt = desk.installation.people["program_manager"].staff_id
        task_id = tasks.add_task(work, actor, AddTask(on, "Call", brandt)).id
        case = CaseFile(
            id="c" * 32, program_id=on.program_id, number="NS-2026-0900", title=b"", access=MEMBERS, lead_id=actor.staff_id,
            opened_at=work.now(),
        )  # fmt: skip
        work.session.add(case)
        work.session.flush()
        work.session.get_one(Tip, on.id).case_id = case.id
        counsel = desk.installation.people["counsel"].staff_id
        work.session.add(CaseMember(case_id=case.id, staff_id=counsel, added_by=actor.staff_id, added_at=work.now()))
    with desk.acting("program_manager") as (work, actor):
        assert find_thing(work, actor, "tip", on.id) is None
        assert list_things(work, actor, [("tip", on.id)]) == {}
        assert services.list_mentions(work, actor) == []
        assert services.count_mentions(work, actor) == 0
        assert tasks.list_tasks(work, actor, assignee=actor.staff_id) == []
        for act in (
            lambda: services.get_own_note(work, actor, note_id),
            lambda: tasks.get_task(work, actor, task_id),
            lambda: tasks.close_task(work, actor, CloseTask(task_id)),
            lambda: get_thing(work, actor, "tip", on.id),
        ):
            with pytest.raises(NotFound):
                act()
    with desk.acting("counsel") as (work, actor):
        assert services.count_mentions(work, actor) == 1
        written = services.write_note(work, actor, WriteNote(thing(work, actor), "Not for @t.brandt, for @m.okafor"))
        assert (written.told, written.not_told) == (("M. Okafor",), ("t.brandt",))
        with pytest.raises(BadInput):
            tasks.add_task(work, actor, AddTask(thing(work, actor), "Call", brandt))


def test_the_history_names_people_and_comes_in_pages(desk: Desk) -> None:
    desk.add_tips(1)
    with desk.acting() as (work, actor):
        on = thing(work, actor)
        record_change(work, actor, on, "assignee", None, actor.staff_id)
        for count in range(60):
            record_change(work, actor, on, "state", "new", f"state {count}")
        work.session.flush()
        first, older = list_changes(work, actor, on)
        second, end = list_changes(work, actor, on, older)
        assert (len(first), len(second), end) == (50, 11, None)
        assert ("Assignee", "", "M. Okafor") in {(one.field, one.before, one.after) for one in first + second}
        assert len({one.id for one in first + second}) == 61


def test_presence_is_of_minutes_and_of_others(desk: Desk) -> None:
    desk.add_tips(1)
    with desk.acting() as (work, actor):
        on = thing(work, actor)
        presence.beat(work, actor, on, writing=False)
        presence.beat(work, actor, on, writing=True)
        assert presence.others(work, actor, on) == []
    with desk.acting("counsel") as (work, actor):
        assert [(one.name, one.writing) for one in presence.others(work, actor, on)] == [("M. Okafor", True)]
        now = work.now()
        work.clock = lambda: now + timedelta(minutes=2)
        assert presence.others(work, actor, on) == []
        work.clock = lambda: now + timedelta(minutes=20)
        presence.beat(work, actor, on, writing=False)
        assert [row.staff_id for row in work.session.scalars(select(Presence))] == [actor.staff_id]
        presence.leave(work, actor, on)
        assert work.session.scalars(select(Presence)).all() == []


def test_a_thing_knows_its_page(desk: Desk) -> None:
    desk.add_tips(1)
    with desk.acting(write=False) as (work, actor):
        on = thing(work, actor)
        assert on.path == f"/tips/{EVERY_TIP}"
        assert thing_of(work.session.get_one(Tip, on.id)) == on
        with pytest.raises(NotFound):
            get_thing(work, actor, "planet", on.id)
