"""From a tip to a bundle over real HTTP, against `tipline run`, and what a thief of the disk then has."""

from __future__ import annotations

import io
import re
import secrets
import subprocess
import sys
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from evidence.keys import Identity, wrap
from evidence.storage import open_store
from tests.conftest import empty_database
from tests.evidence.examine.jails import needs_jail
from tests.journeys import invariants, theft
from tests.journeys.inputs import Inputs, own_inputs, real_inputs
from tests.journeys.site import running_site
from tests.journeys.walk import Walk, secrets_of, walk_through
from tests.servers import RunningS3
from tipline.db import open_engine

pytestmark = needs_jail  # a photo's place, its preview and a file's records are found there
WAYS = ("files", pytest.param("servers", marks=pytest.mark.servers))


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """On SQLite and a folder with the real inputs (own samples where they are not), and on the own ones with PostgreSQL and S3."""
    return str(request.param)


@pytest.fixture(scope="module")
def inputs(way: str, shared: Path | None) -> Inputs:
    """Small samples of the project's own, and the real ones where they are (CI demands them)."""
    return own_inputs() if way == "servers" or shared is None else real_inputs(shared)


@pytest.fixture(scope="module")
def servers(way: str, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Where the site keeps its things: by itself, or on a real PostgreSQL and a real S3 server together."""
    if way != "servers":
        yield {}
        return
    s3: RunningS3 = request.getfixturevalue("s3_server")
    with empty_database(request.getfixturevalue("postgres_server")) as url:
        yield {"database_url": url, "storage_url": s3.url.replace("/objects?", f"/{secrets.token_hex(6)}?")}


@pytest.fixture(scope="module")
def walked(inputs: Inputs, servers: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Walk the whole way once; the tests then look at what it left."""
    with running_site(tmp_path_factory.mktemp("journey") / "instance", **servers) as site:
        yield walk_through(site, inputs)


@pytest.fixture(scope="module")
def unpacked(walked: Walk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stranger")
    zipfile.ZipFile(io.BytesIO(walked.bundle)).extractall(folder)
    [bundle] = folder.iterdir()
    return bundle


def run(folder: Path, *command: str, given: Path | None = None) -> subprocess.CompletedProcess[str]:
    with (given or Path("/dev/null")).open() as stdin:
        return subprocess.run(command, cwd=folder, stdin=stdin, capture_output=True, text=True, timeout=120)


def test_a_stranger_verifies_the_bundle_offline(walked: Walk, unpacked: Path) -> None:
    origin = re.search(r"^Tipline-Log-Origin: (.+)$", (unpacked / "bag-info.txt").read_text(), re.MULTILINE)
    assert origin
    signature = ["-s", "seal/tagmanifest-sha256.txt.sig", "-f", "seal/allowed_signers", "-I", origin[1], "-n", "tipline-bundle"]
    results = [
        run(unpacked, "sha256sum", "-c", "manifest-sha256.txt", "tagmanifest-sha256.txt"),
        run(unpacked, sys.executable, "-m", "bagit", "--validate", "."),
        run(unpacked, "ssh-keygen", "-Y", "verify", *signature, given=unpacked / "tagmanifest-sha256.txt"),
        run(unpacked, sys.executable, "verify.py", "--key", walked.fingerprint, "--attestations"),
    ]
    assert [result.returncode for result in results] == [0] * 4, "\n".join(result.stdout + result.stderr for result in results)


def test_the_bundle_holds_what_was_sent_byte_for_byte(walked: Walk, unpacked: Path) -> None:
    originals = {path.read_bytes() for path in (unpacked / "data" / "originals").iterdir()}
    for sent in (walked.inputs.photo, walked.inputs.document, walked.inputs.table, walked.inputs.letter, walked.inputs.sample):
        assert sent in originals


def test_every_change_to_the_bundle_is_named(walked: Walk, unpacked: Path) -> None:
    for path in sorted(path for path in unpacked.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        if not whole or path.name == "verify.py":
            continue
        path.write_bytes(whole[:-1])
        try:
            result = run(unpacked, sys.executable, "verify.py", "--key", walked.fingerprint)
            assert result.returncode == 1, f"a truncated {path.name} passes"
            assert "FAIL" in result.stdout
        finally:
            path.write_bytes(whole)


def test_nothing_that_was_sent_lies_in_the_clear(walked: Walk) -> None:
    assert theft.search(walked.site, secrets_of(walked)) == []


def test_every_clear_column_and_file_is_one_that_the_spec_names(walked: Walk) -> None:
    assert theft.unlisted_files(walked.site) == []
    assert theft.unlisted_columns(walked.site) == []


def test_with_nobody_signed_in_all_keys_of_the_disk_open_nothing(walked: Walk) -> None:
    assert theft.openable_objects(walked.site) == []


def test_record_log_and_store_agree(walked: Walk) -> None:
    settings, counsel = theft.settings_of(walked.site), walked.staff["counsel"]
    invariants.settle(settings)
    assert invariants.broken(settings, invariants.keys_of(settings, counsel.login, counsel.passphrase)) == []


# the search can fail


def test_a_planted_secret_is_found_wherever_it_lies(walked: Walk) -> None:
    control = secrets.token_hex(12).encode()
    settings = theft.settings_of(walked.site)
    planted = walked.site.data / "objects" / "tmp" / "left-behind"
    planted.parent.mkdir(parents=True, exist_ok=True)
    store, name = open_store(settings.storage), f"{secrets.token_hex(32)}.age"
    engine = open_engine(settings.database)
    walked.site.lines.append(f"GET /?q={control.decode()}")
    try:
        planted.write_bytes(b"\0" + b64encode(b"x" + control))
        store.put(name, control.hex().encode())
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO counter (series, value) VALUES (:series, 1)"), {"series": control.decode()})
        found = theft.search(walked.site, [control])
        assert [path for path in theft.unlisted_files(walked.site) if "left" in path] == []
    finally:
        planted.unlink()
        store.remove(name)
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM counter WHERE series = :series"), {"series": control.decode()})
        engine.dispose()
        walked.site.lines.pop()
    places = [where.partition(": ")[0] for where in found]
    assert any(where.endswith("left-behind") for where in places)
    assert any(name in where for where in places)
    assert any(where.startswith("table ") and where.endswith("counter") for where in places)
    assert "what was printed" in places


def test_an_object_that_a_key_of_the_disk_opens_is_found(walked: Walk) -> None:
    examiner = Identity.parse((walked.site.data / "keys" / "worker" / "examiner.key").read_text().strip())
    store, name = open_store(theft.settings_of(walked.site).storage), f"{secrets.token_hex(32)}.grant.{secrets.token_hex(16)}.age"
    store.put(name, wrap(b"anything", [examiner.recipient]))
    try:
        assert theft.openable_objects(walked.site) == [name]
    finally:
        store.remove(name)


def test_a_file_that_the_spec_does_not_name_is_found(walked: Walk) -> None:
    unlisted = walked.site.data / "notes.txt"
    unlisted.write_text("x")
    try:
        assert theft.unlisted_files(walked.site) == ["notes.txt"]
    finally:
        unlisted.unlink()
