"""A case for its members: who sees it, who is let in and out, and what happens when nobody is left."""

from __future__ import annotations

import pytest

from tests.tipline.desk_house import Desk
from tests.tipline.handovers import open_a_case
from tipline.cases import members
from tipline.cases.services import PutTip, get_case, put_tip
from tipline.errors import BadInput, Conflict, Forbidden, NotFound
from tipline.inbox.services import AssignTip, assign, get_tip
from tipline.models.cases import CaseFile
from tipline.models.staff import Staff


@pytest.fixture
def case(desk: Desk) -> str:
    return open_a_case(desk.installation)


def close(desk: Desk, case: str, role: str = "investigator") -> None:
    with desk.acting(role) as (work, actor):
        members.set_access(work, actor, case, "members")


def staff_id(desk: Desk, role: str) -> str:
    return desk.installation.people[role].staff_id


def sees(desk: Desk, case: str, role: str) -> bool:
    return desk.client(role).get(f"/cases/{case}").status_code == 200


def main_of(desk: Desk, role: str, case: str) -> str:
    """The page but for its foot, which says when it was made."""
    return desk.client(role).get(f"/cases/{case}").text.partition("<main")[2].partition('class="sheet-foot')[0]


def test_a_closed_case_is_not_there_for_others(desk: Desk, case: str) -> None:
    assert sees(desk, case, "counsel")
    assert desk.client().post(f"/cases/{case}/access", data={"access": "members"}).status_code == 303
    assert sees(desk, case, "investigator")
    for role in ("counsel", "program_manager"):
        assert not sees(desk, case, role)
        assert case not in desk.client(role).get("/cases").text
        missing = main_of(desk, role, "NS-2020-0001").replace("NS-2020-0001", case)
        assert main_of(desk, role, case) == missing, "hidden and missing look alike"


def test_members_are_let_in_and_out(desk: Desk, case: str) -> None:
    close(desk, case)
    client = desk.client()
    counsel = staff_id(desk, "counsel")
    assert "D. Acosta" in client.get(f"/cases/{case}/members").text
    assert client.post(f"/cases/{case}/members", data={"staff_id": counsel}).status_code == 303
    assert sees(desk, case, "counsel")
    assert client.post(f"/cases/{case}/members/{counsel}/remove").status_code == 303
    assert not sees(desk, case, "counsel")


def test_who_closes_a_case_does_not_lock_themselves_out(desk: Desk, case: str) -> None:
    close(desk, case, "counsel")  # m.okafor leads it
    assert sees(desk, case, "counsel")
    assert sees(desk, case, "investigator")


def test_the_lead_stays(desk: Desk, case: str) -> None:
    with pytest.raises(Conflict), desk.acting("counsel") as (work, actor):
        members.remove_member(work, actor, case, staff_id(desk, "investigator"))


def test_only_who_holds_the_key_can_be_a_member(desk: Desk, case: str) -> None:
    answer = desk.client().post(f"/cases/{case}/members", data={"staff_id": "0" * 32})
    assert answer.status_code == 422
    assert "Choose a colleague who holds" in answer.text
    with pytest.raises(BadInput), desk.acting() as (work, actor):
        members.add_member(work, actor, case, staff_id(desk, "administrator"))  # reads no cases


def test_a_reader_changes_nothing(desk: Desk, case: str) -> None:
    for act in (members.set_access, members.add_member, members.remove_member):
        with pytest.raises(Forbidden), desk.acting("program_manager") as (work, actor):
            act(work, actor, case, "members")
    assert "Close it to its members" not in desk.client("program_manager").get(f"/cases/{case}/members").text


def test_who_is_no_member_changes_nothing_of_a_closed_case(desk: Desk, case: str) -> None:
    close(desk, case)
    for act, value in ((members.set_access, "all"), (members.add_member, staff_id(desk, "counsel"))):
        with pytest.raises(NotFound), desk.acting("counsel") as (work, actor):
            act(work, actor, case, value)


def test_a_case_of_which_nobody_is_left_is_counsels(desk: Desk, case: str) -> None:
    close(desk, case)
    desk.change(Staff, staff_id(desk, "investigator"), state="disabled")
    assert sees(desk, case, "counsel")
    assert not sees(desk, case, "program_manager")
    assert "account disabled" in desk.client("counsel").get(f"/cases/{case}/members").text


def test_what_is_put_into_it_goes_out_of_sight(desk: Desk, case: str) -> None:
    number = desk.send("A tip", {"list.txt": b"a list of things"}, examine=False)
    words, file = desk.exhibits(number)
    with desk.acting() as (work, actor):
        put_tip(work, actor, PutTip(number, case))  # without exhibit numbers: its items have no case of their own
    assert desk.client("counsel").get(f"/exhibits/{file.id}").status_code == 200
    close(desk, case)
    counsel = desk.client("counsel")
    for path in (f"/tips/{number}", f"/exhibits/{file.id}", f"/exhibits/{words.id}"):
        assert counsel.get(path).status_code == 404
    assert number not in counsel.get("/inbox").text
    with pytest.raises(BadInput), desk.acting() as (work, actor):
        assign(work, actor, AssignTip(number, staff_id(desk, "program_manager")))
    with desk.acting() as (work, actor):
        assert get_tip(work, actor, number).assignee_id is None
        assert get_case(work, actor, case).access == "members"


def test_the_page_takes_the_same_queries_however_many_they_are(desk: Desk, case: str) -> None:
    client = desk.client()
    few = desk.queries(lambda: client.get(f"/cases/{case}/members"))
    for role in ("counsel", "program_manager"):
        client.post(f"/cases/{case}/members", data={"staff_id": staff_id(desk, role)})
    assert desk.queries(lambda: client.get(f"/cases/{case}/members")) <= few + 1
    with desk.acting(write=False) as (work, _):
        assert work.session.query(CaseFile).count() == 1
