"""Legal holds: signed, on one exhibit or on all of a case in one act, and in the way of every disposition until they end."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.tipline.retention.conftest import Archive
from tipline.errors import BadInput, Conflict, Disposed, Forbidden
from tipline.models.custody import Exhibit, Hold
from tipline.retention import holds
from tipline.retention.dispositions import decide
from tipline.retention.holds import PlaceHold, ReleaseHold


def place(archive: Archive, name: str | None = None) -> list[Hold]:
    with archive.desk.acting("counsel") as (work, actor):
        on = PlaceHold("A claim is pending", "Letter of 3 Nov", archive.exhibits[name] if name else None, None if name else archive.case)
        return holds.place(work, actor, on)


def test_a_hold_on_one_exhibit_is_a_signed_event(archive: Archive) -> None:
    place(archive, "photo")
    told = archive.desk.events(archive.exhibits["photo"])[-1]
    assert (told["kind"], told["purpose"], told["authority"], told["act_size"]) == ("HELD", "A claim is pending", "Letter of 3 Nov", 1)
    with archive.desk.acting(write=False) as (work, actor):
        exhibit = work.session.get_one(Exhibit, archive.exhibits["photo"])
        keyfile = work.vault.open_exhibit(exhibit, actor.keyring.program(str(exhibit.program_id)))
        last = work.vault.openings(work.session, exhibit, keyfile)[-1]
    assert len(last.attestations) == 2  # the console's and counsel's


def test_a_hold_on_a_case_is_one_act_on_all_its_exhibits(archive: Archive) -> None:
    placed = place(archive)
    assert {hold.exhibit_id for hold in placed} == set(archive.exhibits.values())
    last = [archive.desk.events(exhibit_id)[-1] for exhibit_id in archive.exhibits.values()]
    assert {told["kind"] for told in last} == {"HELD"}
    assert {(told["act_id"], told["act_size"]) for told in last} == {(placed[0].act_id, len(archive.exhibits))}


def test_an_open_hold_forbids_proposal_and_decision_and_says_who_placed_it(archive: Archive) -> None:
    proposed = archive.propose("photo")[0]
    place(archive, "photo")
    archive.inside.sequence()
    with pytest.raises(Conflict, match=r"legal hold.*D\. Acosta"):
        archive.propose("photo")
    with pytest.raises(Conflict, match=r"legal hold.*D\. Acosta"), archive.desk.acting("program_manager") as (work, actor):
        decide(work, actor, proposed)
    assert archive.desk.kinds(archive.exhibits["photo"])[-1] == "HELD"


def test_a_released_hold_is_out_of_the_way_and_another_is_not(archive: Archive) -> None:
    first, second = place(archive, "photo")[0], place(archive, "photo")[0]
    with archive.desk.acting("counsel") as (work, actor):
        holds.release(work, actor, ReleaseHold(first.id, "Settled"))
    told = archive.desk.events(archive.exhibits["photo"])[-1]
    assert (told["kind"], told["purpose"]) == ("RELEASED", "Settled")
    assert "D. Acosta" in str(told["result"])
    with pytest.raises(Conflict, match="legal hold"):
        archive.propose("photo")
    with pytest.raises(Conflict, match="released already"), archive.desk.acting("counsel") as (work, actor):
        holds.release(work, actor, ReleaseHold(first.id, "Again"))
    with archive.desk.acting("counsel") as (work, actor):
        holds.release(work, actor, ReleaseHold(second.id, "Settled too"))
    archive.dispose("photo")


def test_a_whole_act_is_released_at_once(archive: Archive) -> None:
    placed = place(archive)
    with archive.desk.acting("counsel") as (work, actor):
        assert len(holds.release(work, actor, ReleaseHold(placed[0].id, "Settled", whole_act=True))) == len(placed)
    with archive.inside.work(write=False) as work:
        assert work.session.scalars(select(Hold).where(Hold.released_at.is_(None))).all() == []


@pytest.mark.parametrize("role", ["investigator", "program_manager", "administrator"])
def test_only_counsel_holds(archive: Archive, role: str) -> None:
    with pytest.raises(Forbidden), archive.desk.acting(role) as (work, actor):
        holds.place(work, actor, PlaceHold("x", "y", archive.exhibits["photo"]))


def test_what_is_missing_is_said(archive: Archive) -> None:
    with pytest.raises(BadInput) as caught, archive.desk.acting("counsel") as (work, actor):
        holds.place(work, actor, PlaceHold(" ", "", archive.exhibits["photo"]))
    assert set(caught.value.fields) == {"reason", "authority"}


def test_what_is_gone_is_not_held(archive: Archive) -> None:
    archive.dispose("photo")
    with pytest.raises(Disposed):
        place(archive, "photo")
    assert len(place(archive)) == len(archive.exhibits) - 1


def test_reason_and_authority_lie_sealed(archive: Archive) -> None:
    place(archive, "photo")
    stored = archive.desk.everything_stored()
    assert b"A claim is pending" not in stored
    assert b"Letter of 3 Nov" not in stored


def test_the_pages_place_list_and_release(archive: Archive) -> None:
    counsel, photo = archive.desk.client("counsel"), archive.exhibits["photo"]
    assert "No hold is open" in counsel.get("/holds").text
    assert "Hold 1 exhibit" in counsel.get(f"/holds/new?exhibit={photo}").text
    said = {"reason": "A claim", "authority": "Order", "case": archive.case}
    assert counsel.post("/holds/new", data={**said, "reason": ""}).status_code == 422
    answer = counsel.post("/holds/new", data=said, follow_redirects=True)
    assert "Held: 5 exhibits." in answer.text
    assert "Placed with 4 others" in answer.text
    assert "Nobody can dispose of it before it is released" in counsel.get(f"/exhibits/{photo}/retention").text
    with archive.inside.work(write=False) as work:
        hold = work.session.scalars(select(Hold).where(Hold.exhibit_id == photo)).one()
    assert "4 more were placed" in counsel.get(f"/holds/{hold.id}/release").text
    answer = counsel.post(f"/holds/{hold.id}/release", data={"reason": "Over", "whole_act": "y"}, follow_redirects=True)
    assert "Released: 5 exhibits." in answer.text
    assert "No hold is open" in answer.text
    assert "Released" in counsel.get("/holds?show=all").text


def test_the_list_turns_pages_by_key(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "PAGE", 2)
    place(archive)
    seen: list[str] = []
    after = None
    with archive.desk.acting("counsel", write=False) as (work, actor):
        while True:
            rows, after = holds.list_holds(work, actor, after=after)
            seen += [row.exhibit_id for row in rows]
            if after is None:
                break
    assert sorted(seen) == sorted(archive.exhibits.values())
