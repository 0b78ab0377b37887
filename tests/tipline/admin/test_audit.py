"""The audit page: reads and writes, filters, what a reader may not see, and the file of it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.installations import Installation
from tests.tipline.desk_house import Desk
from tests.tipline.handovers import open_a_case
from tipline import audit
from tipline.cases import members
from tipline.cases.services import PutTip, put_tip
from tipline.cases.subjects import About, AddSubject, add_subject
from tipline.mapping.moving import MergeCases, merge_cases
from tipline.models.operations import AuditEvent
from tipline.notes import services, tasks
from tipline.notes.things import get_referred


@pytest.fixture
def desk(installation: Installation, public: FlaskClient, console_app: Flask) -> Desk:
    return Desk(installation, public, console_app)


@pytest.fixture
def number(desk: Desk) -> str:
    """A tip that the investigator has read."""
    made = desk.send("A tip", examine=False)
    assert desk.client().get(f"/tips/{made}").status_code == 200
    return made


def test_reads_and_writes_are_there_with_their_thing(desk: Desk, number: str) -> None:
    desk.client().post(f"/tips/{number}/state", data={"state": "waiting"})
    page = desk.client("counsel").get("/audit").text
    for act in ("tip.read", "exhibit.view", "tip.state"):
        assert f"<code>{act}</code>" in page
    assert number in page
    assert "M. Okafor" in page
    reads = desk.client("counsel").get("/audit?kind=reads").text
    assert "<code>tip.state</code>" not in reads
    assert "<code>exhibit.view</code>" in reads


@pytest.mark.parametrize("role", ["investigator", "program_manager"])
def test_others_do_not_read_it(desk: Desk, role: str) -> None:
    assert desk.client(role).get("/audit").status_code == 403
    assert desk.client(role).post("/audit/csv").status_code == 403


def test_filters(desk: Desk, number: str) -> None:
    counsel = desk.client("counsel")
    person = desk.installation.people["investigator"].staff_id
    assert "<code>tip.read</code>" in counsel.get(f"/audit?who={person}&thing={number.lower()}").text
    assert "No act fits" in counsel.get(f"/audit?who={'0' * 32}").text
    assert "<code>tip.read</code>" not in counsel.get("/audit?group=account").text
    today = desk.installation.console.clock().date()
    assert "<code>tip.read</code>" in counsel.get(f"/audit?first={today}&last={today}").text
    assert "No act fits" in counsel.get(f"/audit?first={today + timedelta(days=1)}").text
    for wrong in ("first=soon", "thing=TIP-1999-0001", f"first={today}&last={today - timedelta(days=1)}"):
        assert counsel.get(f"/audit?{wrong}").status_code == 422


def test_of_what_the_reader_may_not_see_only_the_kind_is_said(desk: Desk, number: str) -> None:
    case = open_a_case(desk.installation)
    with desk.acting() as (work, actor):
        put_tip(work, actor, PutTip(number, case, with_exhibits=True))
        members.set_access(work, actor, case, "members")
    for role in ("counsel", "administrator"):
        page = desk.client(role).get("/audit").text
        assert "Not yours to see" in page
        assert case not in page
        assert number not in page
        assert "EX-" not in page
        assert desk.client(role).get(f"/audit?thing={number}").status_code == 422


def test_what_an_act_names_beside_its_thing_is_said_to_who_sees_that_only(desk: Desk, number: str) -> None:
    """A tip that came out of a case of others, and a case that went into one: the number of that case is not told."""
    hidden, shown, gone = (open_a_case(desk.installation) for _ in range(3))
    with desk.acting() as (work, actor):
        put_tip(work, actor, PutTip(number, hidden))
        put_tip(work, actor, PutTip(number, shown))
        subject = add_subject(work, actor, AddSubject(hidden, About("person", "R. Vance"))).number
        note = services.write_note(work, actor, services.WriteNote(get_referred(work, actor, f"case:{hidden}"), "For us")).note
        tasks.add_task(work, actor, tasks.AddTask(get_referred(work, actor, f"subject:{subject}"), "For us"))
        merge_cases(work, actor, MergeCases(gone, hidden, "One matter"))
        members.set_access(work, actor, hidden, "members")
    counsel = desk.client("counsel")
    told = {
        "page": counsel.get("/audit").text,
        "file": counsel.post("/audit/csv").text,
        "history": counsel.get(f"/tips/{number}?tab=history").text,
        "lists": desk.client("administrator").get("/audit").text,
    }
    for place, text in told.items():
        for word in (hidden, subject, "R. Vance", "For us", note.id):
            assert word not in text, f"{place}: {word}"
        if place != "lists":
            assert shown in text, place
    assert "a case that you do not see" in told["page"]
    assert "a case that you do not see" in told["history"]
    assert hidden in desk.client().get(f"/tips/{number}?tab=history").text


def test_the_file_holds_all_and_is_an_act_itself(desk: Desk, number: str) -> None:
    counsel = desk.client("counsel")
    answer = counsel.post("/audit/csv", data={"kind": "reads"})
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["time_utc", "who", "act", "kind", "thing", "detail"]
    assert {row[2] for row in rows[1:]} == {"tip.read", "exhibit.view"}
    assert ["M. Okafor", "tip.read", "tip", number] in [row[1:5] for row in rows]
    assert "<code>audit.export</code>" in counsel.get("/audit").text


def test_no_cell_is_a_formula(desk: Desk) -> None:
    with desk.acting() as (work, actor):
        audit.record(work.session, work.now(), actor, "tip.test", detail="=1+1")
    assert "'=1+1" in desk.client("counsel").post("/audit/csv").text


def test_pages_follow_each_other_and_take_the_same_queries(desk: Desk) -> None:
    counsel = desk.client("counsel")
    few = desk.queries(lambda: counsel.get("/audit"))
    with desk.acting() as (work, actor):
        for count in range(230):
            audit.record(work.session, work.now(), actor, "tip.test", detail=str(count))
    assert desk.queries(lambda: counsel.get("/audit")) <= few + 1
    path, seen = "/audit", 0
    for _ in range(5):
        page = counsel.get(path).text
        seen += page.count("<code>tip.test</code>")
        following = page.partition("Next page")[0].rpartition('href="')[2].partition('"')[0]
        if "Next page" not in page:
            break
        path = following
    assert seen == 230
    with desk.acting(write=False) as (work, _):
        assert len(work.session.scalars(select(AuditEvent.id)).all()) > 230
