"""What staff do to tips, and that a reply goes to the source that custody names, or nowhere."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from evidence.keys import Identity
from tests.tipline.desk_house import Desk
from tests.tipline.intake.house import come_back
from tipline.errors import BadInput, Conflict, Forbidden, NotFound, TooLarge, Unsound
from tipline.inbox import replying, services
from tipline.inbox.replying import Reply
from tipline.inbox.services import AddLabel, AssignTip, ChangeState, RemoveLabel, SetDue, SetPriority
from tipline.inbox.telling import read_for_staff
from tipline.models.operations import AuditEvent
from tipline.models.tips import Tip, TipLabel, TipMessage
from tipline.notes.history import list_changes
from tipline.notes.things import thing_of

REPLY = "Thank you. Do not go back for more.\n\nWe keep the picture."


def acts(desk: Desk) -> list[tuple[str, str | None]]:
    with desk.installation.work(write=False) as work:
        found = work.session.scalars(select(AuditEvent).where(AuditEvent.act.like("tip.%")).order_by(AuditEvent.at))
        return [(event.act, event.detail) for event in found]


def test_taking_a_new_tip_means_working_on_it(desk: Desk) -> None:
    number = desk.send("He bragged.")
    with desk.acting() as (work, actor):
        tip = services.assign(work, actor, AssignTip(number, "me"))
        assert (tip.assignee_id, tip.state) == (actor.staff_id, "working")
    assert sorted(act for act, _ in acts(desk)) == ["tip.assign", "tip.state"]
    with desk.acting() as (work, actor):
        assert services.assign(work, actor, AssignTip(number, "nobody")).assignee_id is None


def test_a_tip_is_given_only_to_who_can_read_it(desk: Desk) -> None:
    number = desk.send("He bragged.")
    administrator = desk.installation.people["administrator"].staff_id
    with desk.acting() as (work, actor), pytest.raises(BadInput) as refused:
        services.assign(work, actor, AssignTip(number, administrator))
    assert "assignee" in refused.value.fields
    assert desk.tip(number).assignee_id is None


def test_a_state_outside_the_list_is_refused(desk: Desk) -> None:
    number = desk.send("He bragged.")
    with desk.acting() as (work, actor):
        assert services.change_state(work, actor, ChangeState(number, "closed")).state == "closed"
    with desk.acting() as (work, actor), pytest.raises(BadInput):
        services.change_state(work, actor, ChangeState(number, "stolen"))


def test_labels_are_sealed_and_put_once(desk: Desk) -> None:
    number = desk.send("He bragged.")
    for label in ("Insider-canary", " insider-canary "):
        with desk.acting() as (work, actor):
            services.add_label(work, actor, AddLabel(number, label))
    with desk.installation.work(write=False) as work:
        (row,) = work.session.scalars(select(TipLabel))
    assert b"nsider-canary" not in desk.everything_stored()
    with desk.acting() as (work, actor):
        services.remove_label(work, actor, RemoveLabel(number, row.id))
    with desk.installation.work(write=False) as work:
        assert list(work.session.scalars(select(TipLabel))) == []
    with desk.acting() as (work, actor), pytest.raises(BadInput):
        services.add_label(work, actor, AddLabel(number, " \t"))


def test_a_reply_reaches_the_source_and_colleagues_and_nobody_else(desk: Desk) -> None:
    number = desk.send("He bragged.")
    with desk.acting() as (work, actor):
        message = replying.reply(work, actor, Reply(number, REPLY.replace("\n", "\r\n")))
        keys = actor.keyring.program(desk.installation.program_id)
        assert read_for_staff(keys, message).words == REPLY
    assert desk.tip(number).state == "waiting"
    assert b"Do not go back" not in desk.everything_stored()
    page = come_back(desk.public, desk.receipts[number])
    assert "Do not go back for more." in page.text
    assert "Read by the source" in desk.client("counsel").get(f"/tips/{number}").text


def test_a_reply_can_leave_the_state_alone(desk: Desk) -> None:
    number = desk.send("He bragged.")
    with desk.acting() as (work, actor):
        replying.reply(work, actor, Reply(number, REPLY, then_wait=False))
    assert desk.tip(number).state == "new"


@pytest.mark.parametrize("column", ["source_recipient", "claim_key"])
def test_a_changed_row_never_becomes_a_reader(desk: Desk, column: str) -> None:
    number = desk.send("He bragged.")
    thief = {"source_recipient": Identity.generate().recipient, "claim_key": "11" * 32}
    desk.change(Tip, desk.tip(number).id, **{column: thief[column]})
    with desk.acting() as (work, actor), pytest.raises(Unsound, match="not the one in the custody record"):
        replying.reply(work, actor, Reply(number, REPLY))
    answer = desk.client().post(f"/tips/{number}/reply", data={"words": REPLY})
    assert answer.status_code == 500
    assert "The reply was not sent" in answer.text
    with desk.installation.work(write=False) as work:
        assert [message.by_source for message in work.session.scalars(select(TipMessage))] == [True]


def test_a_tip_with_another_sources_words_gets_no_reply(desk: Desk) -> None:
    number, other = desk.send("He bragged."), desk.send("I am the thief.")
    swapped = {"source_recipient": desk.tip(other).source_recipient, "claim_key": desk.tip(other).claim_key}
    desk.change(Tip, desk.tip(number).id, **swapped)
    with desk.acting() as (work, actor), pytest.raises(Unsound):
        replying.reply(work, actor, Reply(number, REPLY))


def test_a_tip_without_custody_gets_no_reply(desk: Desk) -> None:
    (number,) = desk.add_tips(1)
    with desk.acting() as (work, actor), pytest.raises(Conflict):
        replying.reply(work, actor, Reply(number, REPLY))


@pytest.mark.parametrize(("words", "error"), [("", BadInput), (" \r\n ", BadInput), ("x" * 20_001, TooLarge)])
def test_an_empty_or_endless_reply_is_refused(desk: Desk, words: str, error: type[Exception]) -> None:
    number = desk.send("He bragged.")
    with desk.acting() as (work, actor), pytest.raises(error):
        replying.reply(work, actor, Reply(number, words))


def test_who_may_not_work_on_tips_is_refused(desk: Desk) -> None:
    number = desk.send("He bragged.")
    with desk.acting("counsel") as (work, actor):
        for act in (
            lambda: services.assign(work, actor, AssignTip(number, "me")),
            lambda: services.change_state(work, actor, ChangeState(number, "junk")),
            lambda: services.add_label(work, actor, AddLabel(number, "x")),
            lambda: services.remove_label(work, actor, RemoveLabel(number, "x")),
            lambda: replying.reply(work, actor, Reply(number, REPLY)),
        ):
            with pytest.raises(Forbidden):
                act()
    assert desk.tip(number).state == "new"


def test_a_number_that_nobody_has_is_not_found(desk: Desk) -> None:
    with desk.acting() as (work, actor), pytest.raises(NotFound):
        services.assign(work, actor, AssignTip("TIP-2026-9999", "me"))


def test_no_reply_goes_past_one_that_a_colleague_has_just_sent(desk: Desk) -> None:
    number = desk.send("He bragged.")
    mine, theirs = desk.client(), desk.client("program_manager")
    assert 'name="seen" value="0"' in mine.get(f"/tips/{number}").text
    assert theirs.post(f"/tips/{number}/reply", data={"words": "Their words", "seen": "0"}).status_code == 303
    late = mine.post(f"/tips/{number}/reply", data={"words": "My words", "seen": "0"})
    assert late.status_code == 409
    assert "T. Brandt wrote to the source while you were writing." in late.text
    assert "Their words" in late.text
    assert "My words" in late.text
    assert 'name="seen" value="1"' in late.text, "sent again, it goes through"
    assert mine.post(f"/tips/{number}/question", data={"question": "When?", "options": "May\nJune", "seen": "0"}).status_code == 409
    assert mine.post(f"/tips/{number}/reply", data={"words": "My words", "seen": "x"}).status_code == 422
    assert mine.post(f"/tips/{number}/reply", data={"words": "My words", "seen": "1"}).status_code == 303
    with desk.installation.work(write=False) as work:
        assert len(work.session.scalars(select(TipMessage.id).where(TipMessage.by_source.is_(False))).all()) == 2


def test_what_is_changed_stands_in_the_history_and_counts_the_version_up(desk: Desk) -> None:
    (number,) = desk.add_tips(1)
    with desk.acting() as (work, actor):
        services.assign(work, actor, AssignTip(number, "me"))
        services.set_priority(work, actor, SetPriority(number, "high"))
        services.set_due(work, actor, SetDue(number, "2026-12-01"))
        services.add_label(work, actor, AddLabel(number, "Insider"))
        services.change_state(work, actor, ChangeState(number, "closed"))
        tip = services.get_tip(work, actor, number)
        work.session.flush()
        changes, _ = list_changes(work, actor, thing_of(tip))
        assert tip.version == 1 + len(changes) == 7
    assert {(one.field, one.before, one.after) for one in changes} == {
        ("Assignee", "", "M. Okafor"),
        ("State", "new", "working"),
        ("Priority", "normal", "high"),
        ("Due", "", "2026-12-01"),
        ("Label", "", "Insider"),
        ("State", "working", "closed"),
    }
    assert b"Insider" not in desk.everything_stored()
