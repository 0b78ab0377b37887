"""Exports from the choice to a bundle that strangers' tools accept."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import select, update

from evidence.signing import ssh_fingerprint
from tests.tipline.exports.conftest import Told
from tipline.errors import BadInput, Conflict, Forbidden, NotFound
from tipline.exports import building, rules, services
from tipline.models.cases import Export
from tipline.models.custody import Exhibit, Grant

COUNSEL = "r.lindqvist"


def request(told: Told, ids: tuple[str, ...] | None = None, purpose: str = "Order of 18 Nov") -> str:
    counsel = told.story.actor(COUNSEL)
    with told.console.unit(write=True) as work:
        _, _, choices = services.choices(work, counsel, told.story.case_number)
        chosen = tuple(choice.id for choice in choices) if ids is None else ids
        return services.request_export(work, counsel, services.RequestExport(told.story.case_number, chosen, purpose)).id


def prepare(told: Told, export_id: str) -> None:
    with told.worker.unit(write=True) as work:
        building.prepare_payload(work, export_id)


def sign(told: Told, export_id: str) -> None:
    with told.console.unit(write=True) as work:
        services.sign_export(work, told.story.actor(COUNSEL), export_id)


def seal(told: Told, export_id: str) -> None:
    told.sequencer.run_all()
    with told.worker.unit(write=True) as work:
        building.seal_bundle(work, export_id)


def view(told: Told, export_id: str) -> services.ExportView:
    with told.console.unit(write=False) as work:
        return services.get_export(work, told.story.actor(COUNSEL), export_id)


def download(told: Told, export_id: str, folder: Path) -> Path:
    with told.console.unit(write=True) as work:
        name, length, chunks = services.open_bundle(work, told.story.actor(COUNSEL), export_id)
        data = b"".join(chunks)
    assert len(data) == length
    zipfile.ZipFile(io.BytesIO(data)).extractall(folder)
    return folder / name.removesuffix(".zip")


@pytest.fixture(scope="module")
def unpacked(told: Told, tmp_path_factory: pytest.TempPathFactory) -> Path:
    export_id = request(told)
    prepare(told, export_id)
    sign(told, export_id)
    seal(told, export_id)
    assert view(told, export_id).state == "done"
    return download(told, export_id, tmp_path_factory.mktemp("bundle"))


def run(folder: Path, *command: str, given: Path | None = None) -> subprocess.CompletedProcess[str]:
    with (given or Path("/dev/null")).open() as stdin:
        return subprocess.run(command, cwd=folder, stdin=stdin, capture_output=True, text=True, timeout=120)


def fingerprint(told: Told) -> str:
    return ssh_fingerprint(told.worker.vault.keys.log_key.public)


def test_verify_py_accepts_the_bundle_with_every_signature(told: Told, unpacked: Path) -> None:
    result = run(unpacked, sys.executable, "verify.py", "--key", fingerprint(told), "--attestations")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "RESULT all holds" in result.stdout


def test_another_fingerprint_is_refused(unpacked: Path) -> None:
    result = run(unpacked, sys.executable, "verify.py", "--key", "SHA256:" + "A" * 43)
    assert result.returncode == 1


def test_bagit_accepts_the_bundle(unpacked: Path) -> None:
    result = run(unpacked, sys.executable, "-m", "bagit", "--validate", ".")
    assert result.returncode == 0, result.stderr


def test_sha256sum_accepts_both_manifests(unpacked: Path) -> None:
    assert shutil.which("sha256sum"), "coreutils are needed"
    assert run(unpacked, "sha256sum", "-c", "manifest-sha256.txt", "tagmanifest-sha256.txt").returncode == 0


def test_ssh_keygen_accepts_the_signature(told: Told, unpacked: Path) -> None:
    assert shutil.which("ssh-keygen"), "an OpenSSH client is needed"
    origin = told.worker.vault.keys.text("log.origin")
    names = ["-f", "seal/allowed_signers", "-I", origin, "-n", "tipline-bundle", "-s", "seal/tagmanifest-sha256.txt.sig"]
    result = run(unpacked, "ssh-keygen", "-Y", "verify", *names, given=unpacked / "tagmanifest-sha256.txt")
    assert result.returncode == 0, result.stdout + result.stderr


def test_what_would_name_the_source_stays_closed(unpacked: Path) -> None:
    everything = b"".join(path.read_bytes() for path in unpacked.rglob("*") if path.is_file() and "originals" not in path.parts)
    assert b"members-extract" not in everything
    assert b"protects the source" in everything


def test_nothing_of_a_finished_export_is_left_open(told: Told, unpacked: Path) -> None:
    with told.console.unit(write=False) as work:
        done = work.session.scalars(select(Export).where(Export.state == "done")).first()
        assert done is not None
        assert done.disclosures is None
        assert work.session.scalars(select(Grant).where(Grant.subject_id == done.id)).all() == []
    assert unpacked.is_dir()


def test_the_jobs_may_run_twice(told: Told) -> None:
    export_id = request(told)
    prepare(told, export_id)
    prepare(told, export_id)
    sign(told, export_id)
    seal(told, export_id)
    first = view(told, export_id)
    seal(told, export_id)
    assert view(told, export_id) == first


def test_an_export_is_signed_once(told: Told) -> None:
    export_id = request(told)
    with pytest.raises(Conflict, match="does not wait"):
        sign(told, export_id)
    prepare(told, export_id)
    sign(told, export_id)
    with pytest.raises(Conflict, match="does not wait"):
        sign(told, export_id)


@pytest.mark.parametrize(("ids", "purpose"), [((), "x"), (("f" * 32,), "x"), (None, "  ")])
def test_a_choice_that_makes_no_sense_starts_nothing(told: Told, ids: tuple[str, ...] | None, purpose: str) -> None:
    before = len(exports(told))
    with pytest.raises(BadInput):
        request(told, ids, purpose)
    assert len(exports(told)) == before


def exports(told: Told) -> list[services.ExportView]:
    with told.console.unit(write=False) as work:
        return services.list_exports(work, told.story.actor(COUNSEL))


def test_an_investigator_exports_nothing(told: Told) -> None:
    with told.console.unit(write=True) as work, pytest.raises(Forbidden):
        services.choices(work, told.story.actor("m.okafor"), told.story.case_number)


def test_an_unknown_export_is_not_found(told: Told) -> None:
    with pytest.raises(NotFound):
        view(told, "0" * 32)


def test_changed_bytes_stop_the_export_and_quarantine_the_exhibit(told: Told) -> None:
    export_id = request(told)
    with told.console.unit(write=False) as work:
        exhibit = services.exhibits_of(work, work.session.get_one(Export, export_id))[-1]
    [path] = told.story.settings.data.glob(f"objects/**/{exhibit.object_name}.age")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        with pytest.raises(Conflict, match="not the bytes"):
            prepare(told, export_id)
        failed = view(told, export_id)
        assert (failed.state, str(exhibit.number) in failed.failure) == ("failed", True)
        with told.console.unit(write=False) as work:
            offered = services.choices(work, told.story.actor(COUNSEL), told.story.case_number)[2]
        told_why = [choice.obstacle for choice in offered if choice.id == exhibit.id]
        assert told_why == ["Quarantined: its bytes are not those that were received."]
    finally:
        path.write_bytes(whole)
        with told.console.unit(write=True) as work:
            work.session.execute(update(Exhibit).where(Exhibit.id == exhibit.id).values(state="held"))


def test_counsels_reads_are_withheld_as_work_product() -> None:
    read = {"kind": "VIEWED", "role": "counsel", "actor": "r.lindqvist", "purpose": None}
    assert rules.withheld(read, from_source=False) == dict.fromkeys(("actor", "role"), "work product of counsel")
    assert rules.withheld({**read, "role": "investigator"}, from_source=False) == {}


@pytest.mark.parametrize(("media_type", "ending"), [("image/jpeg", "jpg"), ("text/x-python", "txt"), ("application/x-dosexec", "bin")])
def test_file_endings_are_generated_from_what_the_bytes_are(media_type: str, ending: str) -> None:
    assert rules.extension(media_type) == ending
