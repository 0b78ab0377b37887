"""An installation for fault tests, told once and copied for each fault: tips, a case, an export before each of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from evidence.storage.disk import DiskStore
from tests.installations import Installation, install
from tests.journeys import invariants
from tests.tipline.intake.house import begin, fill, send_tip
from tipline.actor import ProgramKeys
from tipline.app import create_console_app, create_public_app
from tipline.cases import services as cases
from tipline.config import Settings
from tipline.exports import building
from tipline.exports import services as exports
from tipline.models.custody import Exhibit
from tipline.models.tips import Tip
from tipline.security import cookie_name

FILES = {"a.bin": bytes(range(256)) * 500, "b.txt": b"second"}
WORDS = "He bragged about the records."


@dataclass(frozen=True)
class Exports:
    """Three exports, each before another step: reading the exhibits again, the signature, sealing the bundle."""

    requested: str
    to_sign: str
    signed: str


@dataclass(frozen=True)
class World:
    """The template, the keys that open its exhibits, and what is half done in it. `cookies`: open sessions by role."""

    template: Installation
    keys: Mapping[str, ProgramKeys]
    cookies: Mapping[str, str]
    draft: str  # a form that was filled and checked, and not sent
    exhibit: str  # a file of the case
    exports: Exports
    _places: dict[Path, Installation] = field(default_factory=dict)
    _apps: dict[tuple[Path, str], Flask] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.template.settings.data

    def at(self, data: Path) -> Installation:
        """The installation in a copy of the folder. Opened once for all copies that lie at the same place."""
        if data not in self._places:
            people = dict(self.template.people)
            self._places[data] = Installation(Settings(data=data), people, self.template.program_id, self.template.slug, "")
        return self._places[data]

    def tidy(self) -> None:
        """Forget what was seen of the copies: no connection is left, and nothing is known of their folders."""
        for place in self._places.values():
            place.close()
            for process in place._processes.values():
                store = process.vault.objects.store
                assert isinstance(store, DiskStore)
                store._durable.clear()
                process.vault.objects._checked.clear()

    def broken(self, data: Path) -> list[str]:
        return invariants.broken_in(self.at(data).worker, self.keys)

    def source(self, data: Path) -> FlaskClient:
        """A visitor of the public face of a copy."""
        return self._app(data, "public").test_client()

    def colleague(self, data: Path, role: str) -> Colleague:
        """A signed-in person at the console of a copy."""
        client = self._app(data, "console").test_client()
        client.set_cookie(cookie_name("console", self.at(data).settings, "session"), self.cookies[role], domain="localhost")
        page = client.get("/sign-in").text
        return Colleague(client, page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0])

    def _app(self, data: Path, face: str) -> Flask:
        if (data, face) not in self._apps:
            inside = self.at(data)
            self._apps[data, face] = create_public_app(inside.public) if face == "public" else create_console_app(inside.console)
        return self._apps[data, face]


@dataclass(frozen=True)
class Colleague:
    """A browser that posts with its token."""

    client: FlaskClient
    token: str

    def post(self, path: str, **fields: Any) -> TestResponse:
        return self.client.post(path, data=fields, headers={"X-CSRFToken": self.token})


def tell(folder: Path) -> World:
    """Set up an installation with an examined tip in a case, and stop in the middle of a Send and of three exports."""
    made = install(Settings(data=folder / "instance"))
    source = create_public_app(made.public).test_client()
    send_tip(source, WORDS, FILES)
    made.run_jobs()
    with made.work() as work:
        case = cases.open_case(work, made.actor(), cases.OpenCase(made.program_id, "Records")).number
        number = work.session.scalars(select(Tip.number)).one()
    with made.work() as work:
        cases.put_tip(work, made.actor(), cases.PutTip(number, case, with_exhibits=True))
    made.sequence()
    made.sequencer().publish()
    waiting = Exports(_request(made, case), _prepare(made, _request(made, case)), _sign(made, _prepare(made, _request(made, case))))
    made.sequence()
    draft = begin(source)
    assert fill(source, draft, WORDS, FILES).status_code == 200
    with made.work(write=False) as work:
        exhibit = work.session.scalars(select(Exhibit.id).where(Exhibit.kind == "attachment").limit(1)).one()
    person = made.people["investigator"]
    keys = invariants.keys_of(made.settings, person.login, person.passphrase)
    cookies = {role: made.session_of(role) for role in made.people}
    made.close()
    return World(made, keys, cookies, draft, exhibit, waiting)


def _request(made: Installation, case: str) -> str:
    counsel = made.actor("counsel")
    with made.work() as work:
        _, _, offered = exports.choices(work, counsel, case)
        return exports.request_export(work, counsel, exports.RequestExport(case, tuple(one.id for one in offered), "order")).id


def _prepare(made: Installation, export: str) -> str:
    with made.worker.unit(write=True) as work:
        building.prepare_payload(work, export)
    return export


def _sign(made: Installation, export: str) -> str:
    counsel = made.actor("counsel")
    with made.work() as work:
        exports.sign_export(work, counsel, export)
    return export
