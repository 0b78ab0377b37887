"""One's own sessions, and being asked again before what cannot be taken back."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from tests.installations import Installation
from tipline.accounts import rules
from tipline.models.staff import Staff, StaffSession


@pytest.fixture
def client(installation: Installation, console_app: Flask) -> FlaskClient:
    with installation.work() as work:
        work.session.execute(delete(StaffSession))  # of the set-up
    return installation.sign_in(console_app.test_client(), "investigator")


def grow_old(installation: Installation, minutes: int = 11) -> None:
    with installation.work() as work:
        for row in work.session.scalars(select(StaffSession)):
            row.proved_at = work.now() - timedelta(minutes=minutes)


def ids(client: FlaskClient) -> list[str]:
    return re.findall(r"/account/sessions/([0-9a-f]{64})/end", client.get("/account").text)


def test_a_session_ends_where_its_owner_says_so(installation: Installation, console_app: Flask, client: FlaskClient) -> None:
    elsewhere = installation.sign_in(console_app.test_client(), "investigator")
    [session_id] = ids(client)
    assert client.post(f"/account/sessions/{session_id}/end").status_code == 303
    assert elsewhere.get("/account").status_code == 302
    assert client.get("/account").status_code == 200
    assert client.post(f"/account/sessions/{session_id}/end").status_code == 404


def test_all_others_end_at_once(installation: Installation, console_app: Flask, client: FlaskClient) -> None:
    others = [installation.sign_in(console_app.test_client(), "investigator") for _ in range(3)]
    counsel = installation.sign_in(console_app.test_client(), "counsel")
    assert len(ids(client)) == 3
    assert "3 other sessions have ended." in client.post("/account/sessions/end-others", follow_redirects=True).text
    assert [one.get("/account").status_code for one in others] == [302] * 3
    assert counsel.get("/account").status_code == 200


def test_nobody_ends_anothers_session(installation: Installation, console_app: Flask, client: FlaskClient) -> None:
    counsel = installation.sign_in(console_app.test_client(), "counsel")
    installation.sign_in(console_app.test_client(), "counsel")
    [theirs] = ids(counsel)
    assert client.post(f"/account/sessions/{theirs}/end").status_code == 404
    assert ids(counsel) == [theirs]


def test_a_session_that_ran_out_is_not_listed(installation: Installation, console_app: Flask, client: FlaskClient) -> None:
    installation.sign_in(console_app.test_client(), "investigator")
    [session_id] = ids(client)
    with installation.work() as work:
        work.session.get_one(StaffSession, session_id).seen_at = work.now() - rules.SESSION_IDLE
    assert ids(client) == []


def test_after_a_while_the_passphrase_is_asked_again(installation: Installation, client: FlaskClient) -> None:
    assert client.post("/kit").status_code == 200, "just signed in"
    grow_old(installation)
    asked = client.post("/kit", data={"kept": ["one", "two & <three>"]})
    assert asked.status_code == 403
    assert asked.text.count('name="kept"') == 2, "what was typed goes on with the answer"
    assert "two &amp; &lt;three&gt;" in asked.text
    refused = client.post("/kit", data={"kept": "one", "prove_passphrase": "not the words"})
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text
    assert client.post("/kit", data={"prove_passphrase": installation.people["investigator"].passphrase}).status_code == 200
    assert client.post("/kit").status_code == 200, "for ten minutes"


def test_guesses_are_paused_as_at_the_door(installation: Installation, client: FlaskClient) -> None:
    grow_old(installation)
    for _ in range(rules.MAX_TRIES):
        assert client.post("/kit", data={"prove_passphrase": "guess"}).status_code == 422
    right = {"prove_passphrase": installation.people["investigator"].passphrase}
    assert client.post("/kit", data=right).status_code == 422, "a pause of 15 minutes"
    with installation.work(write=False) as work:
        assert work.session.get_one(Staff, installation.people["investigator"].staff_id).locked_until is not None


def test_another_session_stays_stale(installation: Installation, console_app: Flask, client: FlaskClient) -> None:
    other = installation.sign_in(console_app.test_client(), "investigator")
    grow_old(installation)
    client.post("/kit", data={"prove_passphrase": installation.people["investigator"].passphrase})
    assert client.post("/kit").status_code == 200
    assert other.post("/kit").status_code == 403


ASKED_AGAIN = {
    "accounts": {"kits.kit_make", "kits.kit_confirm", "sessions.add_key", "sessions.remove_key"},
    "keys": {"admin.program_access", "recovery.program_open_now", "rotation.start", "signatures.pin", "signatures.sign", "examiner.sign"},
    "acts": {"approvals.approve", "reveals.open_values", "exports.sign", "retention.decide", "rewards.approve", "record.sign"},
    "people": {"admin.staff_disable", "admin.program_exports", "audit.take"},
}


@pytest.mark.parametrize("group", ASKED_AGAIN)
def test_what_cannot_be_taken_back_asks_again(console_app: Flask, group: str) -> None:
    asking = {name for name, view in console_app.view_functions.items() if hasattr(view, "asks_again")}
    assert ASKED_AGAIN[group] <= asking
