"""A source comes back: replies, what was sent, more to send; a found receipt or a watched line tells little."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from evidence import canonical
from evidence.checkpoint import short_hash
from evidence.keys import wrap
from tests.tipline.intake.house import IntakeHouse, begin, come_back, field_value, fill, post_form, send_message, send_tip, words_of
from tipline.exhibits.waiting import Waiting
from tipline.intake import packet
from tipline.intake.receipt import parse_receipt
from tipline.models.custody import CustodyEvent, Exhibit, Grant
from tipline.models.tips import Draft, DraftPart, Send, SourceSession, Tip, TipItem, TipMessage

SAY, CLOSE = "/conversation/check", "/conversation/close"
UNKNOWN = "abacus " * 7
COOKIE = "public-source"
REFUSED = "That receipt does not open a tip. Check each word, or start again without it."


@pytest.fixture
def words(client: FlaskClient) -> list[str]:
    """The receipt of a tip with a picture."""
    return words_of(send_tip(client, "CANARY words of the source", {"CANARY.jpg": b"\xff\xd8\xff" + bytes(90_000)}))


def reply(house: IntakeHouse, text: str, seq: int) -> None:
    """Staff's reply, as the inbox writes it."""
    [tip] = house.rows(Tip)
    with house.worker.unit(write=True) as unit:
        to_source = wrap(text.encode(), [tip.source_recipient])
        unit.session.add(
            TipMessage(tip_id=tip.id, seq=seq, by_source=False, on_day=unit.today(), written_at=unit.now(), to_source=to_source)
        )


def say(client: FlaskClient, page: TestResponse, text: str, files: dict[str, bytes] | None = None, **more: str) -> TestResponse:
    fields = {"draft": field_value(page, "draft"), "token": field_value(page, "token"), "what": text, **more}
    return send_message(client, fields, files or {})


def test_the_page_shows_status_and_what_was_sent_but_never_its_content(client: FlaskClient, words: list[str]) -> None:
    page = come_back(client, words)
    assert page.status_code == 200
    assert "Your tip has not been read yet" in page.text
    assert "22 Nov 2026" in page.text
    assert "2 items, received whole: less than 5 kB, about 90 kB" in page.text
    assert "CANARY" not in page.text


def test_replies_are_read_with_the_receipt_alone(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    reply(house, "Thank you. <b>Do not</b> go back.", 1)
    page = come_back(client, words)
    assert "Thank you. &lt;b&gt;Do not&lt;/b&gt; go back." in page.text
    assert "There is one new message for you." in page.text
    assert [row.read_on for row in house.rows(TipMessage) if not row.by_source] == [house.clock.now.date()]
    reply(house, "One more thing", 2)
    page = come_back(house.client(), words)
    assert page.text.count(", new</span>") == 1


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("working", "An investigator is working on it"),
        ("waiting", "We have written to you"),
        ("closed", "We have read"),
        ("junk", "We have read"),
    ],
)
def test_each_state_has_plain_words(client: FlaskClient, house: IntakeHouse, words: list[str], state: str, shown: str) -> None:
    with house.worker.unit(write=True) as unit:
        unit.session.get_one(Tip, house.rows(Tip)[0].id).state = state
    text = come_back(client, words).text
    assert shown in text
    assert "junk" not in text


def raw(answer: TestResponse) -> list[tuple[str, str]]:
    """Status and headers with the cookie's value blotted out."""
    headers = [(name, re.sub(rf"{COOKIE}=[\w-]+", COOKIE, value)) for name, value in answer.headers]
    return [("status", answer.status), *headers]


def test_valid_unknown_and_malformed_receipts_get_the_same_answer(house: IntakeHouse, words: list[str]) -> None:
    typed = [" ".join(words), UNKNOWN, "", "no receipt at all", "\x00", "x" * 100_000, "zoom " * 7]
    answers = [house.client().post("/receipt", data={"receipt": text}) for text in typed]
    assert {tuple(raw(answer)) for answer in answers} == {tuple(raw(answers[0]))}
    assert {answer.data for answer in answers} == {answers[0].data}
    assert {len(answer.headers["Set-Cookie"]) for answer in answers} == {len(answers[0].headers["Set-Cookie"])}
    assert answers[0].status_code == 303
    assert {len(row.keys) for row in house.rows(SourceSession)} == {len(house.rows(SourceSession)[0].keys)}


def test_the_pages_after_it_have_one_size(house: IntakeHouse, words: list[str]) -> None:
    pages = [come_back(house.client(), text) for text in (" ".join(words), UNKNOWN, "nonsense")]
    reply(house, "News " * 1000, 1)
    pages.append(come_back(house.client(), words))
    assert {len(page.data) for page in pages} == {65536}
    assert {page.status_code for page in pages} == {200}
    assert [REFUSED in page.text for page in pages] == [False, True, True, False]


def test_words_with_a_slip_still_open_the_tip(house: IntakeHouse, words: list[str]) -> None:
    typed = ", ".join([words[0].upper(), *words[1:]])
    assert "Your tip" in come_back(house.client(), typed).text


def test_the_first_cookie_comes_with_the_receipt_and_is_locked_to_this_host(client: FlaskClient, words: list[str]) -> None:
    answer = client.post("/receipt", data={"receipt": " ".join(words)})
    cookie = answer.headers["Set-Cookie"]
    for attribute in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert attribute in cookie
    assert "Domain" not in cookie
    assert "Max-Age" not in cookie


def test_a_session_ends_after_half_an_hour_idle_and_after_two_hours(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    come_back(client, words)
    for _ in range(4):
        house.clock.turn(minutes=29)
        assert client.get("/conversation").status_code == 200
    house.clock.turn(minutes=5)
    assert client.get("/conversation").status_code == 303
    come_back(client, words)
    house.clock.turn(minutes=31)
    assert client.get("/conversation").headers["Location"] == "/receipt"


def test_a_message_that_comes_after_the_session_gives_its_words_back(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    page = come_back(client, words)
    house.clock.turn(minutes=31)
    answer = say(client, page, "A long <message>", {"more.txt": b"more"})
    assert answer.status_code == 403
    assert "A long &lt;message&gt;</textarea>" in answer.text
    assert 'href="/receipt"' in answer.text
    assert len(answer.data) == 65536
    assert len(house.rows(TipMessage)) == 1
    kept = {f"{row.object_name}.age" for row in house.rows(Exhibit) if row.object_name}
    assert {name for name in house.files() if name.count(".") == 1} == kept


@pytest.mark.parametrize("cookie", ["", "x", "A" * 64, "é", "A" * 63 + "=", "A" * 5000])
def test_a_cookie_that_is_not_ours_opens_nothing(client: FlaskClient, cookie: str) -> None:
    answer = client.get("/conversation", headers={"Cookie": f"{COOKIE}={cookie}"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/receipt")


def test_a_tampered_cookie_opens_nothing(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    come_back(client, words)
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    for at in (0, 20, 40, 63):
        letter = "B" if cookie.value[at] == "A" else "A"
        changed = cookie.value[:at] + letter + cookie.value[at + 1 :]
        stranger = house.client()
        stranger.set_cookie(COOKIE, changed)
        assert stranger.get("/conversation").status_code == 303


def test_closing_ends_the_session_for_good(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    page = come_back(client, words)
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    done = client.post(CLOSE, data={"token": field_value(page, "token")})
    assert done.status_code == 200
    assert "Expires=Thu, 01 Jan 1970" in done.headers["Set-Cookie"]
    assert house.rows(SourceSession) == []
    client.set_cookie(COOKIE, cookie.value)
    assert client.get("/conversation").status_code == 303


def test_a_further_message_with_files_joins_the_tip(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    page = come_back(client, words)
    answer = say(client, page, "More words", {"more.txt": b"more"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/conversation?sent=yes")
    page = client.get("/conversation?sent=yes")
    assert "Your message has arrived" in page.text
    assert page.text.count('<li class="you">') == 2
    [tip] = house.rows(Tip)
    assert [row.seq for row in sorted(house.rows(TipMessage), key=lambda row: row.seq)] == [0, 1]
    assert len(house.rows(CustodyEvent)) == len(house.rows(Grant)) == len(house.rows(TipItem)) == 4
    message = next(row for row in house.rows(TipMessage) if row.seq == 1)
    Waiting(house.worker).look_through()
    assert sorted(house.jobs.noted) == sorted([("examine_tip", tip.id, tip.id), ("examine_tip", message.id, tip.id)])
    receipt = parse_receipt(" ".join(words))
    assert receipt is not None
    data = receipt.source_identity().unwrap(tip.packet)
    assert data == canonical.encode(canonical.decode(data))
    items = packet.items(data)
    assert {packet.entry(item).hex() for item in items} == {event.entry for event in house.rows(CustodyEvent)}
    assert {packet.disclosed(item)["claim_key"] for item in items} == {tip.claim_key}


def test_a_message_may_be_a_file_alone(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    say(client, come_back(client, words), "", {"only.txt": b"only"})
    message = next(row for row in house.rows(TipMessage) if row.seq == 1)
    [item] = [row for row in house.rows(TipItem) if row.message_id == message.id]
    assert item.position == 1
    assert next(row for row in house.rows(Exhibit) if row.id == item.exhibit_id).kind == "attachment"


def test_the_same_message_sent_twice_is_one(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    page = come_back(client, words)
    for _ in range(3):
        assert say(client, page, "Once", {"once.txt": b"once"}).status_code == 303
    assert len(house.rows(TipMessage)) == 2
    assert len(house.rows(Send)) == 2
    assert len([name for name in house.files() if name.count(".") == 1]) == 4


def test_an_empty_message_is_said_and_padded(client: FlaskClient, words: list[str]) -> None:
    answer = say(client, come_back(client, words), " ")
    assert answer.status_code == 422
    assert "Write a message, or choose a file." in answer.text
    assert len(answer.data) == 65536


def test_a_refused_file_keeps_the_message_and_the_other_files(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    house.settings.max_file_bytes = 1000
    answer = say(client, come_back(client, words), "My message", {"ok.txt": b"ok", "big.bin": bytes(1001)})
    assert answer.status_code == 413
    assert "big.bin is larger than" in answer.text
    assert "My message</textarea>" in answer.text
    assert "ok.txt" in answer.text
    assert len(house.rows(DraftPart)) == 1
    assert say(client, answer, "My message").status_code == 303
    assert house.rows(Draft) == house.rows(DraftPart) == []
    assert len(house.rows(TipItem)) == 4
    assert not [name for name in house.files() if "draft" in name]


def test_a_message_needs_the_sessions_own_token(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    page = come_back(client, words)
    other = come_back(house.client(), words)
    for token in ("", "x", field_value(other, "token"), "é"):
        answer = say(client, page, "Forged", {"forged.txt": b"f"}, token=token)
        assert answer.status_code == 403
        assert "Forged</textarea>" in answer.text, "the words come back"
    assert len(house.rows(TipMessage)) == 1
    assert house.client().post(SAY, data={"what": "x"}).status_code == 303
    assert len([name for name in house.files() if name.count(".") == 1]) == 2


def test_a_receipt_that_opened_nothing_can_send_nothing(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    page = come_back(client, UNKNOWN)
    assert 'name="token"' not in page.text
    post_form(client, SAY, {"draft": begin(client), "token": "", "what": "x"}, {"a.txt": b"a"})
    assert len(house.rows(TipMessage)) == 1


def test_a_swapped_row_is_noticed_before_anything_is_added(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    page = come_back(client, words)
    with house.worker.unit(write=True) as unit:
        unit.session.get_one(Tip, house.rows(Tip)[0].id).claim_key = "0" * 64
    before = house.files()
    assert say(client, page, "More").status_code == 500
    assert len(house.rows(TipMessage)) == 1
    assert house.files() == before


def test_a_tip_row_whose_recipient_was_swapped_does_not_open(house: IntakeHouse, words: list[str]) -> None:
    with house.worker.unit(write=True) as unit:
        unit.session.get_one(Tip, house.rows(Tip)[0].id).source_recipient = house.program.recipient
    assert REFUSED in come_back(house.client(), words).text


@pytest.mark.parametrize(("before", "after"), [("waiting", "new"), ("closed", "new"), ("working", "working"), ("junk", "junk")])
def test_a_message_brings_a_waiting_tip_back(client: FlaskClient, house: IntakeHouse, words: list[str], before: str, after: str) -> None:
    page = come_back(client, words)
    with house.worker.unit(write=True) as unit:
        unit.session.get_one(Tip, house.rows(Tip)[0].id).state = before
    say(client, page, "More")
    assert house.rows(Tip)[0].state == after


def test_the_page_carries_the_newest_published_checkpoint(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    assert "checkpoint" not in come_back(client, words).text
    short = short_hash(house.publish())
    assert short in come_back(client, words).text
    assert short in client.get("/contact").text


def test_the_words_of_a_second_tip_do_not_open_the_first(house: IntakeHouse, words: list[str]) -> None:
    other = house.client()
    second = words_of(send_tip(other, "Second"))
    assert "1 item," in come_back(house.client(), second).text
    assert "2 items," in come_back(house.client(), words).text


def test_a_draft_of_the_first_page_is_not_mixed_into_a_message(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    draft = begin(client)
    fill(client, draft, "Another tip", {"x.txt": b"x"})
    page = come_back(client, words)
    fields = {"draft": draft, "token": field_value(page, "token"), "what": "More"}
    assert post_form(client, SAY, fields).status_code == 303
    message = next(row for row in house.rows(TipMessage) if row.seq == 1)
    assert len([row for row in house.rows(TipItem) if row.message_id == message.id]) == 1


def test_a_tip_that_was_answered_is_not_told_as_unread(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    reply(house, "Thank you.", 1)
    page = come_back(client, words)
    assert "We have written to you" in page.text
    say(client, page, "You are welcome")
    text = client.get("/conversation").text
    assert "not been read" not in text
    assert "We have read your tip" in text


def test_sessions_that_are_over_go_when_any_receipt_is_used(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    come_back(client, words)
    house.clock.turn(minutes=31)
    come_back(house.client(), UNKNOWN)
    assert len(house.rows(SourceSession)) == 1
