"""A fully set-up installation for tests, made through the services that people use."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyotp
from flask.testing import FlaskClient

from tipline import jobs, worker
from tipline.accounts import services as accounts
from tipline.accounts import sessions
from tipline.accounts.keychain import StaffKeys
from tipline.actor import Actor
from tipline.admin import programs, recovery
from tipline.admin import rules as admin_rules
from tipline.admin.services import AddColleague, add_colleague
from tipline.admin.setup import prepare
from tipline.config import Settings
from tipline.exhibits.waiting import Waiting
from tipline.models.staff import Staff
from tipline.process import Process, open_process
from tipline.security import cookie_name
from tipline.sequencer import Sequencer
from tipline.work import Work, utc_now

PASSPHRASE = "saddle brisk lantern ocean velvet thirty"
PEOPLE = {
    "administrator": ("administrator", "Administrator"),
    "investigator": ("m.okafor", "M. Okafor"),
    "counsel": ("d.acosta", "D. Acosta"),
    "program_manager": ("t.brandt", "T. Brandt"),
}
NOTICE = admin_rules.Notice(
    organisation="Northfield Scripts",
    title="Who stole our members’ prescription records?",
    incident="On 3 September 2026 Northfield Scripts received a letter asking for payment.\n\nWith it came the records of 75 members.",
    helps_most="Who wrote or sent the letter\nWhere the records are kept, sold or shown",
    reward="$1,000,000",
    reward_terms="The reward is paid for information that leads to the people who took the records.",
    notice_on=date(2026, 9, 4),
)


@dataclass(frozen=True)
class Person:
    """A colleague with an account, and what they alone know."""

    staff_id: str
    login: str
    role: str
    keys: StaffKeys
    passphrase: str = PASSPHRASE

    def code(self) -> str:
        """The six digits of this moment."""
        return pyotp.TOTP(self.keys.totp_secret).now()


@dataclass
class Installation:
    """Processes, people and one open program. `people` is by role, with any that a test adds by login."""

    settings: Settings
    people: dict[str, Person]
    program_id: str
    slug: str
    recovery_shares: tuple[str, ...]
    _processes: dict[str, Process] = field(default_factory=dict)

    @property
    def public(self) -> Process:
        return self._process("public")

    @property
    def console(self) -> Process:
        return self._process("console")

    @property
    def worker(self) -> Process:
        return self._process("worker")

    def _process(self, face: str) -> Process:
        if face not in self._processes:
            self._processes[face] = open_process(face, self.settings)  # type: ignore[arg-type]  # one of the three above
        return self._processes[face]

    def session_of(self, role: str) -> str:
        """Open a session for a person and return its cookie's value."""
        person = self.people[role]
        with self.console.unit(write=True) as work:
            return sessions.open_session(work.session, work.session.get_one(Staff, person.staff_id), person.keys, work.now()).value

    def actor(self, role: str = "investigator") -> Actor:
        """A signed-in person, as services are given them."""
        cookie = self.session_of(role)
        found = accounts.find_actor(self.console.begin(write=False), cookie)
        assert found is not None
        return found

    @contextmanager
    def work(self, *, write: bool = True) -> Iterator[Work]:
        """A unit of work of the console, committed at the end."""
        with self.console.unit(write=write) as work:
            yield work

    def sign_in(self, client: FlaskClient, role: str) -> FlaskClient:
        """Give a console client the cookie of a fresh session."""
        client.set_cookie(cookie_name("console", self.settings, "session"), self.session_of(role), domain="localhost")
        return client

    def run_jobs(self) -> list[str]:
        """Run what waits and what is enqueued, in this process and as the worker would; returns the jobs' ids. A failed one raises."""
        worker.register_capabilities()
        Waiting(self.worker).look_through()
        done = []
        client = jobs.Jobs(self.worker.database.engine).client()
        while waiting := client.list_workflows(status=["ENQUEUED", "DELAYED"], load_output=False):
            for row in waiting:
                client.delete_workflows([row.workflow_id])
                with self.worker.unit(write=True) as work:
                    jobs.REGISTRY[row.name](work, *row.input["args"])
                done.append(row.workflow_id)
        return done

    def sequence(self) -> None:
        """Give every waiting custody event its place in the log."""
        self.sequencer().run_all()

    def sequencer(self) -> Sequencer:
        return Sequencer(self.worker.database, self.worker.vault, self.settings, utc_now)

    def close(self) -> None:
        for process in self._processes.values():
            process.database.dispose()


def install(settings: Settings) -> Installation:
    """Set up an installation as its first users would: keys, an administrator, three colleagues, one open program."""
    link = prepare(settings).link
    jobs.migrate(settings.database)
    assert link is not None
    made = Installation(settings, {}, "", "northfield", ())
    made.people["administrator"] = _set_up(made, link)
    for role in ("investigator", "counsel", "program_manager"):
        with made.work() as work:
            login, name = PEOPLE[role]
            link = add_colleague(work, made.actor("administrator"), AddColleague(login, name, role))
        made.people[role] = _set_up(made, link)
    _open_program(made)
    return made


def _set_up(made: Installation, link: str) -> Person:
    token = link.rpartition("/")[2]
    choice = accounts.ChoosePassphrase(PASSPHRASE, PASSPHRASE, accounts.offer_passphrase())
    with made.work() as work:
        cookie = accounts.choose_passphrase(work, token, choice)
    with made.work() as work:
        begun = sessions.find_session(work.session, cookie, work.now(), sessions.SETTING_UP)
        assert begun is not None
        accounts.confirm_code(work, token, cookie, pyotp.TOTP(begun.keys.totp_secret).now())
        return Person(begun.staff.id, begun.staff.login, begun.staff.role, begun.keys)


def _open_program(made: Installation) -> None:
    administrator = made.actor("administrator")
    with made.work() as work:
        created = programs.create_program(work, administrator, programs.CreateProgram(made.slug, "NS", NOTICE))
    made.program_id, made.recovery_shares = created.program.id, created.shares
    administrator = made.actor("administrator")  # with the wrap of the new program
    with made.work() as work:
        recovery.confirm_recovery(work, administrator, made.program_id, recovery.TypedShares(*made.recovery_shares[:2]))
    for role in ("investigator", "counsel", "program_manager"):
        with made.work() as work:
            person = made.people[role]
            compared = admin_rules.fingerprint(person.keys.identity.recipient)
            programs.grant_access(work, administrator, programs.GrantAccess(made.program_id, person.staff_id, compared))


def copy_of(made: Installation, data: Path) -> Installation:
    """The same installation in another folder, as it is now. SQLite and disk only; nothing may be running."""
    made.close()
    made._processes.clear()
    shutil.copytree(made.settings.data, data)
    return Installation(Settings(data=data), dict(made.people), made.program_id, made.slug, made.recovery_shares)
