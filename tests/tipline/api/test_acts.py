"""What the API does, it does as the console: the same record, the same need-to-know, the same words for what is wrong."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from tests.tipline.api.api_house import API, caller
from tests.tipline.linking.linking_house import LinkingDesk
from tipline.demo import content
from tipline.models.operations import AuditEvent


def test_reading_a_tip_is_on_record_and_says_what_the_page_says(desk: LinkingDesk) -> None:
    tip = desk.send("He told me.")
    asks = caller(desk)
    assert [row["number"] for row in asks.get("/tips").get_json()["tips"]] == [tip]
    assert asks.get("/tips", filter="state:is:closed").get_json()["tips"] == []
    found = asks.get(f"/tips/{tip}").get_json()
    assert [(one["by"], one["words"]) for one in found["messages"]] == [("source", "He told me.")]
    asks.get(f"/tips/{tip}")
    assert desk.kinds(desk.exhibits(tip)[0].id) == ["ACQUIRED", "EXAMINED", "VIEWED"], "once for a token"


def test_redacted_words_stay_redacted(linked: LinkingDesk) -> None:
    link_id, tip, _ = linked.one
    linked.redact(tip, content.DESK)
    asks = caller(linked, "counsel")
    answers = [asks.get(path) for path in (f"/tips/{tip}", "/tips", "/links", f"/links/{link_id}")]
    assert [answer.status_code for answer in answers] == [200] * 4
    texts = json.loads(answers[3].text)["sides"][0]
    assert texts["under_seal"] is True
    for text in (answers[0].text, answers[1].text, answers[2].text, json.dumps(texts)):
        assert content.DESK not in text


def test_acts_on_a_tip_go_through_the_same_checks(desk: LinkingDesk) -> None:
    tip = desk.send("He told me.")
    asks = caller(desk)
    done = asks.post(f"/tips/{tip}/state", {"state": "working", "version": 1})
    assert (done.status_code, done.get_json()["state"], done.get_json()["version"]) == (200, "working", 2)
    stale = asks.post(f"/tips/{tip}/state", {"state": "closed", "version": 1})
    assert stale.status_code == 409
    assert stale.get_json()["differences"] == {"State": {"theirs": "Working", "mine": "Closed"}}
    assert stale.get_json()["version"] == 2
    assert asks.post(f"/tips/{tip}/assignee", {"assignee": "me"}).status_code == 200
    assert asks.post(f"/tips/{tip}/priority", {"priority": "high"}).get_json()["priority"] == 1
    assert asks.post(f"/tips/{tip}/due", {"due_on": "2026-12-01"}).get_json()["due_on"] == "2026-12-01"
    assert asks.post(f"/tips/{tip}/due", {"due_on": None}).get_json()["due_on"] is None
    assert asks.post(f"/tips/{tip}/due", {"due_on": "the 1st"}).status_code == 422
    with desk.installation.work(write=False) as work:
        assert {"tip.state", "tip.assign"} <= set(
            work.session.scalars(select(AuditEvent.act).where(AuditEvent.subject_id == desk.tip(tip).id))
        )


def test_a_link_is_decided_undone_and_made(linked: LinkingDesk) -> None:
    link_id, tip, letter = linked.one
    asks = caller(linked)
    path = f"/links/{link_id}"
    assert asks.get("/links").get_json()["waiting"] == 1
    wrong = asks.post(f"{path}/decision", {"decision": "confirm", "confidence": "probable", "reason": " "})
    assert (wrong.status_code, list(wrong.get_json()["fields"])) == (422, ["reason"])
    assert asks.post(f"{path}/decision", {"decision": "confirm", "confidence": "probable", "reason": "Read both"}).status_code == 200
    shown = asks.get(path).get_json()
    assert [(one["decision"], one["by"], one["reason"]) for one in shown["decisions"]] == [("Confirmed", "M. Okafor", "Read both")]
    assert {segment["mark"] for side in shown["sides"] for one in side["passages"] for segment in one["segments"]} >= {"", "indicator"}
    assert asks.post(f"{path}/undo", {"version": 1}).status_code == 409
    assert asks.post(f"{path}/undo", {}).get_json()["state"] == "suggested"
    made = asks.post(
        "/links", {"from": f"tip:{tip}", "to": f"letter:{letter}", "kind": "contradicts", "confidence": "possible", "reason": "x"}
    )
    assert (made.status_code, made.get_json()["state"]) == (201, "confirmed")


def test_search_finds_what_the_box_finds_and_the_words_stand_nowhere(desk: LinkingDesk) -> None:
    tip = desk.send("The courier kept a walrus.")
    asks = caller(desk)
    found = asks.post("/search", {"text": "walrus"})
    assert found.status_code == 200
    assert [(hit["kind"], hit["number"]) for hit in found.get_json()["hits"]] == [("tip", tip)]
    assert [one["text"] for one in found.get_json()["hits"][0]["passage"] if one["found"]] == ["walrus"]
    assert asks.post("/search", {"text": "-walrus"}).status_code == 422
    assert asks.post("/search", {"text": "walrus", "case": "NS-1999-0001"}).status_code == 422
    with desk.installation.work(write=False) as work:
        details = work.session.execute(select(AuditEvent.act, AuditEvent.detail)).all()
    assert ("search.ask", None) in [tuple(row) for row in details]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("[]", 422),
        ("{", 400),
        ('{"state": NaN}', 400),
        ("[" * 100_000, 400),
        ('{"state": "closed", "state2": 1}', 422),
        ('{"state": "\\ud800"}', 422),
        ('{"state": true}', 422),
        ('{"state": "closed", "version": true}', 422),
        ('{"state": "closed", "version": 1e400}', 422),
        ('{"\\ud800": 1}', 422),
        ("null", 422),
    ],
)
def test_a_body_that_does_not_fit_is_said_in_words(desk: LinkingDesk, body: str, status: int) -> None:
    answer = caller(desk).post("/tips/TIP-2026-0001/state", body)
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json()["title"]


def test_what_is_no_json_a_parameter_twice_and_one_too_many_are_refused(desk: LinkingDesk) -> None:
    asks = caller(desk)
    plain = asks.browser.open(f"{API}/tips/X/state", method="POST", data="state=closed", headers=asks.headers)
    assert plain.status_code == 415
    for query in ("?after=TIP-1&after=TIP-2", "?words=secret", "?order=upwards", "?after=%00"):
        answer = asks.browser.get(f"{API}/tips{query}", headers=asks.headers)
        assert answer.status_code in (400, 422), query
        assert answer.mimetype == "application/problem+json"
    assert asks.browser.delete(f"{API}/me", headers=asks.headers).headers["Allow"] == "GET, HEAD, OPTIONS"
