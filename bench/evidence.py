"""Evidence: acquisition, custody, log, proofs, verification and the exhibit page, each against a bare floor in the same run.

    python bench/evidence.py [--only acquire,append,page] [--size 1073741824] [--events 4000] [--leaves 1000000] [--page 10000000]

Every line prints a measured figure, the floor or the rate to reach, and the ratio. Ratios are comparable between machines;
times and rates are not.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import secrets
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # this file has the package's name

from evidence import bundle, merkle, tiles
from evidence.checkpoint import ED25519, Checkpoint, Vkey, sign_checkpoint
from evidence.folder import taking
from evidence.folder.case import create
from evidence.signing import SigningKey, ssh_fingerprint
from tests.evidence.bundles import Installation as Log
from tests.evidence.bundles import export
from tests.installations import install
from tests.tipline.custody_house import NOW, CustodyHouse, build
from tipline.config import Settings
from tipline.vault import Act

MIB = 1024 * 1024
ROUNDS = 3
Timed = Callable[[], object]


def seconds(act: Timed) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def paired(ours: Timed, floor: Timed, rounds: int = ROUNDS) -> tuple[float, float]:
    """Time both by turns; the medians."""
    pairs = [(seconds(ours), seconds(floor)) for _ in range(rounds)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def tell(what: str, figure: str, against: str) -> None:
    print(f"{what:<62} {figure:<26} {against}", flush=True)


@contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield Path(folder)


def random_file(path: Path, size: int) -> None:
    block = secrets.token_bytes(8 * MIB)
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(block[: size - start])


# acquisition


def acquire(given: argparse.Namespace) -> None:
    """One file into an examiner's folder: hashed, sealed, durable, its event signed; against hashlib and a durable copy."""
    with scratch() as folder:
        source = folder / "original"
        random_file(source, given.size)
        case = create(folder / "case", "Bench", "a passphrase for the bench", lambda: datetime.now(UTC))

        def ours() -> None:
            taken = list(taking.acquire(case, [taking.file_source(source, "original")], taking.Arrival({}), lambda size: None))
            if not isinstance(taken[0], taking.Taken):
                raise RuntimeError("the file was not acquired")

        def floor() -> None:
            digest = hashlib.sha256()
            with source.open("rb") as file, (folder / "copy").open("wb") as copy:
                while piece := file.read(MIB):
                    digest.update(piece)
                    copy.write(piece)
                copy.flush()
                os.fsync(copy.fileno())

        mine, bare = paired(ours, floor)
        tell(f"acquire {given.size // MIB} MiB", f"{given.size / MIB / mine:.0f} MiB/s", f"{mine / bare:.2f} x hashlib and a durable copy")


# verification of a bundle


THREADS = """
import hashlib, os, sys
from concurrent.futures import ThreadPoolExecutor
def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
with ThreadPoolExecutor(os.cpu_count()) as pool:
    list(pool.map(digest, sys.argv[1:]))
"""


def bundles(given: argparse.Namespace) -> None:
    """A bundle of one large and many small originals, against sha256sum and against hashlib in threads."""
    with scratch() as folder:
        made, key = _bundle(folder, given.size)
        verify = [sys.executable, "-I", str(made / "verify.py"), "--key", key, str(made)]
        files = sorted(path for path in made.rglob("*") if path.is_file())

        def ours() -> None:
            subprocess.run(verify, check=True, stdout=subprocess.DEVNULL)

        def by_sha256sum() -> None:
            for name in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
                subprocess.run(["sha256sum", "--quiet", "-c", name], cwd=made, check=True)

        def by_threads() -> None:
            subprocess.run([sys.executable, "-I", "-c", THREADS, *map(str, files)], check=True)

        ours()  # the files are in the cache from here on
        mine, tool = paired(ours, by_sha256sum)
        _, threads = paired(lambda: None, by_threads)
        best = min(tool, threads)
        tell(f"verify a bundle of {given.size // MIB} MiB", f"{mine:.2f} s", f"{mine / best:.2f} x the best of both; to reach 1.2")
        tell("  sha256sum / hashlib in threads", f"{tool:.2f} s / {threads:.2f} s", "")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bundle(folder: Path, size: int) -> tuple[Path, str]:
    """Half of the bytes in one original, the rest in sixteen."""
    sizes = [size // 2, *[size // 32] * 16]
    log = Log()
    log.add_keys()
    exhibits, known = [], {}
    for number, length in enumerate(sizes, start=1):
        path = folder / f"original-{number}"
        random_file(path, length)
        digest = f"sha256:{_digest(path)}"
        exhibit = f"e{number}"
        facts = {"plaintext_after": digest, "length_after": length, "name_shown": path.name}
        log.record(exhibit, {"kind": "ACQUIRED", "act_id": "a", "act_size": 1, **facts})
        known[exhibit] = b""
        told = f"EX-2026-0001-{number:02d}"
        exhibits.append(bundle.BundleExhibit(exhibit, told, f"{told}.bin", digest, length, lambda path=path: _chunks(path)))
    made = folder / "bundle"
    made.mkdir()
    payload = bundle.write_payload(made, exhibits, {"number": "EX-2026-0001"})
    export(log, known, payload)
    bundle.finish_bundle(made, log.seal(known))
    return made, ssh_fingerprint(log.log.public)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(MIB):
            yield piece


def custody_lines(given: argparse.Namespace) -> None:
    """Custody events of a bundle, without their signatures."""
    with scratch() as folder:
        log = Log()
        log.add_keys()
        data = b"x" * 64
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        log.record("e1", {"kind": "ACQUIRED", "plaintext_after": digest, "length_after": 64})
        for _ in range(given.events):
            log.record("e1", {"kind": "VIEWED", "actor": "R. Doe", "purpose": "reading"})
        made = folder / "bundle"
        made.mkdir()
        one = bundle.BundleExhibit("e1", "EX-2026-0001-01", "EX-2026-0001-01.bin", digest, 64, lambda: iter([data]))
        payload = bundle.write_payload(made, [one], {"number": "EX-2026-0001"})
        export(log, {"e1": data}, payload)
        bundle.finish_bundle(made, log.seal({"e1": data}))
        took = min(
            seconds(lambda: subprocess.run([sys.executable, "-I", str(made / "verify.py"), str(made)], check=False, stdout=-3))
            for _ in "12"
        )
        tell(f"verify {given.events} custody events in a bundle", f"{given.events / took:.0f} events/s", "prototype 3,200")


# the record over the database


@contextmanager
def house(given: argparse.Namespace) -> Iterator[CustodyHouse]:
    with scratch() as folder:
        made = build(Settings(data=folder / "instance"))
        try:
            yield made
        finally:
            made.close()


def append(given: argparse.Namespace) -> None:
    """Sealed, signed events on an exhibit: each in a transaction of its own, and in groups of fifty."""
    with house(given) as made:
        exhibit, keyfile = made.acquire()
        act = Act(exhibit, keyfile, "VIEWED", {"purpose": "reading", "result": "opened"})

        def one_by_one() -> None:
            for _ in range(given.events):
                with made.worker.database.session(write=True) as session:
                    made.worker.vault.record(session, act, NOW)
                    session.commit()

        def in_groups() -> None:
            for _ in range(given.events // 50):
                with made.worker.database.session(write=True) as session:
                    made.worker.vault.record_act(session, [act] * 50, NOW)
                    session.commit()

        def floor() -> None:
            """Rows of the same size by bare sqlite3, each in a durable transaction: what this costs is the disk's."""
            with sqlite3.connect(made.settings.data / "floor.db", isolation_level=None) as bare:
                bare.executescript(
                    "pragma journal_mode=wal; pragma synchronous=full; create table if not exists t (id primary key, row blob)"
                )
                for _ in range(given.events):
                    bare.execute("insert into t values (?, ?)", (secrets.token_hex(16), secrets.token_bytes(2200)))

        seconds(one_by_one)
        mine, disk = paired(one_by_one, floor)
        told = f"to reach 1,500; {mine / disk:.2f} x bare durable inserts"
        tell("append sealed events, one by one", f"{given.events / mine:.0f} events/s", told)
        grouped = statistics.median(seconds(in_groups) for _ in range(ROUNDS))
        tell("append sealed events, in groups of 50", f"{given.events / grouped:.0f} events/s", "to reach 3,500")


def sequence(given: argparse.Namespace) -> None:
    """Give waiting events their place in the log, the anchor's lines written and synced."""
    count = max(given.events, 20_000) // 50 * 50
    with house(given) as made:
        exhibit, keyfile = made.acquire()
        act = Act(exhibit, keyfile, "VIEWED", {"purpose": "reading"})
        sequencer = made.sequencer()
        sequencer.start()
        with made.worker.database.session(write=True) as session:
            for _ in range(count // 50):
                made.worker.vault.record_act(session, [act] * 50, NOW)
            session.commit()
        took = seconds(sequencer.run_all)
        tell(f"sequence {count} events", f"{count / took:.0f} events/s", "to reach 30,000")


# the log

READING = """
import sys
from evidence.cli import main
main(["mirror", "--check", sys.argv[1], "--key", sys.argv[2]], standalone_mode=False)
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def log(given: argparse.Namespace) -> None:
    """A published log of a million events read again, from its entries to its signed root; inclusion proofs from its tree."""
    count, origin = given.leaves, "bench.example/log"
    entries = [hashlib.sha256(number.to_bytes(8, "big")).digest() for number in range(count)]
    with scratch() as folder:
        tree = merkle.Tree(map(merkle.leaf_hash, entries))
        files = chain(tiles.tiles(tree, 0, count), tiles.entry_bundles(lambda start, stop: entries[start:stop], 0, count))
        for path, data in files:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        key = SigningKey.generate()
        (folder / "checkpoint").write_text(sign_checkpoint(Checkpoint(origin, count, tree.root()), key))
        reading = [sys.executable, "-c", READING, str(folder), Vkey(origin, ED25519, key.public).text]
        mine, bare = paired(lambda: subprocess.run(reading, check=True, stdout=subprocess.DEVNULL), lambda: _bare_root(entries))
        peak = subprocess.run(reading, check=True, capture_output=True, text=True).stdout.split()[-2]
        figure = f"{mine:.2f} s, {int(peak) // 1024} MiB"
        tell(f"read a log of {count} events again", figure, f"{mine / bare:.2f} x bare hashlib in memory; to reach 4")
    mine, bare = paired(lambda: merkle.root_of(map(merkle.leaf_hash, entries)), lambda: _bare_root(entries))
    tell("  its root alone, from entries in memory", f"{mine:.2f} s", f"{mine / bare:.2f} x")
    wanted = [secrets.randbelow(count) for _ in range(60_000)]
    took = min(seconds(lambda: [tree.inclusion(index) for index in wanted]) for _ in range(ROUNDS))
    tell("inclusion proofs from the tree", f"{len(wanted) / took:.0f} proofs/s", "to reach 30,000")


def _bare_root(entries: Sequence[bytes]) -> bytes:
    """The shortest loop over hashlib that yields the root."""
    level = [hashlib.sha256(b"\0" + entry).digest() for entry in entries]
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\1" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]


# the exhibit page


def page(given: argparse.Namespace) -> None:
    """The page of one exhibit in a log of a thousand and of many million events; medians of 40 requests each, by turns."""
    with scratch() as folder:
        small, large = _console(folder / "small", 1000), _console(folder / "large", given.page)
        times: dict[str, list[float]] = {"small": [], "large": []}
        for _ in range(40):
            times["small"].append(seconds(small))
            times["large"].append(seconds(large))
        few, many = statistics.median(times["small"]), statistics.median(times["large"])
        told = f"{many * 1000:.1f} ms"
        tell(f"exhibit page in a log of {given.page} events", told, f"{many / few:.2f} x that of a log of 1,000 ({few * 1000:.1f} ms)")


def _console(data: Path, leaves: int) -> Timed:
    from tests.conftest import ConsoleClient
    from tests.tipline.desk_house import Desk
    from tipline.app import create_console_app, create_public_app

    made = install(Settings(data=data))
    app = create_console_app(made.console)
    app.test_client_class = ConsoleClient
    desk = Desk(made, create_public_app(made.public).test_client(), app)
    number = desk.send("I saw it myself.", {"photo.bin": b"x" * 1000})
    made.sequence()
    _fill(made.settings, leaves)
    client = made.sign_in(app.test_client(), "investigator")
    address = f"/exhibits/{desk.exhibits(number)[1].id}"
    if client.get(address).status_code != 200:
        raise RuntimeError("the exhibit page did not open")
    return lambda: client.get(address)


def _fill(settings: Settings, leaves: int) -> None:
    """Put events of no exhibit into the log by SQL, as many as are missing: only their number matters here."""
    with sqlite3.connect(settings.data / "tipline.db") as connection:
        present = connection.execute("SELECT COUNT(*) FROM log_leaf").fetchone()[0]
        for name in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name[0]}")
        numbers = f"WITH RECURSIVE n(i) AS (SELECT {present} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {leaves})"
        connection.execute(
            f"{numbers} INSERT INTO custody_event (event_id, exhibit_id, exhibit_seq, exhibit_prev, entry) "
            "SELECT printf('%032x', i), printf('%032x', i), 1, printf('%064x', i), printf('%064x', i) FROM n"
        )
        connection.execute(
            f"{numbers} INSERT INTO log_leaf (log_index, event_id, entry) SELECT i, printf('%032x', i), printf('%064x', i) FROM n"
        )
        connection.execute("ANALYZE")


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "acquire": acquire,
    "bundle": bundles,
    "lines": custody_lines,
    "append": append,
    "sequence": sequence,
    "log": log,
    "page": page,
}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default=",".join(PARTS), help="parts, by commas: " + ", ".join(PARTS))
    parser.add_argument("--size", type=int, default=1024 * MIB, help="bytes of the file and of the bundle")
    parser.add_argument("--events", type=int, default=4000, help="custody events")
    parser.add_argument("--leaves", type=int, default=1_000_000, help="events of the log whose root is computed")
    parser.add_argument("--page", type=int, default=10_000_000, help="events of the log that the exhibit page stands on")
    given = parser.parse_args(argv)
    if shutil.which("sha256sum") is None:
        parser.error("sha256sum is needed")
    for name in given.only.split(","):
        PARTS[name](given)


if __name__ == "__main__":
    main()
