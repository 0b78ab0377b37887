"""Questions, files and the state of a conversation, from staff's desk to the source's page and back."""

from __future__ import annotations

import io
import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.tipline.desk_house import Desk
from tests.tipline.intake.house import come_back, field_value, post_form
from tipline.errors import BadInput, Conflict, Forbidden
from tipline.inbox import replying
from tipline.inbox.replying import Ask, Reply, SetTalk
from tipline.inbox.services import committed_recipient, get_tip
from tipline.inbox.telling import Told, tell_source
from tipline.models.custody import Exhibit
from tipline.models.tips import ReplyFile, Tip, TipItem, TipMessage

ASKED = "Did you see the table on his own computer?"
OFFERED = ("Yes, his own", "No, a work computer", "I am not sure")
PDF = b"%PDF-1.4 canary of a guide\n" + bytes(5000)


def ask(desk: Desk, number: str) -> None:
    with desk.acting() as (work, actor):
        replying.ask(work, actor, Ask(number, ASKED, OFFERED))


def send_file(desk: Desk, number: str, name: str = "How to be safe – guide.pdf", role: str = "investigator") -> TestResponse:
    data = {"words": "Read this.", "then_wait": "y", "files": (io.BytesIO(PDF), name)}
    return desk.client(role).post(f"/tips/{number}/reply", data=data, content_type="multipart/form-data")


def choose(browser: FlaskClient, page: TestResponse, choice: str | None) -> TestResponse:
    values = {"token": field_value(page, "token"), "question": field_value(page, "question")}
    return browser.post("/conversation/answer", data=values if choice is None else {**values, "choice": choice})


def save(browser: FlaskClient, page: TestResponse, **other: str) -> TestResponse:
    fields = {"token": field_value(page, "token"), "message": "1", "file": "0", **other}
    return browser.post("/conversation/file", data=fields)


def withdraw(browser: FlaskClient) -> TestResponse:
    page = browser.get("/conversation/withdraw")
    return browser.post("/conversation/withdraw", data={"token": field_value(page, "token"), "sure": "yes"})


def messages(desk: Desk) -> list[TipMessage]:
    with desk.installation.work(write=False) as work:
        return list(work.session.scalars(select(TipMessage).order_by(TipMessage.seq)))


# questions


def test_a_question_is_answered_once_and_the_answer_is_an_exhibit(desk: Desk) -> None:
    number = desk.send("He bragged.")
    ask(desk, number)
    browser = desk.public.application.test_client()
    page = come_back(browser, desk.receipts[number])
    offered = re.findall(r'type="radio"[^>]*value="(\d)"[^>]*><label[^>]*>([^<]*)', page.text)
    assert offered == [("0", OFFERED[0]), ("1", OFFERED[1]), ("2", OFFERED[2]), ("3", "I would rather not say")]
    assert "There is one question for you." in page.text
    assert "Choose one of the answers." in choose(browser, page, None).text
    assert choose(browser, page, "1").location == "/conversation?answered=yes"
    for again in ("0", "1"):
        assert choose(browser, page, again).location == "/conversation"
    assert [message.kind for message in messages(desk)] == ["message", "question", "answer"]
    text = browser.get("/conversation").text
    assert "You answered on" in text
    assert "question for you." not in text
    assert 'type="radio"' not in text
    assert "No, a work computer" not in text
    desk.installation.run_jobs()
    answer = desk.exhibits(number)[-1]
    assert (answer.kind, desk.kinds(answer.id)) == ("tip_text", ["ACQUIRED", "EXAMINED"])
    shown = desk.client().get(f"/tips/{number}").text
    assert re.search(r"<b>Answer:</b> <span class=\"words\">No, a work computer</span>", shown)
    assert f"/exhibits/{answer.id}" in shown


def test_the_words_of_an_answer_say_what_was_asked(desk: Desk) -> None:
    number = desk.send("He bragged.")
    ask(desk, number)
    browser = desk.public.application.test_client()
    choose(browser, come_back(browser, desk.receipts[number]), "3")
    with desk.acting(write=False) as (work, actor):
        row = work.session.scalars(select(Exhibit).join(TipItem).join(TipMessage).where(TipMessage.kind == "answer")).one()
        keyfile = work.vault.open_exhibit(row, actor.keyring.program(str(row.program_id)))
        asked_on = work.today().isoformat()
        data = b"".join(work.vault.objects.read(keyfile)).decode()
    assert data == f"Question of {asked_on}: {ASKED}\n\nAnswer: I would rather not say\n"


@pytest.mark.parametrize(
    "fields", [{"question": "0"}, {"question": "9"}, {"question": "x"}, {"choice": "4"}, {"choice": "-1"}, {"token": "x"}]
)
def test_what_was_not_asked_or_offered_is_no_answer(desk: Desk, fields: dict[str, str]) -> None:
    number = desk.send("He bragged.", examine=False)
    ask(desk, number)
    browser = desk.public.application.test_client()
    page = come_back(browser, desk.receipts[number])
    right = {"token": field_value(page, "token"), "question": "1", "choice": "0"}
    for wrong in ({"question": "0"}, {"question": "9"}, {"question": "x"}, {"choice": "4"}, {"choice": "-1"}, {"token": "x"}):
        assert browser.post("/conversation/answer", data={**right, **wrong}).status_code in (303, 422)
    assert [message.kind for message in messages(desk)] == ["message", "question"]


def test_a_question_offers_two_to_eight_answers(desk: Desk) -> None:
    number = desk.send("He bragged.", examine=False)
    cases: list[tuple[str, tuple[str, ...], str]] = [
        (" ", OFFERED, "question"),
        ("x" * 301, OFFERED, "question"),
        (ASKED, ("Yes", "Yes"), "options"),
        (ASKED, ("Yes", "I would rather not say"), "options"),
        (ASKED, tuple("abcdefghi"), "options"),
        (ASKED, ("Yes", "x" * 121), "options"),
    ]
    for text, options, wrong in cases:
        with desk.acting() as (work, actor), pytest.raises(BadInput) as refused:
            replying.ask(work, actor, Ask(number, text, options))
        assert list(refused.value.fields) == [wrong]
    page = desk.client().post(f"/tips/{number}/question", data={"question": ASKED, "options": "Only one"})
    assert (page.status_code, "Offer 2 to 8 different answers" in page.text, ASKED in page.text) == (422, True, True)
    with desk.acting() as (work, actor):
        assert replying.ask(work, actor, Ask(number, ASKED, ("Yes", " yes ", "Yes"))).kind == "question"


# files


def test_a_file_reaches_the_source_whole_and_is_an_exhibit_signed_by_its_sender(desk: Desk) -> None:
    number = desk.send("He bragged.")
    assert send_file(desk, number).status_code == 303
    assert b"canary of a guide" not in desk.everything_stored()
    browser = desk.public.application.test_client()
    page = come_back(browser, desk.receipts[number])
    assert "How to be safe – guide.pdf" in page.text
    assert "outside Tor Browser" in page.text
    saved = save(browser, page)
    assert saved.data == PDF
    assert saved.headers["Content-Disposition"] == 'attachment; filename="How_to_be_safe_guide.pdf"'
    assert saved.headers["Content-Length"] == str(len(PDF))
    assert saved.headers["X-Content-Type-Options"] == "nosniff"
    assert saved.headers["Content-Type"] == "application/octet-stream"
    assert "sandbox" in saved.headers["Content-Security-Policy"]
    with desk.installation.work(write=False) as work:
        exhibit = work.session.scalars(select(Exhibit).where(Exhibit.kind == "reply_file")).one()
    [event] = desk.events(exhibit.id)
    assert (event["kind"], event["actor"], event["result"]) == ("ACQUIRED", "m.okafor", f"sent to the source of {number}")
    assert "guide.pdf" in desk.client().get(f"/tips/{number}").text
    assert "Sent to the source of" in desk.client().get(f"/exhibits/{exhibit.id}").text


def test_a_file_alone_is_a_reply_and_nothing_is_none(desk: Desk) -> None:
    number = desk.send("He bragged.", examine=False)
    data = {"words": "", "files": (io.BytesIO(PDF), "a.pdf")}
    browser = desk.client()
    assert browser.post(f"/tips/{number}/reply", data=data, content_type="multipart/form-data").status_code == 303
    empty = browser.post(f"/tips/{number}/reply", data={"words": " ", "files": (io.BytesIO(b""), "")}, content_type="multipart/form-data")
    assert (empty.status_code, "Type what the source should read." in empty.text) == (422, True)


def test_what_did_not_become_a_reply_leaves_no_exhibit(desk: Desk) -> None:
    number = desk.send("He bragged.", examine=False)
    assert send_file(desk, number, role="counsel").status_code == 403
    desk.installation.settings.max_file_bytes = 100
    refused = send_file(desk, number)
    assert (refused.status_code, "This file is larger than" in refused.text) == (413, True)
    with desk.installation.work(write=False) as work:
        assert list(work.session.scalars(select(ReplyFile))) == []
        assert list(work.session.scalars(select(Exhibit).where(Exhibit.kind == "reply_file"))) == []
    assert len(messages(desk)) == 1


def test_only_a_whole_file_of_a_reply_to_this_source_is_handed_out(desk: Desk) -> None:
    number, another = desk.send("He bragged.", examine=False), desk.send("Another tip.", examine=False)
    send_file(desk, number)
    with desk.installation.work(write=False) as work:
        exhibit_id = work.session.scalars(select(ReplyFile.exhibit_id)).one()
    browser = desk.public.application.test_client()
    page = come_back(browser, desk.receipts[number])
    for other in ({"message": "0"}, {"message": "7"}, {"file": "1"}, {"file": "9" * 20}, {"token": "x"}):
        answer = save(browser, page, **other)
        assert answer.status_code in (303, 404)
        assert PDF not in answer.data
    stranger = desk.public.application.test_client()
    assert save(stranger, come_back(stranger, desk.receipts[another])).status_code == 404
    desk.change(Exhibit, exhibit_id, state="quarantined")
    assert "This file is not here any more." in save(browser, page).text
    desk.change(Exhibit, exhibit_id, state="held")
    desk.tamper(exhibit_id)
    assert save(browser, page).status_code == 404


# pause and close


@pytest.mark.parametrize(("talk", "told"), [("paused", "have paused this conversation"), ("closed", "have closed this conversation")])
def test_a_conversation_that_is_not_open_takes_nothing_and_says_why(desk: Desk, talk: str, told: str) -> None:
    number = desk.send("He bragged.", examine=False)
    browser = desk.public.application.test_client()
    before = come_back(browser, desk.receipts[number])
    answer = desk.client().post(f"/tips/{number}/conversation", data={"talk": talk, "reason": "We wait for the court."})
    assert answer.status_code == 303
    page = browser.get("/conversation")
    assert told in page.text
    assert "We wait for the court." in page.text
    assert "<textarea" not in page.text
    kept = post_form(
        browser, "/conversation/check", {"draft": field_value(before, "draft"), "token": field_value(before, "token"), "what": "My words"}
    )
    assert kept.status_code == 409
    assert "Nothing was sent" in kept.text
    assert "My words</textarea>" in kept.text
    with desk.acting() as (work, actor), pytest.raises(Conflict, match=talk):
        replying.reply(work, actor, Reply(number, "Hello"))
    late = desk.client().post(f"/tips/{number}/reply", data={"words": "Words of a slow colleague"})
    assert (late.status_code, f"The conversation is {talk}. Nothing was sent." in late.text) == (409, True)
    assert "Words of a slow colleague</textarea>" in late.text
    desk.client().post(f"/tips/{number}/conversation", data={"talk": "open", "reason": "Go on."})
    assert "<textarea" in browser.get("/conversation").text
    assert [message.kind for message in messages(desk)] == ["message", "status", "status"]


def test_a_question_of_a_paused_conversation_waits(desk: Desk) -> None:
    number = desk.send("He bragged.", examine=False)
    ask(desk, number)
    browser = desk.public.application.test_client()
    page = come_back(browser, desk.receipts[number])
    with desk.acting() as (work, actor):
        replying.set_talk(work, actor, SetTalk(number, "paused", "Wait."))
    assert choose(browser, page, "0").location == "/conversation"
    assert 'type="radio"' not in browser.get("/conversation").text
    assert "answer" not in {message.kind for message in messages(desk)}


def test_a_change_needs_a_reason_and_a_right(desk: Desk) -> None:
    number = desk.send("He bragged.", examine=False)
    for command in (SetTalk(number, "paused", " "), SetTalk(number, "withdrawn", "x"), SetTalk(number, "paused", "x" * 1001)):
        with desk.acting() as (work, actor), pytest.raises(BadInput):
            replying.set_talk(work, actor, command)
    with desk.acting() as (work, actor), pytest.raises(Conflict):
        replying.set_talk(work, actor, SetTalk(number, "open", "It is."))
    with desk.acting("counsel") as (work, actor), pytest.raises(Forbidden):
        replying.set_talk(work, actor, SetTalk(number, "paused", "x"))
    assert desk.tip(number).talk == "open"


# withdrawal


def test_a_withdrawal_takes_our_messages_back_and_ends_the_conversation(desk: Desk) -> None:
    number = desk.send("He bragged.")
    browser = desk.public.application.test_client()
    come_back(browser, desk.receipts[number])
    with desk.acting() as (work, actor):
        replying.reply(work, actor, Reply(number, "Canary of a reply."))
    send_file(desk, number)
    assert "Tick the box" in browser.post("/conversation/withdraw", data={"token": field_value(browser.get("/conversation"), "token")}).text
    assert desk.tip(number).talk == "open"
    assert withdraw(browser).location == "/conversation"
    assert [(message.kind, message.to_source) for message in messages(desk)] == [
        ("message", None),
        ("message", None),
        ("message", None),
        ("withdrawal", None),
    ]
    page = come_back(desk.public.application.test_client(), desk.receipts[number])
    assert "You have withdrawn from this conversation" in page.text
    assert "Canary" not in page.text
    assert "<textarea" not in page.text
    assert save(browser, browser.get("/conversation"), message="2").status_code == 404
    assert withdraw_again(browser) == 303
    assert len(messages(desk)) == 4
    desk.installation.run_jobs()
    exhibit = desk.exhibits(number)[-1]
    assert (exhibit.kind, desk.kinds(exhibit.id)) == ("tip_text", ["ACQUIRED", "EXAMINED"])
    shown = desk.client().get(f"/tips/{number}").text
    assert "The source withdrew on" in shown
    assert shown.count("Taken back before it was read") == 2
    assert 'id="reply"' not in shown
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="withdrew"):
        replying.reply(work, actor, Reply(number, "Come back"))
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="withdrew"):
        replying.set_talk(work, actor, SetTalk(number, "open", "Come back"))


def withdraw_again(browser: FlaskClient) -> int:
    token = field_value(browser.get("/conversation"), "token")
    return browser.post("/conversation/withdraw", data={"token": token, "sure": "yes"}).status_code


def test_news_of_a_claim_reaches_a_source_who_withdrew(desk: Desk) -> None:
    number = desk.send("He bragged.", examine=False)
    browser = desk.public.application.test_client()
    come_back(browser, desk.receipts[number])

    def tell(words: str, voucher: str | None = None) -> None:
        with desk.acting() as (work, actor):
            tip = get_tip(work, actor, number, lock=True)
            recipient, keys = committed_recipient(work, actor, tip), actor.keyring.program(tip.program_id)
            tell_source(work, tip, recipient, Told(words, "status", voucher=voucher), actor, keys)

    tell("Your claim is approved.", "VOUCHER-1")
    withdraw(browser)
    tell("The voucher ends soon.")
    page = browser.get("/conversation").text
    for words in ("Your claim is approved.", "VOUCHER-1", "The voucher ends soon."):
        assert words in page
    assert '<li class="you">' not in page


def test_a_withdrawal_needs_the_sessions_own_token(desk: Desk) -> None:
    number = desk.send("He bragged.", examine=False)
    browser = desk.public.application.test_client()
    assert browser.get("/conversation/withdraw").location == "/receipt"
    come_back(browser, desk.receipts[number])
    for token in ("", "x"):
        assert browser.post("/conversation/withdraw", data={"token": token, "sure": "yes"}).status_code == 303
    assert desk.tip(number).talk == "open"


# who has read what


def test_staff_see_by_day_which_replies_were_read(desk: Desk) -> None:
    number = desk.send("He bragged.", examine=False)
    with desk.acting() as (work, actor):
        replying.reply(work, actor, Reply(number, "One."))
    come_back(desk.public.application.test_client(), desk.receipts[number])
    with desk.acting() as (work, actor):
        replying.reply(work, actor, Reply(number, "Two."))
    shown = desk.client().get(f"/tips/{number}").text
    assert len(re.findall("Read by the source on", shown)) == 1
    assert shown.count("Not read yet") == 1
    assert [message.read_on is not None for message in messages(desk)] == [False, True, False]
    assert isinstance(desk.tip(number), Tip)
