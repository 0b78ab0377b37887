"""A rotation as its tests see it: things of a program in all forms, a store that dies at a place, and who can open what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from evidence.errors import KeyUnavailable
from evidence.keys import Identity, wrap
from evidence.storage import ObjectStore
from evidence.vault import Batch, Vault
from tests.installations import Installation
from tipline import audit
from tipline.admin import rotations
from tipline.admin.readers import READER_CONFIRMED
from tipline.admin.rules import fingerprint
from tipline.models.base import Sealed, new_id
from tipline.models.cases import CaseFile, Export
from tipline.models.custody import Examination, Exhibit
from tipline.models.staff import Staff
from tipline.models.tables import METADATA
from tipline.process import open_process
from tipline.vault import Acquisition
from tipline.work import Work, utc_now


class Died(BaseException):
    """The process ended here."""


@dataclass
class Clock:
    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@dataclass
class DyingStore:
    """A store in which so many writes go well; then a share of what was to be written is, and the process dies."""

    inner: ObjectStore
    lives: int | None = None
    share: float = 0.0

    def dies(self, share: float = 0.0, after: int = 0) -> None:
        self.lives, self.share = after, share

    def lives_on(self) -> None:
        self.lives = None

    def put_many(self, new: Mapping[str, Any]) -> None:
        if self._dies():
            self.inner.put_many(dict(list(new.items())[: int(len(new) * self.share)]))
            raise Died
        self.inner.put_many(new)

    def remove(self, name: str) -> None:
        if self._dies():
            raise Died
        self.inner.remove(name)

    def _dies(self) -> bool:
        if self.lives is None:
            return False
        self.lives -= 1
        return self.lives < 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@dataclass
class Turning:
    """An installation whose administrator gives its program a new key."""

    made: Installation
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.made.console.database.dispose()
        self.made._processes["console"] = open_process("console", self.made.settings, self.clock)
        self.store = DyingStore(self.made.console.vault.objects.store)
        self.made.console.vault.objects.store = self.store
        self.old = self.made.actor("administrator").keyring.program(self.program).identity

    @property
    def program(self) -> str:
        return self.made.program_id

    def fill(self, exhibits: int) -> None:
        """Make exhibits with facts, every third with a report, and an export for each ten, half of them failed."""
        actor = self.made.actor("investigator")
        with self.made.work() as work:
            case = CaseFile(
                program_id=self.program, number="NS-2026-0001", title=b"x", lead_id=actor.staff_id, opened_at=work.now(), state="working"
            )
            work.session.add(case)
            work.session.flush()
            batch = work.vault.objects.batch()
            for place in range(exhibits):
                exhibit = self._exhibit(work, batch, b"exhibit %d" % place)
                if place % 3 == 0:
                    report = wrap(b"report", [self.old.recipient])
                    work.session.add(Examination(exhibit_id=exhibit.id, state="done", report=report))
                if place % 10 == 0:
                    self._export(work, batch, (case.id, actor.staff_id, place))
            batch.store()

    def _exhibit(self, work: Work, batch: Batch, data: bytes) -> Exhibit:
        keyfile = batch.seal(data).keyfile
        batch.add_key(keyfile, [self.old.recipient])
        facts = {"name": "a.txt", "digest": keyfile.plaintext_digest, "length": keyfile.length}
        exhibit = Exhibit(
            id=new_id(),
            program_id=self.program,
            kind="attachment",
            object_name=keyfile.object_name,
            recipient=keyfile.identity.recipient,
            facts=wrap(json.dumps(facts).encode(), [self.old.recipient]),
            received_on=date(2026, 9, 4),
        )
        work.session.add(exhibit)
        work.session.flush()
        return exhibit

    def acquire(self, work: Work, data: bytes) -> Exhibit:
        batch = work.vault.objects.batch()
        sealed = batch.seal(data)
        batch.store()
        new = Acquisition(self.program, "attachment", sealed, "a.txt", date(2026, 9, 4), date(2026, 9, 4))
        return work.vault.acquire(work.session, new, work.now())[0]

    def _export(self, work: Work, batch: Batch, facts: tuple[str, str, int]) -> None:
        case_id, staff_id, number = facts
        failed = number % 20 == 0
        sealed = None if failed else batch.seal(b"bundle %d" % number)
        if sealed is not None:
            batch.add_key(sealed.keyfile, [self.old.recipient])
        work.session.add(
            Export(
                id=new_id(),
                case_id=case_id,
                number=number,
                state="failed" if failed else "done",
                purpose=b"x",
                requested_by=staff_id,
                requested_at=work.now(),
                failure=wrap(b"failed", [self.old.recipient]) if failed else None,
                bundle_name=sealed.keyfile.object_name if sealed else None,
            )
        )

    def start(self) -> None:
        actor = self.made.actor("administrator")
        with self.made.work() as work:
            rotations.start_rotation(work, actor, self.program)

    def step(self, role: str = "administrator", *, without_unread: bool = False) -> rotations.Progress:
        actor = self.made.actor(role)
        with self.made.work() as work:
            shown = rotations.step(work, actor, self.program, without_unread=without_unread)
        assert shown is not None
        return shown

    def run(self, role: str = "administrator") -> rotations.Progress:
        """Go on until nothing is left to do now."""
        while (shown := self.step(role)).works:
            pass
        return shown

    def finish(self) -> rotations.Progress:
        """Run the first pass, wait, run the last ones."""
        self.run()
        self.clock.ahead += rotations.SETTLE + timedelta(seconds=1)
        return self.run()

    def read_all(self, role: str = "investigator", every: int = 1) -> int:
        """Open everything of the program as a colleague would; how much that was."""
        keys = self.made.actor(role).keyring.program(self.program)
        with self.made.work(write=False) as work:
            exhibits = work.session.scalars(select(Exhibit).where(Exhibit.program_id == self.program)).all()[::every]
            for exhibit in exhibits:
                keyfile = work.vault.open_exhibit(exhibit, keys)
                assert b"".join(work.vault.objects.read(keyfile)).startswith(b"exhibit ")
                assert work.vault.facts(exhibit, keys).name == "a.txt"
            for report in work.session.scalars(select(Examination.report)).all()[::every]:
                assert keys.unwrap(report) == b"report"
            for export in work.session.scalars(select(Export)).all()[::every]:
                if export.bundle_name:
                    work.vault.objects.open_key(export.bundle_name, keys.identity)
                if export.failure:
                    assert keys.unwrap(export.failure) == b"failed"
        return len(exhibits)

    def what_it_opens(self, identity: Identity) -> list[str]:
        """Return every stored file and every column of the database that an identity opens by itself."""
        plain = replace(identity) if type(identity) is Identity else Identity.from_seed(identity.scalar)
        objects = self.made.console.vault.objects.store
        found = [name for name in objects.names() if name.count(".") > 1 and _opens(plain, objects.read(name))]
        with self.made.work(write=False) as work:
            for table in METADATA.sorted_tables:
                for column in (column for column in table.columns if isinstance(column.type, Sealed)):
                    blobs = work.session.execute(select(column).where(column.is_not(None))).scalars()
                    found += [f"{table.name}.{column.name}" for blob in blobs if _opens(plain, blob)]
        return found

    def what_is_left(self) -> int:
        """Return how many exhibits and exports the new key does not open yet."""
        keys = self.made.actor("investigator").keyring.program(self.program)
        new = Identity.from_seed(keys.identity.scalar)
        objects = self.made.console.vault.objects
        return sum(not _opens_key(objects, name.partition(".")[0], new) for name in objects.store.names() if name.count(".") == 1)

    def made_reader(self, work: Work, staff_id: str, recipient: str) -> None:
        """Do what somebody can who writes to the database: another key in a colleague's row, and a row that says it was compared."""
        work.session.get_one(Staff, staff_id).recipient = recipient
        audit.record(work.session, work.now(), None, READER_CONFIRMED, ("staff", staff_id), fingerprint(recipient))

    def listed(self, face: str) -> str:
        """Return the program's recipient as a face's own list says it."""
        text = (self.made.settings.keys(face) / "recipients.json").read_text()  # type: ignore[arg-type]  # one of the three
        entries = json.loads(json.loads(text)["list"])["recipients"]
        return next(entry["recipient"] for entry in entries if (entry["purpose"], entry["id"]) == ("program", self.program))


def _opens_key(objects: Vault, name: str, identity: Identity) -> bool:
    try:
        objects.open_key(name, identity)
    except KeyUnavailable:
        return False
    return True


def _opens(identity: Identity, blob: bytes) -> bool:
    try:
        identity.unwrap(blob)
    except KeyUnavailable:
        return False
    return True
