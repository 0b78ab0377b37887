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

from evidence.errors import KeyUnavailable
from evidence.keys import Identity, wrap
from tests.installations import Installation
from tests.tipline.desk_house import Desk
from tests.tipline.intake.house import claim_of, come_back, field_value
from tests.tipline.intake.house import words_of as words_in
from tipline.errors import Forbidden
from tipline.inbox.reading import open_exhibits
from tipline.inbox.replying import Reply, reply
from tipline.intake import phone
from tipline.intake.receipt import parse_claim, parse_receipt
from tipline.models.custody import Exhibit
from tipline.models.operations import AuditEvent
from tipline.models.tips import Send, Tip, TipMessage

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


def new_words(page: Any) -> list[str]:
    """The words that the page of a first visit offers."""
    return words_in(page) if "/conversation/new-words" in page.text else []


def choose(client: FlaskClient, page: Any) -> Any:
    """Press the button of that page, and look at what follows."""
    done = client.post("/conversation/new-words", data={"token": field_value(page, "token")})
    assert (done.status_code, done.headers["Location"]) == (303, "/conversation")
    return client.get("/conversation")


def visitor(desk: Desk) -> FlaskClient:
    return desk.public.application.test_client()


REFUSED = "That receipt does not open a tip"
REPLY = "Which Harrow do you mean?"


def test_the_words_of_the_call_open_nothing_but_their_own_end(desk: Desk) -> None:
    """A colleague who heard them reads no reply and no claim code without ending them; what follows is for the new words alone."""
    heard = words_of(send(desk, desk.client()))
    tip = only_tip(desk)
    desk.installation.run_jobs()
    with desk.acting() as (work, actor):
        reply(work, actor, Reply(tip.number, REPLY))
    source = visitor(desk)
    first = come_back(source, heard)
    words = new_words(first)
    assert len(words) == 7
    assert not (set(words) & set(heard) and words == heard)
    assert REPLY not in first.text
    assert claim_of(first) == ""
    for path in ("/conversation/proof", "/conversation/claim", "/conversation/withdraw"):
        assert REPLY not in source.get(path, follow_redirects=True).text
    sent = source.post("/conversation/claim-code", data={"token": field_value(first, "token")})
    assert (sent.status_code, only_tip(desk).claim_code is not None) == (303, True)
    with desk.installation.work(write=False) as work:
        assert [row.read_on for row in work.session.scalars(select(TipMessage).where(TipMessage.by_source.is_(False)))] == [None]
    assert REFUSED in come_back(visitor(desk), words).text, "the new words hold before anybody said that they are written down"

    page = choose(source, first)
    assert REPLY in page.text
    assert "You chose new receipt words" in page.text
    assert claim_of(page)
    for again in (visitor(desk), source):
        assert REFUSED in come_back(again, heard).text
    assert REPLY in come_back(visitor(desk), words).text


def test_the_change_is_one_act_on_record_and_the_old_words_open_the_row_no_more(desk: Desk) -> None:
    heard = words_of(send(desk, desk.client()))
    before = only_tip(desk)
    source = visitor(desk)
    first = come_back(source, heard)
    words = new_words(first)
    choose(source, first)
    after = only_tip(desk)
    old, new = (parse_receipt(" ".join(one)) for one in (heard, words))
    assert old is not None
    assert new is not None
    assert before.receipt_key is not None
    assert after.receipt_key is not None
    identity = Identity.parse(new.source_identity().unwrap(after.receipt_key).decode())
    assert identity.recipient == before.source_recipient == after.source_recipient == only_leaf(desk, before)
    assert identity.secret.encode() == old.source_identity().unwrap(before.receipt_key)
    for blob in (after.receipt_key, after.packet):
        with pytest.raises(KeyUnavailable):
            old.source_identity().unwrap(blob)
    with desk.installation.work(write=False) as work:
        rows = list(work.session.scalars(select(TipMessage).order_by(TipMessage.seq)))
    assert [(row.kind, row.by_source) for row in rows] == [("message", True), ("receipt", True)]
    assert [desk.kinds(one.id)[0] for one in desk.exhibits(after.number)] == ["ACQUIRED", "ACQUIRED"]
    desk.installation.run_jobs()
    page = desk.client().get(f"/tips/{after.number}").text
    assert "chose new receipt words" in page
    stored = desk.everything_stored()
    assert not any(" ".join(one).encode() in stored for one in (heard, words))


def test_a_change_that_fails_leaves_the_old_words(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = words_of(send(desk, desk.client()))
    source = visitor(desk)
    first = come_back(source, heard)

    def refuse(*_: object) -> None:
        raise RuntimeError("the database is away")

    with monkeypatch.context() as broken:
        broken.setattr("tipline.intake.newwords.open_receipt", refuse)
        with pytest.raises(RuntimeError):
            source.post("/conversation/new-words", data={"token": field_value(first, "token")})
    with desk.installation.work(write=False) as work:
        assert len(list(work.session.scalars(select(TipMessage)))) == 1
    assert new_words(come_back(visitor(desk), heard))


def test_of_two_who_hold_the_words_of_the_call_one_gets_in_and_the_other_knows(desk: Desk) -> None:
    heard = words_of(send(desk, desk.client()))
    agent, source = visitor(desk), visitor(desk)
    seen, mine = come_back(agent, heard), come_back(source, heard)
    assert new_words(seen) != new_words(mine)
    for wrong in ({}, {"token": "wrong"}, {"token": field_value(seen, "token")}):
        assert source.post("/conversation/new-words", data=wrong).status_code == 303
    assert new_words(source.get("/conversation")) == new_words(mine)
    assert claim_of(choose(agent, seen))
    assert REFUSED in choose(source, mine).text
    assert REFUSED in come_back(source, heard).text
    assert REFUSED in come_back(source, new_words(mine)).text
    assert visitor(desk).post("/conversation/new-words").status_code == 303


def test_a_phone_tip_of_before_gets_new_words_too(desk: Desk) -> None:
    """Its source identity is that of the words that were read out: the look-up ends, and the page is the same."""
    heard = words_of(send(desk, desk.client()))
    receipt, tip = parse_receipt(" ".join(heard)), only_tip(desk)
    assert receipt is not None
    assert tip.receipt_key is not None
    own = receipt.source_identity()
    identity = Identity.parse(own.unwrap(tip.receipt_key).decode())
    claim = wrap(identity.unwrap(tip.claim_code or b""), [own.recipient])
    again = {"source_recipient": own.recipient, "packet": wrap(identity.unwrap(tip.packet), [own.recipient])}
    desk.change(Tip, tip.id, receipt_key=None, claim_code=claim, **again)
    source = visitor(desk)
    first = come_back(source, heard)
    words = new_words(first)
    assert claim_of(choose(source, first))
    assert REFUSED in come_back(visitor(desk), heard).text
    assert claim_of(come_back(visitor(desk), words))


def test_the_page_of_a_first_visit_is_of_the_size_of_the_others_in_both_languages(desk: Desk) -> None:
    heard = words_of(send(desk, desk.client()))
    for language in ("", "/es"):
        source = visitor(desk)
        come_back(source, heard)
        page = source.get(f"{language}/conversation")
        come_back(source, "no such receipt")
        nothing = source.get(f"{language}/conversation")
        assert new_words(page)
        assert (page.status_code, len(page.data)) == (nothing.status_code, len(nothing.data))


def only_leaf(desk: Desk, tip: Tip) -> str:
    """The source recipient that all leaves of a tip commit to."""
    [found] = {str(desk.events(one.id)[0]["source_recipient"]) for one in desk.exhibits(tip.number)}
    return found


def test_the_claim_code_is_shown_to_the_source_alone_and_until_it_is_written_down(desk: Desk) -> None:
    answer = send(desk, desk.client())
    tip = only_tip(desk)
    client = desk.public.application.test_client()
    page = choose(client, come_back(client, words_of(answer)))
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
