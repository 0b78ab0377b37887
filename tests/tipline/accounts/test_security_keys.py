"""Security keys: added, used to sign in and to say again who one is; every answer that is not the key's own is refused."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from evidence.canonical import b64url, unb64url
from tests.apps import app_of
from tests.conftest import ConsoleClient
from tests.installations import Installation
from tests.tipline.accounts.authenticator import SoftwareKey
from tipline.accounts import passkeys
from tipline.models.desk import WebauthnKey
from tipline.models.staff import StaffSession

ORIGIN = "http://localhost:8001"


@pytest.fixture
def named(installation: Installation) -> Flask:
    """The console under a name, as keys need it."""
    installation.settings.console_origin = ORIGIN
    app = app_of("console", installation.console)
    app.test_client_class = ConsoleClient
    return app


@pytest.fixture
def key(installation: Installation, named: Flask) -> SoftwareKey:
    """The investigator's key, added through the page."""
    made = SoftwareKey(ORIGIN)
    client = installation.sign_in(named.test_client(), "investigator")
    answer = client.post("/account/keys", data={"name": "blue", "credential": made.create(options_of(client, "/account"))})
    assert answer.status_code == 303, answer.text
    return made


def options_of(client: FlaskClient, path: str) -> str:
    found = re.search(r'data-options="([^"]+)"', client.get(path).text)
    assert found, "the page asks for no key"
    return html.unescape(found[1])


def half_way(installation: Installation, named: Flask, passphrase: str | None = None) -> FlaskClient:
    client, person = named.test_client(), installation.people["investigator"]
    data = {"login": person.login, "passphrase": passphrase or person.passphrase, "way": "key"}
    assert client.post("/sign-in", data=data).status_code == (303 if passphrase is None else 422)
    return client


def test_a_key_signs_its_owner_in(installation: Installation, named: Flask, key: SoftwareKey) -> None:
    client = half_way(installation, named)
    assert client.get("/inbox").status_code == 302, "half way is not inside"
    answer = client.post("/sign-in/key", data={"credential": key.get(options_of(client, "/sign-in/key"))})
    assert answer.status_code == 303
    assert client.get("/inbox").status_code == 200
    page = client.get("/account").text
    assert "blue" in page
    assert "last used" in page


def test_no_key_without_the_passphrase(installation: Installation, named: Flask, key: SoftwareKey) -> None:
    client = half_way(installation, named, "not the words")
    assert client.get("/sign-in/key").status_code == 302


def test_who_has_no_key_is_refused_alike(installation: Installation, named: Flask, key: SoftwareKey) -> None:
    person = installation.people["counsel"]
    data = {"login": person.login, "passphrase": person.passphrase, "way": "key"}
    answer = named.test_client().post("/sign-in", data=data)
    wrong = named.test_client().post("/sign-in", data={**data, "passphrase": "x"})
    assert (answer.status_code, wrong.status_code) == (422, 422)
    assert "do not go together" in answer.text
    assert "do not go together" in wrong.text


@pytest.mark.parametrize("lie", ["origin", "other_key", "challenge", "replay", "garbage", "empty", "counter"])
def test_an_answer_that_is_not_the_keys_own_is_refused(installation: Installation, named: Flask, key: SoftwareKey, lie: str) -> None:
    client = half_way(installation, named)
    options = options_of(client, "/sign-in/key")
    if lie == "origin":
        key.origin = "http://localhost.example:8001"
    if lie == "other_key":
        key.pairs = {name: next(iter(other(ORIGIN).pairs.values())) for name in key.pairs}
    if lie == "challenge":
        options = json.dumps({**json.loads(options), "challenge": b64url(bytes(56))})
    answer = key.get(options)
    if lie == "replay":
        with installation.work() as work:
            assert passkeys.answer(work, installation.people["investigator"].staff_id, passkeys.SIGN_IN, answer)
    if lie == "counter":
        with installation.work() as work:
            work.session.scalars(select(WebauthnKey)).one().sign_count = 50
    sent = {"garbage": '{"id": "x"}', "empty": ""}.get(lie, answer)
    refused = client.post("/sign-in/key", data={"credential": sent})
    assert refused.status_code == 422
    assert "The key’s answer was not taken." in refused.text
    assert client.get("/inbox").status_code == 302
    assert client.get("/sign-in/key").status_code == 302, "all begins anew"


def other(origin: str) -> SoftwareKey:
    made = SoftwareKey(origin)
    made.create(json.dumps({"rp": {"id": "localhost"}, "challenge": "x"}))
    return made


def test_an_answer_for_one_purpose_or_person_is_none_for_another(installation: Installation, named: Flask, key: SoftwareKey) -> None:
    person = installation.people["investigator"].staff_id
    with installation.work() as work:
        answer = key.get(str(passkeys.ask(work, person, passkeys.PROVE)))
        assert not passkeys.answer(work, person, passkeys.SIGN_IN, answer)
        assert not passkeys.answer(work, installation.people["counsel"].staff_id, passkeys.PROVE, answer)
        assert passkeys.answer(work, person, passkeys.PROVE, answer)


def test_a_challenge_ends_after_five_minutes(installation: Installation, named: Flask, key: SoftwareKey) -> None:
    person = installation.people["investigator"].staff_id
    with installation.work() as work:
        answer = key.get(str(passkeys.ask(work, person, passkeys.PROVE)))
        work.clock = lambda: installation.console.clock() + timedelta(minutes=6)
        assert not passkeys.answer(work, person, passkeys.PROVE, answer)


def test_a_key_stands_for_the_passphrase_when_asked_again(installation: Installation, named: Flask, key: SoftwareKey) -> None:
    client = installation.sign_in(named.test_client(), "investigator")
    with installation.work() as work:
        for row in work.session.scalars(select(StaffSession)):
            row.proved_at = work.now() - timedelta(minutes=11)
    asked = client.post("/kit")
    assert asked.status_code == 403
    assert "Say again who you are" in asked.text
    options = html.unescape(re.findall(r'data-options="([^"]+)"', asked.text)[0])
    assert client.post("/kit", data={"prove_key": "{}"}).status_code == 422
    assert client.post("/kit", data={"prove_key": key.get(options)}).status_code == 200


def test_a_removed_key_opens_nothing(installation: Installation, named: Flask, key: SoftwareKey) -> None:
    client = installation.sign_in(named.test_client(), "investigator")
    [key_id] = re.findall(r"/account/keys/([0-9a-f]{32})/remove", client.get("/account").text)
    assert installation.sign_in(named.test_client(), "counsel").post(f"/account/keys/{key_id}/remove").status_code == 404
    assert client.post(f"/account/keys/{key_id}/remove").status_code == 303
    assert client.post(f"/account/keys/{key_id}/remove").status_code == 404
    person = installation.people["investigator"]
    data = {"login": person.login, "passphrase": person.passphrase, "way": "key"}
    assert named.test_client().post("/sign-in", data=data).status_code == 422


def test_what_was_not_made_here_is_not_added(installation: Installation, named: Flask) -> None:
    client = installation.sign_in(named.test_client(), "investigator")
    options, key = options_of(client, "/account"), SoftwareKey("https://elsewhere.example")
    for credential in (key.create(options), "", "{}", "x" * 30_000):
        assert client.post("/account/keys", data={"name": "x", "credential": credential}).status_code == 422
    good = SoftwareKey(ORIGIN).create(options)
    assert client.post("/account/keys", data={"name": " ", "credential": good}).status_code == 422
    assert client.post("/account/keys", data={"name": "x", "credential": good}).status_code == 303
    assert client.post("/account/keys", data={"name": "x", "credential": good}).status_code == 409


def test_under_a_number_no_key_can_be_bound(installation: Installation, console: FlaskClient) -> None:
    installation.settings.console_origin = "http://127.0.0.1:8001"
    page = installation.sign_in(console, "investigator").get("/account").text
    assert "under a name, such as localhost" in page
    assert "security key in place" not in console.application.test_client().get("/sign-in").text


def test_the_name_of_a_key_is_sealed_to_its_owner(installation: Installation, named: Flask, key: SoftwareKey) -> None:
    with installation.work(write=False) as work:
        row = work.session.scalars(select(WebauthnKey)).one()
        assert b"blue" not in row.name
        assert installation.actor().keyring.identity.unwrap(row.name) == b"blue"
        assert unb64url(row.credential_id) in key.pairs
