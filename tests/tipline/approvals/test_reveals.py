"""Four eyes on people in the clear: asked with a reason, answered by another, shown once, signed into custody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.tipline.approvals.conftest import SampleDesk
from tipline.approvals import services as approvals
from tipline.cases import members
from tipline.errors import BadInput, Conflict, Forbidden, NotFound
from tipline.models.desk import SecondPerson
from tipline.samples import reveals
from tipline.samples.reveals import AskReveal

WHY = "Compare with the list that the source sent"


def ask(table: SampleDesk, people: str = "1-2", role: str = "investigator") -> str:
    with table.desk.acting(role) as (work, actor):
        return reveals.ask_reveal(work, actor, AskReveal(table.sample, people, WHY)).id


def approve(table: SampleDesk, request_id: str, role: str = "counsel") -> None:
    with table.desk.acting(role) as (work, actor):
        approvals.approve(work, actor, request_id)


def test_two_people_and_then_once(table: SampleDesk) -> None:
    asker, second = table.desk.client(), table.desk.client("counsel")
    assert "Doe" not in asker.get(f"/samples/{table.sample}").text
    answer = asker.post(f"/samples/{table.sample}/reveal", data={"people": "2", "reason": WHY})
    assert answer.status_code == 303
    request_id = answer.location.rpartition("/")[2]
    assert asker.post(f"/reveals/{request_id}").status_code == 409, "nobody has approved it"
    assert asker.post(f"/approvals/{request_id}/approve").status_code == 403, "one's own request"
    page = second.get("/approvals").text
    assert f"Reveal 1 person of {table.sample}: 2" in page
    assert WHY in second.get(f"/approvals/{request_id}").text
    assert second.post(f"/approvals/{request_id}/approve").status_code == 303
    assert second.post(f"/reveals/{request_id}").status_code == 404, "the second person sees nobody by it"
    shown = asker.post(f"/reveals/{request_id}").text
    assert "Okafor" in shown
    assert "LV0077" in shown
    assert "Doe" not in shown, "only whom they asked for"
    assert asker.post(f"/reveals/{request_id}").status_code == 409, "it was used"
    [seen] = [event for event in table.desk.events(table.exhibit_id) if str(event.get("purpose", "")).startswith("reveal")]
    assert seen["kind"] == "VIEWED"
    assert seen["authority"] == f"approved by d.acosta, request {request_id}"
    assert seen["result"] == "opened: people 2, in the clear, once"
    assert WHY in seen["purpose"]


def test_custody_is_written_before_anything_is_opened(table: SampleDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    request_id = ask(table)
    approve(table, request_id)
    before = table.desk.count_events(table.exhibit_id)

    def stop(*_: object) -> None:
        assert table.desk.count_events(table.exhibit_id) == before + 1
        raise Conflict("stopped after custody")

    monkeypatch.setattr(reveals, "open_person", stop)
    with pytest.raises(Conflict, match="stopped after custody"), table.desk.acting() as (work, actor):
        reveals.reveal(work, actor, request_id)
    with pytest.raises(Conflict, match="used"), table.desk.acting() as (work, actor):
        reveals.reveal(work, actor, request_id)


def test_it_lapses_asked_and_approved(table: SampleDesk) -> None:
    waiting = ask(table)
    table.desk.change(SecondPerson, waiting, lapses_at=table.desk.installation.console.clock() - timedelta(seconds=1))
    with pytest.raises(Conflict, match="lapsed"):
        approve(table, waiting)
    again = ask(table)
    approve(table, again)
    table.desk.change(SecondPerson, again, lapses_at=table.desk.installation.console.clock() - timedelta(seconds=1))
    with pytest.raises(Conflict, match="lapsed"), table.desk.acting() as (work, actor):
        reveals.reveal(work, actor, again)


def test_what_is_declined_or_withdrawn_shows_nobody(table: SampleDesk) -> None:
    first = ask(table)
    with table.desk.acting("program_manager") as (work, actor):
        approvals.decline(work, actor, first)
    second = ask(table)
    approve(table, second)
    with table.desk.acting() as (work, actor):
        approvals.withdraw(work, actor, second)
    for request_id in (first, second):
        with pytest.raises(Conflict), table.desk.acting() as (work, actor):
            reveals.reveal(work, actor, request_id)
    with pytest.raises(Forbidden), table.desk.acting("counsel") as (work, actor):
        approvals.withdraw(work, actor, second)


def test_the_same_is_asked_once_at_a_time(table: SampleDesk) -> None:
    ask(table)
    with pytest.raises(Conflict, match="asked this already"):
        ask(table, "1")
    ask(table, "1", "counsel")  # somebody else's question


@pytest.mark.parametrize("typed", ["", "0", "3", "2-1", "1-26", "all", "1;2", "-1", "9999999999"])
def test_people_who_are_not_there_are_not_asked_for(table: SampleDesk, typed: str) -> None:
    answer = table.desk.client().post(f"/samples/{table.sample}/reveal", data={"people": typed, "reason": WHY})
    assert answer.status_code == 422
    assert "Write numbers from 1 to 2" in answer.text
    assert WHY in answer.text, "what was typed is kept"


def test_a_reason_is_needed(table: SampleDesk) -> None:
    with pytest.raises(BadInput), table.desk.acting() as (work, actor):
        reveals.ask_reveal(work, actor, AskReveal(table.sample, "1", "  "))


def test_roles_without_leave_neither_ask_nor_answer(table: SampleDesk) -> None:
    with pytest.raises(Forbidden), table.desk.acting("program_manager") as (work, actor):
        reveals.ask_reveal(work, actor, AskReveal(table.sample, "1", WHY))
    with pytest.raises(Forbidden), table.desk.acting("administrator") as (work, actor):
        approvals.approve(work, actor, ask(table))


def test_who_is_no_member_can_be_no_second_person(table: SampleDesk) -> None:
    request_id = ask(table)
    with table.desk.acting() as (work, actor):
        members.set_access(work, actor, table.case, "members")
    assert table.desk.client("counsel").get(f"/approvals/{request_id}").status_code == 404
    assert table.sample not in table.desk.client("counsel").get("/approvals?all=1").text
    with pytest.raises(NotFound):
        approve(table, request_id)


def test_the_list_takes_the_same_queries_however_long_it_is(table: SampleDesk) -> None:
    client = table.desk.client("counsel")
    ask(table)
    one = table.desk.queries(lambda: client.get("/approvals"))
    ask(table, "1", "counsel")
    assert table.desk.queries(lambda: client.get("/approvals")) == one
