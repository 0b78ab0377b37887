"""Eight processes append at once, on exhibits of their own and on shared ones, while the sequencer runs."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from evidence.keys import KeyFile
from tests.faults.counting import Tally
from tests.faults.processes import fork, wait
from tests.journeys import invariants
from tests.tipline.custody_house import NOW, PROGRAM, CustodyHouse, build
from tipline.actor import ProgramKeys
from tipline.config import Settings
from tipline.models.custody import CustodyEvent, Exhibit, LogPending
from tipline.process import open_process
from tipline.sequencer import Sequencer
from tipline.vault import Act

PROCESSES, EVENTS, SHARED = 8, 200, 3
WITHIN = 150.0  # seconds; it takes a few, many more where the machine is busy
Held = tuple[str, KeyFile]


@pytest.fixture
def house(every_database: Settings) -> Iterator[CustodyHouse]:
    made = build(every_database)
    yield made
    made.close()


def test_eight_processes_append_at_once(house: CustodyHouse, tmp_path: Path, tally: Tally) -> None:
    own, shared = acquire(house, PROCESSES), acquire(house, SHARED)
    house.close()
    stop = tmp_path / "stop"
    sequencer = fork(lambda: sequence(house.settings, stop))
    writers = [fork(lambda at=at: append(house.settings, at, [own[at], *shared])) for at in range(PROCESSES)]  # type: ignore[misc]
    wrong = wait(writers, WITHIN)
    stop.touch()
    wrong += wait([sequencer], WITHIN)
    house.sequencer().publish()
    wrong += [*lost(house, own + shared), *invariants.broken(house.settings, {PROGRAM: program_keys(house)})]
    for _ in range(PROCESSES):
        tally.add("a process among eight", wrong)
        wrong = []
    tally.check(PROCESSES)


def program_keys(house: CustodyHouse) -> ProgramKeys:
    return ProgramKeys(PROGRAM, house.program, b"", b"", "")


def acquire(house: CustodyHouse, count: int) -> list[Held]:
    taken = [house.acquire(f"original {n} {os.urandom(8).hex()}".encode()) for n in range(count)]
    return [(exhibit.id, keyfile) for exhibit, keyfile in taken]


def append(settings: Settings, number: int, held: list[Held]) -> None:
    """Append 200 events: on the own exhibit, on a shared one, and one act on two shared ones at a time."""
    process = open_process("worker", settings, lambda: NOW)
    done = 0
    while done < EVENTS:
        which = [held[0]] if done % 2 else [held[1 + done % SHARED], held[1 + (done + number + 1) % SHARED]][: EVENTS - done]
        with process.unit(write=True) as work:
            acts = [
                Act(work.session.get_one(Exhibit, exhibit_id), keyfile, "VERIFIED", {"purpose": f"{number}:{done + at}"})
                for at, (exhibit_id, keyfile) in enumerate(dict(which).items())
            ]
            work.vault.record_act(work.session, acts, NOW)
        done += len(acts)


def sequence(settings: Settings, stop: Path) -> None:
    """Give places until told to stop and nothing waits."""
    process = open_process("worker", settings, lambda: NOW)
    sequencer = Sequencer(process.database, process.vault, settings, lambda: NOW)
    sequencer.start()
    while sequencer.run_once() or not stop.exists():
        time.sleep(0.005)


def lost(house: CustodyHouse, held: list[Held]) -> list[str]:
    """Every event that was committed stands exactly once in its exhibit's custody."""
    seen: Counter[str] = Counter()
    with house.worker.database.session(write=False) as session:
        for exhibit_id, keyfile in held:
            openings = house.worker.vault.openings(session, session.get_one(Exhibit, exhibit_id), keyfile)
            seen.update(str(opening.field("purpose")) for opening in openings if opening.field("kind") == "VERIFIED")
        waiting = session.execute(select(func.count()).select_from(LogPending)).scalar_one()
        total = session.execute(select(func.count()).select_from(CustodyEvent).where(CustodyEvent.exhibit_id.in_(dict(held)))).scalar_one()
    wanted = Counter(f"{number}:{n}" for number in range(PROCESSES) for n in range(EVENTS))
    wrong = [] if seen == wanted else [f"{sum((wanted - seen).values())} events are lost, {sum((seen - wanted).values())} too many"]
    wrong += [] if total == PROCESSES * EVENTS + len(held) else [f"{total} events stand in the record"]
    return wrong + ([f"{waiting} events wait for a place"] if waiting else [])
