"""After a disposition every page that named the exhibit works, says that it is gone, and shows nothing of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from tests.journeys.invariants import broken_in
from tests.tipline.retention.conftest import WALLET, Archive
from tipline.exports.services import RequestExport, request_export
from tipline.linking import indexing
from tipline.models.cases import Export, Letter, Link, Sample
from tipline.models.custody import Disposition, Exhibit
from tipline.scrubbing import Scrubber

CANARIES = ("canary", "Canaryname", "IMG_1.jpg", "members.csv", "letter.txt", "sample.csv", WALLET)

NOT_FOR = {"investigator": "/exports", "counsel": "/linking/new"}


@pytest.fixture
def gone(archive: Archive) -> Archive:
    """The archive after everything in it was looked at, exported, and disposed of."""
    archive.desk.client().get("/linking")
    with archive.desk.acting("counsel") as (work, actor):
        request_export(work, actor, RequestExport(archive.case, (archive.exhibits["photo"],), "Production"))
    archive.inside.run_jobs()
    with archive.inside.work() as work:
        export = work.session.scalars(select(Export)).one()
        export.state = "done"
        for link in work.session.scalars(select(Link)):
            link.state, link.decided_by, link.decided_at = "confirmed", archive.inside.people["investigator"].staff_id, work.now()
            link.reason = None  # a decision puts the person's own words in the place of the method's
    for name in archive.exhibits:
        archive.inside.sequence()
        archive.dispose(name)
    archive.inside.sequencer().publish()
    return archive


def addresses(archive: Archive) -> list[str]:
    with archive.inside.work(write=False) as work:
        letter, sample = work.session.scalars(select(Letter.number)).one(), work.session.scalars(select(Sample.number)).one()
        links = [f"/linking?link={link}" for link in work.session.scalars(select(Link.id))]
        dispositions = [f"/dispositions/{one}" for one in work.session.scalars(select(Disposition.id))]
        export = work.session.scalars(select(Export.id)).one()
    files = [f"/tips/{archive.tip}?file={archive.exhibits[name]}" for name in ("photo", "table")]
    things = ["/inbox", f"/tips/{archive.tip}", *files, f"/letters/{letter}", "/letters", f"/samples/{sample}", "/samples"]
    cases = ["/cases", f"/cases/{archive.case}", f"/cases/{archive.case}?order=received", "/linking", *links, "/linking/new"]
    exhibits = ["/exhibits", "/exhibits?show=all", "/exhibits?show=all&state=disposed"]
    own = [f"/exhibits/{one}{part}" for one in archive.exhibits.values() for part in ("", "/left", "/retention")]
    return [*things, *cases, *exhibits, *own, "/exports", f"/exports/{export}", "/holds?show=all", "/dispositions?show=all", *dispositions]


@pytest.mark.parametrize("role", ["investigator", "counsel"])
def test_every_page_that_named_it_works_and_shows_nothing_of_it(gone: Archive, role: str) -> None:
    client = gone.desk.client(role)
    for path in addresses(gone):
        if path.startswith(NOT_FOR[role]):
            continue
        page = client.get(path, follow_redirects=True)
        assert page.status_code == 200, path
        assert not [word for word in CANARIES if word in page.text], path
    assert "Disposed of" in client.get(f"/tips/{gone.tip}").text
    assert len(addresses(gone)) > 35


def test_acts_on_it_are_refused_in_words(gone: Archive) -> None:
    for exhibit_id in gone.exhibits.values():
        for act in ("verify", "examine", "download"):
            answer = gone.desk.client().post(f"/exhibits/{exhibit_id}/{act}", follow_redirects=True)
            assert (answer.status_code, "disposed of" in answer.text) == (409, True), act
        assert gone.desk.client().get(f"/exhibits/{exhibit_id}/text").status_code == 409
    assert gone.desk.client("counsel").get(f"/cases/{gone.case}/export").status_code == 200
    chosen = {"exhibits": gone.exhibits["photo"], "purpose": "Production"}
    assert gone.desk.client("counsel").post(f"/cases/{gone.case}/export", data=chosen).status_code == 422
    answer = gone.desk.client().post(f"/tips/{gone.tip}/reply", data={"words": "A reply"})
    assert answer.status_code == 409  # nothing of the source is under custody any more


def test_a_reply_is_still_sealed_to_the_source_while_something_of_it_is_kept(archive: Archive) -> None:
    archive.dispose("words")
    assert archive.desk.client().post(f"/tips/{archive.tip}/reply", data={"words": "A reply"}).status_code in (302, 303)


def test_the_index_is_made_again_without_it(gone: Archive) -> None:
    with gone.desk.acting() as (work, _):
        indexing.start_again(work.session, gone.inside.program_id)
    assert gone.desk.client().get("/linking").status_code == 200
    with gone.desk.acting(write=False) as (work, actor):
        assert indexing.waiting(work, actor, [gone.inside.program_id]) == []


def test_record_log_store_and_rows_agree(gone: Archive) -> None:
    keys = {gone.inside.program_id: gone.inside.actor("counsel").keyring.program(gone.inside.program_id)}
    assert broken_in(gone.inside.worker, keys) == []
    assert broken_if(gone, lambda exhibit: setattr(exhibit, "state", "held"))


def broken_if(archive: Archive, change: Callable[[Exhibit], None]) -> list[str]:
    """What the invariants say after a change behind everybody's back."""
    with archive.inside.work() as work:
        change(work.session.get_one(Exhibit, archive.exhibits["photo"]))
    keys = {archive.inside.program_id: archive.inside.actor("counsel").keyring.program(archive.inside.program_id)}
    return broken_in(archive.inside.worker, keys)


def test_a_scrub_misses_nothing(gone: Archive) -> None:
    worker = gone.inside.worker
    assert Scrubber(worker.database, worker.vault.objects.store, worker.clock).run(100).amiss == ()


def test_what_is_disposed_of_while_the_desk_reads_it_leaves_the_index(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    real = indexing._into_index

    def slowly(work: object, keys: object, exhibit_id: str, gathered: object) -> None:
        if exhibit_id == archive.exhibits["letter"]:
            archive.dispose("letter")
        real(work, keys, exhibit_id, gathered)  # type: ignore[arg-type]

    monkeypatch.setattr(indexing, "_into_index", slowly)
    archive.desk.client().get("/linking")
    with archive.inside.work(write=False) as work:
        letter = work.session.scalars(select(Letter.id)).one()
    keys = archive.inside.actor("counsel").keyring.program(archive.inside.program_id)
    with indexing.ProgramIndex(archive.inside.settings.index_folder, keys, write=False) as index:
        assert index.held(("letter", letter)) == []
        assert index.files(("letter", letter)) == []


def test_an_export_that_is_being_made_is_in_the_way(archive: Archive) -> None:
    with archive.desk.acting("counsel") as (work, actor):
        request_export(work, actor, RequestExport(archive.case, (archive.exhibits["photo"],), "Production"))
    page = archive.desk.client().get(f"/exhibits/{archive.exhibits['photo']}/dispose").text
    assert "An export with this exhibit is being made" in page


def test_the_pages_of_a_disposition(archive: Archive) -> None:
    photo, investigator, counsel = archive.exhibits["photo"], archive.desk.client(), archive.desk.client("counsel")
    said = {"reason": "Kept long enough", "authority": "Rule 7"}
    assert investigator.post(f"/exhibits/{photo}/dispose", data={**said, "authority": ""}).status_code == 422
    made = investigator.post(f"/exhibits/{photo}/dispose", data=said)
    assert made.status_code == 303
    mine, theirs = investigator.get(made.location).text, counsel.get(made.location).text
    assert ("You proposed it" in mine, "Withdraw the proposal" in mine, "/decide" in mine) == (True, True, False)
    assert ("/decide" in theirs, "This can’t be undone" in theirs) == (True, True)
    assert "Kept long enough" in counsel.get("/dispositions").text
    archive.inside.sequence()
    done = counsel.post(f"{made.location}/decide", follow_redirects=True)
    assert "Disposed of. What can still be proved stands below." in done.text
    assert "With the next checkpoint" in done.text
    archive.inside.sequencer().publish()
    assert ">Proof</a>" in counsel.get(f"/exhibits/{photo}/left").text
    assert "Nothing waits for a decision" in counsel.get("/dispositions").text
