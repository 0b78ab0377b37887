"""The fictional case within one process, on any database: something of every kind, and a browser for every role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import MetaData, select

from tests.installations import Installation
from tipline import jobs
from tipline.accounts import sessions
from tipline.accounts.keychain import StaffKeys
from tipline.app import create_console_app, create_files_app, create_public_app
from tipline.config import Settings
from tipline.demo.claims import tell_claim
from tipline.demo.matters import tell_matters
from tipline.demo.story import Telling, tell
from tipline.exhibits.transfers import OfferTransfer, offer
from tipline.exports.services import RequestExport, request_export
from tipline.models.base import new_id
from tipline.models.cases import CaseFile, Export, Letter, Link, Sample
from tipline.models.custody import Disposition, Exhibit, Hold, Transfer
from tipline.models.desk import Subject
from tipline.models.notices import NoticeBatch
from tipline.models.rewards import RewardClaim
from tipline.models.staff import Staff
from tipline.models.tips import TipSweep
from tipline.retention.dispositions import Propose, propose
from tipline.retention.holds import PlaceHold, place
from tipline.security import cookie_name

LOGINS = {
    "administrator": "a.ferris",
    "investigator": "m.okafor",
    "counsel": "r.lindqvist",
    "program_manager": "s.whitfield",
    "call_agent": "k.adeyemi",
    "paying_agent": "p.marsh",
}
MAY_CHANGE = ("audit_event", "staff_session")  # that it was tried, and by whom
Rows = dict[str, list[tuple[object, ...]]]


@dataclass
class World:
    """Three faces over one told story."""

    story: Telling
    inside: Installation
    public: Flask
    console: Flask
    files: Flask

    def sign_in(self, role: str) -> FlaskClient:
        """A console browser of the story's colleague with that role."""
        client = self.console.test_client()
        actor = self.story.actor(LOGINS[role])
        keys = StaffKeys(actor.keyring.identity, actor.keyring.signing_key, "")
        with self.inside.work() as work:
            cookie = sessions.open_session(work.session, work.session.get_one(Staff, actor.staff_id), keys, work.now())
        client.set_cookie(cookie_name("console", self.inside.settings, "session"), cookie.value, domain="localhost")
        return client

    def ids(self) -> dict[str, str]:
        """A real value for every part of an address."""
        with self.inside.work(write=False) as work:
            first = {
                "staff_id": select(Staff.id).where(Staff.login == "t.brandt"),
                "link_id": select(Link.id).where(Link.state == "suggested"),
                "exhibit_id": select(Transfer.exhibit_id),
                "transfer_id": select(Transfer.id),
                "export_id": select(Export.id),
                "hold_id": select(Hold.id),
                "disposition_id": select(Disposition.id),
                "sweep_id": select(TipSweep.id),
                "letter": select(Letter.number),
                "sample": select(Sample.number),
                "case": select(CaseFile.number),
                "subject": select(Subject.number),
                "claim": select(RewardClaim.number),
                "notice": select(NoticeBatch.number),
            }
            found = {name: work.session.scalars(query.limit(1)).one() for name, query in first.items()}
        return {
            **found,
            "program_id": self.story.program_id,
            "tip": self.story.tips[0].number,
            "filename": "css/public.css",
            "seq": "1",
            "language": "es",
        }

    def rows(self) -> Rows:
        """Everything that the database holds, the job queue's tables too."""
        engine, metadata, found = self.inside.console.database.engine, MetaData(), {}
        with engine.connect() as connection:
            for schema in (None, jobs.SCHEMA) if engine.dialect.name == "postgresql" else (None,):
                metadata.reflect(connection, schema=schema)
            for table in metadata.tables.values():
                if table.name not in MAY_CHANGE:
                    found[table.name] = sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
        return found

    def stored(self) -> list[str]:
        return sorted(self.inside.console.vault.objects.store.names())


@contextmanager
def told(settings: Settings) -> Iterator[World]:
    """Tell the story, offer one exhibit to counsel, and make one export ready to sign."""
    story = tell(settings, lambda _: None)
    tell_claim(story)
    tell_matters(story)
    inside = Installation(settings, {}, story.program_id, "northfield", "")
    apps = (create_public_app(inside.public), create_console_app(inside.console), create_files_app(inside.console))
    for app in apps:
        app.config["TESTING"] = True
        app.extensions["gate"].limiter.clock = count(0, 60).__next__  # a minute between any two requests, so that none is one too many
    world = World(story, inside, *apps)
    with inside.work() as work:
        exhibit = work.session.scalars(select(Exhibit.id).where(Exhibit.kind == "attachment", Exhibit.case_id.is_not(None))).first()
        counsel = story.actor(LOGINS["counsel"])
        offer(work, story.actor("m.okafor"), OfferTransfer(str(exhibit), counsel.staff_id, "Production", "Order of 18 Nov"))
        request_export(work, counsel, RequestExport(story.case_number, (str(exhibit),), "Production"))
    with inside.work() as work:
        kept = work.session.scalars(select(Letter.exhibit_id)).first()
        propose(work, story.actor("m.okafor"), Propose(str(kept), "Kept long enough", "Rule 7"))
        place(work, counsel, PlaceHold("A claim is pending", "Letter of 3 Nov", str(kept)))
        swept = TipSweep(id=new_id(), program_id=story.program_id, tips=0, swept_by=counsel.staff_id, swept_at=work.now(), reason=b"")
        words = {"reason": "A flood", "chosen": "form"}
        swept.reason = counsel.keyring.program(story.program_id).seal_json("tip_sweep", "reason", swept.id, words)
        work.session.add(swept)
    inside.run_jobs()
    try:
        yield world
    finally:
        inside.close()
        story.close()  # its people's keys are read through its own processes
