"""What identifies somebody in a file is shown to one person, once, after another agreed, and custody names both."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.evidence.examine import samples
from tests.evidence.examine.jails import needs_jail
from tests.tipline.desk_house import Desk
from tipline.approvals import services as approvals
from tipline.attachments import reveals
from tipline.errors import Conflict, Forbidden, NotFound

pytestmark = needs_jail


def asked(desk: Desk, browser: FlaskClient) -> tuple[str, str]:
    """Send a photo with traces, ask for a reveal; returns the ids of exhibit and request."""
    file = desk.exhibits(desk.send("He bragged.", {"IMG.jpg": samples.jpeg(position=True)}))[1]
    answer = browser.post(f"/exhibits/{file.id}/file/facts", data={"reason": "canary: to ask the camera's maker"})
    assert answer.status_code == 303
    return file.id, str(answer.location).rpartition("/")[2]


def test_two_people_once(desk: Desk) -> None:
    browser = desk.client()
    exhibit_id, request_id = asked(desk, browser)
    assert browser.post(f"/exhibits/reveals/{request_id}").status_code in (403, 409)
    with desk.acting("counsel") as (work, actor):
        approvals.approve(work, actor, request_id)
        with pytest.raises(NotFound):
            reveals.reveal(work, actor, request_id)  # who approved is not who asked
    with desk.acting() as (work, actor):
        shown = reveals.reveal(work, actor, request_id)
        assert {"SN-0042", "canary-author"} <= {one.value for one in shown.findings}
    with desk.acting() as (work, actor), pytest.raises(Conflict):
        reveals.reveal(work, actor, request_id)
    seen = desk.events(exhibit_id)[-1]
    assert (seen["kind"], "in the clear, once" in str(seen["result"]), "approved by" in str(seen["authority"])) == ("VIEWED", True, True)
    assert b"canary" not in desk.everything_stored()


def test_nothing_to_reveal_no_reason_and_no_role(desk: Desk) -> None:
    plain = desk.exhibits(desk.send("He bragged.", {"a.txt": b"words"}))[1]
    with desk.acting() as (work, actor), pytest.raises(Conflict, match="Nothing was found"):
        reveals.ask(work, actor, plain.id, "why")
    photo = desk.exhibits(desk.send("He bragged.", {"IMG.jpg": samples.jpeg(position=True)}))[1]
    assert desk.client().post(f"/exhibits/{photo.id}/file/facts", data={"reason": " "}).status_code == 422
    with desk.acting("program_manager") as (work, actor), pytest.raises(Forbidden):
        reveals.ask(work, actor, photo.id, "why")
