"""The set-up behind a one-time link, through the pages."""

from __future__ import annotations

import pyotp
import pytest

from evidence.keys import Identity
from tests.tipline.accounts.console_house import ConsoleHouse, offered_words, path_of, post, secret_of, sign_in
from tipline.models.custody import Exhibit
from tipline.models.staff import Staff, StaffSession

WEAK = "password password"


def test_a_link_leads_to_an_account_that_is_signed_in(house: ConsoleHouse) -> None:
    person = house.administrator()
    assert person.client.get("/").status_code == 302
    assert "Sign out" in person.client.get("/staff").text
    with house.process.unit(write=False) as work:
        staff = work.session.query(Staff).one()
        assert (staff.state, staff.invitation_hash, staff.failed_tries) == ("active", None, 0)
        assert staff.recipient is not None
        actor = person.actor(work)
        assert actor.keyring.identity.recipient == staff.recipient
        assert actor.keyring.signing_key.public.hex() == staff.signing_public


def test_the_signing_key_enters_the_log_under_an_opaque_id(house: ConsoleHouse) -> None:
    house.administrator()
    with house.process.unit(write=False) as work:
        staff = work.session.query(Staff).one()
        events = work.vault.openings(work.session, work.session.get_one(Exhibit, "installation"), None)
        last = events[-1].fields()
    assert (last["kind"], last["role"], last["on_behalf_of"]) == ("KEY_ADDED", "person", staff.id)
    assert staff.display_name not in last.values()
    assert staff.login not in last.values()


def test_a_link_works_once(house: ConsoleHouse) -> None:
    house.administrator()
    again = house.browser().get(path_of(house.first_link))
    assert again.status_code == 404
    assert "This link does not work any more." in again.text


def test_unknown_used_and_old_links_look_alike(house: ConsoleHouse) -> None:
    path = path_of(house.first_link)
    unknown = house.browser().get("/setup/unknown").text
    house.clock.advance(days=7, minutes=1)
    assert house.browser().get(path).text == unknown
    answer = post(house.browser(), f"{path}/passphrase", "/sign-in", passphrase="x", again="x", offered="")
    assert (answer.status_code, answer.text) == (404, unknown)


def test_a_link_lives_seven_days(house: ConsoleHouse) -> None:
    house.clock.advance(days=6, hours=23)
    assert house.browser().get(path_of(house.first_link)).status_code == 200


@pytest.mark.parametrize("passphrase", [WEAK, "", "   ", "short", "x" * 300])
def test_a_weak_passphrase_changes_nothing(house: ConsoleHouse, passphrase: str) -> None:
    client, path = house.browser(), path_of(house.first_link)
    offered = offered_words(client.get(path).text)
    answer = post(client, f"{path}/passphrase", path, offered=offered, passphrase=passphrase, again=passphrase)
    assert answer.status_code == 422
    assert "<title>Error:" in answer.text
    assert offered_words(answer.text) == offered
    with house.process.unit(write=False) as work:
        assert work.session.query(Staff).one().secrets is None
        assert work.session.query(StaffSession).count() == 0


def test_two_passphrases_that_differ_change_nothing(house: ConsoleHouse) -> None:
    client, path = house.browser(), path_of(house.first_link)
    offered = offered_words(client.get(path).text)
    answer = post(client, f"{path}/passphrase", path, offered=offered, passphrase=offered, again=offered + "s")
    assert answer.status_code == 422
    assert "This differs from the field above" in answer.text


def test_a_wrong_code_leaves_the_account_closed(house: ConsoleHouse) -> None:
    client, path = house.browser(), path_of(house.first_link)
    words = offered_words(client.get(path).text)
    post(client, f"{path}/passphrase", path, offered=words, passphrase=words, again=words)
    secret = secret_of(client.get(path).text)
    for wrong in ("", "abcdef", "12345", pyotp.TOTP(secret).at(house.clock.moment.timestamp() + 300)):
        answer = post(client, f"{path}/code", path, code=wrong)
        assert answer.status_code == 422
        assert secret_of(answer.text) == secret
    assert client.get("/staff").location == "/sign-in"
    assert sign_in(house.browser(), "administrator", words, pyotp.TOTP(secret).at(house.clock.moment)).status_code == 422


def test_the_authenticators_secret_is_shown_only_to_the_browser_that_chose_the_passphrase(house: ConsoleHouse) -> None:
    client, path = house.browser(), path_of(house.first_link)
    words = offered_words(client.get(path).text)
    post(client, f"{path}/passphrase", path, offered=words, passphrase=words, again=words)
    picture = client.get(f"{path}/authenticator.png")
    assert (picture.status_code, picture.mimetype) == (200, "image/png")
    assert picture.data.startswith(b"\x89PNG")
    other = house.browser()
    assert 'id="secret"' not in other.get(path).text
    assert other.get(f"{path}/authenticator.png").status_code == 404
    assert post(other, f"{path}/code", path, code="123456").location == path


def test_beginning_again_makes_new_keys_and_ends_the_first_beginning(house: ConsoleHouse) -> None:
    first, second, path = house.browser(), house.browser(), path_of(house.first_link)
    secrets = []
    for client in (first, second):
        words = offered_words(client.get(path).text)
        post(client, f"{path}/passphrase", path, offered=words, passphrase=words, again=words)
        secrets.append(secret_of(client.get(path).text))
    assert secrets[0] != secrets[1]
    late = post(first, f"{path}/code", path, code=pyotp.TOTP(secrets[0]).at(house.clock.moment))
    assert late.location == path
    assert 'id="secret"' not in first.get(path).text
    done = post(second, f"{path}/code", path, code=pyotp.TOTP(secrets[1]).at(house.clock.moment))
    assert done.location == "/"


def test_no_secret_of_a_person_lies_in_the_database_in_the_clear(house: ConsoleHouse) -> None:
    person = house.administrator()
    with person.acting() as (_, actor):
        wanted = [actor.keyring.identity.secret, actor.keyring.signing_key.seed.hex(), person.totp, person.words]
    files = [path.read_bytes() for path in house.settings.data.rglob("*") if path.is_file()]
    assert any(actor.keyring.identity.recipient.encode() in data for data in files)
    for secret in wanted:
        assert not any(secret.encode() in data for data in files)
    assert not any(Identity.parse(wanted[0]).scalar in data for data in files)


def test_forms_of_set_up_need_their_token(house: ConsoleHouse) -> None:
    path = path_of(house.first_link)
    for step in ("passphrase", "code"):
        assert house.browser().post(f"{path}/{step}", data={"passphrase": "x", "code": "1"}).status_code == 400
