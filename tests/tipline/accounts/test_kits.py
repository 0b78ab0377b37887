"""A person's recovery kit: printed once, confirmed, and the way back for who lost passphrase or authenticator."""

from __future__ import annotations

import re

import pyotp
import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from evidence.errors import KeyUnavailable
from evidence.keys import Identity, wrap
from tests.tipline.accounts.console_house import ConsoleHouse, Person, offered_words, post, secret_of, sign_in
from tipline.accounts import kits
from tipline.accounts.keychain import StaffKeys
from tipline.errors import Conflict
from tipline.models.operations import AuditEvent
from tipline.models.staff import Staff, StaffSession

REFUSED = "That name and kit do not go together."


@pytest.fixture
def person(house: ConsoleHouse) -> Person:
    return house.administrator()


def kit_on(page: str) -> list[str]:
    found = re.search(r'id="kit">(.*?)</code>', page)
    assert found, page
    return re.sub(r"<[^>]+>", " ", found[1]).split()


def sealed_on(page: str) -> str:
    found = re.search(r'name="sealed"[^>]*value="([^"]+)"', page)
    assert found, page
    return found[1]


def with_kit(person: Person) -> str:
    """Make a kit, confirm it, and return what is printed."""
    page = person.post("/kit").text
    groups = kit_on(page)
    assert person.post("/kit/confirm", sealed=sealed_on(page), typed=" ".join(groups[-4:]).lower()).status_code == 303
    return "".join(groups)


def row(house: ConsoleHouse, login: str = "administrator") -> Staff:
    with house.process.unit(write=False) as work:
        return work.session.scalars(select(Staff).where(Staff.login == login)).one()


def recover(house: ConsoleHouse, login: str, kit: str) -> TestResponse:
    return post(house.browser(), "/recover", "/recover", login=login, kit=kit)


def test_a_kit_is_kept_once_its_end_was_typed_back(house: ConsoleHouse, person: Person) -> None:
    assert "You have none" in person.client.get("/kit").text
    page = person.post("/kit").text
    groups = kit_on(page)
    assert (row(house).kit_recipient, row(house).kit_wrap) == (None, None)
    wrong = person.post("/kit/confirm", sealed=sealed_on(page), typed="AAAA BBBB CCCC DDDD")
    assert wrong.status_code == 422
    assert kit_on(wrong.text) == groups
    assert person.post("/kit/confirm", sealed=sealed_on(page), typed="").status_code == 422
    assert row(house).kit_wrap is None
    assert person.post("/kit/confirm", sealed=sealed_on(page), typed=" ".join(groups[-4:])).location == "/kit"
    assert "You have one" in person.client.get("/kit").text
    kept = row(house)
    identity = Identity.parse("".join(groups))
    assert kept.kit_recipient == identity.recipient
    keys = StaffKeys.decode(identity.unwrap(kept.kit_wrap or b""))
    assert (keys.identity.recipient, keys.signing_key.public.hex(), keys.totp_secret) == (kept.recipient, kept.signing_public, "")


def test_a_form_of_another_person_or_a_changed_one_makes_no_kit(house: ConsoleHouse, person: Person) -> None:
    other = house.colleague(person, "m.okafor", "investigator")
    page = person.post("/kit").text
    sealed = sealed_on(page)
    for who, form in ((other, sealed), (person, sealed[:-2] + ("AA" if sealed[-2:] != "AA" else "BB")), (person, ""), (person, "!")):
        assert who.post("/kit/confirm", sealed=form, typed=" ".join(kit_on(page)[-4:])).status_code == 409
    assert (row(house).kit_wrap, row(house, "m.okafor").kit_wrap) == (None, None)
    with person.acting() as (_, actor), pytest.raises(Conflict):
        kits.opened_kit(actor, "x")


def test_a_new_kit_takes_the_place_of_the_old_one(house: ConsoleHouse, person: Person) -> None:
    old = with_kit(person)
    new = with_kit(person)
    assert recover(house, person.login, old).status_code == 422
    assert recover(house, person.login, new).status_code == 303


def test_who_lost_passphrase_and_authenticator_comes_back_with_the_same_keys(house: ConsoleHouse, person: Person) -> None:
    program = house.open_program(person).program
    kit = with_kit(person)
    before = row(house)
    client = house.browser()
    assert post(client, "/recover", "/recover", login=" Administrator ", kit=" ".join(kit.lower())).location == "/recover"
    page = client.get("/recover").text
    assert "Choose a new passphrase" in page
    assert client.get("/recover/authenticator.png").mimetype == "image/png"
    assert row(house).secrets == before.secrets  # nothing has changed yet
    words, totp = offered_words(page), secret_of(page)
    house.clock.advance(minutes=1)
    code = pyotp.TOTP(totp).at(house.clock.moment)
    form = {"offered": words, "passphrase": words, "again": words, "code": code}
    for wrong in ({"code": "000000"}, {"again": "other words"}, {"passphrase": "password", "again": "password"}, {"code": ""}):
        answer = post(client, "/recover/done", "/recover", **{**form, **wrong})
        assert answer.status_code == 422
        assert "<title>Error:" in answer.text
    assert row(house).secrets == before.secrets
    assert post(client, "/recover/done", "/recover", **form).location == "/"
    assert client.get("/staff").status_code == 200
    assert person.client.get("/staff").location == "/sign-in"  # the sessions before have ended
    after = row(house)
    assert (after.recipient, after.signing_public) == (before.recipient, before.signing_public)
    back = Person(house, client, person.login, words, totp)
    with back.acting() as (_, actor):
        assert actor.keyring.program(program.id).identity.recipient == program.recipient
    assert sign_in(house.browser(), person.login, person.words, person.code()).status_code == 422
    assert sign_in(house.browser(), person.login, words, back.code()).status_code == 303
    assert client.get("/recover").status_code == 200
    assert "Use your recovery kit" in client.get("/recover").text  # the second step is over
    with house.process.unit(write=False) as work:
        acts = set(work.session.scalars(select(AuditEvent.act)))
    assert {"kit.make", "kit.try", "kit.use"} <= acts


def test_whatever_is_wrong_the_answer_is_the_same(house: ConsoleHouse, person: Person) -> None:
    kit = with_kit(person)
    house.colleague(person, "m.okafor", "investigator")  # without a kit
    answers = [
        recover(house, person.login, Identity.generate().secret),
        recover(house, person.login, ""),
        recover(house, "nobody", kit),
        recover(house, "m.okafor", kit),
        recover(house, "", ""),
        recover(house, "x" * 1000, "y" * 100_000),
    ]
    assert {answer.status_code for answer in answers} == {422}
    bodies = {re.sub(r'value="[^"]*"', "", answer.text) for answer in answers}
    assert len(bodies) == 1
    assert REFUSED in bodies.pop()
    assert not any("recover" in line for answer in answers for line in answer.headers.getlist("Set-Cookie"))
    assert kit not in "".join(answer.text for answer in answers)


def test_after_five_tries_even_the_right_kit_waits_and_so_does_signing_in(house: ConsoleHouse, person: Person) -> None:
    kit = with_kit(person)
    for _ in range(5):
        assert recover(house, person.login, Identity.generate().secret).status_code == 422
    assert recover(house, person.login, kit).status_code == 422
    assert sign_in(house.browser(), person.login, person.words, person.code()).status_code == 422
    house.clock.advance(minutes=16)
    assert recover(house, person.login, kit).status_code == 303


def test_a_kit_in_the_database_that_opens_other_keys_is_refused(house: ConsoleHouse, person: Person) -> None:
    """Somebody who writes to the database puts a kit of their own beside a colleague's name."""
    with_kit(person)
    theirs = Identity.generate()
    with house.process.unit(write=True) as work:
        staff = work.session.scalars(select(Staff)).one()
        staff.kit_recipient, staff.kit_wrap = theirs.recipient, wrap(StaffKeys.generate("").encode(), [theirs.recipient])
    assert recover(house, person.login, theirs.secret).status_code == 422


def test_the_second_step_ends_after_a_while_and_needs_its_cookie(house: ConsoleHouse, person: Person) -> None:
    kit = with_kit(person)
    stranger = house.browser()
    assert post(stranger, "/recover/done", "/recover", passphrase="x").location == "/recover"
    assert stranger.get("/recover/authenticator.png").location == "/recover"
    client = house.browser()
    post(client, "/recover", "/recover", login=person.login, kit=kit)
    house.clock.advance(minutes=31)
    assert "Use your recovery kit" in client.get("/recover").text
    assert post(client, "/recover/done", "/recover", passphrase="x").location == "/recover"


def test_the_cookie_of_the_second_step_signs_nobody_in(house: ConsoleHouse, person: Person) -> None:
    kit = with_kit(person)
    client = house.browser()
    post(client, "/recover", "/recover", login=person.login, kit=kit)
    cookie = client.get_cookie("console-recover")
    assert cookie is not None
    client.set_cookie("console-session", cookie.value)
    assert client.get("/staff").location == "/sign-in"


def test_a_disabled_colleague_does_not_come_back_by_their_kit(house: ConsoleHouse, person: Person) -> None:
    okafor = house.colleague(person, "m.okafor", "investigator")
    kit = with_kit(okafor)
    person.post(f"/staff/{row(house, 'm.okafor').id}/disable")
    assert recover(house, "m.okafor", kit).status_code == 422
    person.post(f"/staff/{row(house, 'm.okafor').id}/link")
    assert row(house, "m.okafor").kit_wrap is None


def test_no_kit_lies_in_the_database_the_folders_or_a_cookie(house: ConsoleHouse, person: Person) -> None:
    kit = with_kit(person)
    client = house.browser()
    answer = post(client, "/recover", "/recover", login=person.login, kit=kit)
    scalar = Identity.parse(kit).scalar
    stored = b"".join(path.read_bytes() for path in house.settings.data.rglob("*") if path.is_file())
    for secret in (kit.encode(), scalar, scalar.hex().encode()):
        assert secret not in stored
        assert secret.decode("latin-1") not in "".join(answer.headers.getlist("Set-Cookie")) + str(answer.location)
    with house.process.unit(write=False) as work:
        assert work.session.scalar(select(func.count()).select_from(StaffSession)) == 2
        with pytest.raises(KeyUnavailable):
            Identity.parse(kit).unwrap(row(house).secrets or b"")
