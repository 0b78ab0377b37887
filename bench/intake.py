"""Tips through the public form, and one large upload, against the same work done in-process.

    python bench/intake.py [--tips 400] [--clients 1,4,32] [--worker] [--size 1073741824]

Prints tips per second with a 1 MiB attachment (form, check, send), how many of the acknowledged ones are stored, and the
processor time of each tip: the public face's, the worker's and the clients'. Then throughput and extra memory of one
upload. The server is the one of `tipline run`; clients and server share the machine, so clients are as light as can be:
raw sockets, requests made beforehand, two processes at most.
"""

from __future__ import annotations

import argparse
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
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

sys.path[0] = str(Path(__file__).parents[1])  # else the program beside this one would be taken for the package `evidence`

from tipline import jobs, supervisor
from tipline.config import Settings
from tipline.demo.content import SLUG
from tipline.demo.story import begin
from tipline.models.tips import Tip, TipItem
from tipline.process import Process, open_process

MIB = 1024 * 1024
BOUNDARY = "tipline-bench-boundary"
DRAFT = b'name="draft" value="'
WORDS = b'class="words"'
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()
TICK = os.sysconf("SC_CLK_TCK")
GROUNDS = 64
ITEMS = 2  # of a tip: its text and one attachment


def multipart_head(draft: bytes, name: str) -> bytes:
    fields = {"draft": draft.decode(), "what": "I saw it myself.", "how": "saw"}
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
    parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n')
    return ("".join(parts) + "Content-Type: application/octet-stream\r\n\r\n").encode()


def post(address: str, kind: str, length: int) -> bytes:
    return f"POST /p/{SLUG}/{address} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()


FORM = f"GET /p/{SLUG}/tip HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


class Client:
    """One source: form, check, send, over one kept connection of its own, as a browser has it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=300)
        self._room = bytearray(256 * 1024)

    def close(self) -> None:
        self._socket.close()

    def form(self) -> bytes:
        self._socket.sendall(FORM)
        return self._draft()

    def check(self, draft: bytes, attachment: bytes) -> bytes:
        head = multipart_head(draft, "photo.bin")
        self.begin_upload(head, len(attachment))
        self._socket.sendall(attachment)
        return self.end_upload()

    def begin_upload(self, head: bytes, size: int) -> None:
        self._socket.sendall(post("tip", MULTIPART, len(head) + size + len(TAIL)) + head)

    def send_piece(self, piece: bytes) -> None:
        self._socket.sendall(piece)

    def end_upload(self) -> bytes:
        self._socket.sendall(TAIL)
        return self._draft()

    def send(self, draft: bytes) -> bool:
        body = b"draft=" + draft
        self._socket.sendall(post("send", "application/x-www-form-urlencoded", len(body)) + body)
        status, page = self._answer()
        return status == 200 and WORDS in page

    def _draft(self) -> bytes:
        status, page = self._answer()
        start = page.find(DRAFT) + len(DRAFT)
        if status != 200 or start < len(DRAFT):
            raise RuntimeError(f"status {status}: {page[:300]!r}")
        return bytes(page[start : page.index(b'"', start)])

    def _answer(self) -> tuple[int, bytes]:
        """Read one answer of a known length; ConnectionError where it does not come whole."""
        room, have, need = memoryview(self._room), 0, 0
        head = b""
        while not need or have < need:
            got = self._socket.recv_into(room[have:])
            if not got:
                raise ConnectionError("the server closed the connection")
            have += got
            if not need and (end := self._room.find(b"\r\n\r\n", 0, have)) >= 0:
                head = bytes(room[:end])
                need = end + 4 + int(re.findall(rb"(?i)\r\ncontent-length: (\d+)", head)[0])
        return int(head[9:12]), bytes(room[len(head) + 4 : need])


@dataclass(frozen=True)
class Load:
    """What one process of clients sends: `clients` sources at once, `tips` of them one after the other."""

    port: int
    clients: int
    tips: int


def send_tips(load: Load) -> tuple[int, float]:
    """Returns how many were acknowledged and the processor seconds that it cost the clients."""
    start, attachment = time.process_time(), secrets.token_bytes(MIB)

    def one_source() -> bool:
        with closing(Client(load.port)) as client:
            return client.send(client.check(client.form(), attachment))

    def one_client(_: int) -> int:
        return sum(one_source() for _ in range(load.tips))

    with ThreadPoolExecutor(load.clients) as threads:
        acknowledged = sum(threads.map(one_client, range(load.clients)))
    return acknowledged, time.process_time() - start


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], settings: Settings) -> Iterator[int]:
    """Run a process of the site; yields its id. Nothing of it is left afterwards."""
    process = subprocess.Popen(command, env=supervisor.environment(settings))
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def public_face(settings: Settings) -> Iterator[tuple[int, int]]:
    """Run the public face; yields its port and process id once it answers."""
    port = free_port()
    with running(supervisor.command_of("public", port, settings.public_processes), settings) as pid:
        for _ in range(200):
            try:
                with closing(Client(port)) as client:
                    client.form()
                break
            except OSError:
                time.sleep(0.1)
        yield port, pid


def family(pid: int) -> list[int]:
    """The process and all that came of it."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
    return [pid, *(one for child in found for one in family(int(child)))]


def processor_seconds(pid: int) -> float:
    """User and system time of a process, its children that live and those that have ended."""
    total = 0
    for one in family(pid):
        try:
            stat = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        total += sum(map(int, stat[11:15]))
    return total / TICK


def resident(pid: int) -> int:
    """Return the most memory, in bytes, that a process and its children have had resident (VmHWM)."""
    status = "".join(Path(f"/proc/{one}/status").read_text() for one in family(pid))
    return sum(int(kib) * 1024 for kib in re.findall(r"VmHWM:\s+(\d+) kB", status))


def bench_tips(settings: Settings, load: Load, pids: Mapping[str, int]) -> None:
    """Send `load.tips` tips in all and print what came of it."""
    console, processes = open_process("console", settings), min(load.clients, 2)
    each = Load(load.port, load.clients // processes, load.tips // load.clients)
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        pool.map(send_tips, [Load(load.port, each.clients, 1)] * processes)  # starts processes and warms the server
        before, spent, start = stored(console), {name: processor_seconds(pid) for name, pid in pids.items()}, time.perf_counter()
        answers = pool.map(send_tips, [each] * processes)
        seconds = time.perf_counter() - start
    acknowledged = sum(count for count, _ in answers)
    kept = stored(console) - before
    costs = {name: processor_seconds(pid) - spent[name] for name, pid in pids.items()} | {"clients": sum(cost for _, cost in answers)}
    shares = ", ".join(f"{name} {1000 * cost / acknowledged:.1f} ms" for name, cost in costs.items())
    rate = f"{acknowledged / seconds:.1f}/s"
    print(f"tips, 1 MiB attachment, {load.clients} clients: {rate}; {acknowledged} acknowledged, {kept} stored whole")
    print(f"    processor time for a tip: {shares}", flush=True)


def stored(console: Process) -> int:
    """How many tips there are with their text and their attachment."""
    whole = select(TipItem.tip_id).join(Tip, Tip.id == TipItem.tip_id).group_by(TipItem.tip_id).having(func.count() == ITEMS)
    with console.unit(write=False) as work:
        return int(work.session.execute(select(func.count()).select_from(whole.subquery())).scalar_one())


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
    client.begin_upload(head, size)
    for piece in pieces(size):
        client.send_piece(piece)
    client.end_upload()
    return size / (time.perf_counter() - start)


def bench_large(settings: Settings, size: int, rounds: int) -> None:
    """Print throughput and memory of one large upload, by turns with the same work in-process."""
    with public_face(settings) as (port, pid):
        found = []
        send_tips(Load(port, 8, 1))  # what every process of the face takes at its first uploads, for good
        before = resident(pid)
        for _ in range(rounds):  # paired, so that a noisy moment strikes both
            found.append((bench_in_process(settings, size), bench_upload(port, size)))
        extra = resident(pid) - before
    bare, through = (sorted(column)[rounds // 2] for column in zip(*found, strict=True))
    shares = sorted(100 * through / bare for bare, through in found)
    name = f"{size / MIB:.0f} MiB"
    print(f"{name} in-process, hashed, sealed, durable: {bare / 1e6:.0f} MB/s (median of {rounds})")
    print(f"{name} through the public form: {through / 1e6:.0f} MB/s")
    print(f"    of in-process, pair by pair: {', '.join(f'{share:.0f} %' for share in shares)}; median {shares[rounds // 2]:.0f} %")
    print(f"extra memory of the upload: {extra / MIB:.1f} MiB")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tips", type=int, default=400)
    parser.add_argument("--clients", default="1,4,32", help="how many at once, one figure for each")
    parser.add_argument("--worker", action="store_true", help="the worker runs too; else it rests")
    parser.add_argument("--size", type=int, default=1024 * MIB, help="of the large upload; 0 for none")
    parser.add_argument("--rounds", type=int, default=3, help="of the large upload")
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tipline-bench-"))
    try:
        settings = Settings(data=fresh_ground(folder) / "instance")
        begin(settings).close()
        if wanted.tips:
            run_tips(settings, wanted)
        if wanted.size:
            bench_large(settings, wanted.size, wanted.rounds)
    finally:
        shutil.rmtree(folder)
    return 0


def fresh_ground(folder: Path) -> Path:
    """Return a folder in this one that ext4 has laid out far from others, as it does below the root of a disk.

    It passes over the inodes of files that were removed minutes ago, so where a test suite or an earlier run has been a tip costs half as
    much again. One of many grounds is taken, since the next run would be given the same. Other file systems know no such mark.
    """
    with suppress(OSError):
        subprocess.run(["chattr", "+T", str(folder)], stderr=subprocess.DEVNULL, check=False)
    grounds = [folder / str(number) for number in range(GROUNDS)]
    for ground in grounds:
        ground.mkdir()
    return secrets.choice(grounds)


def run_tips(settings: Settings, wanted: argparse.Namespace) -> None:
    jobs.migrate(settings.database)
    with public_face(settings) as (port, pid):
        for clients in map(int, wanted.clients.split(",")):
            load = Load(port, clients, wanted.tips)
            if not wanted.worker:
                bench_tips(settings, load, {"public face": pid})
                continue
            with running([sys.executable, "-m", "tipline", "work"], settings) as worker:
                time.sleep(3)  # until it is ready
                bench_tips(settings, load, {"public face": pid, "worker": worker})


if __name__ == "__main__":
    sys.exit(main())
