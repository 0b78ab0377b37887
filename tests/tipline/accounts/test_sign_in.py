"""Sign-in and sign-out, through the pages."""

from __future__ import annotations

import threading

import pyotp
import pytest
from sqlalchemy import func, select

from evidence.keys import passphrase_keys
from tests.tipline.accounts.console_house import ConsoleHouse, Person, sign_in
from tipline.accounts import keychain, services
from tipline.models.staff import Reading, Staff, StaffSession

REFUSED = "That name, passphrase and code do not go together."


@pytest.fixture
def person(house: ConsoleHouse) -> Person:
    return house.administrator()


def rows(house: ConsoleHouse) -> int:
    with house.process.unit(write=False) as work:
        return work.session.scalar(select(func.count()).select_from(StaffSession)) or 0


def test_name_passphrase_and_code_open_a_session(house: ConsoleHouse, person: Person) -> None:
    client = house.browser()
    assert sign_in(client, " Administrator ", f"  {person.words.replace(' ', '   ')} ", person.code()).location == "/"
    assert client.get("/staff").status_code == 200
    cookie = client.get_cookie("console-session")
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site, cookie.path) == (True, "Strict", "/")


def test_over_tls_the_cookie_belongs_to_this_host_alone(house: ConsoleHouse, person: Person) -> None:
    house.settings.console_origin = "https://desk.example"
    answer = sign_in(house.browser(), person.login, person.words, person.code())
    cookies = [line for line in answer.headers.getlist("Set-Cookie") if "session" in line]
    assert cookies[0].startswith("__Host-console-session=")
    assert "Secure" in cookies[0]


def test_whatever_is_wrong_the_answer_is_the_same(house: ConsoleHouse, person: Person) -> None:
    answers = [
        sign_in(house.browser(), person.login, person.words, "000000"),
        sign_in(house.browser(), person.login, "not the words", person.code()),
        sign_in(house.browser(), "nobody", person.words, person.code()),
        sign_in(house.browser(), "", "", ""),
        sign_in(house.browser(), "x" * 1000, "y" * 100_000, "z" * 1000),
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert all(REFUSED in answer.text for answer in answers)
    assert not any("console-session" in line for answer in answers for line in answer.headers.getlist("Set-Cookie"))
    assert rows(house) == 1


@pytest.mark.parametrize("login", ["administrator", "nobody", "paused"])
def test_every_refusal_costs_one_passphrase(house: ConsoleHouse, person: Person, monkeypatch: pytest.MonkeyPatch, login: str) -> None:
    if login == "paused":
        login = person.login
        for _ in range(5):
            sign_in(house.browser(), login, "wrong", "000000")
    worked_on: list[str] = []

    def counting(passphrase: str, salt: bytes, peppers: list[bytes], staff_id: str) -> list[bytes]:
        worked_on.append(passphrase)
        return passphrase_keys(passphrase, salt, peppers, staff_id)

    monkeypatch.setattr(keychain, "passphrase_keys", counting)
    assert sign_in(house.browser(), login, "not the words", "000000").status_code == 422
    assert worked_on == ["not the words"]


def test_a_code_is_good_once(house: ConsoleHouse, person: Person) -> None:
    code = person.code()
    assert sign_in(house.browser(), person.login, person.words, code).status_code == 303
    assert sign_in(house.browser(), person.login, person.words, code).status_code == 422


def test_the_code_that_ended_the_set_up_is_used_up(house: ConsoleHouse, person: Person) -> None:
    code = pyotp.TOTP(person.totp).at(house.clock.moment)
    assert sign_in(house.browser(), person.login, person.words, code).status_code == 422


def test_one_code_used_twice_at_once_opens_one_session(house: ConsoleHouse, person: Person) -> None:
    typed = services.SignIn(person.login, person.words, person.code())
    opened: list[str | None] = []

    def attempt() -> None:
        with house.process.unit(write=True) as work:
            opened.append(services.sign_in(work, typed))

    threads = [threading.Thread(target=attempt) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 3
    assert sum(cookie is not None for cookie in opened) == 1


def test_after_five_tries_even_the_right_words_wait(house: ConsoleHouse, person: Person) -> None:
    for _ in range(5):
        assert sign_in(house.browser(), person.login, "wrong", "000000").status_code == 422
    paused = sign_in(house.browser(), person.login, person.words, person.code())
    assert paused.status_code == 422
    assert REFUSED in paused.text
    house.clock.advance(minutes=15)
    assert sign_in(house.browser(), person.login, person.words, person.code()).status_code == 303


def test_the_fifth_try_may_still_be_right_and_clears_the_count(house: ConsoleHouse, person: Person) -> None:
    for _ in range(2):
        for _ in range(4):
            assert sign_in(house.browser(), person.login, "wrong", "000000").status_code == 422
        assert sign_in(house.browser(), person.login, person.words, person.code()).status_code == 303


def test_tries_at_the_same_moment_all_count(house: ConsoleHouse, person: Person) -> None:
    def attempt() -> None:
        with house.process.unit(write=True) as work:
            services.sign_in(work, services.SignIn(person.login, "wrong", "000000"))

    threads = [threading.Thread(target=attempt) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with house.process.unit(write=False) as work:
        assert work.session.scalars(select(Staff.locked_until)).one() is not None


def test_signing_out_ends_the_session_on_the_server(house: ConsoleHouse, person: Person) -> None:
    cookie = person.client.get_cookie("console-session")
    assert cookie is not None
    assert person.post("/sign-out").location == "/sign-in"
    assert person.client.get_cookie("console-session") is None
    assert rows(house) == 0
    thief = house.browser()
    thief.set_cookie("console-session", cookie.value)
    assert thief.get("/staff").location == "/sign-in"


def test_sessions_end_when_idle_and_stay_while_used(house: ConsoleHouse, person: Person) -> None:
    for _ in range(3):
        house.clock.advance(minutes=29)
        assert person.client.get("/staff").status_code == 200
    house.clock.advance(minutes=30)
    assert person.client.get("/staff").location == "/sign-in"


def test_sessions_end_after_twelve_hours_whatever_happens(house: ConsoleHouse, person: Person) -> None:
    for _ in range(25):
        house.clock.advance(minutes=28)
        assert person.client.get("/staff").status_code == 200
    house.clock.advance(minutes=21)
    assert person.client.get("/staff").location == "/sign-in"


@pytest.mark.parametrize("value", ["", "x", "A" * 43 + "." + "A" * 43, "%00.%00", "a.b.c"])
def test_a_tampered_cookie_is_nobodys(house: ConsoleHouse, value: str) -> None:
    client = house.browser()
    client.set_cookie("console-session", value)
    assert client.get("/staff").location == "/sign-in"


def test_ended_sessions_are_swept(house: ConsoleHouse, person: Person) -> None:
    assert sign_in(house.browser(), person.login, person.words, person.code()).status_code == 303
    house.clock.advance(minutes=31)
    assert sign_in(house.browser(), person.login, person.words, person.code()).status_code == 303
    with house.process.unit(write=True) as work:
        sessions = work.session.scalars(select(StaffSession).order_by(StaffSession.created_at)).all()
        work.session.add_all([Reading(session_id=each.id, exhibit_id="e" * 32) for each in sessions])
    with house.process.unit(write=True) as work:
        assert services.sweep_sessions(work) == 2
        assert work.session.scalars(select(Reading.session_id)).all() == [sessions[-1].id]
    assert rows(house) == 1
