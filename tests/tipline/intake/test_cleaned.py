"""The choice of a source: the original sealed, and a copy without metadata that staff see first; who asked is on record."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select

from tests.evidence.examine import samples
from tests.evidence.examine.films import PICTURES, SOUNDS, film
from tests.evidence.examine.jails import needs_jail
from tests.installations import Installation
from tests.tipline.desk_house import Desk, photo
from tests.tipline.intake.house import SEND, TIP, begin, choices, field_value, fill, post_form
from tipline.intake.rules import WORK_WITH_COPY
from tipline.models.custody import CustodyEvent, Exhibit, Grant
from tipline.worker import HourlyExamination

pytestmark = needs_jail


@pytest.fixture
def desk(installation: Installation, public: FlaskClient, console_app: Flask) -> Desk:
    return Desk(installation, public, console_app)


def copy_of(desk: Desk, exhibit: str) -> Exhibit | None:
    with desk.installation.work(write=False) as work:
        return work.session.scalars(select(Exhibit).where(Exhibit.parent_id == exhibit)).first()


def grants(desk: Desk, purpose: str) -> list[Grant]:
    with desk.installation.work(write=False) as work:
        return list(work.session.scalars(select(Grant).where(Grant.purpose == purpose)))


def test_a_copy_that_the_source_asked_for_is_made_and_bound_to_the_event_that_says_so(desk: Desk) -> None:
    number = desk.send("He bragged.", {"IMG.jpg": photo()}, choice="clean")
    file = desk.exhibits(number)[1]
    child = copy_of(desk, file.id)
    assert child is not None
    assert (child.kind, child.state) == ("working_copy", "held")
    acquired, *_ = desk.events(file.id)
    derived = next(event for event in desk.events(file.id) if event["kind"] == "DERIVED")
    with desk.installation.work(write=False) as work:
        first = select(CustodyEvent.entry).where(CustodyEvent.exhibit_id == file.id, CustodyEvent.exhibit_seq == 1)
        entry = work.session.scalars(first).one()
    assert acquired["purpose"] == WORK_WITH_COPY
    assert (derived["authority"], derived["on_behalf_of"], derived["actor"]) == (entry, None, "worker")
    assert grants(desk, "copy") == grants(desk, "examine") == []
    assert list(desk.installation.console.vault.objects.grants()) == []


def test_what_follows_a_sources_choice_carries_the_day_alone(desk: Desk) -> None:
    number = desk.send("He bragged.", {"IMG.jpg": photo()}, choice="clean", examine=False)
    [grant] = grants(desk, "copy")
    assert grant.expires_at is not None
    assert (grant.granted_by, grant.expires_at.hour, grant.expires_at.minute, grant.expires_at.second) == (None, 0, 0, 0)
    desk.installation.run_jobs()
    file = desk.exhibits(number)[1]
    child = copy_of(desk, file.id)
    assert child is not None
    for event in [*desk.events(file.id), *desk.events(child.id)]:
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(event["occurred_from"])), event["kind"]


def test_as_it_is_makes_no_copy(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"IMG.jpg": photo()}, choice="as_is"))[1]
    assert copy_of(desk, file.id) is None
    assert desk.events(file.id)[0]["purpose"] is None


def test_staff_see_the_copy_first_and_open_the_original_by_an_act_of_its_own(desk: Desk) -> None:
    number = desk.send("He bragged.", {"IMG.jpg": photo()}, choice="clean")
    file = desk.exhibits(number)[1]
    child = copy_of(desk, file.id)
    assert child is not None
    browser = desk.client()
    page = browser.get(f"/tips/{number}?file={file.id}").text
    assert "The source asked to work with a cleaned copy." in page
    assert f"/exhibits/{child.id}/preview.png" in page
    assert f"/exhibits/{file.id}/preview.png" not in page
    assert "Download cleaned copy" in page
    assert "Download original" not in page
    assert "VIEWED" in desk.kinds(child.id)
    assert "VIEWED" not in desk.kinds(file.id)
    page = browser.get(f"/tips/{number}?file={file.id}&original=yes").text
    assert f"/exhibits/{file.id}/preview.png" in page
    assert "This is the original." in page
    assert "VIEWED" in desk.kinds(file.id)
    page = browser.get(f"/exhibits/{file.id}").text
    assert f'href="/exhibits/{child.id}">Look at the copy' in page
    assert "Open the original all the same" in page


def test_staff_are_told_when_no_copy_could_be_made(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evidence.examine.copying.PIXELS", 100)
    number = desk.send("He bragged.", {"IMG.jpg": photo()}, choice="clean", examine=False)
    file = desk.exhibits(number)[1]
    assert "It is being made" in desk.client().get(f"/exhibits/{file.id}").text
    desk.installation.run_jobs()
    assert copy_of(desk, file.id) is None
    assert "None could be made" in desk.client().get(f"/tips/{number}?file={file.id}").text
    assert "None could be made" in desk.client().get(f"/exhibits/{file.id}").text
    assert "No copy was made" in str([event["result"] for event in desk.events(file.id)])


def test_an_hourly_worker_makes_the_copies_of_an_hour_together(desk: Desk) -> None:
    files = [desk.exhibits(desk.send("He bragged.", {"IMG.jpg": photo()}, choice="clean", examine=False))[1] for _ in range(2)]
    hourly, queue = HourlyExamination(desk.installation.worker), desk.installation.worker.jobs.client()
    assert not hourly.step()
    assert queue.list_workflows() == []
    hourly._done = "an hour before"
    assert hourly.step()
    assert sorted(row.name for row in queue.list_workflows()) == ["examine_tip", "examine_tip", "make_copy", "make_copy"]
    desk.installation.run_jobs()
    assert None not in [copy_of(desk, file.id) for file in files]


def test_the_choice_survives_going_back_and_errors_and_needs_no_second_look(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    client = desk.public
    checked = fill(client, begin(client), "He bragged.", {"IMG.jpg": photo(), "b.jpg": samples.jpeg(position=True)})
    radios = list(choices(checked, "as_is"))
    assert len(radios) == 2
    assert checked.text.count('value="clean"') == checked.text.count("checked") == 2
    draft = field_value(checked, "draft")
    form = client.post("/p/northfield/change", data={"draft": draft, radios[0]: "as_is", radios[1]: "clean"})
    kept = field_value(form, "as_is")
    assert radios[0] == f"copy-{kept}"
    monkeypatch.setattr("tipline.intake.looking.look_for_traces", lambda *_: pytest.fail("a second jail"))
    faulty = post_form(client, TIP, {"draft": draft, "what": "", "as_is": kept})
    assert field_value(faulty, "as_is") == kept
    again = post_form(client, TIP, {"draft": draft, "what": "Now", "as_is": kept})
    assert re.search(rf'name="{radios[0]}"[^>]*value="as_is"[^>]*checked', again.text)
    assert re.search(rf'name="{radios[1]}"[^>]*value="clean"[^>]*checked', again.text)
    assert client.post(SEND, data={"draft": draft}).status_code == 200  # a Send without choices takes those of the draft
    assert len(grants(desk, "copy")) == 1


def test_a_send_that_does_not_come_about_leaves_no_leave_to_open_anything(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = fill(desk.public, begin(desk.public), "He bragged.", {"IMG.jpg": photo()})

    def refuse(*_: object) -> None:
        raise RuntimeError("the database is away")

    monkeypatch.setattr("tipline.intake.taking.add_items", refuse)
    with pytest.raises(RuntimeError):
        desk.public.post(SEND, data={"draft": field_value(checked, "draft"), **choices(checked, "clean")})
    assert list(desk.installation.public.vault.objects.grants()) == []
    monkeypatch.undo()
    assert desk.public.post(SEND, data={"draft": field_value(checked, "draft")}).status_code == 200


def test_the_leave_ends_after_some_days(desk: Desk) -> None:
    desk.send("He bragged.", {"IMG.jpg": photo()}, choice="clean", examine=False)
    [grant] = grants(desk, "copy")
    assert grant.expires_at is not None
    with desk.installation.work(write=False) as work:
        assert timedelta(days=1) < grant.expires_at - work.now() <= timedelta(days=3)


def test_the_copy_is_the_picture(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"IMG.jpg": photo()}, choice="clean"))[1]
    child = copy_of(desk, file.id)
    assert child is not None
    token = desk.client().post(f"/exhibits/{child.id}/download").location.rpartition("/")[2]
    with Image.open(io.BytesIO(bytes(desk.files().get(f"/{token}").data))) as made:
        assert (made.format, made.size, made.info) == ("PNG", (64, 48), {})


def test_of_a_film_staff_see_the_copy_first_with_its_pictures_and_its_sound(desk: Desk) -> None:
    page = fill(desk.public, begin(desk.public), "He bragged.", {"IMG.mov": film()}).text
    assert "Where it was taken: 41.41000 N, 82.00000 W" in page
    assert "The copy holds the film as it is. Faces, voices and places stay in it" in page
    number = desk.send("He bragged.", {"IMG.mov": film()}, choice="clean")
    file = desk.exhibits(number)[1]
    child = copy_of(desk, file.id)
    assert child is not None
    derived = next(event for event in desk.events(file.id) if event["kind"] == "DERIVED")
    assert derived["method_command"] == "streams as they are, in a container written anew"
    browser = desk.client()
    assert "Download cleaned copy" in browser.get(f"/tips/{number}?file={file.id}").text
    token = browser.post(f"/exhibits/{child.id}/download").location.rpartition("/")[2]
    data = bytes(desk.files().get(f"/{token}").data)
    assert b"".join(b"".join(chunks[n]) for n in range(2) for chunks in (PICTURES, SOUNDS)) in data
    assert b"canary" not in data
