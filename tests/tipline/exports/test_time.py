"""Time around an export: stamps now and later, the published checkpoint before and after, and who had to sign before."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update

from evidence import timestamp
from evidence.errors import IntegrityError, UsageError
from evidence.verify import Wanted, verify_bundle
from tests.evidence.authority import Authority, serving
from tests.tipline.exports.conftest import Told
from tests.tipline.exports.test_exporting import COUNSEL, download, fingerprint, prepare, request, seal, sign, view
from tests.tipline.exports.test_pages import counsel as counsel
from tipline import stamping
from tipline.cli import main as tipline_command
from tipline.config import Settings
from tipline.doctor import check_stamps
from tipline.errors import BadInput, Conflict, NotFound
from tipline.exports import building, services
from tipline.models.cases import Export
from tipline.models.custody import Exhibit, Restoration, ScrubFinding, TimeStamp
from tipline.process import Process
from tipline.worker import Worker


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with serving(Authority(tmp_path_factory.mktemp("tsa") / "a"), lambda: timestamp.request(bytes(32))[0]) as running:
        yield running


@contextmanager
def with_authority(told: Told, authority: Authority, **more: object) -> Iterator[Told]:
    """The same installation with an authority in its settings; no stamp is left behind."""
    wanted = {"timestamp_urls": authority.url, "timestamp_roots": authority.roots, **more}
    settings = told.worker.settings.model_copy(update=wanted)

    def changed(process: Process) -> Process:
        return replace(process, settings=settings)

    try:
        yield Told(told.story, changed(told.console), changed(told.worker), told.sequencer)
    finally:
        authority.manner = "well"
        with told.worker.unit(write=True) as work:
            work.session.execute(delete(TimeStamp))


def exported(told: Told) -> str:
    export_id = request(told)
    prepare(told, export_id)
    sign(told, export_id)
    seal(told, export_id)
    return export_id


def sweep(told: Told) -> int:
    with told.worker.unit(write=False) as work:
        return stamping.sweep(work)


def test_a_bundle_carries_the_stamps_and_the_published_checkpoint(told: Told, authority: Authority, tmp_path: Path) -> None:
    with with_authority(told, authority) as stamped:
        told.sequencer.publish()
        assert sweep(stamped) == 1, "the newest published checkpoint is stamped"
        assert sweep(stamped) == 0
        folder = download(stamped, exported(stamped), tmp_path)
    assert {"published", "published-proof", "published.1.tsr"} <= {path.name for path in (folder / "custody").iterdir()}
    command = [sys.executable, "-I", "verify.py", "--key", fingerprint(told), "--attestations", "--ca", str(authority.roots)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("openssl ts -verify holds it good") == 2
    assert "untimestamped" not in done.stdout
    assert "interim" in done.stdout
    openssl = ["openssl", "ts", "-verify", "-data", "tagmanifest-sha256.txt", "-in", "seal/tagmanifest-sha256.txt.1.tsr"]
    done = subprocess.run([*openssl, "-CAfile", str(authority.roots)], cwd=folder, capture_output=True, text=True, check=False)
    assert "Verification: OK" in done.stdout
    data = (folder / "tagmanifest-sha256.txt").read_bytes()
    with told.console.unit(write=False) as work:
        newest = work.session.scalars(select(Export).where(Export.state == "done").order_by(Export.finished_at.desc())).first()
    assert newest is not None
    assert newest.tag_digest == "sha256:" + hashlib.sha256(data).hexdigest()


def test_what_did_not_answer_is_said_and_asked_again(told: Told, authority: Authority, tmp_path: Path) -> None:
    with with_authority(told, authority) as stamped:
        authority.manner = "error"
        export_id = exported(stamped)
        after = view(stamped, export_id).after
        assert after is not None
        assert [stamp.words for stamp in after.stamps] == [f"untimestamped: {stamping.host(authority.url)} gave no stamp, asked 1 time"]
        folder = download(stamped, export_id, tmp_path)
        assert any("untimestamped" in line for line in verify_bundle(folder, Wanted()).lines)
        sweep(stamped)
        with told.worker.unit(write=True) as work:
            row = work.session.scalars(select(TimeStamp).where(TimeStamp.subject_id == export_id)).one()
            assert row.tries == 1, "not due before a minute has passed"
            row.tried_at = work.now() - timedelta(minutes=2)
        authority.manner = "well"
        assert sweep(stamped) >= 1
        after = view(stamped, export_id).after
        assert after is not None
        assert [(late.number, late.path) for late in after.late] == [(1, "seal/tagmanifest-sha256.txt.1.tsr")]
        with stamped.console.unit(write=False) as work:
            data = services.get_late_stamp(work, told.story.actor(COUNSEL), export_id, "tagmanifest-sha256.txt.1.tsr")
            with pytest.raises(NotFound, match="no such time stamp"):
                services.get_late_stamp(work, told.story.actor(COUNSEL), export_id, "tagmanifest-sha256.txt.2.tsr")
    (folder / "seal/tagmanifest-sha256.txt.1.tsr").write_bytes(data)
    report = verify_bundle(folder, Wanted(key=fingerprint(told), ca=authority.roots))
    assert report.exit_code() == 0, report.problems
    assert not any("untimestamped" in line for line in report.lines)


def test_no_stamp_comes_between_the_sealing_and_the_end(told: Told, authority: Authority) -> None:
    """What the sweep got while a bundle is packed would be neither in it nor offered beside it."""
    with with_authority(told, authority) as stamped:
        export_id = request(stamped)
        with stamped.worker.unit(write=False) as work:
            authority.manner = "page"
            assert stamping.stamp_export(work, export_id, b"tags") == []
            authority.manner = "well"
            stamping.ask_now(work, lambda text: None)
            assert stamping.replies(work.session, export_id, [authority.url]) == []


@pytest.mark.parametrize("manner", ["other", "page", "cut"])
def test_an_authority_that_answers_wrongly_has_not_stamped(told: Told, authority: Authority, manner: str) -> None:
    with with_authority(told, authority) as stamped, stamped.worker.unit(write=False) as work:
        authority.manner = manner
        assert stamping.stamp_export(work, "e" * 32, b"tags") == []
        authority.manner = "well"
        told_why: list[str] = []
        assert stamping.ask_now(work, told_why.append) == 0
        assert any(line.endswith(": stamped") for line in told_why)
        [reply] = stamping.replies(work.session, "e" * 32, [authority.url])
        assert stamping.stamp_export(work, "e" * 32, b"tags") == [reply], "what is stamped is not asked for again"
        assert stamping.stamp_export(work, "e" * 32, b"other tags") != [reply], "another manifest gets another stamp"


def test_without_roots_no_stamp_is_believed(told: Told, authority: Authority) -> None:
    with with_authority(told, authority, timestamp_roots=None) as stamped, stamped.worker.unit(write=False) as work:
        said: list[str] = []
        assert stamping.stamp_export(work, "f" * 32, b"tags") == []
        assert stamping.ask_now(work, said.append) >= 1
        assert any("TIMESTAMP_ROOTS is not set" in line for line in said)


def test_the_distances_grow_and_stay_below_six_hours() -> None:
    row = TimeStamp(tries=0, tried_at=None)
    with pytest.raises(UsageError, match="10 time-stamping"):
        stamping.authorities(Settings(timestamp_urls=" ".join(f"http://a{n}/" for n in range(10))))
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    assert stamping.is_due(row, now)
    for tries, minutes in ((1, 1), (2, 2), (5, 16), (30, 360)):
        row.tries, row.tried_at = tries, now
        assert not stamping.is_due(row, now + timedelta(minutes=minutes, seconds=-1))
        assert stamping.is_due(row, now + timedelta(minutes=minutes))


def test_the_next_published_checkpoint_covers_the_bundle(told: Told, tmp_path: Path) -> None:
    export_id = exported(told)
    with told.console.unit(write=False) as work, pytest.raises(NotFound, match="No checkpoint was published"):
        services.get_covering(work, told.story.actor(COUNSEL), export_id)
    folder = download(told, export_id, tmp_path)
    told.sequencer.publish()
    after = view(told, export_id).after
    assert after is not None
    assert after.covers
    with told.console.unit(write=False) as work:
        note, proof = services.get_covering(work, told.story.actor(COUNSEL), export_id)
    (tmp_path / "note").write_bytes(note)
    (tmp_path / "proof").write_bytes(proof)
    report = verify_bundle(folder, Wanted(key=fingerprint(told), published=tmp_path / "note", proof=tmp_path / "proof"))
    assert report.exit_code() == 0, report.problems
    assert not any("interim" in line for line in report.lines)
    assert any("covers the bundle" in line for line in report.lines)


def test_a_physical_thing_is_listed_and_not_copied(told: Told, tmp_path: Path) -> None:
    with told.console.unit(write=False) as work:
        exhibit_id = services.choices(work, told.story.actor(COUNSEL), told.story.case_number)[2][0].id
    with changed(told, exhibit_id, kind="physical"):
        export_id = exported(told)
        shown = {exhibit.id: exhibit.copied for exhibit in view(told, export_id).exhibits}
        folder = download(told, export_id, tmp_path)
    assert shown[exhibit_id] is False
    assert "physical: the thing itself is held, not copied" in (folder / "data/exceptions.csv").read_text()
    report = verify_bundle(folder, Wanted(attestations=True))
    assert report.exit_code() == 3, report.problems
    assert len(list((folder / "data/originals").iterdir())) == len(shown) - 1


def test_what_was_made_from_a_sources_file_protects_the_source_too(told: Told) -> None:
    with told.worker.unit(write=False) as work:
        rows = work.session.scalars(select(Exhibit).where(Exhibit.case_id.is_not(None))).all()
        attachment = next(row for row in rows if row.kind == "attachment")
        letter = next(row for row in rows if row.kind == "letter")
        for parent, protected in ((attachment, True), (letter, False)):
            copy = Exhibit(kind="redaction", parent_id=parent.id)
            assert services._is_from_source(work, copy) is protected
        assert services._is_from_source(work, attachment)
        assert not services._is_from_source(work, letter)


@contextmanager
def changed(told: Told, exhibit_id: str, **values: object) -> Iterator[None]:
    """An exhibit with other values in its row, for a while."""
    with told.worker.unit(write=True) as work:
        row = work.session.get_one(Exhibit, exhibit_id)
        before = {name: getattr(row, name) for name in values}
        work.session.execute(update(Exhibit).where(Exhibit.id == exhibit_id).values(**values))
    try:
        yield
    finally:
        with told.worker.unit(write=True) as work:
            work.session.execute(update(Exhibit).where(Exhibit.id == exhibit_id).values(**before))


def obstacles(told: Told) -> dict[str, str]:
    with told.console.unit(write=False) as work:
        return {choice.id: choice.obstacle for choice in services.choices(work, told.story.actor(COUNSEL), told.story.case_number)[2]}


def test_what_failed_a_scrub_or_is_set_aside_cannot_go_out(told: Told) -> None:
    exhibit_id = next(iter(obstacles(told)))
    export_id = request(told)
    prepare(told, export_id)
    with told.worker.unit(write=True) as work:
        name = work.session.get_one(Exhibit, exhibit_id).object_name
        work.session.add(ScrubFinding(object_name=name, fault="changed", found_at=work.now()))
    try:
        assert obstacles(told)[exhibit_id] == "Its stored bytes failed their last reading: The object's bytes were changed."
        with pytest.raises(BadInput, match="can't go out"):
            request(told, (exhibit_id,))
        with pytest.raises(Conflict, match=r"any more.*failed their last reading"):
            sign(told, export_id)
    finally:
        with told.worker.unit(write=True) as work:
            work.session.execute(delete(ScrubFinding))
    with changed(told, exhibit_id, state="disposed"):
        assert obstacles(told)[exhibit_id].startswith("Disposed of")
    assert not any(obstacles(told).values())


def test_while_a_recovery_waits_for_signatures_nothing_is_sealed(told: Told) -> None:
    export_id = request(told)
    prepare(told, export_id)
    waiting = Restoration(kind="database", from_index=1, to_index=2, found_at=told.worker.clock())
    with told.worker.unit(write=True) as work:
        work.session.add(waiting)
    try:
        for act in (lambda: request(told), lambda: sign(told, export_id)):
            with pytest.raises(Conflict, match="two people have yet to sign"):
                act()
    finally:
        with told.worker.unit(write=True) as work:
            work.session.execute(delete(Restoration))
    sign(told, export_id)
    with told.worker.unit(write=True) as work:
        work.session.add(Restoration(kind="database", from_index=1, to_index=2, found_at=work.now()))
    try:
        with pytest.raises(Conflict, match="two people have yet to sign"):
            seal(told, export_id)
        assert view(told, export_id).state == "failed"
    finally:
        with told.worker.unit(write=True) as work:
            work.session.execute(delete(Restoration))


def test_a_bundle_that_was_stored_otherwise_is_never_offered(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the store gives back is read to its last byte and verified before the page offers it."""
    export_id = request(told)
    prepare(told, export_id)
    sign(told, export_id)
    keep = building._keep

    def another(work: object, title: str, files: dict[str, bytes], program_id: str) -> object:
        return keep(work, title, {**files, "custody/checkpoint": b"another"}, program_id)  # type: ignore[arg-type]

    monkeypatch.setattr(building, "_keep", another)
    with pytest.raises(IntegrityError, match="would not verify: custody/checkpoint: changed"):
        seal(told, export_id)
    assert view(told, export_id).state == "failed"


def test_the_worker_asks_by_itself_and_the_command_lists_and_asks(
    told: Told, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with with_authority(told, authority) as stamped:
        told.sequencer.publish()
        authority.manner = "page"
        monkeypatch.setenv("TIPLINE_DATA", str(told.worker.settings.data))
        monkeypatch.setenv("TIPLINE_TIMESTAMP_URLS", authority.url)
        monkeypatch.setenv("TIPLINE_TIMESTAMP_ROOTS", str(authority.roots))
        asked = CliRunner().invoke(tipline_command, ["stamps", "--now"])
        assert asked.exit_code == 1
        assert "did not answer with a time stamp but with text/html" in asked.stderr
        assert f"untimestamped: {stamping.host(authority.url)} gave no stamp, asked 1 time" in asked.stdout
        authority.manner = "well"
        with told.worker.unit(write=True) as work:
            for row in work.session.scalars(select(TimeStamp)):
                row.tried_at = None
        worker = Worker(stamped.worker.settings)
        worker._stamp()
        worker.process.database.dispose()
        listed = CliRunner().invoke(tipline_command, ["stamps", "--json"])
        assert listed.exit_code == 0
        assert json.loads(listed.stdout.splitlines()[0])["stamped"].startswith("20")


def test_the_page_offers_what_came_later(told: Told, authority: Authority, counsel: FlaskClient) -> None:
    with with_authority(told, authority) as stamped:
        authority.manner = "page"
        export_id = exported(stamped)
        page = counsel.get(f"/exports/{export_id}").text
        assert "Untimestamped: 127.0.0.1" in page
        assert counsel.get(f"/exports/{export_id}/published").status_code == 404
        authority.manner = "well"
        with stamped.worker.unit(write=False) as work:
            stamping.ask_now(work, lambda text: None)
        told.sequencer.publish()
        page = counsel.get(f"/exports/{export_id}").text
        assert "Lay it into the unpacked bundle as <code>seal/tagmanifest-sha256.txt.1.tsr</code>" in page
        reply = counsel.get(f"/exports/{export_id}/stamps/tagmanifest-sha256.txt.1.tsr")
        assert (reply.status_code, reply.content_type) == (200, "application/timestamp-reply")
        assert reply.headers["Content-Disposition"] == "attachment; filename=tagmanifest-sha256.txt.1.tsr"
        assert counsel.get(f"/exports/{export_id}/stamps/other").status_code == 404
        assert "It covers this bundle." in page
        assert counsel.get(f"/exports/{export_id}/published").text.startswith(told.worker.vault.keys.text("log.origin"))
        assert counsel.get(f"/exports/{export_id}/published-proof").text.startswith("tipline/consistency/1\n")


def test_the_doctor_says_whether_stamps_can_be_believed(authority: Authority, tmp_path: Path) -> None:
    asked = {"data": tmp_path, "timestamp_urls": authority.url}
    assert check_stamps(Settings(data=tmp_path)).state == "missing"
    assert check_stamps(Settings(**asked)).state == "fails"
    assert check_stamps(Settings(**asked, timestamp_roots=tmp_path / "none.pem")).state == "fails"
    works = check_stamps(Settings(**asked, timestamp_roots=authority.roots))
    assert (works.state, works.found) == ("works", f"{stamping.host(authority.url)}, 1 root")
