"""A program's recovery: shares shown once, typed back before it opens, and the way in when nobody is left who can."""

from __future__ import annotations

import html
import json
import re

import pytest
from sqlalchemy import select

from evidence.keys import Identity, wrap
from tests.tipline.accounts.console_house import PROGRAM, ConsoleHouse, Person
from tests.tipline.admin.test_programs import FIELDS, compared, only_program, staff
from tipline.admin import programs, recovery
from tipline.admin.recovery import TypedShares
from tipline.admin.rules import fingerprint
from tipline.admin.shares import joined, split
from tipline.errors import Unsound
from tipline.models.base import Sealed
from tipline.models.custody import Exhibit
from tipline.models.operations import AuditEvent
from tipline.models.programs import Program, ProgramWrap
from tipline.models.staff import Staff
from tipline.models.tables import METADATA
from tipline.recipients import Recipient, publish_recipients


def shares_on(page: str) -> list[str]:
    found = re.findall(r'id="share-\d">(.*?)</code>', page)
    assert len(found) == 3, page
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", share)).split()) for share in found]


def everything_stored(house: ConsoleHouse) -> str:
    """All that the database says in the clear, and every file of the key folders."""
    said = []
    with house.process.unit(write=False) as work:
        for table in METADATA.sorted_tables:
            clear = [column for column in table.columns if not isinstance(column.type, Sealed)]
            said += [repr(row) for row in work.session.execute(select(*clear))]
    files = [path for path in house.settings.data.rglob("*") if path.is_file()]
    return "\n".join(said) + "".join(path.read_bytes().decode("latin-1") for path in files)


def test_a_program_opens_once_two_of_its_shares_were_typed_back(house: ConsoleHouse, admin: Person) -> None:
    answer = admin.post("/programs/new", **FIELDS)
    assert answer.status_code == 200
    shares = shares_on(answer.text)
    program = only_program(house)
    assert program.state == "preparing"
    assert (program.recovery_recipient or "") in answer.text
    address = f"/programs/{program.id}"
    assert "share-1" not in admin.client.get(address).text
    assert admin.post(f"{address}/recovery", first=shares[2].upper(), second=shares[0]).location == address
    assert only_program(house).state == "open"
    assert "The recovery shares work." in admin.client.get(address).text
    stored = everything_stored(house)
    key = joined(shares[0], shares[1])
    assert key.recipient in stored
    for secret in (key.secret, key.scalar.hex(), *(" ".join(share.split()[1::2][:6]) for share in shares)):
        assert secret not in stored


@pytest.mark.parametrize("single", [Identity.from_seed(b"x" * 32).secret, "wrong", ""])
def test_a_wrong_key_opens_nothing(house: ConsoleHouse, admin: Person, single: str) -> None:
    admin.post("/programs/new", **FIELDS)
    program = only_program(house)
    answer = admin.post(f"/programs/{program.id}/recovery", first=single)
    assert answer.status_code == 422
    assert "<title>Error:" in answer.text
    assert only_program(house).state == "preparing"
    assert admin.post(f"/programs/{program.id}/state", state="open").status_code == 409


def test_shares_of_another_program_are_refused_and_nothing_changes(house: ConsoleHouse, admin: Person) -> None:
    other = shares_on(admin.post("/programs/new", **{**FIELDS, "slug": "other"}).text)
    admin.post("/programs/new", **FIELDS)
    with house.process.unit(write=False) as work:
        program = work.session.scalars(select(Program).where(Program.slug == PROGRAM.slug)).one()
    answer = admin.post(f"/programs/{program.id}/recovery", first=other[0], second=other[1])
    assert answer.status_code == 422
    assert "not the recovery of this program" in answer.text
    with house.process.unit(write=False) as work:
        assert {row.state for row in work.session.scalars(select(Program))} == {"preparing"}


def test_lost_shares_are_replaced_before_they_are_confirmed(house: ConsoleHouse, admin: Person) -> None:
    lost = shares_on(admin.post("/programs/new", **FIELDS).text)
    address = f"/programs/{only_program(house).id}"
    fresh = shares_on(admin.post(f"{address}/recovery/new").text)
    assert fresh != lost
    assert admin.post(f"{address}/recovery", first=lost[0], second=lost[1]).status_code == 422
    assert admin.post(f"{address}/recovery", first=lost[0], second=fresh[1]).status_code == 422
    assert admin.post(f"{address}/recovery", first=fresh[0], second=fresh[1]).status_code == 303
    assert admin.post(f"{address}/recovery/new").status_code == 409


def test_the_recovery_key_opens_the_program_from_any_wrap(house: ConsoleHouse, admin: Person) -> None:
    made = house.open_program(admin)
    house.colleague(admin, "m.okafor", "investigator")
    with admin.acting() as (work, actor):
        programs.grant_access(work, actor, compared(house, made.program.id, "m.okafor"))
        wraps = work.session.scalars(select(ProgramWrap.wrapped)).all()
    assert len(wraps) == 2
    for wrapped in wraps:
        identity = Identity.parse(joined(*made.shares[1:]).unwrap(wrapped).decode())
        assert identity.recipient == made.program.recipient
        assert set(json.loads(identity.unwrap(made.program.program_keys))) == {"record", "index", "fingerprint"}


def test_a_program_with_one_printed_key_of_the_older_kind_keeps_working(house: ConsoleHouse, admin: Person) -> None:
    program = house.open_program(admin).program
    older = Identity.generate()
    with admin.acting() as (work, actor):
        identity = actor.keyring.program(program.id).identity
        publish_recipients(work.settings, [Recipient("recovery", program.id, older.recipient)], [actor.keyring.signing_key])
        own = work.session.get_one(ProgramWrap, (program.id, actor.staff_id))
        own.wrapped = wrap(identity.secret.encode(), [actor.keyring.identity.recipient, older.recipient])
    with admin.acting() as (work, actor):
        opened = recovery.open_with(work, programs.get_program(work, actor, program.id), TypedShares(older.secret))
    assert opened.recipient == program.recipient


def test_two_shares_open_a_program_to_a_colleague(house: ConsoleHouse, admin: Person) -> None:
    """The one who held it is gone for good; another administrator has two sheets."""
    made = house.open_program(admin)
    second = house.colleague(admin, "second", "administrator")
    okafor = house.colleague(admin, "m.okafor", "investigator")
    person = staff(house, "m.okafor")
    address = f"/programs/{made.program.id}/open"
    mark = fingerprint(person.recipient or "")
    page = second.client.get(address).text
    assert mark in page
    form = {"reader": f"{person.id}:{mark}", "compared": "y", "first": made.shares[0], "second": made.shares[2]}
    for wrong in (
        {"compared": ""},
        {"reader": ""},
        {"second": made.shares[0]},
        {"first": split(Identity.generate())[0]},
        {"first": "", "second": ""},
    ):
        answer = second.post(address, **{**form, **wrong})
        assert answer.status_code == 422
        assert "<title>Error:" in answer.text
    assert second.post(address, **{**form, "reader": f"{person.id}:0000"}).status_code == 409
    with house.process.unit(write=False) as work:
        assert work.session.scalars(select(ProgramWrap.staff_id)).all() == [staff(house, "administrator").id]
    assert second.post(address, **form).status_code == 303
    with okafor.acting() as (work, actor):
        assert actor.keyring.program(made.program.id).identity.recipient == made.program.recipient
        last = work.vault.openings(work.session, work.session.get_one(Exhibit, "installation"), None)[-1]
        acts = work.session.execute(select(AuditEvent.act, AuditEvent.detail).where(AuditEvent.subject_id == person.id)).all()
    assert (last.field("kind"), last.field("role"), last.field("key_id")) == ("KEY_ADDED", "reader", person.recipient)
    assert last.field("purpose") == f"program opened with its recovery shares: {made.program.id}"
    assert len(last.attestations) == 2
    assert ("program.recover", made.program.id) in [tuple(act) for act in acts]
    assert second.post(address, **form).status_code == 409  # can read it already
    stored = everything_stored(house)
    assert made.shares[0] not in stored
    assert joined(*made.shares[:2]).secret not in stored


def test_wraps_that_were_swapped_in_the_database_are_not_handed_on(house: ConsoleHouse, admin: Person) -> None:
    made = house.open_program(admin)
    house.colleague(admin, "m.okafor", "investigator")
    thief = Identity.generate()
    with admin.acting() as (work, actor):
        own = work.session.get_one(ProgramWrap, (made.program.id, actor.staff_id))
        own.wrapped = wrap(thief.secret.encode(), [joined(*made.shares[:2]).recipient])
        work.session.get_one(Program, made.program.id).recipient = thief.recipient
    person = staff(house, "m.okafor")
    command = recovery.OpenWithShares(made.program.id, person.id, fingerprint(person.recipient or ""), TypedShares(*made.shares[:2]))
    with admin.acting() as (work, actor), pytest.raises(Unsound):
        recovery.open_program(work, actor, command)
    with house.process.unit(write=False) as work:
        assert work.session.scalars(select(Staff.login).join(ProgramWrap, ProgramWrap.staff_id == Staff.id)).all() == ["administrator"]


# a colleague leaves, through the pages


def test_who_leaves_is_followed_by_a_new_key(house: ConsoleHouse, admin: Person) -> None:
    made = house.open_program(admin)
    house.colleague(admin, "m.okafor", "investigator")
    stays = house.colleague(admin, "d.acosta", "counsel")
    with admin.acting() as (work, actor):
        for login in ("m.okafor", "d.acosta"):
            programs.grant_access(work, actor, compared(house, made.program.id, login))
    person = staff(house, "m.okafor")
    answer = admin.post(f"/staff/{person.id}/disable")
    assert answer.location == f"/staff/{person.id}/left"
    assert made.program.title in admin.client.get(answer.location).text
    address = f"/programs/{made.program.id}"
    assert "held this program" in admin.client.get(address).text
    plan = admin.client.get(f"{address}/new-key").text
    assert "stays readable to who had the old key" in plan
    assert "D.Acosta" in plan
    on = admin.post(f"{address}/new-key").location
    while on and on.endswith("go=1"):
        page = admin.client.get(on).text
        follow = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
        assert follow, page
        on = admin.client.get(follow[1]).location
    assert "One last pass" in admin.client.get(str(on)).text
    house.clock.advance(minutes=11)
    assert "is getting a new key" in stays.client.get(address).text or stays.client.get(address).status_code == 403
    done = stays.post(f"{address}/new-key/next")  # another colleague ends it
    page = stays.client.get(str(done.location)).text
    assert "The old key opens nothing that is stored here." in page
    assert "held this program" not in admin.client.get(address).text
    assert "has a newer key" in admin.client.get(f"/staff/{person.id}/left").text
    with stays.acting() as (_, actor):
        assert actor.keyring.program(made.program.id).identity.recipient not in ("", made.program.recipient)
