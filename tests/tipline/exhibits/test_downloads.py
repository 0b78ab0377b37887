"""Originals leave through the files origin only, once for each ticket, whole or not at all, after DOWNLOADED is on record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, select, update

from tests.tipline.desk_house import Desk
from tipline.exhibits import tickets
from tipline.models.operations import DownloadTicket
from tipline.work import utc_now

CONTENT = b"canary original\x00" * 40_000
NAME = "../мой \u202eфайл.exe"


@pytest.fixture
def exhibit(desk: Desk) -> str:
    return desk.exhibits(desk.send("He bragged.", {"bericht.bin": CONTENT}))[1].id


def ticket(desk: Desk, exhibit: str) -> str:
    answer = desk.client().post(f"/exhibits/{exhibit}/download")
    assert answer.status_code == 303
    origin, _, token = answer.location.rpartition("/")
    assert origin == desk.installation.settings.files_origin
    return token


def test_an_original_leaves_byte_for_byte_as_an_attachment(desk: Desk, exhibit: str) -> None:
    answer = desk.files().get(f"/{ticket(desk, exhibit)}")
    assert (answer.status_code, answer.data) == (200, CONTENT)
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment; filename=\"bericht.bin\"; filename*=UTF-8''bericht.bin"
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_hostile_name_does_not_reach_the_header(desk: Desk) -> None:
    exhibit = desk.exhibits(desk.send("He bragged.", {NAME: b"x"}))[1].id
    header = desk.files().get(f"/{ticket(desk, exhibit)}").headers["Content-Disposition"]
    assert header.isascii()
    assert not {"/", "\\", "\u202e", "%2F", "%E2%80%AE"} & set(header)
    assert "%E2%80%AE" not in header


def test_the_event_is_committed_before_there_is_a_ticket(desk: Desk, exhibit: str) -> None:
    order: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        for table in ("custody_event", "download_ticket"):
            if statement.startswith(f"INSERT INTO {table}"):
                order.append(table)

    engine = desk.installation.console.database.engine
    committed = event.listens_for(engine, "commit")(lambda _connection: order.append("commit"))
    event.listen(engine, "before_cursor_execute", note)
    try:
        with desk.acting() as (work, actor):
            tickets.issue(work, actor, exhibit)
    finally:
        event.remove(engine, "before_cursor_execute", note)
        event.remove(engine, "commit", committed)
    told = order[order.index("custody_event") :]
    assert told == ["custody_event", "commit", "download_ticket", "commit"]
    assert desk.kinds(exhibit)[-1] == "DOWNLOADED"


def test_a_ticket_is_good_once(desk: Desk, exhibit: str) -> None:
    token, files = ticket(desk, exhibit), desk.files()
    assert files.head(f"/{token}").status_code == 405
    assert files.get(f"/{token}").status_code == 200
    again = files.get(f"/{token}")
    assert again.status_code == 404
    assert "has been used, or is older than a minute" in again.text
    assert desk.kinds(exhibit).count("DOWNLOADED") == 1


def test_a_ticket_is_good_for_a_minute(desk: Desk, exhibit: str) -> None:
    token = ticket(desk, exhibit)
    with desk.installation.work() as work:
        work.session.execute(update(DownloadTicket).values(expires_at=utc_now() - timedelta(seconds=1)))
    assert desk.files().get(f"/{token}").status_code == 404
    ticket(desk, exhibit)
    with desk.installation.work(write=False) as work:
        assert len(list(work.session.scalars(select(DownloadTicket)))) == 1  # the old one was swept


@pytest.mark.parametrize("token", ["A" * 43, "x", "%00", "..%2f..%2fetc%2fpasswd", "A" * 4000])
def test_a_made_up_ticket_opens_nothing(desk: Desk, token: str) -> None:
    assert desk.files().get(f"/{token}").status_code in (400, 404, 414)


def test_the_table_of_tickets_opens_nothing(desk: Desk, exhibit: str) -> None:
    token = ticket(desk, exhibit)
    with desk.installation.work(write=False) as work:
        row = work.session.scalars(select(DownloadTicket)).one()
        assert token not in row.id
        assert b"AGE-SECRET-KEY" not in row.payload
        assert b"bericht" not in row.payload
    assert desk.files().get(f"/{row.id}").status_code == 404
    stored = desk.everything_stored()
    assert token.encode() not in stored
    assert b"canary original" not in stored


def test_a_tampered_object_breaks_whole(desk: Desk, exhibit: str) -> None:
    token = ticket(desk, exhibit)
    desk.installation.console.vault.objects._checked.clear()
    desk.tamper(exhibit)
    answer = desk.files().get(f"/{token}")
    assert answer.status_code == 500
    assert b"canary original" not in answer.data
    assert "was changed" in answer.text


def test_the_files_origin_serves_nothing_else(desk: Desk) -> None:
    files = desk.files()
    for path in ("/", "/inbox", "/sign-in", "/exhibits", "/a/b"):
        assert files.get(path).status_code == 404
    assert files.post("/x").status_code == 405


@pytest.mark.parametrize("role", ["program_manager", "administrator"])
def test_who_may_not_download_is_refused(desk: Desk, exhibit: str, role: str) -> None:
    assert desk.client(role).post(f"/exhibits/{exhibit}/download").status_code == 403
    assert "DOWNLOADED" not in desk.kinds(exhibit)
    with desk.installation.work(write=False) as work:
        assert list(work.session.scalars(select(DownloadTicket))) == []


def test_a_stranger_gets_no_ticket(desk: Desk, exhibit: str) -> None:
    answer = desk.console_app.test_client().post(f"/exhibits/{exhibit}/download")
    assert (answer.status_code, answer.location) == (302, "/sign-in")
