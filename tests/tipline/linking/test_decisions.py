"""Decisions one after another: put off, undone, replaced, and what brings a rejected suggestion back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.installations import Installation
from tests.tipline.linking.linking_house import LinkingDesk, sit_down
from tests.tipline.linking.test_desk import WORDS, decide, make
from tipline.demo import content
from tipline.errors import BadInput, Conflict, Forbidden
from tipline.linking import services
from tipline.linking.decisions import list_decisions
from tipline.linking.queue import Asked, read_queue
from tipline.linking.reading import read_link
from tipline.linking.services import DecideLink, MakeLink
from tipline.models.cases import Link
from tipline.models.desk import LinkDecision
from tipline.models.operations import AuditEvent
from tipline.notes.locking import ChangedMeanwhile

WALLET = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"


@pytest.fixture
def desk(installation: Installation) -> LinkingDesk:
    """A linking desk on SQLite and disk."""
    return sit_down(installation)


def undo(desk: LinkingDesk, link_id: str, version: int | None = None) -> Link:
    with desk.acting() as (work, actor):
        return services.undo(work, actor, link_id, version)


def rows(desk: LinkingDesk, link_id: str) -> list[str]:
    with desk.installation.work(write=False) as work:
        return list(work.session.scalars(select(LinkDecision.decision).where(LinkDecision.link_id == link_id).order_by(LinkDecision.seq)))


def shown(desk: LinkingDesk, asked: Asked, later: timedelta = timedelta()) -> list[str]:
    with desk.acting(write=False) as (work, actor):
        ahead = replace(work, clock=lambda: work.clock() + later)
        return [row.id for row in read_queue(ahead, actor, asked).rows]


def test_later_leaves_the_queue_stands_in_its_own_list_and_comes_back_by_itself(linked: LinkingDesk) -> None:
    link_id, _, _ = linked.one
    browser = linked.client()
    answer = browser.post(f"/linking/{link_id}/decide", data={"decision": "later", "wait": "day"})
    assert answer.status_code == 303
    assert shown(linked, Asked()) == []
    assert shown(linked, Asked("later")) == [link_id]
    page = browser.get("/linking?show=later").text
    assert "Put off until" in page
    assert "0 to decide" in page
    assert shown(linked, Asked(), timedelta(hours=25)) == [link_id]
    assert shown(linked, Asked("later"), timedelta(hours=25)) == []
    assert rows(linked, link_id) == ["later"]
    decide(linked, DecideLink(link_id, "confirm", "probable", "Read both"))
    assert linked.links()[0].later_until is None
    with pytest.raises(BadInput):
        decide(linked, DecideLink(make_another(linked), "later", wait="ever"))


def make_another(desk: LinkingDesk) -> str:
    known = {link.id for link in desk.links()}
    desk.send(f"{WORDS} Another.")
    desk.catch_up()
    return next(link.id for link in desk.links() if link.id not in known)


def test_who_decided_what_when_and_why_is_listed_and_only_ever_grows(linked: LinkingDesk) -> None:
    link_id, _, _ = linked.one
    decide(linked, DecideLink(link_id, "reject", reason="Quoted from a newspaper"))
    undo(linked, link_id)
    decide(linked, DecideLink(link_id, "confirm", "possible", "It is in no newspaper"))
    assert rows(linked, link_id) == ["reject", "undo", "confirm"]
    with linked.acting(write=False) as (work, actor):
        link = work.session.get_one(Link, link_id)
        found = list_decisions(work, actor.keyring.program(link.program_id), link)
        acts = list(work.session.scalars(select(AuditEvent.act).where(AuditEvent.subject_id == link_id).order_by(AuditEvent.at)))
    assert [(row.words, row.by, row.reason, row.undone) for row in found] == [
        ("Confirmed", "M. Okafor", "It is in no newspaper", False),
        ("Undone", "M. Okafor", "", False),
        ("Rejected", "M. Okafor", "Quoted from a newspaper", True),
    ]
    assert acts == ["link.reject", "link.undo", "link.confirm"]
    page = linked.client().get(f"/linking?link={link_id}").text
    assert "Quoted from a newspaper" in page
    assert b"Quoted from a newspaper" not in linked.everything_stored()


def test_an_undo_brings_back_what_stood_before(linked: LinkingDesk) -> None:
    link_id, _, _ = linked.one
    before = linked.links()[0]
    decide(linked, DecideLink(link_id, "confirm", "probable", "Read both"))
    with pytest.raises(Conflict, match="decided about this link since"):
        undo(linked, link_id, version=1)
    undone = undo(linked, link_id, version=2)
    assert (undone.state, undone.confidence, undone.decided_by, undone.version) == ("suggested", None, None, before.version + 2)
    with linked.acting(write=False) as (work, actor):
        view = read_link(work, actor, link_id)
    assert view.finding.reason.startswith("Both hold the e-mail address")
    assert shown(linked, Asked()) == [link_id]
    with pytest.raises(Conflict, match="no decision to undo"):
        undo(linked, link_id)


def test_the_buttons_undo_with_the_key_of_the_page(linked: LinkingDesk) -> None:
    link_id, _, _ = linked.one
    browser = linked.client()
    after = browser.post(f"/linking/{link_id}/decide", data={"decision": "reject"}, follow_redirects=True).text
    assert f"/linking/{link_id}/undo" in after, "the toast offers the way back"
    assert 'data-key="z"' in browser.get(f"/linking?link={link_id}").text
    assert browser.post(f"/linking/{link_id}/undo").status_code == 303
    assert linked.links()[0].state == "suggested"
    assert linked.client("counsel").post(f"/linking/{link_id}/undo").status_code == 403


def test_undoing_another_kind_takes_both_links_back(linked: LinkingDesk) -> None:
    link_id, _, _ = linked.one
    made = decide(linked, DecideLink(link_id, "confirm", "possible", "Same sentences", "same_template"))
    undo(linked, link_id)
    assert {link.id: link.state for link in linked.links()} == {link_id: "suggested", made.id: "rejected"}
    again = decide(linked, DecideLink(link_id, "confirm", "probable", "The same sentences after all", "same_template"))
    assert (again.id, again.state, again.confidence) == (made.id, "confirmed", "probable")
    assert rows(linked, made.id) == ["made", "undo", "made"]


def test_a_link_by_hand_can_be_undone_and_made_again(desk: LinkingDesk) -> None:
    letter, tip = desk.letter(b"A letter without any address."), desk.send("I know about the letter.")
    command = MakeLink(f"tip:{tip}", f"letter:{letter}", "corroborates", "confirmed", "It names the same day")
    link = make(desk, command)
    assert undo(desk, link.id).state == "rejected"
    assert shown(desk, Asked()) == []
    assert make(desk, replace(command, kind="contradicts")).id != link.id
    assert make(desk, command).id == link.id


def test_two_who_decide_are_told_of_each_other_and_the_second_may_go_over_the_first(linked: LinkingDesk) -> None:
    link_id, _, _ = linked.one
    decide(linked, DecideLink(link_id, "reject", reason="Quoted", version=1))
    mine = DecideLink(link_id, "confirm", "probable", "Read both", version=1)
    with pytest.raises(ChangedMeanwhile) as changed:
        decide(linked, mine)
    assert {one.field: (one.theirs, one.mine) for one in changed.value.differences}["Decision"] == ("Rejected", "Confirmed")
    assert changed.value.by == "M. Okafor"
    assert rows(linked, link_id) == ["reject"], "nothing was overwritten"
    decide(linked, replace(mine, version=changed.value.version))
    assert rows(linked, link_id) == ["reject", "undo", "confirm"]
    assert linked.links()[0].state == "confirmed"
    same = linked.links()[0].version
    decide(linked, replace(mine, version=1))
    assert linked.links()[0].version == same, "the same decision twice is one"


def test_a_stale_form_shows_both_versions(linked: LinkingDesk) -> None:
    link_id, _, _ = linked.one
    decide(linked, DecideLink(link_id, "reject", reason="Quoted"))
    values = {"decision": "confirm", "confidence": "probable", "reason": "Read both", "version": "1"}
    page = linked.client().post(f"/linking/{link_id}/decide", data=values)
    assert page.status_code == 409
    for word in ("Quoted", "Read both", "M. Okafor"):
        assert word in page.text, word


# what comes back


def rejected(desk: LinkingDesk) -> str:
    link_id, _, _ = desk.one
    decide(desk, DecideLink(link_id, "reject", reason="A newspaper has it"))
    return link_id


def test_a_rejected_suggestion_stays_rejected_whatever_else_comes_in(linked: LinkingDesk) -> None:
    link_id = rejected(linked)
    linked.send(f"{WORDS} A third text with the same address.")
    linked.catch_up()
    with linked.acting() as (work, actor):
        services.rebuild(work, actor, linked.installation.program_id)
    linked.catch_up()
    assert [link.state for link in linked.links() if link.id == link_id] == ["rejected"]
    assert rows(linked, link_id) == ["reject"]


def test_it_comes_back_when_more_is_shared_and_says_so(desk: LinkingDesk) -> None:
    desk.letter(f"{content.LETTER}\nOr send to {WALLET}".encode())
    tip = desk.send(WORDS)
    desk.catch_up()
    [link] = desk.links()
    decide(desk, DecideLink(link.id, "reject", reason="A newspaper has it"))
    before = link.evidence
    grow(desk, tip, f"He also gave me {WALLET} to send to.")
    [link] = desk.links()
    assert (link.state, link.decided_by, link.tier) == ("suggested", None, "strong")
    assert link.evidence != before
    assert rows(desk, link.id) == ["reject", "again"]
    page = desk.client().get(f"/linking?link={link.id}").text
    assert "Suggested again, since its evidence grew" in page
    assert "A newspaper has it" in page
    with pytest.raises(Conflict, match="no decision to undo"):
        undo(desk, link.id)


def test_what_was_put_off_comes_back_at_once_when_more_is_shared(desk: LinkingDesk) -> None:
    desk.letter(f"{content.LETTER}\nOr send to {WALLET}".encode())
    tip = desk.send(WORDS)
    desk.catch_up()
    [link] = desk.links()
    decide(desk, DecideLink(link.id, "later", wait="month"))
    grow(desk, tip, f"He also gave me {WALLET} to send to.")
    assert shown(desk, Asked()) == [link.id]


def grow(desk: LinkingDesk, tip: str, more: str) -> None:
    """The source writes again, and what they wrote is taken in."""
    desk.write_again(tip, more)
    desk.catch_up()


@pytest.mark.parametrize("act", [lambda link: DecideLink(link, "reject"), lambda link: DecideLink(link, "later")])
def test_only_who_decides_decides(linked: LinkingDesk, act: Callable[[str], DecideLink]) -> None:
    link_id, _, _ = linked.one
    for role in ("counsel", "program_manager", "administrator"):
        with pytest.raises(Forbidden):
            decide(linked, act(link_id), role)
    assert rows(linked, link_id) == []
