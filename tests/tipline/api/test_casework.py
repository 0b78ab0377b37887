"""Replies, labels, notes, tasks, cases, entries and subjects by the API: by the console's services, under the same need-to-know."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import select

from tests.tipline.api.api_house import caller
from tests.tipline.intake import house as intake
from tests.tipline.linking.linking_house import LinkingDesk
from tipline.models.desk import Note
from tipline.models.operations import AuditEvent


def test_a_source_is_answered_once_and_read_back(desk: LinkingDesk) -> None:
    tip = desk.send("He told me.")
    asks = caller(desk)
    assert asks.get(f"/tips/{tip}").get_json()["last_message"] == 0
    sent = asks.post(f"/tips/{tip}/replies", {"words": "Which day was it?", "seen": 0})
    assert (sent.status_code, sent.get_json()["last_message"]) == (201, 1)
    assert asks.post(f"/tips/{tip}/replies", {"words": "Which day was it?", "seen": 0}).status_code == 409, (
        "sent again, it is not sent twice"
    )
    assert asks.post(f"/tips/{tip}/questions", {"text": "Morning?", "options": ["Yes"]}).status_code == 422
    assert asks.post(f"/tips/{tip}/questions", {"text": "Morning?", "options": ["Yes", "No"], "seen": 1}).status_code == 201
    assert asks.post(f"/tips/{tip}/conversation", {"talk": "paused", "reason": "We are away until Monday."}).status_code == 200
    found = asks.get(f"/tips/{tip}").get_json()
    assert (found["state"], found["conversation"]) == ("waiting", "paused")
    assert [(one["by"], one["author"], one["words"]) for one in found["messages"]][:2] == [
        ("source", "Source", "He told me."),
        ("staff", "M. Okafor", "Which day was it?"),
    ]
    assert found["messages"][2]["question"] == {"text": "Morning?", "options": ["Yes", "No"]}
    assert "Which day was it?" in intake.come_back(desk.public.application.test_client(), desk.receipts[tip]).text
    assert caller(desk, scopes=["tips:write"]).post(f"/tips/{tip}/replies", {"words": "x"}).status_code == 403


def test_labels_go_on_and_off_and_a_case_takes_the_tip_in(desk: LinkingDesk) -> None:
    tip, case = desk.send("He told me.", examine=False), desk.case()
    asks = caller(desk)
    assert asks.post(f"/tips/{tip}/labels", {"label": "Insider"}).get_json()["version"] == 2
    assert asks.post(f"/tips/{tip}/labels", {"label": "insider"}).get_json()["version"] == 2, "it is there already"
    [label] = asks.get(f"/tips/{tip}").get_json()["labels"]
    assert label["word"] == "Insider"
    [known] = asks.get("/labels").get_json()["labels"]
    assert [row["number"] for row in asks.get("/tips", filter=f"label:is:{known['id']}").get_json()["tips"]] == [tip]
    off = asks.browser.delete(f"/api/v1/tips/{tip}/labels/{label['id']}", headers=asks.headers)
    assert (off.status_code, off.get_json()["version"]) == (200, 3)
    assert asks.get(f"/tips/{tip}").get_json()["labels"] == []
    stale = asks.post(f"/tips/{tip}/case", {"case": case, "version": 1})
    assert (stale.status_code, stale.get_json()["differences"]) == (409, {"Case": {"theirs": "", "mine": case}})
    assert asks.post(f"/tips/{tip}/case", {"case": case, "version": 3}).get_json()["version"] == 4
    assert asks.get(f"/tips/{tip}").get_json()["case"] == case


def test_notes_and_tasks_stand_on_things(desk: LinkingDesk) -> None:
    tip = desk.send("He told me.", examine=False)
    asks, counsel = caller(desk), caller(desk, "counsel")
    on = f"tip:{tip}"
    made = asks.post("/notes", {"on": on, "body": "Ask @d.acosta and @nobody."}).get_json()
    assert (made["told"], made["not_told"]) == (["D. Acosta"], ["nobody"])
    assert asks.post(f"/notes/{made['id']}", {"body": "Ask @d.acosta.", "version": 1}).get_json()["version"] == 2
    assert asks.post(f"/notes/{made['id']}", {"body": "Other", "version": 1}).status_code == 409
    assert counsel.post(f"/notes/{made['id']}", {"body": "Mine"}).status_code == 403
    [note] = counsel.get("/notes", on=on).get_json()["notes"]
    assert (note["body"], note["mine"], note["mentioned"], note["by"]) == ("Ask @d.acosta.", False, ["D. Acosta"], "M. Okafor")
    [person] = [one for one in asks.get("/people", on=on).get_json()["people"] if one["login"] == "d.acosta"]
    task = asks.post("/tasks", {"on": on, "title": "Ring the bank", "assignee": person["id"], "due_on": "2026-12-01"}).get_json()
    assert [one["title"] for one in counsel.get("/tasks").get_json()["tasks"]] == ["Ring the bank"], "one's own"
    changed = counsel.post(f"/tasks/{task['id']}", {"title": "Ring both banks", "assignee": "me", "version": task["version"]})
    assert changed.get_json()["due_on"] is None
    assert asks.post(f"/tasks/{task['id']}/state", {"state": "done", "version": 1}).status_code == 409
    assert asks.post(f"/tasks/{task['id']}/state", {"state": "done"}).get_json()["state"] == "done"
    assert {"Note", "Task"} <= {one["field"] for one in asks.get("/changes", on=on).get_json()["changes"]}
    wrong = asks.post("/tasks", {"on": on, "title": "x", "due_on": "2026-02-30"})
    assert (wrong.status_code, wrong.get_json()["fields"]) == (422, {"due_on": "There is no such day."})
    with desk.installation.work(write=False) as work:
        assert b"Ask @d.acosta" not in work.session.scalars(select(Note.body)).one()
        assert {"note.write", "task.add", "task.state"} <= set(work.session.scalars(select(AuditEvent.act)))


def test_a_case_is_opened_filled_and_closed(desk: LinkingDesk) -> None:
    asks, program_id = caller(desk), desk.installation.program_id
    case = asks.post("/cases", {"program_id": program_id, "title": "Empty beds"}).get_json()
    assert asks.post("/cases", {"program_id": "0" * 32, "title": "Empty beds"}).status_code in (403, 404)
    path, today = f"/cases/{case['number']}", date.today()
    renamed = asks.post(path, {"title": "Beds that were never there", "lead_id": case["lead_id"], "version": 1})
    assert (renamed.status_code, asks.get(path).get_json()["title"]) == (200, "Beds that were never there")
    about = {"kind": "person", "name": "R. Vance", "also": ["Bob"], "identifiers": ["rvance@example.org"]}
    subject = asks.post(f"{path}/subjects", about).get_json()
    assert (subject["also"], subject["case"]) == (["Bob"], case["number"])
    changed = asks.post(f"/subjects/{subject['number']}", {**about, "words": "Runs it.", "version": 1})
    assert changed.get_json()["words"] == "Runs it."
    assert asks.post(f"/subjects/{subject['number']}", {**about, "name": "V. Rance", "version": 1}).status_code == 409
    reference = f"subject:{subject['number']}"
    first = {"kind": "event", "what": "Account closed", "happened_on": str(today - timedelta(days=3)), "about": reference, "clock": "02:40"}
    made = asks.post(f"{path}/entries", first)
    assert (made.status_code, made.get_json()["about"]) == (201, reference)
    assert asks.post(f"{path}/entries", {**first, "instead_of": made.get_json()["id"], "what": "Account frozen"}).status_code == 201
    assert {one["what"]: one["replaced"] for one in asks.get(f"{path}/entries", kind="event").get_json()["entries"]} == {
        "Account closed": True,
        "Account frozen": False,
    }
    decision = {"kind": "decision", "what": "We do not pay", "happened_on": str(today)}
    assert list(asks.post(f"{path}/entries", decision).get_json()["fields"]) == ["words"], "a decision says why"
    assert asks.post(f"{path}/entries", {**decision, "words": "No use."}).get_json()["number"].startswith("DEC-")
    lines = asks.get(f"{path}/timeline").get_json()["lines"]
    assert [(one["kind"], one["what"]) for one in lines][:1] == [("event", "Account frozen")]
    assert asks.post(f"{path}/state", {"state": "closed"}).get_json()["state"] == "closed"
    assert asks.post(f"{path}/entries", {**decision, "words": "No use."}).status_code == 409


def test_of_a_case_of_others_the_api_gives_and_takes_nothing(desk: LinkingDesk) -> None:
    tip, case = desk.send("He told me.", examine=False), desk.case()
    asks = caller(desk)
    asks.post(f"/tips/{tip}/case", {"case": case})
    subject = asks.post(f"/cases/{case}/subjects", {"kind": "person", "name": "R. Vance"}).get_json()["number"]
    note = asks.post("/notes", {"on": f"case:{case}", "body": "For us only."}).get_json()["id"]
    task = asks.post("/tasks", {"on": f"tip:{tip}", "title": "For us only."}).get_json()["id"]
    desk.close_case_to_others()
    other = caller(desk, "counsel")
    for thing in (f"tip:{tip}", f"case:{case}", f"subject:{subject}"):
        for path in ("/notes", "/tasks", "/changes", "/people"):
            assert other.get(path, on=thing).status_code == 404, f"{path} {thing}"
        assert other.post("/notes", {"on": thing, "body": "x"}).status_code == 404
        assert other.post("/tasks", {"on": thing, "title": "x"}).status_code == 404
    for path, query in ((f"/cases/{case}/timeline", {}), (f"/cases/{case}/entries", {"kind": "event"}), (f"/subjects/{subject}", {})):
        assert other.get(path, **query).status_code == 404, path
    entry = {"kind": "event", "what": "x", "happened_on": "2026-01-01"}
    for path, body in (
        (f"/cases/{case}", {"title": "x", "lead_id": "0" * 32}),
        (f"/cases/{case}/state", {"state": "closed"}),
        (f"/cases/{case}/entries", entry),
        (f"/cases/{case}/subjects", {"kind": "person", "name": "x"}),
        (f"/subjects/{subject}", {"kind": "person", "name": "x"}),
        (f"/notes/{note}", {"body": "x"}),
        (f"/tasks/{task}", {"title": "x"}),
        (f"/tasks/{task}/state", {"state": "done"}),
        (f"/tips/{tip}/case", {"case": case}),
    ):
        assert other.post(path, body).status_code == 404, path
    manager = caller(desk, "program_manager")
    for path, body in (
        (f"/tips/{tip}/replies", {"words": "x"}),
        (f"/tips/{tip}/questions", {"text": "x", "options": ["a", "b"]}),
        (f"/tips/{tip}/conversation", {"talk": "paused", "reason": "x"}),
        (f"/tips/{tip}/labels", {"label": "x"}),
    ):
        assert manager.post(path, body).status_code == 404, path
