from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from tests.tipline.accounts.console_house import ConsoleHouse, Person, sign_in
from tipline.accounts.preferences import set_preferences
from tipline.accounts.tokens import MakeToken, make_token
from tipline.actor import Preferences
from tipline.admin import services
from tipline.admin.programs import GrantAccess, grant_access
from tipline.admin.rules import fingerprint
from tipline.errors import BadInput, Conflict, NotFound
from tipline.models.custody import Exhibit
from tipline.models.desk import ApiToken
from tipline.models.operations import AuditEvent
from tipline.models.programs import ProgramWrap
from tipline.models.staff import Staff

OKAFOR = {"login": "m.okafor", "name": "M. Okafor", "role": "investigator"}


def staff(house: ConsoleHouse, login: str) -> Staff:
    with house.process.unit(write=False) as work:
        return work.session.scalars(select(Staff).where(Staff.login == login)).one()


def link_on(page: str) -> str:
    found = re.search(r'id="link">([^<]+)<', page)
    assert found, page
    return found[1]


def give(by: Person, program_id: str, to: Staff) -> None:
    with by.acting() as (work, actor):
        grant_access(work, actor, GrantAccess(program_id, to.id, fingerprint(to.recipient or "")))


def test_a_colleague_gets_a_link_that_is_shown_once(house: ConsoleHouse, admin: Person) -> None:
    answer = admin.post("/staff/add", **OKAFOR)
    assert answer.status_code == 200
    link = link_on(answer.text)
    assert link.rsplit("/", 1)[1] not in admin.client.get("/staff").text
    assert link.rsplit("/", 1)[1] not in str(vars(staff(house, "m.okafor")))
    okafor = house.set_up(link)
    assert "M. Okafor, investigator" in okafor.client.get("/keys").text


def test_the_command_line_invites_without_an_actor(house: ConsoleHouse) -> None:
    with house.process.unit(write=True) as work:
        link = services.add_colleague(work, None, services.AddColleague("t.brandt", "T. Brandt", "counsel"))
    assert house.set_up(link).login == "t.brandt"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("login", "M Okafor", "Use small letters and digits"),
        ("login", "", "Use small letters and digits"),
        ("login", "administrator", "Somebody already signs in as administrator."),
        ("name", " ", "Write the name"),
        ("name", "x" * 129, "Use at most 128 characters"),
        ("name", "M.\u202eOkafor", "on one line"),
        ("role", "owner", "Choose one of the roles"),
    ],
)
def test_what_is_wrong_stands_at_its_field(house: ConsoleHouse, admin: Person, field: str, value: str, message: str) -> None:
    answer = admin.post("/staff/add", **{**OKAFOR, field: value})
    assert answer.status_code == 422
    assert "<title>Error:" in answer.text
    assert message in answer.text
    with house.process.unit(write=False) as work:
        assert work.session.scalars(select(Staff.login)).all() == ["administrator"]


def test_disabling_ends_sessions_access_and_the_signing_key(house: ConsoleHouse, admin: Person) -> None:
    made = house.open_program(admin)
    okafor = house.colleague(admin, "m.okafor", "investigator")
    give(admin, made.program.id, staff(house, "m.okafor"))
    with okafor.acting() as (work, actor):
        set_preferences(work, actor, Preferences(notice="daily"), "m.okafor@example.org")
    person = staff(house, "m.okafor")
    assert "What happens" in admin.client.get(f"/staff/{person.id}/disable").text
    assert admin.post(f"/staff/{person.id}/disable").status_code == 303
    assert okafor.client.get("/keys").location == "/sign-in"
    assert staff(house, "m.okafor").notify_address is None, "nobody writes to who left"
    assert sign_in(house.browser(), "m.okafor", okafor.words, okafor.code()).status_code == 422
    with house.process.unit(write=False) as work:
        assert work.session.scalars(select(ProgramWrap.staff_id)).all() == [staff(house, "administrator").id]
        last = work.vault.openings(work.session, work.session.get_one(Exhibit, "installation"), None)[-1].fields()
    assert (last["kind"], last["role"], last["on_behalf_of"]) == ("KEY_RETIRED", "person", person.id)
    assert last["actor"] == staff(house, "administrator").id


def test_an_invitation_can_be_withdrawn(house: ConsoleHouse, admin: Person) -> None:
    link = link_on(admin.post("/staff/add", **OKAFOR).text)
    admin.post(f"/staff/{staff(house, 'm.okafor').id}/disable")
    assert house.browser().get("/" + link.split("/", 3)[3]).status_code == 404


def test_who_lost_the_second_factor_comes_back_with_new_keys_and_no_access(house: ConsoleHouse, admin: Person) -> None:
    made = house.open_program(admin)
    house.colleague(admin, "m.okafor", "investigator")
    before = staff(house, "m.okafor")
    give(admin, made.program.id, before)
    admin.post(f"/staff/{before.id}/disable")
    again = house.set_up(link_on(admin.post(f"/staff/{before.id}/link").text))
    after = staff(house, "m.okafor")
    assert (after.id, after.state) == (before.id, "active")
    assert after.recipient != before.recipient
    assert after.signing_public != before.signing_public
    with again.acting() as (_, actor):
        assert actor.keyring.program_ids() == []


def test_an_account_that_works_gets_no_second_link(house: ConsoleHouse, admin: Person) -> None:
    house.colleague(admin, "m.okafor", "investigator")
    with admin.acting() as (work, actor), pytest.raises(Conflict, match="has an account that works"):
        services.renew_colleague_link(work, actor, staff(house, "m.okafor").id)


def test_who_signs_the_list_of_recipients_is_not_disabled_unawares(house: ConsoleHouse, admin: Person) -> None:
    second = house.colleague(admin, "second", "administrator")
    warning = "key signs the list of recipients"
    assert warning in second.client.get(f"/staff/{staff(house, 'administrator').id}/disable").text
    assert warning not in admin.client.get(f"/staff/{staff(house, 'second').id}/disable").text


def test_nobody_disables_themselves_or_the_only_reader(house: ConsoleHouse, admin: Person) -> None:
    house.open_program(admin)
    second = house.colleague(admin, "second", "administrator")
    first_id = staff(house, "administrator").id
    assert admin.post(f"/staff/{first_id}/disable").status_code == 409
    refused = second.post(f"/staff/{first_id}/disable")
    assert refused.status_code == 409
    assert "only one who can read" in refused.text
    assert staff(house, "administrator").state == "active"


def test_what_is_not_there_is_not_found(admin: Person) -> None:
    for act in (services.disable_colleague, services.renew_colleague_link, services.get_colleague):
        with admin.acting() as (work, actor), pytest.raises(NotFound):
            act(work, actor, "0" * 32)


def test_bad_input_names_every_field(admin: Person) -> None:
    with admin.acting() as (work, actor), pytest.raises(BadInput) as caught:
        services.add_colleague(work, actor, services.AddColleague("", "", ""))
    assert set(caught.value.fields) == {"login", "name", "role"}


def test_what_administrators_do_is_audited(house: ConsoleHouse, admin: Person) -> None:
    admin.post("/staff/add", **OKAFOR)
    person = staff(house, "m.okafor")
    admin.post(f"/staff/{person.id}/disable")
    with house.process.unit(write=False) as work:
        acts = work.session.execute(select(AuditEvent.act, AuditEvent.staff_id).where(AuditEvent.subject_id == person.id)).all()
    first = staff(house, "administrator").id
    assert acts == [("staff.add", first), ("staff.disable", first)]


def test_a_colleagues_sessions_are_ended_without_ending_the_account(house: ConsoleHouse, admin: Person) -> None:
    okafor, person = house.colleague(admin, "m.okafor", "investigator"), staff(house, "m.okafor")
    elsewhere = house.browser()
    sign_in(elsewhere, "m.okafor", okafor.words, okafor.code())
    with okafor.acting() as (work, actor):
        make_token(work, actor, MakeToken("Figures", ("tips:read",), "7"))
    page = admin.client.get(f"/staff/{person.id}/sessions").text
    one, _ = re.findall(rf"/staff/{person.id}/sessions/([0-9a-f]{{64}})/end", page)
    assert "1 token of the API works" in page
    assert okafor.client.get(f"/staff/{person.id}/sessions").status_code == 403
    assert admin.post(f"/staff/{person.id}/sessions/{one}/end").status_code == 303
    assert admin.post(f"/staff/{person.id}/sessions/{one}/end").status_code == 404
    assert [browser.get("/keys").status_code for browser in (okafor.client, elsewhere)].count(200) == 1
    house.clock.advance(minutes=11)
    assert admin.post(f"/staff/{person.id}/sessions/end").status_code == 403, "it asks who one is, again"
    assert len(re.findall('/end"', admin.client.get(f"/staff/{person.id}/sessions").text)) == 2, "one session, and all"
    assert admin.post(f"/staff/{person.id}/sessions/end", prove_passphrase=admin.words).status_code == 303
    for browser in (okafor.client, elsewhere):
        assert browser.get("/keys").location == "/sign-in"
    assert admin.post(f"/staff/{staff(house, 'administrator').id}/sessions/end").status_code == 409
    with house.process.unit(write=False) as work:
        assert work.session.scalars(select(ApiToken)).all() == []
        acts = work.session.execute(select(AuditEvent.act, AuditEvent.detail).where(AuditEvent.subject_id == person.id)).all()
    assert acts[-2:] == [("session.end", None), ("session.end_all", "1")]
    assert staff(house, "m.okafor").state == "active"
