"""Bytes on the disk are flipped, cut, zeroed and swapped: each time something says so, and nothing wrong is handed out."""

from __future__ import annotations

import random
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from evidence import verify as verifier
from evidence.errors import EvidenceError
from evidence.keys import KeyFile
from tests.faults.counting import Tally, everything
from tests.faults.world import World
from tipline.errors import TiplineError
from tipline.exports import building
from tipline.exports import services as exports
from tipline.models.custody import Exhibit

TIMES = 3 if everything() else 1
NOTICED = (EvidenceError, TiplineError)
Damage = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Damages:
    """Ways to spoil a file, drawn by the seed. `other` is a file of the same kind."""

    chance: random.Random
    other: bytes

    def flips(self, count: int) -> Iterator[tuple[str, Damage]]:
        for _ in range(count * TIMES):
            place, bit = self.chance.random(), self.chance.randrange(8)
            yield f"bit {bit} flipped at {place:.6f}", lambda data, place=place, bit=bit: flipped(data, int(place * len(data)), bit)  # type: ignore[misc]

    def others(self) -> Iterator[tuple[str, Damage]]:
        for part in (0, self.chance.random(), None):
            yield f"cut at {part}", lambda data, part=part: data[:-1] if part is None else data[: int(part * len(data))]  # type: ignore[misc]
        yield "zeros", lambda data: bytes(len(data))
        start = self.chance.random() * 0.9
        yield f"a zeroed stretch from {start:.3f}", lambda data: zeroed(data, int(start * len(data)), max(16, len(data) // 20))
        yield "one byte more", lambda data: data + b"\0"
        yield "swapped", lambda data: self.other


def flipped(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def zeroed(data: bytes, at: int, length: int) -> bytes:
    return data[:at] + bytes(len(data[at : at + length])) + data[at + length :]


@contextmanager
def spoiled(path: Path, damage: Damage) -> Iterator[bool]:
    """Change a file for a while; False where the change would be none."""
    whole = path.read_bytes()
    changed = damage(whole)
    path.chmod(0o600)
    path.write_bytes(changed)
    yield changed != whole
    path.write_bytes(whole)


@pytest.fixture(scope="module")
def copy(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the installation with a finished bundle."""
    data = tmp_path_factory.mktemp("damage") / "state"
    shutil.copytree(world.folder, data)
    with world.at(data).worker.unit(write=True) as work:
        building.seal_bundle(work, world.exports.signed)
    world.tidy()
    return data


@dataclass(frozen=True)
class Two:
    """The file of an exhibit that is spoiled, and the same of another exhibit."""

    exhibit: Exhibit
    keyfile: KeyFile
    path: Path
    other: Path


def two(world: World, data: Path, ending: str) -> Two:
    program = next(iter(world.keys.values()))
    with world.at(data).worker.database.session(write=False) as session:
        found = list(session.query(Exhibit).where(Exhibit.kind == "attachment").order_by(Exhibit.sealed_length.desc()).limit(2))
    one, other = (next((data / "objects").rglob(f"{exhibit.object_name}{ending}")) for exhibit in found)
    keyfile = world.at(data).worker.vault.open_exhibit(found[0], program)
    return Two(found[0], keyfile, one, other)


def test_an_object(world: World, copy: Path, tally: Tally) -> None:
    held = two(world, copy, ".age")
    objects = world.at(copy).worker.vault.objects
    damages = Damages(tally.chance, held.other.read_bytes())
    for name, damage in [*damages.flips(160), *damages.others()]:
        with spoiled(held.path, damage) as changed:
            if changed:
                tally.add(f"object: {name}", unnoticed(lambda: handed_out(objects, held.keyfile)))
    tally.check(150)


def handed_out(objects: object, keyfile: KeyFile) -> None:
    """Read an object as a download does, then verify it; whatever leaves before the error is a violation."""
    pieces: list[bytes] = []
    try:
        for piece in objects.read(keyfile):  # type: ignore[attr-defined]
            pieces.append(piece)
    except EvidenceError:
        if pieces:
            raise AssertionError(f"{len(pieces)} pieces were handed out") from None
        objects.verify(keyfile)  # type: ignore[attr-defined]


def unnoticed(act: Callable[[], object]) -> list[str]:
    """What is wrong when nothing says that something is wrong."""
    try:
        act()
    except NOTICED:
        return []
    except AssertionError as error:
        return [str(error)]
    return ["nothing was noticed"]


def test_a_key_file(world: World, copy: Path, tally: Tally) -> None:
    held = two(world, copy, ".key.1.age")
    vault, program = world.at(copy).worker.vault, next(iter(world.keys.values()))
    damages = Damages(tally.chance, held.other.read_bytes())
    for name, damage in [*damages.flips(160), *damages.others()]:
        with spoiled(held.path, damage) as changed:
            if changed:
                tally.add(f"key file: {name}", unnoticed(lambda: vault.open_exhibit(held.exhibit, program)))
    tally.check(150)


def test_an_opening(world: World, copy: Path, tally: Tally) -> None:
    held = two(world, copy, ".age")
    inside = world.at(copy)
    with sqlite3.connect(copy / "tipline.db") as database:
        query = "SELECT o.event_id, o.opening FROM custody_opening o JOIN custody_event e USING (event_id) WHERE e.exhibit_id {} ?"
        event_id, whole = database.execute(query.format("="), (held.exhibit.id,)).fetchone()
        (_, other) = database.execute(query.format("<>"), (held.exhibit.id,)).fetchone()

    def openings() -> None:
        with inside.worker.database.session(write=False) as session:
            inside.worker.vault.openings(session, held.exhibit, held.keyfile)

    damages = Damages(tally.chance, other)
    for name, damage in [*damages.flips(90), *damages.others()]:
        set_opening(copy, event_id, damage(whole))
        if damage(whole) != whole:
            tally.add(f"opening: {name}", unnoticed(openings))
    set_opening(copy, event_id, whole)
    openings()
    tally.check(80)


def set_opening(data: Path, event_id: str, opening: bytes) -> None:
    with sqlite3.connect(data / "tipline.db") as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{trigger}"')
        database.execute("UPDATE custody_opening SET opening = ? WHERE event_id = ?", (opening, event_id))
    database.close()


def test_the_anchor_and_the_published_log(world: World, copy: Path, tally: Tally) -> None:
    """What can be written again from the record is, and is then what it was; the rest stops the worker."""
    inside = world.at(copy)
    inside.sequencer().start()
    log = inside.settings.log_folder
    tiles = sorted(path for path in (log / "tile").rglob("*") if path.is_file())
    for path, count in ((inside.settings.anchor_file, 50), (log / "checkpoint", 25), *((tile, 10) for tile in tiles)):
        other = next((tile for tile in tiles if tile != path), path)
        damages = Damages(tally.chance, other.read_bytes())
        for name, damage in [*damages.flips(count), *damages.others()]:
            with spoiled(path, damage) as changed:
                if changed:
                    tally.add(f"{path.relative_to(copy)}: {name}", not_as_before(world, copy, path))
    inside.sequencer().start()
    tally.check(100)


def not_as_before(world: World, data: Path, path: Path) -> list[str]:
    """After a start that found nothing wrong the file is what it was before it was spoiled."""
    with sqlite3.connect(data / "tipline.db") as database:
        indexed = database.execute("SELECT max(log_index) FROM log_leaf").fetchone()
    database.close()
    spoiled_bytes = path.read_bytes()
    try:
        world.at(data).sequencer().start()
    except NOTICED:
        return []
    wrong = ["nothing was noticed"] if path.read_bytes() == spoiled_bytes else []
    with sqlite3.connect(data / "tipline.db") as database:
        after = database.execute("SELECT max(log_index) FROM log_leaf").fetchone()
    database.close()
    return wrong if after == indexed else [*wrong, "the start changed the log"]


@pytest.fixture(scope="module")
def bundle(world: World, copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, unpacked."""
    inside = world.at(copy)
    counsel = inside.actor("counsel")
    folder = tmp_path_factory.mktemp("bundle")
    with inside.work() as work:
        name, _, chunks = exports.open_bundle(work, counsel, world.exports.signed)
        (folder / name).write_bytes(b"".join(chunks))
    with zipfile.ZipFile(folder / name) as archive:
        archive.extractall(folder)
    return folder / name.removesuffix(".zip")


def test_a_bundle(bundle: Path, tally: Tally) -> None:
    assert not verifier.verify_bundle(bundle, verifier.Wanted()).problems
    files = sorted(path for path in bundle.rglob("*") if path.is_file())
    for path in files:
        other = tally.chance.choice([file for file in files if file != path])
        damages = Damages(tally.chance, other.read_bytes())
        for name, damage in [*damages.flips(3), *damages.others()]:
            with spoiled(path, damage) as changed:
                if changed:
                    problems = verifier.verify_bundle(bundle, verifier.Wanted()).problems
                    tally.add(f"{path.relative_to(bundle)}: {name}", [] if problems else ["verify.py found nothing"])
    tally.check(90)
