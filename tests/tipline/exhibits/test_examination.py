"""Examination under grants: what it leaves, that it can run twice, and that one bad file stops nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select

from evidence.errors import KeyUnavailable
from evidence.examine.report import Report
from evidence.keys import KeyFile
from tests.tipline.desk_house import Desk, archive, photo
from tipline.exhibits import examination, services
from tipline.inbox.reading import open_exhibits, read_picture
from tipline.inbox.reports import TEXT_CAP, Examined, find_reports
from tipline.models.custody import Examination, Exhibit, Grant
from tipline.work import Work

WORDS = "He showed me a table.\n\n" + "canary-in-the-words " * 20_000


def reports(desk: Desk, number: str) -> list[Examined]:
    ids = [exhibit.id for exhibit in desk.exhibits(number)]
    with desk.acting(write=False) as (work, actor):
        found = find_reports(work, actor.keyring, ids)
    return [found[exhibit_id] for exhibit_id in ids]


def grants(desk: Desk) -> list[Grant]:
    with desk.installation.work(write=False) as work:
        return list(work.session.scalars(select(Grant)))


def grant_files(desk: Desk) -> list[str]:
    return [name for name in desk.installation.console.vault.objects.store.names() if ".grant." in name]


def examine(desk: Desk, number: str) -> None:
    with desk.installation.worker.unit(write=True) as work:
        examination.examine_tip(work, desk.tip(number).id)


def test_what_is_found_is_sealed_to_the_program_and_the_grants_end(desk: Desk) -> None:
    number = desk.send(WORDS, {"IMG_1.jpg": photo(), "chat.pdf": archive(), "list.csv": b"name,dob\ncanary-name,1970-01-01\n"})
    words, picture, packed, table = reports(desk, number)
    assert words.report.text == WORDS
    assert (picture.label, packed.label) == ("JPEG", "ZIP, 2 entries")
    assert packed.report.identification.warnings == ("Named .pdf, is ZIP.",)
    assert "canary-name" in table.words
    assert "Camera model" in picture.identifying()
    assert (grants(desk), grant_files(desk)) == ([], [])
    stored = desk.everything_stored()
    assert b"canary" not in stored


def test_the_picture_is_sealed_to_the_exhibit_itself(desk: Desk) -> None:
    number = desk.send("He bragged.", {"IMG_1.jpg": photo()})
    picture = reports(desk, number)[1].picture
    assert picture is not None
    exhibit = desk.exhibits(number)[1]
    with desk.acting(write=False) as (work, actor):
        opened = open_exhibits(work, actor, [exhibit])[exhibit.id]
        assert read_picture(work, opened, picture).startswith(b"\x89PNG")
        row = work.session.get_one(Examination, exhibit.id)
        assert row.preview_name == picture.object


def test_the_event_carries_the_day_only_and_no_trace(desk: Desk) -> None:
    number = desk.send("He bragged.", {"IMG_1.jpg": photo()})
    event = desk.events(desk.exhibits(number)[1].id)[1]
    assert (event["kind"], event["actor"], event["clock"], len(str(event["occurred_from"]))) == (
        "EXAMINED",
        "worker",
        "day and order only",
        10,
    )
    assert "Found: Camera model" in str(event["result"])
    assert "canary" not in str(event)


def test_a_second_run_changes_nothing(desk: Desk) -> None:
    number = desk.send("He bragged.", {"a.txt": b"a"})
    before = [desk.kinds(exhibit.id) for exhibit in desk.exhibits(number)]
    examine(desk, number)
    assert [desk.kinds(exhibit.id) for exhibit in desk.exhibits(number)] == before


def test_a_run_that_died_after_writing_ends_its_grants_the_next_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    number = desk.send("He bragged.", {"a.txt": b"a"}, examine=False)

    class Killed(BaseException):
        """Stands for kill -9."""

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(desk.installation.worker.vault, "close_grant", die)
        with pytest.raises(Killed):
            examine(desk, number)
    assert len(grants(desk)) == 2
    examine(desk, number)
    assert (grants(desk), grant_files(desk)) == ([], [])
    assert [desk.kinds(exhibit.id) for exhibit in desk.exhibits(number)] == [["ACQUIRED", "EXAMINED"]] * 2


def test_a_tampered_file_is_quarantined_and_the_others_are_examined(desk: Desk) -> None:
    number = desk.send("He bragged.", {"a.txt": b"a", "b.txt": b"b"}, examine=False)
    _, first, second = desk.exhibits(number)
    desk.tamper(first.id)
    examine(desk, number)
    assert desk.kinds(first.id) == ["ACQUIRED", "VERIFY_FAILED", "QUARANTINED"]
    assert desk.kinds(second.id) == ["ACQUIRED", "EXAMINED"]
    assert [exhibit.state for exhibit in desk.exhibits(number)] == ["held", "quarantined", "held"]
    assert grants(desk) == []


def test_a_grant_that_does_not_open_stops_nothing_else_and_is_told(desk: Desk) -> None:
    number = desk.send("He bragged.", {"a.txt": b"a"}, examine=False)
    words, file = desk.exhibits(number)
    with desk.installation.worker.unit(write=False) as work:
        grant = work.session.scalars(select(Grant).where(Grant.exhibit_id == words.id)).one()
        work.vault.objects.remove_grant(str(words.object_name), grant.id)
    with pytest.raises(KeyUnavailable):
        examine(desk, number)
    assert desk.kinds(file.id) == ["ACQUIRED", "EXAMINED"]
    assert desk.kinds(words.id) == ["ACQUIRED"]


def test_what_nobody_came_to_examine_can_be_asked_for_again(desk: Desk) -> None:
    number = desk.send("He bragged.", examine=False)
    exhibit = desk.exhibits(number)[0]
    with desk.acting() as (work, actor):
        services.examine_again(work, actor, exhibit.id)
    assert len(grants(desk)) == 1  # the one of intake still serves
    desk.installation.run_jobs()
    assert desk.kinds(exhibit.id) == ["ACQUIRED", "EXAMINED"]


def test_without_a_grant_the_worker_reads_nothing(desk: Desk) -> None:
    number = desk.send("He bragged.", examine=False)
    with desk.installation.work() as work:
        work.session.execute(delete(Grant))
    examine(desk, number)
    assert desk.kinds(desk.exhibits(number)[0].id) == ["ACQUIRED"]


def test_one_exhibit_alone(desk: Desk) -> None:
    one, two = desk.exhibits(desk.send("One.", {"two.txt": b"Two."}, examine=False))
    with desk.installation.worker.unit(write=True) as work:
        examination.examine_exhibit(work, one.id)
    assert (desk.kinds(one.id), desk.kinds(two.id)) == (["ACQUIRED", "EXAMINED"], ["ACQUIRED"])


def test_long_text_of_a_file_is_cut_and_says_so(desk: Desk) -> None:
    number = desk.send("He bragged.", {"long.txt": "é".encode() * TEXT_CAP})
    report = reports(desk, number)[1].report
    assert len(report.text.encode()) <= TEXT_CAP
    assert not report.text_complete
    page = desk.client().get(f"/exhibits/{desk.exhibits(number)[1].id}/text").text
    assert "This is not all of it." in page


def test_without_a_jail_it_says_what_to_install(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_jail(chunks: Iterator[bytes], length: int, media_type: str, name: str) -> Report:
        found = examination.Identification("image/jpeg", "JPEG", "jpg")
        assert (sum(map(len, chunks)), name) == (length, "IMG_1.jpg")
        return Report("no_jail", found, notes=("Not looked into.",), advice="Install bubblewrap.")

    monkeypatch.setattr(examination, "examine_object", no_jail)
    number = desk.send("He bragged.", {"IMG_1.jpg": photo()})
    exhibit = desk.exhibits(number)[1]
    with desk.installation.work(write=False) as work:
        assert work.session.get_one(Examination, exhibit.id).state == "no_jail"
    assert "Install bubblewrap." in desk.client().get(f"/tips/{number}?file={exhibit.id}").text
    monkeypatch.undo()  # now it is installed
    browser = desk.client()
    assert "Examine again" in browser.get(f"/exhibits/{exhibit.id}").text
    assert browser.post(f"/exhibits/{exhibit.id}/examine").status_code == 303
    assert [grant.granted_by for grant in grants(desk)] == [desk.installation.people["investigator"].staff_id]
    assert "Not examined yet." in browser.get(f"/exhibits/{exhibit.id}").text
    desk.installation.run_jobs()
    assert (grants(desk), grant_files(desk)) == ([], [])
    assert "Picture made in the jail" in browser.get(f"/exhibits/{exhibit.id}").text
    assert browser.post(f"/exhibits/{exhibit.id}/examine").status_code == 409
    assert desk.client("program_manager").post(f"/exhibits/{exhibit.id}/examine").status_code == 403


def test_a_key_of_the_worker_opens_no_exhibit_after_its_grant(desk: Desk) -> None:
    number = desk.send("He bragged.")
    exhibit = desk.exhibits(number)[0]
    vault = desk.installation.worker.vault
    with pytest.raises(KeyUnavailable):
        vault.objects.open_key(str(exhibit.object_name), vault.keys.examiner)


def test_the_order_is_words_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    number = desk.send("He bragged.", {"a.txt": b"a", "b.txt": b"b"}, examine=False)
    seen: list[str] = []
    look = examination._look

    def note(work: Work, exhibit: Exhibit, keyfile: KeyFile) -> Any:
        seen.append(exhibit.kind)
        return look(work, exhibit, keyfile)

    monkeypatch.setattr(examination, "_look", note)
    examine(desk, number)
    assert seen == ["tip_text", "attachment", "attachment"]


def test_two_workers_at_once_examine_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    number = desk.send("He bragged.", {"a.txt": b"a"}, examine=False)
    look, raced = examination._look, []

    def other_worker_first(work: Work, exhibit: Exhibit, keyfile: KeyFile) -> Any:
        if not raced:
            raced.append(exhibit.id)
            examine(desk, number)
        return look(work, exhibit, keyfile)

    monkeypatch.setattr(examination, "_look", other_worker_first)
    examine(desk, number)
    assert [desk.kinds(exhibit.id) for exhibit in desk.exhibits(number)] == [["ACQUIRED", "EXAMINED"]] * 2
    assert (grants(desk), grant_files(desk)) == ([], [])
