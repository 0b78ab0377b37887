"""Object lock on a real S3 server: objects can't be removed before their time, wraps of keys can, and what can't be so is refused."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime, timedelta

import obstore
import pytest
from obstore.exceptions import PermissionDeniedError

from evidence.errors import AlreadyThere, EvidenceError, StillLocked, UsageError
from evidence.keys import Identity
from evidence.scrub import Stored, scrub
from evidence.storage import Lock, VersionedStore, is_object, open_store
from evidence.storage.s3 import ONE_PUT, S3Store
from evidence.vault import Vault
from tests.evidence.object_lock import Answer, ask, make_locking_bucket
from tests.servers import RunningS3

pytestmark = pytest.mark.servers

PROGRAM = Identity.generate()


@pytest.fixture(scope="module")
def bucket(s3_server: RunningS3) -> str:
    name = f"locked-{secrets.token_hex(4)}"
    make_locking_bucket(s3_server, name)
    return name


@pytest.fixture(params=["GOVERNANCE", "COMPLIANCE"])
def vault(request: pytest.FixtureRequest, s3_server: RunningS3, bucket: str) -> Vault:
    return Vault(open_store(f"{s3_server.url}&locked={bucket}", lock=Lock(3, request.param)))


def stored(vault: Vault, data: bytes = b"x" * 3000) -> Stored:
    with vault.receive() as receiving:
        receiving.write(data)
        sealed = receiving.finish()
    vault.add_key(sealed.keyfile, [PROGRAM.recipient])
    vault.add_grant(sealed.keyfile, "abc", [PROGRAM.recipient])
    return Stored(sealed.keyfile.object_name, sealed.sealed_length)


def look(server: RunningS3, bucket: str, name: str) -> Answer:
    return ask(server, "HEAD", f"/{bucket}/objects/{name.partition('.')[0]}/{name}")


def test_an_object_is_locked_and_its_version_is_not_removed(vault: Vault, s3_server: RunningS3, bucket: str) -> None:
    one = stored(vault)
    found = look(s3_server, bucket, f"{one.name}.age")
    end = datetime.now(UTC).date() + timedelta(days=4)
    assert found.headers["x-amz-object-lock-retain-until-date"].startswith(
        f"{end.isoformat()}T00:00:00"
    )  # the end of a day: no hour is told
    version = found.headers["x-amz-version-id"]
    path = f"/{bucket}/objects/{one.name}/{one.name}.age"
    assert ask(s3_server, "DELETE", path, f"versionId={version}").status == 403
    vault.remove(one.name)  # hides it; the version stays
    assert ask(s3_server, "HEAD", path, f"versionId={version}").status == 200
    assert ask(s3_server, "DELETE", path, f"versionId={version}").status == 403


def test_key_files_and_grants_go_for_good(vault: Vault, s3_server: RunningS3, bucket: str) -> None:
    one = stored(vault)
    wraps = [name for name in vault.store.names(one.name) if not is_object(name)]
    assert len(wraps) == 2
    assert all(look(s3_server, bucket, name).status == 404 for name in wraps)  # not in the bucket that locks
    vault.remove(one.name)
    assert list(vault.store.names(one.name)) == []
    assert all(look(s3_server, "tipline-test", name).status == 404 for name in wraps)


def test_large_objects_are_locked_too(vault: Vault, s3_server: RunningS3, bucket: str) -> None:
    one = stored(vault, os.urandom(ONE_PUT + 1000))
    assert "x-amz-object-lock-mode" in look(s3_server, bucket, f"{one.name}.age").headers


def test_everything_else_works_as_in_one_bucket(vault: Vault) -> None:
    one = stored(vault)
    assert sorted(vault.store.names(one.name)) == sorted([f"{one.name}.age", f"{one.name}.grant.abc.age", f"{one.name}.key.1.age"])
    assert [finding.fault for finding in scrub(vault.store, [one])] == [""]
    with pytest.raises(AlreadyThere):
        vault.store.put(f"{one.name}.age", b"again")
    assert vault.store.size(f"{one.name}.age") == one.length
    assert vault.store.lock_days == 3
    assert isinstance(vault.store, VersionedStore)
    assert vault.store.locks()


def test_a_server_that_refuses_says_still_locked_and_the_keys_are_gone(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    one = stored(vault)
    real = obstore.delete

    def refusing(bucket: object, key: str) -> None:
        if is_object(key.rpartition("/")[2]):
            raise PermissionDeniedError("AccessDenied")
        real(bucket, key)  # type: ignore[arg-type]

    monkeypatch.setattr(obstore, "delete", refusing)
    with pytest.raises(StillLocked):
        vault.remove(one.name)
    assert list(vault.store.names(one.name)) == [f"{one.name}.age"]


def test_whether_a_bucket_keeps_versions_is_seen(s3_server: RunningS3, bucket: str) -> None:
    plain = open_store(s3_server.url)
    versioned = open_store(s3_server.url.replace("tipline-test", bucket))
    assert isinstance(plain, S3Store)
    assert isinstance(versioned, S3Store)
    assert (plain.keeps_versions(), versioned.keeps_versions()) == (False, True)
    assert plain.lock_days == 0


def test_a_bucket_without_lock_takes_nothing_under_a_lock(s3_server: RunningS3) -> None:
    assert ask(s3_server, "PUT", "/without-lock").status == 200
    store = open_store(f"{s3_server.url}&locked=without-lock", lock=Lock(3))
    with pytest.raises(EvidenceError, match="did not do what was asked"):
        stored(Vault(store))
    assert isinstance(store, S3Store)
    assert not store.locks()


def test_a_lock_needs_a_bucket_of_its_own(s3_server: RunningS3) -> None:
    for url, lock in (
        (s3_server.url, Lock(3)),
        (f"{s3_server.url}&locked=other", None),
        (f"{s3_server.url}&locked=tipline-test", Lock(3)),
        ("/tmp/folder", Lock(3)),
    ):
        with pytest.raises(UsageError):
            open_store(url, lock=lock)
