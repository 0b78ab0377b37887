"""Tips through the public form, and one large upload, against the same work done in-process.

    python bench/intake.py [--tips 200] [--size 1073741824]

Prints tips per second with a 1 MiB attachment at 1 and 4 clients, how many of the acknowledged ones are stored, and the
throughput and extra memory of one upload. The server is the one of `tipline run`; clients and server share the machine.
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import func, select

from tipline import supervisor
from tipline.config import Settings
from tipline.demo.content import SLUG
from tipline.demo.story import begin
from tipline.models.tips import Tip
from tipline.process import Process, open_process

MIB = 1024 * 1024
BOUNDARY = "tipline-bench-boundary"
DRAFT = re.compile(rb'name="draft" value="([^"]+)"')


def multipart_head(draft: str, name: str) -> bytes:
    fields = {"draft": draft, "what": "I saw it myself.", "how": "saw"}
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
    parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n')
    return ("".join(parts) + "Content-Type: application/octet-stream\r\n\r\n").encode()


TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()


class Client:
    """One source: form, check, send, over one kept connection."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)

    def form(self) -> str:
        self.connection.request("GET", f"/p/{SLUG}/tip")
        return self._draft()

    def check(self, draft: str, attachment: bytes) -> str:
        head = multipart_head(draft, "photo.bin")
        body = head + attachment + TAIL
        self.connection.request("POST", f"/p/{SLUG}/tip", body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
        return self._draft()

    def send(self, draft: str) -> bool:
        self.connection.request("POST", f"/p/{SLUG}/send", f"draft={draft}", {"Content-Type": "application/x-www-form-urlencoded"})
        response = self.connection.getresponse()
        return b'class="words"' in response.read() and response.status == 200

    def _draft(self) -> str:
        response = self.connection.getresponse()
        page = response.read()
        found = DRAFT.search(page)
        if response.status != 200 or not found:
            raise RuntimeError(f"status {response.status}: {page[:300]!r}")
        return found[1].decode()


def send_tips(port: int, count: int) -> int:
    client, attachment = Client(port), secrets.token_bytes(MIB)
    return sum(client.send(client.check(client.form(), attachment)) for _ in range(count))


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@contextmanager
def public_face(settings: Settings) -> Iterator[tuple[int, int]]:
    """Start the public face alone; yields its port and process id. The worker rests: its share of the machine is another figure."""
    port = free_ports(1)[0]
    environment = {**os.environ, "TIPLINE_DATA": str(settings.data), "PYTHONPATH": str(Path.cwd())}
    process = subprocess.Popen(supervisor.command_of("public", port), env=environment)
    try:
        for _ in range(200):
            try:
                Client(port).form()
                break
            except OSError:
                time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def resident(pid: int) -> int:
    """Return the most memory, in bytes, that a process and its children have had resident (VmHWM)."""
    pids = [pid, *map(int, subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split())]
    status = "".join(Path(f"/proc/{one}/status").read_text() for one in pids)
    return sum(int(kib) * 1024 for kib in re.findall(r"VmHWM:\s+(\d+) kB", status))


def bench_tips(settings: Settings, port: int, tips: int) -> None:
    console = open_process("console", settings)
    for clients in (1, 4):
        with multiprocessing.get_context("spawn").Pool(clients) as pool:
            pool.starmap(send_tips, [(port, 1)] * clients)  # starts processes and warms the server
            before, start = stored(console), time.perf_counter()
            acknowledged = sum(pool.starmap(send_tips, [(port, tips // clients)] * clients))
        seconds = time.perf_counter() - start
        kept = stored(console) - before
        print(f"tips, 1 MiB attachment, {clients} clients: {acknowledged / seconds:.1f}/s; {acknowledged} acknowledged, {kept} stored")


def stored(console: Process) -> int:
    with console.unit(write=False) as work:
        return int(work.session.execute(select(func.count()).select_from(Tip)).scalar_one())


def pieces(size: int) -> Iterator[bytes]:
    block = secrets.token_bytes(MIB)
    for _ in range(size // MIB):
        yield block


def bench_in_process(settings: Settings, size: int) -> float:
    """Hash, seal and store the same bytes, durable, without HTTP. Returns bytes a second."""
    worker = open_process("worker", settings)
    start = time.perf_counter()
    with worker.vault.objects.receive() as receiving:
        for piece in pieces(size):
            receiving.write(piece)
        sealed = receiving.finish()
    seconds = time.perf_counter() - start
    worker.vault.objects.remove(sealed.keyfile.object_name)
    return size / seconds


def bench_upload(port: int, size: int) -> float:
    """Upload one file through the form. Returns bytes a second, until the answer stands there."""
    client = Client(port)
    head = multipart_head(client.form(), "disk.img")
    start = time.perf_counter()
    connection = client.connection
    connection.putrequest("POST", f"/p/{SLUG}/tip")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(head) + size + len(TAIL)))
    connection.endheaders(head)
    for piece in pieces(size):
        connection.send(piece)
    connection.send(TAIL)
    client._draft()
    return size / (time.perf_counter() - start)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tips", type=int, default=200)
    parser.add_argument("--size", type=int, default=1024 * MIB)
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tipline-bench-"))
    try:
        settings = Settings(data=folder / "instance")
        begin(settings).close()
        with public_face(settings) as (port, _):
            bench_tips(settings, port, wanted.tips)
        with public_face(settings) as (port, pid):
            rounds = []
            before = resident(pid)
            for _ in range(3):  # paired, so that a noisy moment strikes both
                rounds.append((bench_in_process(settings, wanted.size), bench_upload(port, wanted.size)))
            extra = resident(pid) - before
        bare, through = (sorted(column)[1] for column in zip(*rounds, strict=True))
        name = f"{wanted.size / MIB:.0f} MiB"
        print(f"{name} in-process, hashed, sealed, durable: {bare / 1e6:.0f} MB/s (median of 3)")
        print(f"{name} through the public form: {through / 1e6:.0f} MB/s, {100 * through / bare:.0f} % of in-process")
        print(f"extra memory of the upload: {extra / MIB:.1f} MiB")
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
