"""A canary in every field and header of the public face is found nowhere afterwards; and no form can be forgotten."""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import MethodNotAllowed, NotFound

from tests.conftest import ConsoleClient
from tests.installations import Installation, install
from tests.journeys import theft
from tests.journeys.canary import Planting
from tests.journeys.site import RunningSite
from tests.journeys.visitor import Visitor
from tests.tipline.intake.house import claim_of, field_value, send_tip, words_of
from tipline.app import create_console_app, create_public_app
from tipline.config import Settings
from tipline.models.programs import Program
from tipline.models.tips import Tip

CANARY = "canary-4d81f6"
NO_FORMS = {"static", "pages.log_checkpoint", "pages.log_key", "pages.log_tile", "pages.poster_code", "proofs.verifier"}  # files
FIELDS = {"what", "how", "who", "files", "draft", "token", "receipt", "code", "claim", "question", "choice", "audience", "nonce"}


@dataclass
class Planted:
    """An installation in which a source with everything to do has left canaries everywhere."""

    inside: Installation
    app: Flask
    planting: Planting
    printed: str

    def reached(self, paths: set[str], method: str) -> set[str]:
        """The routes of these paths; a path that leads nowhere is a link or form that is broken."""
        bound, broken, found = self.app.url_map.bind("localhost"), set(), set()
        for path in paths:
            try:
                found.add(bound.match(path, method)[0])
            except MethodNotAllowed:
                continue  # the answer to a form, which is no page to ask for
            except NotFound:
                broken.add(path)
        assert not broken
        return found

    def all_that_take(self, method: str) -> set[str]:
        return {rule.endpoint for rule in self.app.url_map.iter_rules() if method in (rule.methods or ())}


def staff_write(client: FlaskClient, tip: Tip) -> None:
    """A question with answers to choose from, and a file: each brings the source a form."""
    asked = client.post(f"/tips/{tip.number}/question", data={"question": "Where was it?", "options": "At work\nElsewhere"})
    sent = client.post(f"/tips/{tip.number}/reply", data={"words": "For you.", "files": (io.BytesIO(b"for you"), "list.txt")})
    assert (asked.status_code, sent.status_code) == (303, 303)


def by_phone(client: FlaskClient, program_id: str) -> str:
    """The receipt of a tip by phone, whose source is shown new words, and after them the claim code once."""
    typed = {
        "token": field_value(client.get("/tips/phone"), "token"),
        "program": program_id,
        "what": "He called.",
        "how": "other",
        "who": "",
    }
    return " ".join(re.findall(r"<li><b>([a-z-]+)</b></li>", client.post("/tips/phone", data=typed).text))


def browser_at(app: Flask) -> Visitor:
    visitor = Visitor("http://localhost")
    visitor.http = httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://localhost", follow_redirects=True)
    return visitor


@pytest.fixture
def planted(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Planted]:
    """In this process, on PostgreSQL. test_hostile_wire.py does it to the started site on SQLite, with its log and its environment."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    inside = install(Settings(data=tmp_path / "instance", database_url=postgres_url))
    public, console = create_public_app(inside.public), create_console_app(inside.console)
    console.test_client_class = ConsoleClient
    with inside.work() as work:
        program = work.session.get_one(Program, inside.program_id)
        program.reward_most, program.payout_place = 1_000_000, "Calder Trust"
    page = send_tip(public.test_client())
    with inside.work() as work:
        [tip] = work.session.query(Tip)
    inside.sequencer().publish()
    staff = inside.sign_in(console.test_client(), "investigator")
    staff_write(staff, tip)

    planting = Planting(browser_at(public), CANARY, {"receipt": " ".join(words_of(page)), "claim": claim_of(page)})
    planting.everywhere()
    planting.also(browser_at(public), by_phone(staff, inside.program_id))
    inside.run_jobs()
    inside.sequencer().publish()
    written = capfd.readouterr()
    yield Planted(inside, public, planting, written.out + written.err)
    inside.close()


@pytest.mark.servers
def test_every_public_form_is_reached_and_no_canary_is_found(planted: Planted) -> None:
    """Log, tables (the job queue's too), objects, index, anchor, published log and temporary files."""
    assert planted.reached(planted.planting.posted, "POST") == planted.all_that_take("POST"), "a form that nobody filled in"
    assert planted.reached(planted.planting.asked, "GET") >= planted.all_that_take("GET") - NO_FORMS - {"pages.index"}
    assert {name for _, name in planted.planting.fields} >= FIELDS
    settings = planted.inside.settings
    named = {"TIPLINE_DATA": str(settings.data), "TIPLINE_DATABASE_URL": settings.database}
    site = RunningSite(settings.data, "", "", "", named, lines=[planted.printed])
    assert any(settings.anchor_file.read_bytes()), "nothing was anchored, so nothing was looked at"
    assert (settings.log_folder / "checkpoint").exists()
    assert theft.search(site, [CANARY.encode()]) == []
