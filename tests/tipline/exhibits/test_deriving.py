"""Exhibits made from exhibits: a working copy that holds no trace of its maker, a redaction made elsewhere, both bound to their parent."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import select

from evidence.hashing import digest
from tests.evidence.examine.jails import needs_jail
from tests.tipline.desk_house import Desk, archive, photo
from tests.tipline.handovers import open_a_case
from tipline.cases.services import PutTip, put_tip
from tipline.errors import BadInput, Conflict, Forbidden
from tipline.exhibits import deriving
from tipline.exhibits.quarantine import SetQuarantine, put
from tipline.models.custody import CustodyEvent, Exhibit, Grant


def ask(desk: Desk, exhibit: str, role: str = "investigator") -> None:
    with desk.acting(role) as (work, actor):
        deriving.ask_copy(work, actor, exhibit)


def children(desk: Desk, exhibit: str) -> list[Exhibit]:
    with desk.installation.work(write=False) as work:
        return list(work.session.scalars(select(Exhibit).where(Exhibit.parent_id == exhibit)))


def grants(desk: Desk) -> list[Grant]:
    with desk.installation.work(write=False) as work:
        return list(work.session.scalars(select(Grant)))


def download(desk: Desk, exhibit: str) -> bytes:
    token = desk.client().post(f"/exhibits/{exhibit}/download").location.rpartition("/")[2]
    return bytes(desk.files().get(f"/{token}").data)


@needs_jail
def test_a_working_copy_has_the_pixels_and_no_trace_of_the_maker(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"IMG.jpg": photo()}))[1]
    assert b"Nikkon" in download(desk, file.id)
    ask(desk, file.id)
    assert desk.kinds(file.id)[-1] == "EXAMINED"  # on record before the worker reads it
    assert "A working copy is being made." in desk.client().get(f"/exhibits/{file.id}").text
    desk.installation.run_jobs()
    [child] = children(desk, file.id)
    copy = download(desk, child.id)
    assert b"Nikkon" not in copy
    with Image.open(io.BytesIO(copy)) as made, Image.open(io.BytesIO(photo())) as original:
        assert (made.format, made.size, made.info) == ("PNG", original.size, {})
        assert made.convert("RGB").tobytes() == original.convert("RGB").tobytes()
    assert grants(desk) == []
    assert list(desk.installation.console.vault.objects.grants()) == []


@needs_jail
def test_parent_and_child_are_one_act_that_names_the_persons_event(desk: Desk) -> None:
    case = open_a_case(desk.installation)
    number = desk.send("He bragged.", {"IMG.jpg": photo()})
    with desk.acting() as (work, actor):
        put_tip(work, actor, PutTip(number, case, with_exhibits=True))
    file = desk.exhibits(number)[1]
    ask(desk, file.id, "counsel")
    desk.installation.run_jobs()
    [child] = children(desk, file.id)
    assert (child.kind, child.number, child.case_id) == ("working_copy", f"EX-{case[3:]}-03", file.case_id or child.case_id)
    asked, derived = desk.events(file.id)[-2:]
    first, examined = desk.events(child.id)
    assert (derived["kind"], first["kind"], derived["act_size"]) == ("DERIVED", "DERIVED", 2)
    assert derived["act_id"] == first["act_id"]
    assert (derived["moved_to"], first["parent_exhibit"]) == (child.id, file.id)
    assert first["plaintext_before"] == derived["plaintext_before"] == digest(photo())
    assert first["plaintext_after"] == derived["plaintext_after"]
    with desk.installation.work(write=False) as work:
        entries = dict(work.session.execute(select(CustodyEvent.event_id, CustodyEvent.entry)).all())
    assert derived["authority"] == first["authority"] == entries[asked["event_id"]]
    assert (asked["actor"], derived["actor"], derived["on_behalf_of"]) == ("d.acosta", "worker", "d.acosta")
    assert examined["kind"] == "EXAMINED"
    assert "Found" not in str(examined["result"])
    page, made = (desk.client().get(f"/exhibits/{one}").text for one in (file.id, child.id))
    assert f'href="/exhibits/{child.id}"' in page
    assert f'href="/exhibits/{file.id}"' in made
    assert "Working copy" in made


@needs_jail
def test_a_text_becomes_its_letters(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"note.txt": "h\xe9 said\n".encode("cp1252")}))[1]
    ask(desk, file.id)
    desk.installation.run_jobs()
    [child] = children(desk, file.id)
    assert download(desk, child.id) == "h\xe9 said\n".encode()


@needs_jail
def test_what_cannot_be_copied_is_said_in_clear_words(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"chat.zip": archive()}))[1]
    ask(desk, file.id)
    desk.installation.run_jobs()
    assert children(desk, file.id) == []
    said = "No copy was made: that can be done with pictures, PDF, Office documents, texts, e-mail, sound and film, and this is ZIP."
    assert desk.events(file.id)[-1]["result"] == said
    assert said in desk.client().get(f"/exhibits/{file.id}").text
    assert grants(desk) == []


def test_changed_bytes_make_no_copy_but_a_quarantine(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"a.txt": b"a"}))[1]
    ask(desk, file.id)
    desk.tamper(file.id)
    desk.installation.run_jobs()
    assert children(desk, file.id) == []
    assert desk.kinds(file.id)[-2:] == ["VERIFY_FAILED", "QUARANTINED"]


def test_one_at_a_time_and_only_of_what_is_held(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"a.txt": b"a"}))[1]
    ask(desk, file.id)
    with pytest.raises(Conflict, match="being made already"):
        ask(desk, file.id)
    [grant] = grants(desk)
    desk.change(Grant, grant.id, expires_at=grant.expires_at - timedelta(days=2))  # type: ignore[operator]  # it has one
    ask(desk, file.id)  # the one before never came
    with desk.acting() as (work, actor):
        put(work, actor, SetQuarantine(file.id, "In doubt"))
    with pytest.raises(Conflict, match="quarantined"):
        ask(desk, file.id)
    with pytest.raises(Forbidden):
        ask(desk, file.id, "program_manager")


@needs_jail
def test_a_second_run_of_the_job_makes_no_second_copy(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"a.txt": b"He said so."}))[1]
    ask(desk, file.id)
    [grant] = grants(desk)
    desk.installation.run_jobs()
    with desk.installation.worker.unit(write=True) as work:
        deriving.make_copy(work, grant.id, "0" * 64)
    assert len(children(desk, file.id)) == 1


def test_a_redaction_says_what_was_removed_and_why_and_is_signed(desk: Desk) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"a.txt": b"Jo Canary bragged"}))[1]
    browser = desk.client()
    form = {
        "removed": "A name",
        "why": "Protective order",
        "on_behalf_of": "D. Acosta",
        "file": (io.BytesIO(b"[...] bragged"), "a-red.txt"),
    }
    assert browser.get(f"/exhibits/{file.id}/redaction").status_code == 200
    answer = browser.post(f"/exhibits/{file.id}/redaction", data=form, content_type="multipart/form-data")
    assert answer.status_code == 303
    [child] = children(desk, file.id)
    assert answer.location == f"/exhibits/{child.id}"
    assert child.kind == "redaction"
    desk.installation.run_jobs()
    parents, first = desk.events(file.id)[-1], desk.events(child.id)[0]
    assert (parents["kind"], first["kind"], parents["act_id"]) == ("REDACTED", "REDACTED", first["act_id"])
    assert (parents["moved_to"], first["parent_exhibit"]) == (child.id, file.id)
    assert (first["result"], first["justification"], first["on_behalf_of"]) == ("A name", "Protective order", "D. Acosta")
    assert first["plaintext_before"] == digest(b"Jo Canary bragged")
    assert first["plaintext_after"] == digest(b"[...] bragged")
    assert download(desk, child.id) == b"[...] bragged"
    assert "A redacted file was made from it. Removed: A name" in browser.get(f"/exhibits/{file.id}").text


@pytest.mark.parametrize("missing", ["removed", "why", "file"])
def test_a_redaction_that_says_too_little_is_not_registered(desk: Desk, missing: str) -> None:
    file = desk.exhibits(desk.send("He bragged.", {"a.txt": b"a"}))[1]
    form: dict[str, object] = {"removed": "A name", "why": "Order", "file": (io.BytesIO(b"x"), "x.txt")}
    del form[missing]
    answer = desk.client().post(f"/exhibits/{file.id}/redaction", data=form, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert children(desk, file.id) == []
    with desk.acting() as (work, actor), pytest.raises(BadInput):
        deriving.register_redaction(work, actor, deriving.RegisterRedaction(file.id, "", ""))
