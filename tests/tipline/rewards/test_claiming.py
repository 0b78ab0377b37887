"""The source's page: what it asks, what it refuses in which words, and that one claim a tip is made."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.tipline.intake.house import field_value
from tests.tipline.rewards.claim_house import HELPED, ClaimHouse, token_of
from tipline.errors import Unsound
from tipline.filters import day_of
from tipline.models.custody import CustodyEvent, Exhibit
from tipline.models.rewards import RewardClaim
from tipline.models.tips import Tip
from tipline.rewards import document
from tipline.rewards.document import Document, Words


def kinds(house: ClaimHouse) -> list[str]:
    return [row.kind for row in house.rows(Exhibit)]


@pytest.mark.parametrize("left_out", ["employee", "involved", "sanctions", "helped", "by", "claim"])
def test_what_is_missing_is_said_and_what_was_typed_stays(house: ClaimHouse, left_out: str) -> None:
    source = house.sources["early"]
    answer = source.claim(**{left_out: None})
    assert answer.status_code == 422
    assert f'href="#{left_out}"' in answer.text
    assert "Error:" in answer.text.partition("</title>")[0]
    assert (HELPED in answer.text) == (left_out != "helped")
    assert source.code not in answer.text
    assert house.rows(RewardClaim) == []
    assert "claim" not in kinds(house)


@pytest.mark.parametrize("code", ["other", "K7QD-9XWM-3FHT-RV2P-8C5N-0BSE-41GH", "x", "é" * 500])
def test_only_the_tips_own_claim_code_claims(house: ClaimHouse, code: str) -> None:
    source = house.sources["early"]
    answer = source.claim(claim=house.sources["late"].code if code == "other" else code)
    assert answer.status_code == 422
    assert "does not belong to this tip" in answer.text
    assert house.rows(RewardClaim) == []


def test_a_claim_is_made_once_and_its_exhibit_commits_to_the_claim_key(house: ClaimHouse) -> None:
    source = house.sources["early"]
    page = source.client.get("/conversation/claim").text
    assert source.claim().status_code == 303
    events = len(house.rows(CustodyEvent))
    token = page.partition('name="token" value="')[2].partition('"')[0]
    again = source.client.post("/conversation/claim", data={"token": token, "claim": source.code})
    assert (again.status_code, again.headers["Location"]) == (303, "/conversation?claimed=yes#reward")
    assert source.client.get("/conversation/claim").status_code == 303
    [row] = house.rows(RewardClaim)
    assert len(house.rows(CustodyEvent)) == events
    [acquired] = house.desk.events(row.exhibit_id)
    tip = house.desk.tip(source.tip)
    assert (acquired["kind"], acquired["claim_key"], acquired["source_recipient"]) == ("ACQUIRED", tip.claim_key, tip.source_recipient)
    assert acquired["occurred_from"] == date.today().isoformat()


def test_before_the_log_holds_the_tip_the_page_says_when(house: ClaimHouse) -> None:
    source = house.source(publish=False)
    house.desk.installation.sequence()
    page = source.client.get("/conversation/claim").text
    assert f"Come back on {day_of(date.today() + timedelta(days=1))}, then you can claim." in page
    assert 'name="claim"' not in page
    answer = source.claim(token=source.page().partition('name="token" value="')[2].partition('"')[0])
    assert answer.status_code == 409
    assert "not in the published log yet" in answer.text
    house.publish()
    assert source.claim().status_code == 303


def test_claims_are_open_until_their_last_day_and_only_where_the_reward_is_a_number(house: ClaimHouse) -> None:
    source, today = house.sources["early"], date.today()
    house.set_program(claims_until=today - timedelta(days=1))
    assert "The last day for claims" in source.page()
    assert "The last day for claims is over" in source.client.get("/conversation/claim").text
    house.set_program(claims_until=None, reward_most=None)
    assert "does not take claims yet" in source.client.get("/conversation/claim").text
    token = source.page().partition('name="token" value="')[2].partition('"')[0]
    assert source.claim(token=token).status_code == 409
    house.set_program(claims_until=today, reward_most=1)
    assert source.claim().status_code == 303


def test_a_tip_whose_packet_was_changed_says_so_and_claims_nothing(house: ClaimHouse) -> None:
    source = house.sources["early"]
    token = source.page().partition('name="token" value="')[2].partition('"')[0]
    house.desk.change(Tip, house.desk.tip(source.tip).id, packet=b"changed")
    page = source.client.get("/conversation/claim")
    assert (page.status_code, "The record of this tip was changed" in page.text, 'name="claim"' in page.text) == (200, True, False)
    assert source.claim(token=token).status_code == 500
    assert house.rows(RewardClaim) == []


def test_a_tip_whose_claim_key_was_changed_takes_no_claim(house: ClaimHouse) -> None:
    source, other = house.sources["early"], house.desk.tip(house.sources["late"].tip)
    house.desk.change(Tip, house.desk.tip(source.tip).id, claim_key=other.claim_key)
    assert source.claim().status_code == 500
    assert house.rows(RewardClaim) == []
    assert "claim" not in kinds(house)


def test_without_a_receipt_there_is_no_page(house: ClaimHouse) -> None:
    stranger = house.desk.public.application.test_client()
    assert stranger.get("/conversation/claim").headers["Location"] == "/receipt"
    assert stranger.post("/conversation/claim", data={"claim": "x"}).status_code == 403
    stranger.post("/receipt", data={"receipt": "unvaried cramp kilobyte saddlebag trousers outboard plethora"})
    assert stranger.get("/conversation/claim").status_code == 303
    assert house.sources["early"].claim(token="x").status_code == 403
    assert house.rows(RewardClaim) == []


def test_a_claim_that_met_the_end_of_its_session_asks_for_the_receipt_and_keeps_what_was_typed(house: ClaimHouse) -> None:
    source, typed = house.sources["early"], {"by": "lawyer", "office": "Reed & Sons"}
    house.wait(timedelta(hours=3))
    source.client.delete_cookie("public-source")
    ended = source.claim(**typed)
    assert (ended.status_code, source.code in ended.text, "Set-Cookie" in ended.headers) == (403, False, False)
    carried = dict.fromkeys(("employee", "involved", "sanctions"), "yes") | typed | {"helped": HELPED}
    assert all(field_value(ended, name) == value for name, value in carried.items() if name != "helped")
    assert HELPED in ended.text
    spanish = source.client.post("/es/conversation/claim", data={**carried, "speak": "yes", "receipt": " ".join(source.words)})
    assert (HELPED in spanish.text, source.words[0] in spanish.text, 'lang="es"' in spanish.text) == (True, False, True)
    refused = source.client.post("/conversation/claim", data={**carried, "receipt": "no such words"})
    assert (refused.status_code, HELPED in refused.text, "That receipt does not open a tip" in refused.text) == (200, True, True)
    again = source.client.post("/conversation/claim", data={**carried, "receipt": " ".join(source.words)})
    assert (again.status_code, HELPED in again.text, 'value="Reed &amp; Sons"' in again.text) == (200, True, True)
    assert ['value="lawyer" checked' in again.text, again.text.count('value="yes" checked')] == [True, 3]
    assert (
        source.client.post("/conversation/claim", data={**carried, "token": token_of(again.text), "claim": source.code}).status_code == 303
    )
    assert len(house.rows(RewardClaim)) == 1


def test_the_page_says_where_money_and_papers_go(house: ClaimHouse) -> None:
    page = house.sources["early"].client.get("/conversation/claim").text
    assert "Calder Trust, 4 Mill Lane, Dayton" in page
    assert "Never send us tax papers" in page


def test_other_words_have_another_nonce() -> None:
    words, salt = Words("self", "", "It helped", ("true",)), document.new_salt()
    others = (Words("lawyer", "", "It helped", ("true",)), Words("self", "", "It", ("true",)))
    nonces = {document.nonce_of(salt, one) for one in (words, *others)}
    assert len(nonces) == 3
    made = Document(salt, words, "tipline/proof/1 \N{EM DASH}\n".encode())
    assert document.decode(made.encode()) == made
    with pytest.raises(Unsound):
        document.decode(made.encode().replace(b"It helped", b"It did not") + b" ")
