"""A desk for tests: tips sent through the public form, examined by the worker, read by staff; and what stands in the tables then."""

from __future__ import annotations

import io
import re
import secrets
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import event, select

from tests.installations import Installation
from tests.tipline.intake import house as intake
from tipline.actor import Actor
from tipline.app import create_files_app
from tipline.inbox.reading import open_exhibits
from tipline.models.base import new_id
from tipline.models.custody import CustodyEvent, Exhibit
from tipline.models.tips import Tip, TipItem
from tipline.work import Work


def photo() -> bytes:
    """A JPEG that names its camera."""
    picture = Image.new("RGB", (64, 48), (90, 120, 140))
    exif = picture.getexif()
    exif[0x0110] = "Nikkon Z canary"
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


def archive() -> bytes:
    """A ZIP with two entries."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("list.txt", "x" * 100)
        packed.writestr("notes.txt", "y")
    return out.getvalue()


@dataclass
class Desk:
    """An installation with its public face and console."""

    installation: Installation
    public: FlaskClient
    console_app: Flask
    receipts: dict[str, list[str]] = field(default_factory=dict)

    def send(self, what: str, files: dict[str, bytes] | None = None, *, examine: bool = True, choice: str = "as_is") -> str:
        """Send a tip as a source does; returns its number. `receipts` keeps the words; `choice`: "clean" asks for cleaned copies."""
        page = intake.send_tip(self.public.application.test_client(), what, files or {}, choice)
        if examine:
            self.installation.run_jobs()
        with self.installation.work(write=False) as work:
            number = max(work.session.scalars(select(Tip.number)))
        self.receipts[number] = intake.words_of(page)
        return number

    def client(self, role: str = "investigator") -> FlaskClient:
        """A console browser of that person, in a session of its own."""
        return self.installation.sign_in(self.console_app.test_client(), role)

    def files(self) -> FlaskClient:
        """A browser at the files origin."""
        app = create_files_app(self.installation.console)
        app.config["TESTING"] = True
        return app.test_client()

    @contextmanager
    def acting(self, role: str = "investigator", *, write: bool = True) -> Iterator[tuple[Work, Actor]]:
        """A unit of work and the person as its actor."""
        actor = self.installation.actor(role)
        with self.installation.work(write=write) as work:
            yield work, actor

    def tip(self, number: str) -> Tip:
        with self.installation.work(write=False) as work:
            return work.session.scalars(select(Tip).where(Tip.number == number)).one()

    def exhibits(self, number: str) -> list[Exhibit]:
        """What came with a tip: its words first, then its files."""
        with self.installation.work(write=False) as work:
            query = select(Exhibit).join(TipItem).join(Tip, Tip.id == TipItem.tip_id).where(Tip.number == number)
            return list(work.session.scalars(query.order_by(TipItem.position)))

    def kinds(self, exhibit_id: str) -> list[str]:
        """The kinds of an exhibit's custody events, in order."""
        return [str(fields["kind"]) for fields in self.events(exhibit_id)]

    def events(self, exhibit_id: str) -> list[dict[str, Any]]:
        with self.acting(write=False) as (work, actor):
            exhibit = work.session.get_one(Exhibit, exhibit_id)
            keyfile = open_exhibits(work, actor, [exhibit])[exhibit_id].keyfile
            return [dict(opening.fields()) for opening in work.vault.openings(work.session, exhibit, keyfile)]

    def change(self, model: type[Any], key: str, **values: Any) -> None:
        """Change a row behind everybody's back, as who holds the database could."""
        with self.installation.work() as work:
            for name, value in values.items():
                setattr(work.session.get_one(model, key), name, value)

    def tamper(self, exhibit_id: str) -> None:
        """Change one byte of an exhibit's stored object."""
        with self.installation.work(write=False) as work:
            name = work.session.get_one(Exhibit, exhibit_id).object_name
        path = self.installation.settings.data / "objects" / f"{name}.age"
        found = path if path.exists() else next((self.installation.settings.data / "objects").rglob(f"{name}.age"))
        content = bytearray(found.read_bytes())
        content[-20] ^= 1
        found.chmod(0o600)
        found.write_bytes(bytes(content))

    def add_tips(self, count: int, **values: Any) -> list[str]:
        """Rows of tips without anything under custody, for lists; returns their numbers."""
        numbers = [f"TIP-2025-{position:04d}" for position in range(1, count + 1)]
        with self.installation.work() as work:
            for number in numbers:
                row = {"state": "new", "received_on": date(2025, 6, 1), **values}
                work.session.add(
                    Tip(
                        id=new_id(),
                        program_id=self.installation.program_id,
                        number=number,
                        receipt_lookup=secrets.token_hex(32),
                        source_recipient="age1none",
                        claim_key="00" * 32,
                        packet=b"",
                        **row,
                    )
                )
        return numbers

    def count_events(self, exhibit_id: str) -> int:
        with self.installation.work(write=False) as work:
            return len(list(work.session.scalars(select(CustodyEvent.event_id).where(CustodyEvent.exhibit_id == exhibit_id))))

    def everything_stored(self) -> bytes:
        """All bytes below the data folder."""
        return b"".join(path.read_bytes() for path in sorted(self.installation.settings.data.rglob("*")) if path.is_file())

    def queries(self, act: Callable[[], object]) -> int:
        """How many statements the console's database sees while `act` runs."""
        seen: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            seen.append(statement)

        engine = self.installation.console.database.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            act()
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return len([statement for statement in seen if not re.match(r"BEGIN|COMMIT|ROLLBACK|SAVEPOINT", statement)])
