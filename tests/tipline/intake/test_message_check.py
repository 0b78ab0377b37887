"""A further message with files, or with words that may lead to its source, is shown before it is sent; nothing is sent by looking."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.evidence.examine import samples
from tests.evidence.examine.jails import needs_jail
from tests.tipline.intake.house import IntakeHouse, choices, come_back, field_value, post_form, send_tip, words_of
from tipline.models.custody import Grant
from tipline.models.tips import Draft, DraftPart, Tip, TipItem, TipMessage

CHECK, CHANGE, SEND = "/conversation/check", "/conversation/change", "/conversation/send"


@pytest.fixture
def words(client: FlaskClient) -> list[str]:
    return words_of(send_tip(client, "He bragged."))


def hidden(page: TestResponse) -> dict[str, str]:
    return {name: field_value(page, name) for name in ("draft", "token")}


def check(client: FlaskClient, words: list[str], text: str, files: dict[str, bytes] | None = None) -> TestResponse:
    """Come back, write, and press the button of the conversation."""
    return post_form(client, CHECK, {**hidden(come_back(client, words)), "what": text}, files or {})


def sent(house: IntakeHouse) -> list[int]:
    """The numbers of the messages that came after the tip."""
    return [row.seq for row in house.rows(TipMessage) if row.seq]


@needs_jail
def test_what_a_file_says_is_shown_and_the_source_chooses(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    page = check(client, words, "See the photo.", {"IMG.jpg": samples.jpeg(position=True)})
    assert page.status_code == 200
    assert len(page.data) == 65536
    assert "Where it was taken: 41.41000 N, 82.00000 W" in page.text
    assert "See the photo." in page.text
    assert sent(house) == []
    answer = client.post(SEND, data={**hidden(page), **choices(page, "clean")})
    assert answer.headers["Location"] == "/conversation?sent=yes"
    assert sent(house) == [1]
    assert [grant.purpose for grant in house.rows(Grant)].count("copy") == 1
    assert client.post(SEND, data=hidden(page)).status_code == 303
    assert sent(house) == [1]
    assert house.rows(DraftPart) == []


@needs_jail
@pytest.mark.parametrize("way", ["on the page", "on the way back"])
def test_as_it_is_makes_no_copy(client: FlaskClient, house: IntakeHouse, words: list[str], way: str) -> None:
    page = check(client, words, "", {"IMG.jpg": samples.jpeg(position=True)})
    assert "No words, only files" in page.text
    chosen = {**hidden(page), **choices(page, "as_is")}
    if way == "on the page":
        assert client.post(SEND, data=chosen).status_code == 303
        assert "copy" not in [grant.purpose for grant in house.rows(Grant)]
        assert len(house.rows(TipItem)) == 2
        return
    back = client.post(CHANGE, data=chosen)
    assert "IMG.jpg" in back.text
    again = post_form(client, CHECK, {**hidden(back), "what": "With words"}, {})
    assert "IMG.jpg" in again.text
    assert client.post(SEND, data={**hidden(again), **choices(again, "as_is")}).status_code == 303
    assert "copy" not in [grant.purpose for grant in house.rows(Grant)]


def test_words_alone_are_sent_at_once(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    assert check(client, words, "Nothing more to say.").headers["Location"] == "/conversation?sent=yes"
    assert sent(house) == [1]


@pytest.mark.parametrize("shows", ["j.doe@example.org", "receipt"])
def test_words_that_may_lead_to_the_source_are_shown_first(client: FlaskClient, house: IntakeHouse, words: list[str], shows: str) -> None:
    said = " ".join(words) if shows == "receipt" else shows
    page = check(client, words, f"Write to {said}")
    assert "Your text holds" in page.text
    assert sent(house) == []
    back = client.post(CHANGE, data=hidden(page))
    assert f"Write to {said}" in back.text
    assert post_form(client, CHECK, {**hidden(back), "what": "Write to me here."}, {}).status_code == 303
    assert sent(house) == [1]
    assert house.rows(Draft) == []


def test_a_stranger_and_a_wrong_form_send_nothing(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    page = check(client, words, "Two", {"a.txt": b"a"})
    right = hidden(page)
    for path in (CHANGE, SEND):
        assert house.client().post(path, data=right).headers["Location"] == "/conversation"
        for wrong in ({**right, "token": "x"}, {**right, "draft": "x"}, {"token": right["token"]}, {}):
            assert client.post(path, data=wrong).headers["Location"] == "/conversation"
    assert sent(house) == []
    assert client.post(SEND, data=right).status_code == 303
    assert sent(house) == [1]


def test_a_message_of_one_tip_is_not_sent_to_another(house: IntakeHouse, words: list[str]) -> None:
    first = house.client()
    page = check(first, words, "Two", {"a.txt": b"a"})
    other = house.client()
    second = hidden(come_back(other, words_of(send_tip(other, "Another"))))
    assert other.post(SEND, data={**second, "draft": field_value(page, "draft")}).status_code == 303
    assert sent(house) == []


def test_a_conversation_that_was_closed_meanwhile_keeps_what_was_typed(client: FlaskClient, house: IntakeHouse, words: list[str]) -> None:
    page = check(client, words, "Two words", {"a.txt": b"a"})
    with house.worker.unit(write=True) as unit:
        for tip in unit.session.scalars(select(Tip)):
            tip.talk = "paused"
    answer = client.post(SEND, data=hidden(page))
    assert answer.status_code == 409
    assert "Two words</textarea>" in answer.text
    assert "a.txt" in answer.text
    assert sent(house) == []
