"""A small installation for tests of the custody record: key folders, one program, no staff."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy.orm import Session

from evidence.keys import Identity, KeyFile
from evidence.signing import SigningKey
from tipline.config import Face, Settings
from tipline.db import upgrade
from tipline.keyfolders import KeyFolder, create_key_folders
from tipline.models.custody import Exhibit
from tipline.models.programs import Program
from tipline.models.staff import Staff
from tipline.process import Process, open_process
from tipline.recipients import Recipient, pin_administrator, publish_recipients
from tipline.sequencer import Sequencer
from tipline.vault import INSTALLATION, Acquisition

PROGRAM = "f" * 32
DAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class CustodyHouse:
    settings: Settings
    program: Identity
    administrator: SigningKey
    public: Process
    worker: Process

    def acquire(self, data: bytes = b"hello", name: str = "note.txt") -> tuple[Exhibit, KeyFile]:
        """Take something in as the public face does, and commit."""
        with self.public.unit(write=True) as work:
            receiving = work.vault.objects.receive()
            receiving.write(data)
            sealed = receiving.finish()
            exhibit, _ = work.vault.acquire(work.session, Acquisition(PROGRAM, "attachment", sealed, name, DAY, DAY), NOW)
        return exhibit, sealed.keyfile

    def session(self) -> Session:
        return self.worker.database.session(write=True)

    def sequencer(self) -> Sequencer:
        return Sequencer(self.worker.database, self.worker.vault, self.settings, lambda: NOW)

    def close(self) -> None:
        self.public.database.dispose()
        self.worker.database.dispose()


def build(settings: Settings) -> CustodyHouse:
    """Make key folders and tables, and a program whose recipient the pinned administrator signed."""
    create_key_folders(settings)
    upgrade(settings.database)
    administrator, program = SigningKey.generate(), Identity.generate()
    pin_administrator(settings, administrator.public)
    examiner = KeyFolder(settings.keys("worker")).examiner.recipient
    entries = [Recipient("program", PROGRAM, program.recipient), Recipient("examiner", "worker", examiner)]
    publish_recipients(settings, entries, [administrator])
    house = CustodyHouse(settings, program, administrator, _open("public", settings), _open("worker", settings))
    with house.session() as session:
        session.add(Staff(id="a" * 32, login="a", display_name="A", role="administrator", created_at=NOW))
        session.flush()
        session.add(_program(program.recipient))
        session.add(Exhibit(id=INSTALLATION, kind=INSTALLATION, recipient="", received_on=DAY))
        session.commit()
    return house


def _open(face: Face, settings: Settings) -> Process:
    return open_process(face, settings, lambda: NOW)


def _program(recipient: str) -> Program:
    words = dict.fromkeys(("organisation", "title", "incident", "helps_most", "reward", "reward_terms"), "x")
    return Program(
        id=PROGRAM,
        slug="x",
        code="NS",
        notice_on=DAY,
        created_at=NOW,
        created_by="a" * 32,
        recipient=recipient,
        program_keys=b"",
        **words,
    )
