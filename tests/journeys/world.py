"""The fictional case within one process, on any database: something of every kind, and a browser for every role."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import inspect, select, table, text

from tests.installations import Installation
from tests.sparing import once_in_a_run
from tipline import jobs
from tipline.accounts import sessions
from tipline.accounts.keychain import StaffKeys
from tipline.accounts.keyring import actor_with
from tipline.app import create_console_app, create_files_app, create_public_app
from tipline.config import Settings
from tipline.demo.claims import tell_claim
from tipline.demo.matters import tell_matters
from tipline.demo.staff import DemoPerson, write_sign_ins
from tipline.demo.story import Telling, tell
from tipline.exhibits.transfers import OfferTransfer, offer
from tipline.exports.services import RequestExport, request_export
from tipline.models.base import new_id
from tipline.models.cases import CaseFile, Export, Letter, Link, Sample
from tipline.models.custody import Disposition, Examination, Exhibit, Hold, Transfer
from tipline.models.desk import HashList, Note, SecondPerson, Subject, Task
from tipline.models.notices import NoticeBatch
from tipline.models.rewards import RewardClaim
from tipline.models.staff import Staff
from tipline.models.tips import Tip, TipSweep
from tipline.notes.services import WriteNote, write_note
from tipline.notes.tasks import AddTask, add_task
from tipline.notes.things import get_thing
from tipline.retention.dispositions import Propose, propose
from tipline.retention.holds import PlaceHold, place
from tipline.samples.reveals import AskReveal, ask_reveal
from tipline.security import cookie_name

LOGINS = {
    "administrator": "a.ferris",
    "investigator": "m.okafor",
    "counsel": "r.lindqvist",
    "program_manager": "s.whitfield",
    "call_agent": "k.adeyemi",
    "paying_agent": "p.marsh",
}
PLAIN = {"data", "public_origin", "console_origin"}  # settings that no stored thing depends on
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
                "note_id": select(Note.id),
                "task_id": select(Task.id),
                "request_id": select(SecondPerson.id),
                "list_id": select(HashList.id),
                "thing_id": select(Tip.id).where(Tip.number == self.story.tips[0].number),
            }
            found = {name: work.session.scalars(query.limit(1)).one() for name, query in first.items()}
        return {
            **found,
            "program_id": self.story.program_id,
            "tip": self.story.tips[0].number,
            "filename": "css/public.css",
            "seq": "1",
            "language": "es",
            "kind": "tip",
        }

    def rows(self) -> Rows:
        """Everything that the database holds, the job queue's tables too."""
        engine, found = self.inside.console.database.engine, {}
        with engine.connect() as connection:
            for schema in (None, jobs.SCHEMA) if engine.dialect.name == "postgresql" else (None,):
                for name in inspect(connection).get_table_names(schema):
                    if name not in MAY_CHANGE:
                        rows = connection.execute(select(text("*")).select_from(table(name, schema=schema)))
                        found[name] = sorted((tuple(row) for row in rows), key=repr)
        return found

    def stored(self) -> list[str]:
        return sorted(self.inside.console.vault.objects.store.names())


@contextmanager
def told(settings: Settings) -> Iterator[World]:
    """The story told, with one exhibit offered to counsel and one export ready to sign."""
    elsewhere = settings.model_fields_set - PLAIN
    story = _tell(settings) if elsewhere else _copied(settings)
    inside = Installation(settings, {}, story.program_id, "northfield", "")
    apps = (create_public_app(inside.public), create_console_app(inside.console), create_files_app(inside.console))
    for app in apps:
        app.config["TESTING"] = True
        app.extensions["gate"].limiter.clock = count(0, 60).__next__  # a minute between any two requests, so that none is one too many
    try:
        yield World(story, inside, *apps)
    finally:
        inside.close()
        story.close()  # its people's keys are read through its own processes


def _copied(settings: Settings) -> Telling:
    """The story on SQLite and disk, which the first test process of a run tells for all."""
    run = settings.data.parents[1 + ("PYTEST_XDIST_WORKER" in os.environ)]  # the folder of a test lies in its process's, that in the run's
    told_once, (remembered, people) = once_in_a_run(run, "told", _told_in)
    shutil.copytree(told_once, settings.data)
    story = Telling(settings, **remembered)
    database = story.console.database
    with database.session(write=False) as session:
        for name, person, staff_id, session_id, keys in people:
            actor = actor_with(database, session.get_one(Staff, staff_id), keys, session_id)
            story.people[name] = DemoPerson(actor=actor, **person)
    write_sign_ins(settings, list(story.people.values()))
    return story


def _told_in(data: Path) -> tuple[dict[str, object], list[tuple[object, ...]]]:
    """Tell it, and return what remembers it apart from processes and databases."""
    story = _tell(Settings(data=data))
    people: list[tuple[object, ...]] = []
    for name, one in story.people.items():
        person = {"colleague": one.colleague, "passphrase": one.passphrase, "totp_secret": one.totp_secret}
        keys = StaffKeys(one.actor.keyring.identity, one.actor.keyring.signing_key, one.totp_secret)
        people.append((name, person, one.actor.staff_id, one.actor.session_id, keys))
    return {part: getattr(story, part) for part in ("moment", "program_id", "case_number", "tips")}, people


def _tell(settings: Settings) -> Telling:
    story = tell(settings, lambda _: None)
    tell_claim(story)
    tell_matters(story)
    inside = Installation(settings, {}, story.program_id, "northfield", "")
    with inside.work() as work:
        drawn = select(Exhibit.id).join(Examination, Examination.exhibit_id == Exhibit.id).where(Examination.preview_name.is_not(None))
        exhibit = work.session.scalars(
            drawn.where(Exhibit.kind == "attachment", Exhibit.case_id.is_not(None)).order_by(Exhibit.number)
        ).first()
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
    _talk(story, inside)
    inside.run_jobs()
    inside.close()
    story.close()
    return story


def _talk(story: Telling, inside: Installation) -> None:
    """A note and a task on the first tip, a request to a second person, and a list of digests."""
    okafor = story.actor("m.okafor")
    with inside.work() as work:
        tip = work.session.scalars(select(Tip.id).where(Tip.number == story.tips[0].number)).one()
        on = get_thing(work, okafor, "tip", tip)
        write_note(work, okafor, WriteNote(on, "Read it again tomorrow"))
        add_task(work, okafor, AddTask(on, "Ask for the list"))
        sample = work.session.scalars(select(Sample.number)).first()
        ask_reveal(work, okafor, AskReveal(str(sample), "1", "Compare with the tip"))
        made = {"meaning": "known", "digests": 0, "loaded_by": okafor.staff_id, "loaded_at": work.now()}
        about = {"name": "Known files", "origin": "A disk", "sha256": "0" * 64}
        list_id, keys = new_id(), okafor.keyring.program(story.program_id)
        sealed = keys.seal_json("hash_list", "about", list_id, about)
        work.session.add(HashList(id=list_id, program_id=story.program_id, about=sealed, **made))
