"""The grants of the operators' guide are enough for each process, and no more than the guide says."""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

from tests.conftest import ConsoleClient
from tests.docs.pages import ROOT, blocks
from tests.installations import Installation, install
from tests.tipline.desk_house import Desk
from tests.tipline.intake.house import claim_of, come_back, field_value, send_message, send_tip, words_of
from tests.tipline.notices.post_house import make_room
from tipline.app import create_console_app, create_public_app
from tipline.config import Settings
from tipline.models.programs import Program
from tipline.process import open_process

pytestmark = pytest.mark.servers
ROLES, GRANTS = (block.text for block in blocks(ROOT / "docs" / "guide-operators.md") if block.tag == "sql")
FACES = ("public", "console", "worker")
Ask = Callable[[str, str], None]


@pytest.fixture
def database(postgres_server: str) -> Iterator[URL]:
    """A database of `tipline_owner`; it and the roles are gone afterwards."""
    server = make_url(postgres_server)
    name = f"roles{secrets.token_hex(4)}"
    _execute(server, ROLES)
    _execute(server, f"CREATE DATABASE {name} OWNER tipline_owner")
    yield server.set(database=name, username="tipline_owner")
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")
    for role in ("owner", *FACES):
        _execute(server, f"DROP ROLE tipline_{role}")


@pytest.fixture
def divided(database: URL, tmp_path: Path) -> Iterator[Installation]:
    """An installation that its owner set up and whose processes run in roles of their own."""
    made = install(_settings(tmp_path, database))
    made.close()
    made._processes.clear()
    _execute(database, GRANTS)
    for face in FACES:
        settings = _settings(tmp_path, database.set(username=f"tipline_{face}"))
        made._processes[face] = open_process(face, settings)  # type: ignore[arg-type]  # one of the three
    yield made
    made.close()


def _settings(folder: Path, url: URL) -> Settings:
    return Settings(data=folder / "instance", database_url=url.render_as_string(hide_password=False))


def _execute(url: URL, statements: str) -> None:
    with psycopg.connect(host=url.query["host"], user=url.username, dbname=url.database, autocommit=True) as connection:
        connection.execute(statements)


def test_a_tip_goes_its_way_in_four_roles(divided: Installation) -> None:
    source = create_public_app(divided.public).test_client()
    receipt = send_tip(source, "I saw it at the mail house.", {"list.csv": b"a,b\n1,2\n"})
    words = words_of(receipt)
    divided.run_jobs()
    divided.sequence()
    divided.sequencer().publish()
    app = create_console_app(divided.console)
    app.test_client_class = ConsoleClient
    desk = divided.sign_in(app.test_client(), "investigator")
    number = min(re.findall(r"/tips/(TIP-[\d-]+)", desk.get("/inbox").text))
    assert "I saw it at the mail house." in desk.get(f"/tips/{number}").text
    reply = {"words": "Thank you.", "files": (io.BytesIO(b"a guide"), "guide.txt")}
    assert desk.post(f"/tips/{number}/reply", data=reply, content_type="multipart/form-data").status_code == 303
    assert desk.post(f"/tips/{number}/question", data={"question": "Which shift?", "options": "Day\nNight"}).status_code == 303
    page = come_back(source, words)
    session = {"token": field_value(page, "token")}
    assert source.post("/conversation/file", data={**session, "message": "1", "file": "0"}).data == b"a guide"
    assert source.post("/conversation/answer", data={**session, "question": "2", "choice": "1"}).location.endswith("answered=yes")
    assert "Thank you." in page.text
    fields = {"draft": field_value(page, "draft"), "token": field_value(page, "token"), "what": "One thing more."}
    assert send_message(source, fields, {"b.txt": b"more"}).status_code == 303
    divided.run_jobs()
    assert "One thing more." in desk.get(f"/tips/{number}").text
    divided.sequencer().publish()
    token = field_value(source.get("/conversation/proof"), "token")
    proof = source.post("/conversation/proof", data={"token": token, "claim": claim_of(receipt), "as": "file"})
    assert proof.data.startswith(b"tipline/proof/1\n")
    with divided.work() as work:
        work.session.get_one(Program, divided.program_id).reward_most = 1_000_000
    token = field_value(source.get("/conversation/claim"), "token")
    said = {**dict.fromkeys(("employee", "involved", "sanctions"), "yes"), "by": "self", "helped": "You found the mail house."}
    assert source.post("/conversation/claim", data={**said, "token": token, "claim": claim_of(receipt)}).status_code == 303
    assert "We have your claim" in source.get("/conversation").text
    claim = desk.get("/claims").text.partition('href="/claims/')[2].partition('"')[0]
    assert "You found the mail house." in desk.get(f"/claims/{claim}").text
    assert source.post("/conversation/withdraw", data={**session, "sure": "yes"}).status_code == 303
    assert "You have withdrawn from this conversation" in source.get("/conversation").text


def test_a_letter_is_checked_in_its_role(divided: Installation) -> None:
    public, console = create_public_app(divided.public), create_console_app(divided.console)
    console.test_client_class = ConsoleClient
    visitor = public.test_client()
    room = make_room(divided, visitor, Desk(divided, visitor, console))
    code = room.letters(room.issue())[0].code
    assert "We sent a letter with this code" in room.check(code).text
    assert "We cannot confirm this code." in room.check("0000").text


NEVER = (
    ("public", "INSERT INTO reply_file SELECT * FROM reply_file"),
    ("public", "UPDATE notice SET state = 'good'"),
    ("public", "UPDATE reward_claim SET state = 'paid'"),
    ("public", "INSERT INTO payout SELECT * FROM payout"),
    ("public", "SELECT reason FROM claim_step"),
    ("public", "DELETE FROM notice"),
    ("public", "SELECT login FROM staff"),
    ("public", "SELECT keys FROM staff_session"),
    ("public", "SELECT wrapped FROM program_wrap"),
    ("public", "SELECT opening FROM custody_opening"),
    ("public", "INSERT INTO log_leaf SELECT * FROM log_leaf"),
    ("public", "DELETE FROM tip"),
    ("public", "INSERT INTO dbos.workflow_status (workflow_uuid) VALUES ('a-job')"),
    ("console", "DELETE FROM log_leaf"),
    ("console", "INSERT INTO log_checkpoint SELECT * FROM log_checkpoint"),
    ("worker", "UPDATE custody_event SET entry = 'x'"),
    ("worker", "TRUNCATE custody_event"),
)


def test_a_role_is_refused_what_its_process_never_does(divided: Installation) -> None:
    for role, statement in NEVER:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            _execute(divided._processes[role].database.engine.url, statement)
