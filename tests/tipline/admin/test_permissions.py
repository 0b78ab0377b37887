"""A stranger on every route, and each role on every route that it may not use."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from evidence.signing import ssh_fingerprint
from tests.tipline.accounts.console_house import ConsoleHouse, Person, post
from tipline.keyfolders import KeyFolder
from tipline.models.operations import AuditEvent
from tipline.models.programs import Program
from tipline.models.staff import Staff
from tipline.policy import ROLES

GETS = ("/staff", "/staff/{staff}/disable", "/programs", "/programs/new", "/programs/{program}", "/keys")
POSTS = (
    "/staff/add",
    "/staff/{staff}/link",
    "/staff/{staff}/disable",
    "/programs/new",
    "/programs/{program}/notice",
    "/programs/{program}/recovery",
    "/programs/{program}/recovery/new",
    "/programs/{program}/access",
    "/programs/{program}/state",
)
NOTICE_PATHS = ("/programs", "/programs/{program}", "/programs/{program}/notice")
COMPLETE = {
    "login": "x", "name": "X", "role": "counsel", "secret": "x", "state": "closed", "compared": "y", "notice_on": "2026-09-04",
    "slug": "x", "code": "XX", "title": "x", "organisation": "x", "incident": "x", "helps_most": "x", "reward": "x", "reward_terms": "x",
}  # fmt: skip


def snapshot(house: ConsoleHouse) -> list[object]:
    """All that the refused requests could have changed."""
    with house.process.unit(write=False) as work:
        people = work.session.execute(select(Staff.login, Staff.state, Staff.invitation_hash).order_by(Staff.login)).all()
        kept = work.session.execute(select(Program.slug, Program.state, Program.title, Program.recovery_recipient)).all()
        acts = work.session.scalar(select(func.count()).select_from(AuditEvent).where(AuditEvent.act.not_like("session.%")))
    return [people, kept, acts]


@pytest.mark.parametrize("role", ["investigator", "counsel", "program_manager"])
def test_a_role_is_refused_what_it_may_not_do(house: ConsoleHouse, admin: Person, role: str) -> None:
    program = house.open_program(admin).program
    person = house.colleague(admin, "someone", role)
    with house.process.unit(write=False) as work:
        other = work.session.scalars(select(Staff.id).where(Staff.login == "administrator")).one()
    before = snapshot(house)
    allowed = {"/keys"} | (set(NOTICE_PATHS) if "program.notice" in ROLES[role] else set())
    for path in set(GETS) - allowed:
        answer = person.client.get(path.format(staff=other, program=program.id))
        assert (path, answer.status_code) == (path, 403)
    for path in set(POSTS) - allowed:
        answer = person.post(path.format(staff=other, program=program.id), **COMPLETE, staff_id=other, fingerprint="x")
        assert (path, answer.status_code) == (path, 403)
    assert snapshot(house) == before


def test_a_stranger_cannot_tell_a_route_from_nothing(house: ConsoleHouse, admin: Person) -> None:
    program = house.open_program(admin).program
    before = snapshot(house)
    nothing = house.browser().get("/no/such/page")
    for path in GETS:
        answer = house.browser().get(path.format(staff="0" * 32, program=program.id))
        assert (answer.status_code, answer.location, answer.data) == (302, "/sign-in", nothing.data)
    client = house.browser()
    nothing = post(client, "/no/such/page", "/sign-in")
    for path in POSTS:
        answer = post(client, path.format(staff="0" * 32, program=program.id), "/sign-in", **COMPLETE)
        assert (answer.status_code, answer.location, answer.data) == (nothing.status_code, nothing.location, nothing.data)
    assert snapshot(house) == before


def test_signed_in_staff_find_nothing_where_nothing_is(admin: Person) -> None:
    for path in ("/programs/" + "0" * 32, "/staff/" + "0" * 32 + "/disable", "/programs/x/y", "/no/such/page"):
        answer = admin.client.get(path)
        assert answer.status_code == 404
        assert "There is nothing here" in answer.text


def test_each_role_is_led_to_its_first_page(house: ConsoleHouse, admin: Person) -> None:
    assert admin.client.get("/").location == "/staff"
    for role in ("investigator", "counsel", "program_manager"):
        assert house.colleague(admin, role.replace("_", "."), role).client.get("/").location == "/inbox"


def test_the_keys_page_shows_the_log_key_as_ssh_keygen_prints_it(house: ConsoleHouse, admin: Person) -> None:
    log_key = KeyFolder(house.settings.keys("worker")).log_key
    person = house.colleague(admin, "someone", "counsel")
    for client in (admin.client, person.client):
        assert f'id="log-key">{ssh_fingerprint(log_key.public)}<' in client.get("/keys").text.replace("&#43;", "+")


def test_pages_carry_no_inline_script_or_style(house: ConsoleHouse, admin: Person) -> None:
    program = house.open_program(admin).program
    pages = [admin.client.get(path.format(staff="x", program=program.id)).text for path in GETS]
    for page in [*pages, house.browser().get("/sign-in").text]:
        assert re.search(r"<script(?![^>]* src=)", page) is None
        assert "style=" not in page
        assert "<style" not in page
