"""The pages of the inbox and of one tip, as browsers of several roles see them."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from markupsafe import Markup
from sqlalchemy import select

from tests.tipline.desk_house import Desk, archive, photo
from tests.tipline.intake.house import come_back, field_value, post_form
from tipline.models.custody import Exhibit
from tipline.models.tips import Tip, TipItem

WORDS = "<script>alert(1)</script> He showed me a table.\nI took a picture of “it”."


def test_a_stranger_is_sent_to_sign_in_from_every_address(desk: Desk) -> None:
    number = desk.send(WORDS)
    stranger = desk.console_app.test_client()
    for path in ("/inbox", f"/tips/{number}", "/tips/TIP-2026-9999"):
        answer = stranger.get(path)
        assert (answer.status_code, answer.location) == (302, "/sign-in")


@pytest.mark.parametrize("act", ["assign", "state", "label", "reply"])
def test_each_act_on_a_tip_is_refused_to_who_may_not_work_on_it(desk: Desk, act: str) -> None:
    number = desk.send(WORDS)
    for role in ("counsel", "administrator"):
        values = {"assignee": "me", "state": "junk", "label": "x", "words": "x"}
        answer = desk.client(role).post(f"/tips/{number}/{act}", data=values)
        assert answer.status_code == 403
        empty = desk.client(role).post(f"/tips/{number}/{act}", data={})
        assert empty.status_code == 403
    assert (desk.tip(number).state, desk.tip(number).assignee_id) == ("new", None)


def test_bulk_acts_and_pages_are_refused_to_who_may_not(desk: Desk) -> None:
    number = desk.send(WORDS)
    assert desk.client("counsel").post("/bulk", data={"tip": number, "act": "state:junk"}).status_code == 403
    administrator = desk.client("administrator")
    assert administrator.get("/inbox").status_code == 403
    assert administrator.get(f"/tips/{number}").status_code == 403
    assert desk.kinds(desk.exhibits(number)[0].id) == ["ACQUIRED", "EXAMINED"]


def test_a_tip_that_nobody_has_looks_like_one_that_may_not_be_read(desk: Desk) -> None:
    assert desk.client().get("/tips/TIP-2026-9999").status_code == 404
    assert desk.client().get("/tips/%3Cscript%3E").status_code == 404


def test_reading_a_tip_is_one_event_a_session(desk: Desk) -> None:
    number = desk.send(WORDS)
    words = desk.exhibits(number)[0].id
    browser = desk.client()
    for _ in range(3):
        assert browser.get(f"/tips/{number}").status_code == 200
    assert desk.kinds(words) == ["ACQUIRED", "EXAMINED", "VIEWED"]
    desk.client("counsel").get(f"/tips/{number}")
    assert desk.kinds(words) == ["ACQUIRED", "EXAMINED", "VIEWED", "VIEWED"]
    *_, first, second = desk.events(words)
    assert (first["actor"], second["actor"]) == ("m.okafor", "d.acosta")
    assert first["result"] == "opened: words, on the tip page"


def test_what_a_source_wrote_is_shown_and_never_run(desk: Desk) -> None:
    number = desk.send(WORDS)
    page = desk.client().get(f"/tips/{number}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; He showed me a table." in page
    assert "<script>" not in page
    assert "Says: I saw or heard it myself." in page


def test_attachments_show_what_the_examiner_found_and_keep_what_identifies(desk: Desk) -> None:
    number = desk.send(WORDS, {"chat-export.pdf": archive(), "IMG_1.jpg": photo()})
    page = desk.client().get(f"/tips/{number}").text
    assert "Named .pdf, is ZIP" in page
    assert "ZIP, 2 entries" in page
    assert "Camera model" in page
    assert "Nikkon Z canary" not in page
    assert desk.exhibits(number)[1].id in page


def test_a_preview_is_opened_on_purpose_and_that_is_recorded(desk: Desk) -> None:
    number = desk.send(WORDS, {"IMG_1.jpg": photo(), "list.csv": b"name,dob\nAnn,1970-01-01\n"})
    _, picture, table = desk.exhibits(number)
    browser = desk.client()
    browser.get(f"/tips/{number}")
    assert desk.kinds(picture.id) == ["ACQUIRED", "EXAMINED"]
    page = browser.get(f"/tips/{number}?file={picture.id}")
    assert f"/exhibits/{picture.id}/preview.png" in page.text
    assert browser.get(f"/exhibits/{picture.id}/preview.png").mimetype == "image/png"
    assert desk.kinds(picture.id) == ["ACQUIRED", "EXAMINED", "VIEWED"]
    assert "Ann,1970-01-01" in browser.get(f"/tips/{number}?file={table.id}").text


def test_a_file_of_another_tip_is_not_shown(desk: Desk) -> None:
    number, other = desk.send(WORDS), desk.send("Other.", {"a.txt": b"text"})
    foreign = desk.exhibits(other)[1].id
    assert desk.client().get(f"/tips/{number}?file={foreign}").status_code == 404
    assert desk.kinds(foreign) == ["ACQUIRED", "EXAMINED"]


def test_words_that_were_tampered_with_are_not_shown(desk: Desk) -> None:
    number = desk.send(WORDS)
    words = desk.exhibits(number)[0]
    desk.tamper(words.id)
    page = desk.client().get(f"/tips/{number}")
    assert page.status_code == 200
    assert "These words can’t be shown." in page.text
    assert "He showed me a table." not in page.text.partition("Conversation")[2]


def test_words_of_another_exhibit_put_in_place_stop_the_page(desk: Desk) -> None:
    number, other = desk.send(WORDS), desk.send("The thief's words.")
    mine, foreign = desk.exhibits(number)[0], desk.exhibits(other)[0]
    with desk.installation.work() as work:
        row = work.session.get_one(Exhibit, mine.id)
        stolen = work.session.get_one(Exhibit, foreign.id)
        name, stolen.object_name = stolen.object_name, None
        work.session.flush()
        row.object_name, row.recipient = name, foreign.recipient
    answer = desk.client().get(f"/tips/{number}")
    assert answer.status_code >= 400
    assert "thief" not in answer.text


def test_a_conversation_stands_in_order_with_days_for_the_source_and_times_for_staff(desk: Desk) -> None:
    number = desk.send(WORDS)
    browser = desk.client()
    sent = browser.post(f"/tips/{number}/reply", data={"words": "Did you see it yourself?", "then_wait": "y"})
    assert (sent.status_code, sent.location) == (303, f"/tips/{number}")
    source = come_back(desk.public, desk.receipts[number])
    fields = {name: field_value(source, name) for name in ("draft", "token") if f'name="{name}"' in source.text}
    answered = post_form(desk.public, "/conversation/check", {**fields, "message": "Yes, twice.", "what": "Yes, twice."})
    assert answered.status_code in (200, 303), answered.text
    desk.installation.run_jobs()
    page = browser.get(f"/tips/{number}").text
    places = [page.index(words) for words in ("I took a picture", "Did you see it yourself?", "Yes, twice.")]
    assert places == sorted(places)
    assert page.count('<span class="by">Source</span>') == 2


def test_panels_of_other_capabilities_stand_on_the_tip_page(desk: Desk) -> None:
    number = desk.send(WORDS)
    desk.console_app.extensions["tip_panels"] = [lambda _work, actor, tip: Markup("<p>{} for {}</p>").format(tip.number, actor.login)]
    assert f"<p>{number} for m.okafor</p>" in desk.client().get(f"/tips/{number}").text


def test_labels_and_an_empty_reply_keep_the_page(desk: Desk) -> None:
    number = desk.send(WORDS)
    browser = desk.client()
    assert browser.post(f"/tips/{number}/label", data={"label": "Insider"}).status_code == 303
    page = browser.get(f"/tips/{number}").text
    assert "Insider" in page
    label_id = page.partition('name="remove" value="')[2].partition('"')[0]
    assert browser.post(f"/tips/{number}/label", data={"remove": label_id}).status_code == 303
    assert "Insider" not in browser.get(f"/tips/{number}").text
    refused = browser.post(f"/tips/{number}/reply", data={"words": ""})
    assert refused.status_code == 422
    assert "Type what the source should read." in refused.text


def test_a_form_of_another_session_is_refused(desk: Desk) -> None:
    number = desk.send(WORDS)
    answer = FlaskClient.post(desk.client(), f"/tips/{number}/state", data={"state": "junk"})
    assert answer.status_code == 400
    assert desk.tip(number).state == "new"


def test_a_tip_page_costs_the_same_queries_however_many_files(desk: Desk) -> None:
    small = desk.send("Small.", {"1.txt": b"1"})
    large = desk.send("Large.", {f"{position}.txt": b"x" * position for position in range(1, 7)})
    browser = desk.client()
    for number in (small, large):
        assert browser.get(f"/tips/{number}").status_code == 200
    counted = [desk.queries(lambda number=number: browser.get(f"/tips/{number}")) for number in (small, large)]
    assert counted[0] == counted[1]
    with desk.installation.work(write=False) as work:
        items = select(TipItem).join(Tip, Tip.id == TipItem.tip_id).where(Tip.number == large)
        assert len(list(work.session.scalars(items))) == 7
