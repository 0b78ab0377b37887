"""Disposition: two people, a signed end, stubs that still prove order and place, and nothing on the disk that opens what is gone."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from evidence import custody
from evidence.errors import EvidenceError, KeyUnavailable
from evidence.keys import Identity, KeyFile
from evidence.merkle import leaf_hash, verify_inclusion
from tests.conftest import fresh_settings
from tests.evidence.object_lock import ask, make_locking_bucket
from tests.installations import Installation, install
from tests.servers import RunningS3
from tests.tipline.desk_house import photo
from tests.tipline.retention.conftest import WALLET, Archive, desk_of
from tipline import orphans, worker
from tipline.errors import BadInput, Conflict, Disposed, Forbidden, Unsound
from tipline.jobs import SWEEPS
from tipline.models.cases import Letter, Link, SamplePerson
from tipline.models.custody import (
    CustodyEvent,
    CustodyOpening,
    CustodyStub,
    Disposition,
    Examination,
    Exhibit,
    Grant,
    LogPending,
    Restoration,
)
from tipline.models.operations import DownloadTicket, OrphanCandidate
from tipline.retention import destroying, dispositions
from tipline.retention.dispositions import Propose, decide, decline, propose, withdraw
from tipline.retention.jobs import finish_dispositions
from tipline.search.index import ProgramIndex, path_of
from tipline.vault import Act


def exhibit_of(archive: Archive, name: str) -> Exhibit:
    with archive.inside.work(write=False) as work:
        return work.session.get_one(Exhibit, archive.exhibits[name])


def names(archive: Archive) -> set[str]:
    return set(archive.inside.console.vault.objects.store.names())


# two people


def test_another_person_decides_and_both_are_in_the_signed_event(archive: Archive) -> None:
    archive.dispose("photo")
    with archive.desk.acting("counsel", write=False) as (work, actor):
        row = work.session.scalars(select(Disposition)).one()
        keys = actor.keyring.program(archive.inside.program_id)
        event = custody.decode_event(keys.open("disposition", "certificate", row.id, row.certificate or b""))
        stubs = work.vault.stubs(work.session, work.session.get_one(Exhibit, archive.exhibits["photo"]))
    told = event.values()
    assert event.entry().hex() == stubs[-1].entry
    assert (told["kind"], told["actor"], told["released_by"]) == ("DISPOSED", "d.acosta", "m.okafor")
    assert (told["purpose"], told["authority"]) == ("Kept long enough", "Rule 7 of 2026")
    assert row.proposal_signature in str(told["justification"])
    assert len(event.attestations or ()) == 2
    assert not {"plaintext_before", "ciphertext_before", "length_before", "name_shown"} & set(told)


def test_the_proposer_does_not_decide(archive: Archive) -> None:
    proposed = archive.propose("photo", "counsel")[0]
    archive.inside.sequence()
    for act in (decide, decline):
        with pytest.raises(Forbidden, match="You proposed"), archive.desk.acting("counsel") as (work, actor):
            act(work, actor, proposed)
    with archive.desk.acting("program_manager") as (work, actor):
        decide(work, actor, proposed)


@pytest.mark.parametrize("role", ["investigator", "administrator"])
def test_who_may_not_decide_is_refused(archive: Archive, role: str) -> None:
    proposed = archive.propose("photo", "counsel")[0]
    with pytest.raises(Forbidden), archive.desk.acting(role) as (work, actor):
        decide(work, actor, proposed)


def test_a_declined_or_withdrawn_proposal_destroys_nothing_and_another_may_follow(archive: Archive) -> None:
    before = names(archive)
    with archive.desk.acting("counsel") as (work, actor):
        decline(work, actor, archive.propose("photo")[0])
    second = archive.propose("photo")[0]
    with pytest.raises(Forbidden, match="Somebody else"), archive.desk.acting("counsel") as (work, actor):
        withdraw(work, actor, second)
    with archive.desk.acting() as (work, actor):
        withdraw(work, actor, second)
    with pytest.raises(Conflict, match="withdrawn"), archive.desk.acting("counsel") as (work, actor):
        decide(work, actor, second)
    assert names(archive) == before
    archive.dispose("photo")


def test_a_changed_proposal_is_not_decided(archive: Archive) -> None:
    proposed = archive.propose("photo")[0]
    archive.inside.sequence()
    with archive.desk.acting("counsel") as (work, actor):
        keys = actor.keyring.program(archive.inside.program_id)
        row = work.session.get_one(Disposition, proposed)
        row.authority = keys.seal("disposition", "authority", row.id, "Another rule")
    with pytest.raises(Unsound, match="not the one that its proposer signed"), archive.desk.acting("counsel") as (work, actor):
        decide(work, actor, proposed)
    assert exhibit_of(archive, "photo").state == "held"


def test_it_is_decided_once(archive: Archive) -> None:
    proposed = archive.propose("photo")[0]
    with pytest.raises(Conflict, match="proposed already"):
        archive.propose("photo")
    archive.inside.sequence()
    with archive.desk.acting("counsel") as (work, actor):
        decide(work, actor, proposed)
    with pytest.raises(Conflict, match="decided this already"), archive.desk.acting("counsel") as (work, actor):
        decide(work, actor, proposed)
    with pytest.raises(Disposed):
        archive.propose("photo")


def test_nothing_goes_before_the_anchor_has_it(archive: Archive) -> None:
    proposed = archive.propose("photo")[0]
    archive.desk.client().post(f"/exhibits/{archive.exhibits['photo']}/verify")
    with pytest.raises(Conflict, match="no place in the log yet"), archive.desk.acting("counsel") as (work, actor):
        decide(work, actor, proposed)
    with archive.inside.work(write=False) as work:
        assert work.session.scalars(select(LogPending)).all() != []


def test_nothing_goes_while_the_record_waits_for_signatures(archive: Archive) -> None:
    proposed = archive.propose("photo")[0]
    archive.inside.sequence()
    with archive.desk.acting("counsel") as (work, actor):
        work.session.add(Restoration(kind="database", from_index=0, to_index=1, found_at=work.now()))
    with pytest.raises(Conflict, match="waits for signatures"), archive.desk.acting("counsel") as (work, actor):
        decide(work, actor, proposed)


def test_what_is_missing_is_said(archive: Archive) -> None:
    with pytest.raises(BadInput) as caught, archive.desk.acting() as (work, actor):
        propose(work, actor, Propose(archive.exhibits["photo"], "", " "))
    assert set(caught.value.fields) == {"reason", "authority"}


# what was made from it


def test_children_are_named_and_stay_unless_they_are_chosen(archive: Archive) -> None:
    parent, child, other = (archive.exhibits[name] for name in ("photo", "table", "letter"))
    archive.desk.change(Exhibit, child, parent_id=parent)
    with pytest.raises(BadInput, match="made from this exhibit"):
        archive.propose("photo", "investigator", other)
    with archive.desk.acting(write=False) as (work, actor):
        assert [one.id for one in dispositions.prepare(work, actor, parent).children] == [child]
    archive.dispose("photo")
    assert exhibit_of(archive, "table").state == "held"
    assert archive.desk.kinds(child)[0] == "ACQUIRED"


def test_a_chosen_child_is_a_proposal_of_its_own(archive: Archive) -> None:
    archive.desk.change(Exhibit, archive.exhibits["table"], parent_id=archive.exhibits["photo"])
    assert len(archive.propose("photo", "investigator", archive.exhibits["table"])) == 2


# what is left, and what is not


def test_stubs_prove_number_order_and_place(archive: Archive) -> None:
    before = archive.desk.count_events(archive.exhibits["photo"])
    archive.dispose("photo")
    archive.inside.sequencer().publish()
    exhibit = exhibit_of(archive, "photo")
    with archive.inside.work(write=False) as work:
        stubs = work.vault.stubs(work.session, exhibit)
        assert [stub.seq for stub in stubs] == list(range(1, before + 2))
        assert sorted(stub.index or 0 for stub in stubs) == [stub.index for stub in stubs]
        both = select(CustodyStub.event_id).join(CustodyOpening, CustodyOpening.event_id == CustodyStub.event_id)
        assert work.session.scalars(both).all() == []
        with pytest.raises(Disposed):
            work.vault.openings(work.session, exhibit, None)
    for stub in stubs:
        assert set(stub.event.values()) == {"exhibit", "exhibit_seq", "exhibit_prev"}
        assert stub.event.attestations is None
        page = archive.desk.client().get(f"/exhibits/{exhibit.id}/left/{stub.seq}.tlog-proof")
        index, path, note, line = read_proof(page.text)
        assert custody.decode_event(line).entry().hex() == stub.entry
        size, root = int(note.splitlines()[1]), base64.b64decode(note.splitlines()[2])
        verify_inclusion(leaf_hash(bytes.fromhex(stub.entry)), index, size, path, root)


def read_proof(text: str) -> tuple[int, list[bytes], str, str]:
    head, _, note = text.partition("\n\n")
    version, extra, index, *path = head.split("\n")
    assert version == "c2sp.org/tlog-proof@v1"
    line = base64.b64decode(extra.removeprefix("extra ")).decode()
    return int(index.removeprefix("index ")), [base64.b64decode(part) for part in path], note, line


def test_the_signed_end_can_be_proved_with_its_words(archive: Archive) -> None:
    archive.dispose("photo")
    archive.inside.sequencer().publish()
    client, path = archive.desk.client(), f"/exhibits/{archive.exhibits['photo']}/left"
    with archive.inside.work(write=False) as work:
        last = work.vault.stubs(work.session, exhibit_of(archive, "photo"))[-1]
    _, _, _, line = read_proof(client.get(f"{path}/{last.seq}.tlog-proof?signed=yes").text)
    event = custody.decode_event(line)
    assert (event.entry().hex(), event.values()["authority"]) == (last.entry, "Rule 7 of 2026")
    assert client.get(f"{path}/{last.seq + 1}.tlog-proof").status_code == 404
    assert client.get(f"/exhibits/{archive.exhibits['table']}/left").location == f"/exhibits/{archive.exhibits['table']}"


def test_a_changed_or_missing_stub_is_noticed(archive: Archive) -> None:
    archive.dispose("photo")
    exhibit = exhibit_of(archive, "photo")
    with archive.inside.work(write=False) as work:
        event_ids = work.session.scalars(select(CustodyStub.event_id)).all()
        line = work.session.get_one(CustodyStub, event_ids[0]).line
    for changed in (line.replace('"c:', '"c:A', 1), line[:-2], line.replace('"d:', '"c:', 1), "{}"):
        archive.desk.change(CustodyStub, event_ids[0], line=changed)
        with archive.inside.work(write=False) as work, pytest.raises(Unsound):
            work.vault.stubs(work.session, exhibit)
    archive.desk.change(CustodyStub, event_ids[0], line=line)
    with archive.inside.work() as work:
        work.session.delete(work.session.get_one(CustodyStub, event_ids[1]))
    with archive.inside.work(write=False) as work, pytest.raises(Unsound):
        work.vault.stubs(work.session, exhibit)


@pytest.mark.parametrize("name", ["words", "photo", "table", "letter", "sample"])
def test_key_files_objects_and_rows_are_gone(archive: Archive, name: str) -> None:
    exhibit = exhibit_of(archive, name)
    with archive.inside.work(write=False) as work:
        examination = work.session.get(Examination, exhibit.id)
        preview = examination.preview_name if examination else None
    with archive.desk.acting() as (work, actor):
        keys = actor.keyring.program(archive.inside.program_id)
        keyfile = work.vault.open_exhibit(exhibit, keys)
        terms = {"purpose": "copy", "subject_id": exhibit.id, "granted_by": actor.staff_id, "expires_at": work.now() + timedelta(hours=1)}
        work.vault.grant(work.session, exhibit, keyfile, **terms)
    archive.desk.client().post(f"/exhibits/{exhibit.id}/download")
    archive.inside.sequence()
    archive.dispose(name)
    gone = {exhibit.object_name, preview} - {None}
    assert not {stored for stored in names(archive) if stored.split(".")[0] in gone}
    after = exhibit_of(archive, name)
    assert (after.state, after.object_name, after.facts, after.title, after.place) == ("disposed", None, None, None, None)
    with archive.inside.work(write=False) as work:
        assert work.session.get(Examination, exhibit.id) is None
        assert work.session.scalars(select(Grant)).all() == []
        assert work.session.scalars(select(DownloadTicket)).all() == []
        if name == "sample":
            assert work.session.scalars(select(SamplePerson)).all() == []


def test_the_files_of_the_database_hold_neither_openings_nor_sealed_words(archive: Archive) -> None:
    database = archive.inside.settings.data / "tipline.db"
    with archive.inside.work(write=False) as work:
        letter = work.session.scalars(select(Letter)).one()
        exhibit = work.session.get_one(Exhibit, archive.exhibits["letter"])
        report = work.session.get_one(Examination, exhibit.id).report
        openings = [work.session.get_one(CustodyOpening, event_id).opening for event_id in event_ids_of(archive, "letter")]
        planted = [letter.text, letter.details, exhibit.facts or b"", report, *openings]
    archive.inside.console.database.forget_overwritten()
    whole = database.read_bytes()
    assert all(piece(blob) in whole for blob in planted)  # they were there to be found
    archive.dispose("letter")
    left = [path for path in database.parent.glob("tipline.db*") if any(piece(blob) in path.read_bytes() for blob in planted)]
    assert left == []


def piece(blob: bytes) -> bytes:
    """A part of a ciphertext that lies on one page of the database."""
    assert len(blob) > 60
    return bytes(blob[-48:-16])


def event_ids_of(archive: Archive, name: str) -> list[str]:
    with archive.inside.work(write=False) as work:
        return list(work.session.scalars(select(CustodyEvent.event_id).where(CustodyEvent.exhibit_id == archive.exhibits[name])))


def identities_on_disk(archive: Archive) -> Iterator[Identity]:
    """Every age identity that anybody can get at: the worker's, the program's, and those in all key files that are left."""
    program = archive.inside.actor("counsel").keyring.program(archive.inside.program_id).identity
    examiner = archive.inside.worker.vault.keys.examiner
    yield from (program, examiner)
    store = archive.inside.console.vault.objects.store
    for name in store.names():
        if ".key." in name or ".grant." in name:
            for identity in (program, examiner):
                with suppress(EvidenceError):
                    yield KeyFile.decode(identity.unwrap(store.read(name))).identity


def openings_in_anchor(archive: Archive, exhibit_id: str) -> list[bytes]:
    lines = [json.loads(line) for line in archive.inside.settings.anchor_file.read_text().splitlines()]
    found = [line for line in lines if "row" in line and line["row"][1] == exhibit_id]
    return [base64.b64decode(line["opening"]) for line in found if line["opening"] is not None]


def test_nothing_on_the_disk_opens_what_remains_in_the_anchor(archive: Archive) -> None:
    exhibit_id = archive.exhibits["photo"]
    sealed = openings_in_anchor(archive, exhibit_id)
    assert any(opens(identity, sealed[0]) for identity in identities_on_disk(archive))
    archive.dispose("photo")
    left = openings_in_anchor(archive, exhibit_id)
    assert len(left) >= len(sealed) >= 2
    assert not any(opens(identity, blob) for identity in identities_on_disk(archive) for blob in left)


def opens(identity: Identity, blob: bytes) -> bool:
    try:
        identity.unwrap(blob)
    except KeyUnavailable:
        return False
    return True


def test_whoever_had_it_open_records_nothing_after_the_end(archive: Archive) -> None:
    exhibit = exhibit_of(archive, "photo")
    with archive.desk.acting(write=False) as (work, actor):
        keyfile = work.vault.open_exhibit(exhibit, actor.keyring.program(archive.inside.program_id))
    archive.dispose("photo")
    assert exhibit.state == "held"  # as the examiner read it before
    before = archive.desk.count_events(exhibit.id)
    with pytest.raises(Disposed), archive.inside.worker.unit(write=True) as work:
        work.vault.record(work.session, Act(exhibit, keyfile, "EXAMINED"), work.now())
    assert archive.desk.count_events(exhibit.id) == before


# other databases and stores


@pytest.mark.servers
@pytest.mark.parametrize("backend", ["postgres", "s3"])
def test_it_is_so_on_other_databases_and_stores(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    more: dict[str, object] = {}
    if backend == "postgres":
        more["database_url"] = request.getfixturevalue("postgres_url")
    else:
        server: RunningS3 = request.getfixturevalue("s3_server")
        make_locking_bucket(server, "disposed")
        more = {"storage_url": f"{server.url}&locked=disposed", "object_lock_days": 2}
    desk = desk_of(install(fresh_settings(tmp_path / "instance", **more)))
    tip = desk.send("Words of a source.", {"IMG_1.jpg": photo()}, examine=False)
    archive = Archive(desk, "", tip, {"photo": desk.exhibits(tip)[1].id})
    try:
        exhibit = exhibit_of(archive, "photo")
        where = f"/disposed/objects/{exhibit.object_name}/{exhibit.object_name}.age"
        version = ask(server, "HEAD", where).headers["x-amz-version-id"] if backend == "s3" else ""
        archive.dispose("photo")
        assert not {stored for stored in names(archive) if stored.startswith(exhibit.object_name or "x")}
        page = archive.desk.client().get(f"/exhibits/{exhibit.id}/left").text
        assert "as M. Okafor had proposed" in page
        if backend == "s3":  # the ciphertext waits for the end of its lock; no key to it is left
            assert ask(server, "HEAD", where, f"versionId={version}").status == 200
            assert "until its lock ends" in page
    finally:
        archive.inside.close()


# links and the index


def test_links_lose_what_was_found_and_suggestions_go(archive: Archive) -> None:
    archive.desk.client().get("/linking")
    with archive.inside.work() as work:
        links = list(work.session.scalars(select(Link)))
        assert {link.state for link in links} == {"suggested"}
        assert all(link.findings for link in links)
        kept = next(link for link in links if "letter" in (link.from_kind, link.to_kind))
        kept.state, kept.decided_by, kept.decided_at = "confirmed", archive.inside.people["investigator"].staff_id, work.now()
    archive.dispose("letter")
    with archive.inside.work(write=False) as work:
        letter = work.session.scalars(select(Letter.id)).one()
        about = [link for link in work.session.scalars(select(Link)) if letter in (link.from_id, link.to_id)]
        assert [(link.id, link.state, link.findings) for link in about] == [(kept.id, "confirmed", None)]
    page = archive.desk.client().get(f"/linking?link={kept.id}")
    assert page.status_code == 200


def test_the_index_forgets_it_and_keeps_what_is_left_of_the_tip(archive: Archive) -> None:
    archive.desk.client().get("/linking")
    tip = ("tip", archive.desk.tip(archive.tip).id)
    assert WALLET in held(archive, tip)
    archive.dispose("words")
    assert (held(archive, tip), files(archive, tip)) == ([], [])
    archive.desk.client().get("/linking")  # the rest of the tip is taken in again
    assert sorted(files(archive, tip)) == sorted([archive.exhibits["photo"], archive.exhibits["table"]])
    assert WALLET not in held(archive, tip)


def held(archive: Archive, item: tuple[str, str]) -> list[str]:
    keys = archive.inside.actor("counsel").keyring.program(archive.inside.program_id)
    with ProgramIndex(archive.inside.settings.index_folder, keys, write=False) as index:
        return [one.normal for one in index.held(item)]


def files(archive: Archive, item: tuple[str, str]) -> list[str]:
    keys = archive.inside.actor("counsel").keyring.program(archive.inside.program_id)
    with ProgramIndex(archive.inside.settings.index_folder, keys, write=False) as index:
        return [one.exhibit_id for one in index.files(item)]


# crashes


def test_what_a_crash_left_after_the_commit_is_finished_by_the_sweeps(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.desk.client().get("/linking")
    exhibit = exhibit_of(archive, "photo")
    before = {stored for stored in names(archive) if stored.startswith(exhibit.object_name or "x")}
    with monkeypatch.context() as patched:
        patched.setattr(destroying, "after_commit", lambda *_: None)
        archive.dispose("photo")
    assert before <= names(archive)
    sweep(archive.inside)
    assert not {stored for stored in names(archive) if stored.startswith(exhibit.object_name or "x")}
    assert not path_of(archive.inside.settings.index_folder, archive.inside.program_id).exists()
    with archive.inside.work(write=False) as work:
        assert work.session.scalars(select(OrphanCandidate).where(OrphanCandidate.kind == "index")).all() == []
    sweep(archive.inside)
    archive.desk.client().get("/linking")
    assert archive.exhibits["photo"] not in files(archive, ("tip", archive.desk.tip(archive.tip).id))


def sweep(inside: Installation) -> None:
    """The daily sweeps that have to do with it, as the worker finds them."""
    worker.register_capabilities()
    assert SWEEPS["finish_dispositions"] is finish_dispositions
    assert SWEEPS["sweep_orphans"] is orphans.sweep
    for function in (finish_dispositions, orphans.sweep):
        with inside.worker.unit(write=True) as work:
            function(work)


def test_a_failure_before_the_commit_destroys_nothing(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    proposed = archive.propose("photo")[0]
    archive.inside.sequence()
    before = names(archive)

    def fail(*_: Any) -> None:
        raise Conflict("The power went.")

    monkeypatch.setattr(dispositions, "_close", fail)
    with pytest.raises(Conflict, match="power"), archive.desk.acting("counsel") as (work, actor):
        decide(work, actor, proposed)
    assert names(archive) == before
    assert exhibit_of(archive, "photo").state == "held"
    assert archive.desk.kinds(archive.exhibits["photo"])[-1] != "DISPOSED"


def test_holds_and_dispositions_of_it_can_still_be_read(archive: Archive) -> None:
    archive.dispose("sample")
    page = archive.desk.client().get(f"/exhibits/{archive.exhibits['sample']}/retention").text
    assert "Rule 7 of 2026" in page
    assert "D. Acosta" in page
