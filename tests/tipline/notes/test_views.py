"""Forms of notes and tasks on the pages of tips, stale ones, presence, and one's own desk."""

from __future__ import annotations

import html
import re

from flask.testing import FlaskClient
from sqlalchemy import delete, select

from tests.tipline.desk_house import Desk
from tests.tipline.handovers import open_a_case
from tipline.cases.subjects import About, AddSubject, add_subject
from tipline.inbox.rules import STATES
from tipline.models.cases import CaseFile
from tipline.models.desk import Note, NoteMention, Presence, Task
from tipline.models.staff import Staff
from tipline.models.tips import Tip
from tipline.notes import services, tasks
from tipline.notes.things import get_thing

NUMBER = "TIP-2025-0001"


def notes_of(desk: Desk) -> list[str]:
    with desk.installation.work(write=False) as work:
        return list(work.session.scalars(select(Note.id)))


def fields(page: str, button: str) -> dict[str, str]:
    """The hidden fields of the form that a button sends."""
    form = next(form for form in re.findall(r"<form.*?</form>", page, re.S) if button in form)
    return {name: html.unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', form) if name != "csrf_token"}


def test_notes_and_tasks_are_kept_from_the_tips_page_and_shown_on_it(desk: Desk) -> None:
    desk.add_tips(1)
    client, on = desk.client(), desk.tip(NUMBER).id
    assert "No notes yet." in client.get(f"/tips/{NUMBER}?tab=notes").text
    kept = client.post(f"/on/tip/{on}/notes", data={"body": "Call @t.brandt & @nobody"}, follow_redirects=True)
    assert "Call @t.brandt &amp; @nobody" in kept.text
    assert "Told: T. Brandt. Not told, as they do not see this or are no colleagues: nobody." in kept.text
    empty = client.post(f"/on/tip/{on}/notes", data={"body": " "})
    assert (empty.status_code, "The note is empty." in empty.text or "Type what colleagues should know." in empty.text) == (422, True)
    wrong = client.post(f"/on/tip/{on}/tasks", data={"title": "Call <b>", "due": "soon"})
    assert wrong.status_code == 422
    assert 'value="Call &lt;b&gt;"' in wrong.text
    assert "Give a day" in wrong.text
    added = client.post(f"/on/tip/{on}/tasks", data={"title": "Call", "due": "2020-01-02"}, follow_redirects=True)
    assert "Overdue" in added.text
    with desk.installation.work(write=False) as work:
        task_id = work.session.scalars(select(Task.id)).one()
    assert client.get(f"/tasks/{task_id}").status_code == 200
    bad = client.post(f"/tasks/{task_id}", data={"title": "", "version": "1"})
    assert (bad.status_code, "Say what is to be done." in bad.text) == (422, True)
    moved = client.post(f"/tasks/{task_id}", data={"title": "Write", "version": "1"}, follow_redirects=True)
    assert "Write" in moved.text
    history = client.get(f"/tips/{NUMBER}?tab=history").text
    assert "Call; Nobody; 2020-01-02" in history
    assert "Wrote a note" in history
    assert client.post("/on/planet/x/notes", data={"body": "x"}).status_code == 404


def test_a_stale_note_shows_both_and_keeps_what_is_chosen(desk: Desk) -> None:
    desk.add_tips(1)
    client, on = desk.client(), desk.tip(NUMBER).id
    client.post(f"/on/tip/{on}/notes", data={"body": "Ask for all shift lists"})
    (note_id,) = notes_of(desk)
    assert "Ask for all shift lists" in client.get(f"/notes/{note_id}").text
    assert desk.client("counsel").get(f"/notes/{note_id}").status_code == 403
    assert client.post(f"/notes/{note_id}", data={"body": "Ask for all shift lists since May", "version": "1"}).status_code == 303
    stale = client.post(f"/notes/{note_id}", data={"body": "Ask for August lists", "version": "1", "back": f"/tips/{NUMBER}?tab=notes"})
    assert stale.status_code == 409
    for words in ("M. Okafor changed this", "<ins>", "<del>", "Keep both", f'href="/tips/{NUMBER}?tab=notes"'):
        assert words in stale.text
    both = fields(stale.text, "Keep both")
    assert client.post(f"/notes/{note_id}", data=both).status_code == 303
    page = client.get(f"/tips/{NUMBER}?tab=notes").text
    assert "Ask for all shift lists since May\n\nAsk for August lists" in page
    again = client.post(f"/notes/{note_id}", data={"body": "Mine", "version": "2"})
    mine = fields(again.text, "Save mine over it")
    assert client.post(f"/notes/{note_id}", data=mine).status_code == 303
    assert '<p class="words">Mine</p>' in client.get(f"/tips/{NUMBER}?tab=notes").text
    outside = client.post(f"/notes/{note_id}", data={"body": "x", "version": "1", "back": "https://elsewhere.example/"})
    assert f'href="/notes/{note_id}"' not in outside.text
    assert "elsewhere.example" not in re.findall(r'href="([^"]*)">Keep theirs', outside.text)[0]


def test_two_who_change_a_tip_are_told_and_other_fields_do_not_count(desk: Desk) -> None:
    desk.add_tips(1)
    mine, theirs = desk.client(), desk.client("program_manager")
    page = mine.get(f"/tips/{NUMBER}").text
    state = fields(page, "Change state")["version"]
    assert (
        theirs.post(f"/tips/{NUMBER}/priority", data={"priority": "high", "version": fields(page, "Set priority")["version"]}).status_code
        == 303
    )
    assert mine.post(f"/tips/{NUMBER}/due", data={"due_on": "2026-12-01", "version": fields(page, "Set day")["version"]}).status_code == 303
    assert theirs.post(f"/tips/{NUMBER}/state", data={"state": "waiting", "version": state}).status_code == 303
    stale = mine.post(f"/tips/{NUMBER}/state", data={"state": "closed", "version": state})
    assert stale.status_code == 409
    for words in ("T. Brandt changed this", STATES["waiting"], STATES["closed"], f'href="/tips/{NUMBER}"'):
        assert words in stale.text
    assert desk.tip(NUMBER).state == "waiting"
    assert mine.post(f"/tips/{NUMBER}/state", data=fields(stale.text, "Save mine over it")).status_code == 303
    tip = desk.tip(NUMBER)
    assert (tip.state, tip.priority, str(tip.due_on)) == ("closed", 1, "2026-12-01")
    for path, data in (
        ("priority", {"priority": "x"}),
        ("due", {"due_on": "soon"}),
        ("due", {"due_on": "2199-01-01"}),
        ("state", {"state": "x"}),
    ):
        assert mine.post(f"/tips/{NUMBER}/{path}", data={**data, "version": ""}).status_code == 422


def test_presence_is_told_to_the_other_and_shown(desk: Desk) -> None:
    desk.add_tips(1)
    on = desk.tip(NUMBER).id
    mine, theirs = desk.client(), desk.client("counsel")
    assert theirs.post(f"/on/tip/{on}/presence", data={"writing": "y"}).text.strip() == ""
    assert "D. Acosta is writing here." in mine.post(f"/on/tip/{on}/presence").text
    assert "D. Acosta is writing here." in mine.get(f"/tips/{NUMBER}").text
    assert "M. Okafor has this page open too." in theirs.get(f"/tips/{NUMBER}").text
    assert desk.client("administrator").post(f"/on/tip/{on}/presence").status_code == 403


def test_my_desk_shows_what_waits_for_me_in_a_fixed_number_of_queries(desk: Desk) -> None:
    brandt = desk.installation.people["program_manager"].staff_id
    numbers = desk.add_tips(4, assignee_id=brandt, state="working")
    client, theirs = desk.client(), desk.client("program_manager")

    def ask(number: str) -> None:
        on = desk.tip(number).id
        client.post(f"/on/tip/{on}/notes", data={"body": f"@t.brandt about {number}"})
        client.post(f"/on/tip/{on}/tasks", data={"title": f"Look at {number}", "assignee": brandt, "due": "2020-01-01"})

    assert "No open tasks" in theirs.get("/desk").text
    ask(numbers[0])
    few = queries_of(desk, theirs)
    for number in numbers[1:]:
        ask(number)
    assert queries_of(desk, theirs) == few
    page = theirs.get("/desk").text
    assert "4 overdue" in page
    assert all(f"@t.brandt about {number}" in page and f"Look at {number}" in page for number in numbers)
    assert "No tip is assigned to you" in client.get("/desk").text
    with desk.installation.work(write=False) as work:
        task_id = work.session.scalars(select(Task.id)).first()
    done = theirs.post(f"/tasks/{task_id}/state", data={"state": "done", "version": "1", "back": "/desk"})
    assert done.headers["Location"] == "/desk"
    theirs.post("/desk/seen")
    page = theirs.get("/desk").text
    assert ("3 open tasks, 0 new mentions, 4 tips" in page, "3 overdue" in page) == (True, True)
    assert desk.client("administrator").get("/desk").status_code == 403


def queries_of(desk: Desk, client: FlaskClient) -> int:
    return desk.queries(lambda: client.get("/desk"))


def test_a_tip_page_tells_no_more_queries_with_more_notes(desk: Desk) -> None:
    desk.add_tips(1)
    client, on = desk.client(), desk.tip(NUMBER).id
    client.get(f"/tips/{NUMBER}")  # the first time is on record
    counts = []
    for _ in range(2):
        client.post(f"/on/tip/{on}/notes", data={"body": "One more, @t.brandt"})
        client.post(f"/on/tip/{on}/tasks", data={"title": "One more"})
        counts.append(desk.queries(lambda: client.get(f"/tips/{NUMBER}?tab=notes")))
    assert counts[0] == counts[1]
    with desk.installation.work(write=False) as work:
        assert work.session.scalars(select(Tip.version)).all() == [1]


def test_a_mention_is_seen_where_its_note_is_read_and_nothing_is_written_otherwise(desk: Desk) -> None:
    desk.add_tips(1)
    client, on, named = desk.client(), desk.tip(NUMBER).id, desk.client("counsel")
    client.post(f"/on/tip/{on}/notes", data={"body": "Look, @d.acosta and @t.brandt"})

    def unseen() -> list[str]:
        with desk.installation.work(write=False) as work:
            return list(
                work.session.scalars(select(Staff.login).join(NoteMention).where(NoteMention.seen_at.is_(None)).order_by(Staff.login))
            )

    for elsewhere in (f"/tips/{NUMBER}", f"/tips/{NUMBER}?tab=history"):
        named.get(elsewhere)
    client.get(f"/tips/{NUMBER}?tab=notes")
    assert unseen() == ["d.acosta", "t.brandt"], "their own eyes count, and where the note stands"
    first = desk.queries(lambda: named.get(f"/tips/{NUMBER}?tab=notes"))
    assert unseen() == ["t.brandt"]
    again = desk.queries(lambda: named.get(f"/tips/{NUMBER}?tab=notes"))
    assert again < first, "nothing is written when nothing is unseen"
    assert "Look, @d.acosta" not in named.get("/desk").text
    case = open_a_case(desk.installation)
    with desk.acting() as (work, actor):
        case_id = work.session.scalars(select(CaseFile.id).where(CaseFile.number == case)).one()
        note = services.write_note(work, actor, services.WriteNote(get_thing(work, actor, "case", case_id), "@t.brandt")).note
        path = get_thing(work, actor, "case", note.on_id).path
    desk.client("program_manager").get(f"{path}?tab=history")
    desk.client("program_manager").get(f"{path}?tab=notes")
    assert unseen() == ["t.brandt"], "that of the case is seen, that of the tip is not"


def test_who_opens_a_form_is_announced_without_scripts_and_who_reads_a_page_is_not(desk: Desk) -> None:
    number, case = desk.send("He told me.", examine=False), open_a_case(desk.installation)
    with desk.acting() as (work, actor):
        on = get_thing(work, actor, "tip", work.session.scalars(select(Tip.id).where(Tip.number == number)).one())
        note = services.write_note(work, actor, services.WriteNote(on, "x")).note.id
        task = tasks.add_task(work, actor, tasks.AddTask(on, "x")).id
        subject = add_subject(work, actor, AddSubject(case, About("person", "R. Vance"))).number
    client, other = desk.client(), desk.client("counsel")
    for form, page in (
        (f"/notes/{note}", f"/tips/{number}"),
        (f"/tasks/{task}", f"/tips/{number}"),
        (f"/tips/{number}/redact", f"/tips/{number}"),
        (f"/cases/{case}/edit", f"/cases/{case}?tab=notes"),
        (f"/subjects/{subject}/edit", f"/subjects/{subject}"),
    ):
        client.get(page)
        assert "M. Okafor is writing" not in other.get(page).text, page
        assert client.get(form).status_code == 200
        assert "M. Okafor is writing" in other.get(page).text, form
        with desk.installation.work() as work:
            work.session.execute(delete(Presence))
