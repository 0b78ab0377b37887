"""The linking desk as people use it: why, both texts, what it does not say, and a decision that is recorded."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from tests.installations import Installation
from tests.tipline.linking.linking_house import LinkingDesk, sit_down
from tipline.demo import content, files
from tipline.errors import BadInput, Conflict, Forbidden, NotFound
from tipline.linking import services
from tipline.linking.queue import PAGE, Asked, read_queue
from tipline.linking.reading import read_link
from tipline.linking.services import DecideLink, MakeLink
from tipline.models.base import new_id
from tipline.models.cases import Link
from tipline.models.operations import AuditEvent
from tipline.models.programs import ProgramWrap

WORDS = f"He told me to write to {content.DESK}, which is in no newspaper."
MEMBER = files.members()[3]


@pytest.fixture
def desk(installation: Installation) -> LinkingDesk:
    """A linking desk on SQLite and disk."""
    return sit_down(installation)


def one_link(desk: LinkingDesk) -> tuple[str, str, str]:
    """A tip and a letter that share an address: the link's id and both numbers."""
    letter, tip = desk.letter(content.LETTER.encode()), desk.send(WORDS)
    desk.catch_up()
    return desk.links()[0].id, tip, letter


def decide(desk: LinkingDesk, command: DecideLink, role: str = "investigator") -> Link:
    with desk.acting(role) as (work, actor):
        return services.decide(work, actor, command)


def make(desk: LinkingDesk, command: MakeLink, role: str = "investigator") -> Link:
    with desk.acting(role) as (work, actor):
        return services.link_by_hand(work, actor, command)


def test_the_desk_shows_both_texts_with_the_address_marked_and_what_it_does_not_say(desk: LinkingDesk) -> None:
    link_id, tip, letter = one_link(desk)
    page = desk.client().get("/linking").text
    for word in (tip, letter, "Shares an indicator?", "1 to decide", "Both hold the e-mail address", "That the same person wrote both"):
        assert word in page, word
    marked = re.findall(r'<span class="indicator">([^<]+)</span>', page)
    assert marked.count(content.DESK) == 3, "once in each text, once in the table"
    assert "No other text yet" in page
    assert f"/linking/{link_id}/decide" in page


def test_how_rare_an_address_is_and_the_next_best_are_said(desk: LinkingDesk) -> None:
    one_link(desk)
    desk.send(f"{WORDS} My sister says so too.")
    desk.catch_up()  # counts are of this moment: what comes later is not among these texts
    desk.send("Something else.")
    desk.catch_up()
    with desk.acting(write=False) as (work, actor):
        link = next(link for link in desk.links() if {link.from_kind, link.to_kind} == {"tip"})
        view = read_link(work, actor, link.id)
    assert [row.elsewhere for row in view.finding.shared] == ["1 of 1"]
    assert view.rival is not None
    assert view.rival.kind == "Shares an indicator"


def test_reading_both_texts_is_on_record_once_a_session(desk: LinkingDesk) -> None:
    _, tip, _ = one_link(desk)
    words = desk.exhibits(tip)[0].id
    browser = desk.client()
    for _ in range(3):
        browser.get("/linking")
    assert desk.kinds(words) == ["ACQUIRED", "EXAMINED", "VIEWED"]


def test_people_of_a_sample_are_shown_masked(desk: LinkingDesk) -> None:
    desk.sample(files.claims_837())
    desk.send("He gave me this.", {"list.csv": files.members_extract()})
    page = desk.client().get("/linking").text
    assert "Contains records of?" in page
    assert "list.csv" in page
    assert "•" in page
    main = page.partition("<main")[2]
    assert MEMBER.last not in main
    assert MEMBER.last.upper() not in main
    assert MEMBER.number not in main


def test_confirming_needs_a_reason_and_records_who_and_why(desk: LinkingDesk) -> None:
    link_id, tip, _ = one_link(desk)
    browser = desk.client()
    refused = browser.post(f"/linking/{link_id}/decide", data={"decision": "confirm", "confidence": "probable", "reason": " "})
    assert refused.status_code == 422
    assert "Say why, in a few words." in refused.text
    done = browser.post(f"/linking/{link_id}/decide", data={"decision": "confirm", "confidence": "probable", "reason": "Read both"})
    assert (done.status_code, done.location) == (303, "/linking")
    [link] = desk.links()
    assert (link.state, link.confidence, link.decided_by) == ("confirmed", "probable", desk.installation.people["investigator"].staff_id)
    page = browser.get(f"/linking?link={link_id}").text
    assert "Confirmed by M. Okafor" in page
    assert "Read both" in page
    assert "Both hold the e-mail address" in page, "the method's own reason stays in the findings"
    assert "/decide" not in page
    with desk.installation.work(write=False) as work:
        acts = work.session.execute(select(AuditEvent.act, AuditEvent.detail).where(AuditEvent.subject_id == link_id)).all()
    assert [tuple(act) for act in acts] == [("link.confirm", "shares_indicator")]
    assert "Confirmed" in browser.get(f"/tips/{tip}").text


@pytest.mark.parametrize(("confidence", "reason"), [("", "Read both"), ("sure", "Read both"), ("probable", ""), ("probable", "x" * 501)])
def test_a_confirmation_without_its_parts_changes_nothing(desk: LinkingDesk, confidence: str, reason: str) -> None:
    link_id, _, _ = one_link(desk)
    with pytest.raises(BadInput):
        decide(desk, DecideLink(link_id, "confirm", confidence, reason))
    assert desk.links()[0].state == "suggested"


def test_later_leaves_it_and_goes_on_to_the_next(desk: LinkingDesk) -> None:
    link_id, _, _ = one_link(desk)
    desk.send(f"{WORDS} Again.")
    browser = desk.client()
    page = browser.get("/linking").text
    first, following = re.findall(r"/linking/([0-9a-f]+)/decide", page)[0], re.findall(r'name="next" value="([0-9a-f]+)"', page)[0]
    answer = browser.post(f"/linking/{first}/decide", data={"decision": "later", "next": following})
    assert answer.location == f"/linking?link={following}#link"
    assert {link.state for link in desk.links()} == {"suggested"}
    assert link_id in (first, *[link.id for link in desk.links()])


def test_who_comes_second_is_told(desk: LinkingDesk) -> None:
    link_id, _, _ = one_link(desk)
    decide(desk, DecideLink(link_id, "reject"))
    with pytest.raises(Conflict, match="Okafor has rejected"):
        decide(desk, DecideLink(link_id, "confirm", "probable", "Read both"))


def test_confirming_as_another_kind_keeps_the_suggestion_as_rejected(desk: LinkingDesk) -> None:
    link_id, _, _ = one_link(desk)
    made = decide(desk, DecideLink(link_id, "confirm", "possible", "Same sentences", "same_template"))
    assert {link.id: (link.kind, link.state) for link in desk.links()} == {
        link_id: ("shares_indicator", "rejected"),
        made.id: ("same_template", "confirmed"),
    }


def test_linking_by_hand(desk: LinkingDesk) -> None:
    letter, tip = desk.letter(b"A letter without any address."), desk.send("I know about the letter.")
    browser = desk.client()
    page = browser.get(f"/linking/new?from=tip:{tip}").text
    assert f'<option selected value="tip:{tip}"' in page
    values = {"start": f"tip:{tip}", "end": f"letter:{letter}", "kind": "concerns", "confidence": "confirmed", "reason": "It names it"}
    assert browser.post("/linking/new", data=values).status_code == 303
    [link] = desk.links()
    assert (link.state, link.kind, link.from_kind, link.to_kind, link.tier) == ("confirmed", "concerns", "tip", "letter", None)
    assert "It names it" in browser.get(f"/linking?link={link.id}").text
    assert browser.post("/linking/new", data=values).status_code == 409
    assert browser.post("/linking/new", data={**values, "start": values["end"], "end": values["start"]}).status_code == 409
    for wrong in ({"end": f"tip:{tip}"}, {"end": "tip:TIP-1999-0001"}, {"end": ""}, {"reason": ""}, {"kind": "contains_records"}):
        assert browser.post("/linking/new", data={**values, **wrong}).status_code == 422, wrong


def test_roles_and_keys(desk: LinkingDesk) -> None:
    link_id, tip, letter = one_link(desk)
    for role in ("counsel", "program_manager"):
        assert desk.client(role).get("/linking").status_code == 200
        assert "/decide" not in desk.client(role).get("/linking").text
        assert desk.client(role).post(f"/linking/{link_id}/decide", data={"decision": "reject"}).status_code == 403
        assert desk.client(role).get("/linking/new").status_code == 403
        assert desk.client(role).post("/linking/rebuild", data={"program": desk.installation.program_id}).status_code == 403
        with pytest.raises(Forbidden):
            decide(desk, DecideLink(link_id, "reject"), role)
        with pytest.raises(Forbidden):
            make(desk, MakeLink(f"tip:{tip}", f"letter:{letter}", "concerns", "probable", "x"), role)
    administrator = desk.client("administrator")
    assert {administrator.get(path).status_code for path in ("/linking", f"/linking?link={link_id}", "/linking/new")} == {403}
    assert administrator.post("/linking/look").status_code == 403
    assert desk.links()[0].state == "suggested"


def test_a_link_of_a_program_without_its_key_is_as_if_it_were_not_there(desk: LinkingDesk) -> None:
    link_id, tip, letter = one_link(desk)
    with desk.installation.work() as work:
        person = desk.installation.people["investigator"].staff_id
        work.session.delete(work.session.scalars(select(ProgramWrap).where(ProgramWrap.staff_id == person)).one())
    browser = desk.client()
    assert browser.get("/linking").status_code == 200
    assert tip not in browser.get("/linking").text
    assert browser.get(f"/linking?link={link_id}").status_code == 404
    with pytest.raises(NotFound):
        decide(desk, DecideLink(link_id, "reject"))
    with pytest.raises(BadInput):
        make(desk, MakeLink(f"tip:{tip}", f"letter:{letter}", "concerns", "probable", "x"))


def test_the_queue_comes_strongest_first_in_pages_without_a_query_for_each_row(desk: LinkingDesk) -> None:
    tips = [desk.send("One."), desk.send("Two.")]
    ids = [desk.tip(number).id for number in tips]

    def add(count: int, tier: str) -> None:
        with desk.installation.work() as work:
            for _ in range(count):
                pair = {"from_kind": "tip", "from_id": ids[0], "to_kind": "tip", "to_id": ids[1]}
                link = Link(id=new_id(), program_id=desk.installation.program_id, kind=f"k{new_id()[:20]}", state="suggested", **pair)
                link.tier, link.made_at = tier, work.now()
                work.session.add(link)

    def look() -> None:
        with desk.acting(write=False) as (work, actor):
            read_queue(work, actor)

    add(1, "weak")
    few = desk.queries(look)
    add(PAGE + 5, "strong")
    assert desk.queries(look) == few
    with desk.acting(write=False) as (work, actor):
        first = read_queue(work, actor)
        second = read_queue(work, actor, Asked(after=first.following))
    assert (len(first.rows), len(second.rows), first.total) == (PAGE, 6, PAGE + 6)
    assert [row.tier for row in second.rows] == ["strong"] * 5 + ["weak"]
    assert len({row.id for row in first.rows + second.rows}) == PAGE + 6


def test_the_tip_panel_brings_the_suggestion_by_itself(desk: LinkingDesk) -> None:
    letter, tip = desk.letter(content.LETTER.encode()), desk.send(WORDS)
    page = desk.client().get(f"/tips/{tip}").text
    assert "Shares an indicator" in page
    assert letter in page
    assert f"/linking/new?from=tip:{tip}" in page


def test_the_buttons_bring_the_index_up_to_date_and_make_it_again(desk: LinkingDesk) -> None:
    desk.letter(content.LETTER.encode())
    browser = desk.client()
    assert browser.post("/linking/look").status_code == 303
    assert desk.catch_up() == 0
    assert browser.post("/linking/rebuild", data={"program": desk.installation.program_id}).status_code == 303
    assert browser.post("/linking/rebuild", data={"program": new_id()}).status_code == 403
    assert desk.catch_up() == 0


def test_a_quarantined_text_does_not_close_the_desk(desk: LinkingDesk) -> None:
    _, tip, letter = one_link(desk)
    with desk.installation.work() as work:
        work.session.merge(desk.exhibits(tip)[0]).state = "quarantined"
    page = desk.client().get("/linking").text
    assert "This exhibit is quarantined." in page
    assert letter in page
