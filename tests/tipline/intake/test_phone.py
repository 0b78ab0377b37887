"""Tips by phone: the taker is named and signs, reads nothing afterwards, and never sees the claim code; the source gets it once."""

from __future__ import annotations

import hashlib
import html
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.installations import Installation
from tests.tipline.desk_house import Desk
from tests.tipline.intake.house import claim_of, come_back, field_value
from tipline.errors import Forbidden
from tipline.inbox.reading import open_exhibits
from tipline.intake import phone
from tipline.intake.receipt import parse_claim
from tipline.models.custody import Exhibit
from tipline.models.operations import AuditEvent
from tipline.models.tips import Send, Tip

WORDS = "He said: a man named Harrow has the list."


@pytest.fixture
def desk(installation: Installation, public: FlaskClient, console_app: Flask) -> Desk:
    return Desk(installation, public, console_app)


def send(desk: Desk, client: FlaskClient, **more: str) -> Any:
    page = client.get("/tips/phone")
    assert page.status_code == 200
    form = {
        "token": field_value(page, "token"),
        "program": desk.installation.program_id,
        "what": WORDS,
        "how": "other",
        "who": "Her lawyer",
    }
    return client.post("/tips/phone", data={**form, **more})


def words_of(page: Any) -> list[str]:
    return re.findall(r"<li><b>([a-z-]+)</b></li>", page.text)


def only_tip(desk: Desk) -> Tip:
    with desk.installation.work(write=False) as work:
        return work.session.scalars(select(Tip)).one()


def test_a_call_becomes_a_tip_that_names_and_binds_who_took_it(desk: Desk) -> None:
    answer = send(desk, desk.client())
    assert answer.status_code == 200
    assert len(words_of(answer)) == 7
    tip = only_tip(desk)
    assert (tip.channel, tip.state) == ("phone", "new")
    [text] = desk.exhibits(tip.number)
    with desk.acting(write=False) as (work, actor):
        exhibit = work.session.get_one(Exhibit, text.id)
        opening = open_exhibits(work, actor, [exhibit])[text.id].acquired
        keys = [key for key, _ in opening.attestations]
        signers = (desk.installation.console.vault.keys.process_key, actor.keyring.signing_key)
        assert keys == [hashlib.sha256(signer.public).digest() for signer in signers]
    fields = desk.events(text.id)[0]
    assert (fields["actor"], fields["role"], fields["moved_from"]) == ("m.okafor", "investigator", "Telephone")
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(fields["occurred_from"]))
    desk.installation.run_jobs()
    page = desk.client().get(f"/tips/{tip.number}").text
    assert WORDS in page
    assert "I am sending this for someone else, as: Her lawyer" in page
    assert "by phone" in page
    with desk.installation.work(write=False) as work:
        assert [
            row.act for row in work.session.scalars(select(AuditEvent).where(AuditEvent.subject_id == tip.id, AuditEvent.act == "tip.take"))
        ]


def test_the_claim_code_is_shown_to_the_source_alone_and_until_it_is_written_down(desk: Desk) -> None:
    answer = send(desk, desk.client())
    tip = only_tip(desk)
    client = desk.public.application.test_client()
    page = come_back(client, words_of(answer))
    code = parse_claim(claim_of(page))
    assert code is not None
    assert code.signing_key().public.hex() == tip.claim_key
    assert claim_of(page) not in answer.text
    assert claim_of(page).encode() not in desk.everything_stored()
    assert claim_of(client.get("/conversation")) == claim_of(page)
    done = client.post("/conversation/claim-code", data={"token": "wrong"})
    assert done.status_code == 303
    assert claim_of(client.get("/conversation")) == claim_of(page)
    client.post("/conversation/claim-code", data={"token": field_value(page, "token")})
    assert claim_of(client.get("/conversation")) == ""
    assert only_tip(desk).claim_code is None
    assert desk.public.post("/conversation/claim-code").status_code == 303  # without a receipt nothing happens


def test_a_tip_by_form_shows_no_claim_code_on_its_conversation(desk: Desk) -> None:
    number = desk.send("He bragged.")
    assert claim_of(come_back(desk.public.application.test_client(), desk.receipts[number])) == ""


def test_the_same_form_twice_makes_one_tip_and_shows_the_same_words_until_they_are_used(desk: Desk) -> None:
    client = desk.client()
    token = field_value(client.get("/tips/phone"), "token")
    first, second = send(desk, client, token=token), send(desk, client, token=token)
    assert words_of(first) == words_of(second) != []
    only_tip(desk)
    come_back(desk.public.application.test_client(), words_of(first))
    third = send(desk, client, token=token)
    assert words_of(third) == []
    assert "can be shown no more" in third.text
    with desk.installation.work(write=False) as work:
        assert [row.salt for row in work.session.scalars(select(Send))] == [None]


@pytest.mark.parametrize("wrong", [{"what": "  "}, {"program": "f" * 32}, {"program": ""}])
def test_what_is_missing_is_said_and_what_was_typed_is_kept(desk: Desk, wrong: dict[str, str]) -> None:
    answer = send(desk, desk.client(), **wrong)
    assert answer.status_code == 422
    assert "field-msg" in answer.text
    assert "Her lawyer" in answer.text
    with desk.installation.work(write=False) as work:
        assert list(work.session.scalars(select(Tip))) == []
    assert [name for name in desk.installation.console.vault.objects.store.names() if ".grant." in name] == []


def test_a_form_that_is_not_ours_is_refused(desk: Desk) -> None:
    assert send(desk, desk.client(), token="x").status_code == 409


def test_what_was_typed_is_nowhere_in_the_clear(desk: Desk) -> None:
    canary = "CANARY-5d1e"
    answer = send(desk, desk.client(), what=canary, who=canary)
    stored = desk.everything_stored()
    assert canary.encode() not in stored
    assert " ".join(words_of(answer)).encode() not in stored


def test_a_send_that_does_not_come_about_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(desk.installation.console.vault.objects.store.names())

    def refuse(*_: object) -> None:
        raise RuntimeError("the database is away")

    monkeypatch.setattr("tipline.intake.services.write_tip", refuse)
    with pytest.raises(RuntimeError):
        send(desk, desk.client())
    assert sorted(desk.installation.console.vault.objects.store.names()) == before


def test_only_who_answers_calls_may_take_a_tip(desk: Desk) -> None:
    for role in ("counsel", "program_manager", "administrator"):
        with desk.acting(role) as (work, actor), pytest.raises(Forbidden):
            phone.take(work, actor, phone.PhoneTip("", "", ""))
        assert desk.client(role).get("/tips/phone").status_code == 403


def test_the_inbox_names_the_way_and_filters_by_it(desk: Desk) -> None:
    desk.send("By the form.")
    send(desk, desk.client())
    desk.installation.run_jobs()
    page = html.unescape(desk.client().get("/inbox?f=channel:is:phone").text)
    assert "Harrow" in page
    assert "By the form." not in page
    assert "By phone" in page
    assert "Harrow" not in desk.client().get("/inbox?f=channel:is:form").text
