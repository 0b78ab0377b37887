from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from sqlalchemy import select

from evidence.errors import KeyUnavailable
from evidence.keys import Identity
from evidence.signing import SigningKey
from tests.tipline.accounts.console_house import NOTICE, PROGRAM, ConsoleHouse, Person
from tipline.admin import programs
from tipline.admin.programs import CreateProgram, GrantAccess
from tipline.admin.recovery import TypedShares, confirm_recovery
from tipline.admin.rules import fingerprint
from tipline.errors import BadInput, Conflict, NoKey, Unsound
from tipline.models.custody import Exhibit
from tipline.models.programs import Program, ProgramWrap
from tipline.models.staff import Staff
from tipline.recipients import CONTEXT

FIELDS = {
    "slug": PROGRAM.slug,
    "code": PROGRAM.code,
    "organisation": NOTICE.organisation,
    "title": NOTICE.title,
    "incident": NOTICE.incident.replace("\n", "\r\n"),
    "helps_most": NOTICE.helps_most,
    "reward": NOTICE.reward,
    "reward_terms": NOTICE.reward_terms,
    "notice_on": NOTICE.notice_on.isoformat(),
}


def seen_on(page: str) -> str:
    found = re.search(r'name="seen"[^>]*value="([0-9a-f]{32})"', page)
    assert found, page
    return found[1]


def only_program(house: ConsoleHouse) -> Program:
    with house.process.unit(write=False) as work:
        return work.session.scalars(select(Program)).one()


def staff(house: ConsoleHouse, login: str) -> Staff:
    with house.process.unit(write=False) as work:
        return work.session.scalars(select(Staff).where(Staff.login == login)).one()


def compared(house: ConsoleHouse, program_id: str, login: str) -> GrantAccess:
    person = staff(house, login)
    return GrantAccess(program_id, person.id, fingerprint(person.recipient or ""))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("slug", "Northfield Letter", "Use small letters, digits and hyphens"),
        ("code", "ns", "Use 2 to 8 capital letters"),
        ("title", " ", "question in one line"),
        ("incident", "x" * 20_001, "Use at most 20,000 characters. There are 20,001."),
        ("reward", "", "Write the reward"),
        ("notice_on", "soon", "Not a valid date"),
    ],
)
def test_what_is_wrong_with_a_program_stands_at_its_field(house: ConsoleHouse, admin: Person, field: str, value: str, message: str) -> None:
    answer = admin.post("/programs/new", **{**FIELDS, field: value})
    assert answer.status_code == 422
    assert message in answer.text
    assert NOTICE.helps_most in answer.text
    with house.process.unit(write=False) as work:
        assert work.session.scalars(select(Program.id)).all() == []


def test_an_address_is_used_once(house: ConsoleHouse, admin: Person) -> None:
    house.open_program(admin)
    with admin.acting() as (work, actor), pytest.raises(BadInput) as caught:
        programs.create_program(work, actor, PROGRAM)
    assert list(caught.value.fields) == ["slug"]


def test_the_keys_of_a_program_enter_the_log_signed_by_who_made_them(house: ConsoleHouse, admin: Person) -> None:
    made = house.open_program(admin)
    with admin.acting() as (work, _):
        openings = work.vault.openings(work.session, work.session.get_one(Exhibit, "installation"), None)[-2:]
        assert [(each.field("role"), each.field("key_id"), each.field("on_behalf_of")) for each in openings] == [
            ("program", made.program.recipient, made.program.id),
            ("recovery", made.program.recovery_recipient, made.program.id),
        ]
        assert all(len(each.attestations) == 2 for each in openings)
        assert work.vault.recipients.program(made.program.id) == made.program.recipient


def test_a_grant_lets_the_colleague_read_what_was_sealed_before(house: ConsoleHouse, admin: Person) -> None:
    made = house.open_program(admin)
    okafor = house.colleague(admin, "m.okafor", "investigator")
    with admin.acting() as (_, actor):
        blob = actor.keyring.program(made.program.id).seal("tip", "title", "1", "words")
    with okafor.acting() as (_, actor), pytest.raises(NoKey):
        actor.keyring.program(made.program.id)
    page = admin.client.get(f"/programs/{made.program.id}").text
    person = staff(house, "m.okafor")
    mark = fingerprint(person.recipient or "")
    assert mark in page
    assert mark in okafor.client.get("/keys").text
    address = f"/programs/{made.program.id}/access"
    assert admin.post(address, staff_id=person.id, fingerprint=mark).status_code == 422
    assert admin.post(address, staff_id=person.id, fingerprint=mark, compared="y").status_code == 303
    with okafor.acting() as (work, actor):
        assert actor.keyring.program(made.program.id).open("tip", "title", "1", blob) == "words"
        last = work.vault.openings(work.session, work.session.get_one(Exhibit, "installation"), None)[-1]
    assert (last.field("role"), last.field("key_id")) == ("reader", person.recipient)
    assert admin.post(address, staff_id=person.id, fingerprint=mark, compared="y").status_code == 409


def test_a_confirmed_reader_enters_the_log_once(house: ConsoleHouse, admin: Person) -> None:
    first = house.open_program(admin)
    house.colleague(admin, "m.okafor", "investigator")
    with admin.acting() as (work, actor):
        second = programs.create_program(work, actor, replace(PROGRAM, slug="second"))
    with admin.acting() as (work, actor):
        confirm_recovery(work, actor, second.program.id, TypedShares(*second.shares[1:]))
        for made in (first, second):
            programs.grant_access(work, actor, compared(house, made.program.id, "m.okafor"))
        openings = work.vault.openings(work.session, work.session.get_one(Exhibit, "installation"), None)
    readers = [each.field("key_id") for each in openings if each.field("role") == "reader"]
    assert sorted(map(str, readers)) == sorted([staff(house, "administrator").recipient or "", staff(house, "m.okafor").recipient or ""])


def test_a_key_that_changed_after_it_was_compared_gets_nothing(house: ConsoleHouse, admin: Person) -> None:
    made = house.open_program(admin)
    house.colleague(admin, "m.okafor", "investigator")
    command = compared(house, made.program.id, "m.okafor")
    with admin.acting() as (work, _):
        work.session.get_one(Staff, command.staff_id).recipient = Identity.generate().recipient
    with admin.acting() as (work, actor), pytest.raises(Conflict, match="not the one that you compared"):
        programs.grant_access(work, actor, command)


def test_a_changed_recovery_recipient_in_the_database_never_becomes_a_reader(house: ConsoleHouse, admin: Person) -> None:
    made = house.open_program(admin)
    house.colleague(admin, "m.okafor", "investigator")
    thief = Identity.generate()
    with admin.acting() as (work, _):
        row = work.session.get_one(Program, made.program.id)
        row.recovery_recipient = row.recipient = thief.recipient
    with admin.acting() as (work, actor):
        programs.grant_access(work, actor, compared(house, made.program.id, "m.okafor"))
        for wrapped in work.session.scalars(select(ProgramWrap.wrapped)).all():
            with pytest.raises(KeyUnavailable):
                thief.unwrap(wrapped)


def test_only_who_holds_the_program_can_grant_it(house: ConsoleHouse, admin: Person) -> None:
    made = house.open_program(admin)
    house.colleague(admin, "m.okafor", "investigator")
    second = house.colleague(admin, "second", "administrator")
    assert "Grant access" not in second.client.get(f"/programs/{made.program.id}").text
    with second.acting() as (work, actor), pytest.raises(NoKey):
        programs.grant_access(work, actor, compared(house, made.program.id, "m.okafor"))


def test_nobody_is_granted_a_program_before_its_recovery_key_is_confirmed(house: ConsoleHouse, admin: Person) -> None:
    admin.post("/programs/new", **FIELDS)
    house.colleague(admin, "m.okafor", "investigator")
    with admin.acting() as (work, actor), pytest.raises(Conflict, match="recovery shares"):
        programs.grant_access(work, actor, compared(house, only_program(house).id, "m.okafor"))


def test_an_administrator_who_is_not_pinned_is_told_who_is(house: ConsoleHouse, admin: Person) -> None:
    second = house.colleague(admin, "second", "administrator")
    answer = second.post("/programs/new", **FIELDS)
    assert answer.status_code == 409
    assert "This has to be done by Administrator." in answer.text
    with house.process.unit(write=False) as work:
        assert work.session.scalars(select(Program.id)).all() == []


@pytest.mark.parametrize("lost", [("pins.json", "recipients.json"), ("recipients.json",)])
def test_what_a_crash_left_out_at_the_first_set_up_is_made_up_with_the_first_program(
    house: ConsoleHouse, admin: Person, lost: tuple[str, ...]
) -> None:
    for face in ("public", "console", "worker"):
        for name in lost:
            (house.settings.keys(face) / name).unlink()
    made = house.open_program(admin)
    assert house.process.vault.recipients.program(made.program.id) == made.program.recipient
    assert house.process.vault.recipients.examiner.startswith("age1")


@pytest.mark.parametrize("how", ["another recipient", "another signer", "no signature"])
def test_a_tampered_list_of_recipients_is_refused(house: ConsoleHouse, admin: Person, how: str) -> None:
    made = house.open_program(admin)
    path = house.settings.keys("console") / "recipients.json"
    document = json.loads(path.read_text())
    if how == "no signature":
        document["signatures"] = []
    else:
        document["list"] = document["list"].replace(made.program.recipient, Identity.generate().recipient)
    if how == "another signer":
        thief = SigningKey.generate()
        document["signatures"] = [{"key": thief.public.hex(), "signature": thief.sign(CONTEXT + document["list"].encode()).hex()}]
    path.write_text(json.dumps(document))
    with pytest.raises(Unsound, match="not signed by the administrators"):
        _ = house.process.vault.recipients
    answer = admin.post("/programs/new", **{**FIELDS, "slug": "second"})
    assert answer.status_code == 500
    assert "is not signed by the administrators pinned there" in answer.text
    assert only_program(house).id == made.program.id


def test_the_notice_is_edited_by_the_program_manager(house: ConsoleHouse, admin: Person) -> None:
    made = house.open_program(admin)
    brandt = house.colleague(admin, "t.brandt", "program_manager")
    address = f"/programs/{made.program.id}"
    page = brandt.client.get(address).text
    assert "Change the notice" in page
    assert "Close for tips" not in page
    assert brandt.post(f"{address}/notice", **{**FIELDS, "reward": "$2,000,000", "seen": seen_on(page)}).location == address
    assert only_program(house).reward == "$2,000,000"
    refused = brandt.post(f"{address}/notice", **{**FIELDS, "reward": "", "seen": seen_on(page)})
    assert refused.status_code == 422
    assert only_program(house).reward == "$2,000,000"


def test_nobody_overwrites_a_notice_that_they_have_not_seen(house: ConsoleHouse, admin: Person) -> None:
    made = house.open_program(admin)
    brandt = house.colleague(admin, "t.brandt", "program_manager")
    address = f"/programs/{made.program.id}"
    seen = seen_on(admin.client.get(address).text)
    brandt.post(f"{address}/notice", **{**FIELDS, "reward": "$2,000,000", "seen": seen})
    refused = admin.post(f"{address}/notice", **{**FIELDS, "reward": "$3,000,000", "seen": seen})
    assert refused.status_code == 409
    assert "T.Brandt changed this notice while you were writing." in refused.text
    assert "$2,000,000" in refused.text
    assert 'value="$3,000,000"' in refused.text
    assert "Reward, at most, saved" in refused.text
    assert "What happened, saved" not in refused.text
    assert only_program(house).reward == "$2,000,000"
    over = admin.post(f"{address}/notice", **{**FIELDS, "reward": "$3,000,000", "seen": seen_on(refused.text)})
    assert over.status_code == 303
    assert only_program(house).reward == "$3,000,000"


def test_a_program_closes_and_opens(house: ConsoleHouse, admin: Person) -> None:
    made = house.open_program(admin)
    address = f"/programs/{made.program.id}/state"
    for state in ("closed", "open"):
        assert admin.post(address, state=state).status_code == 303
        assert only_program(house).state == state
    assert admin.post(address, state="gone").status_code == 422
    assert only_program(house).state == "open"


def test_naughty_words_are_shown_as_they_are(house: ConsoleHouse, admin: Person) -> None:
    naughty = "<script>alert(1)</script> {{ 7*7 }} \u202e' OR 1=1 --"
    notice = replace(NOTICE, title=naughty, incident=naughty)
    with admin.acting() as (work, actor):
        made = programs.create_program(work, actor, CreateProgram("naughty", "NT", notice))
    for page in (admin.client.get("/programs").text, admin.client.get(f"/programs/{made.program.id}").text):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }}" in page
