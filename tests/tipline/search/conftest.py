"""A desk whose colleagues search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.installations import Installation
from tests.tipline.desk_house import Desk
from tests.tipline.handovers import arrive, handover, open_a_case
from tipline.actor import Actor
from tipline.letters.services import RegisterLetter, register
from tipline.models.cases import CaseFile, Letter
from tipline.notes.services import WriteNote, write_note
from tipline.notes.things import get_thing
from tipline.search import services
from tipline.search.rules import Query
from tipline.search.services import Found


@dataclass
class Searching(Desk):
    """Each `search` is a session of its own, unless it is given an actor."""

    def search(self, text: str, role: str = "investigator", actor: Actor | None = None, **narrowed: Any) -> Found:
        after = narrowed.pop("after", None)
        who = actor or self.installation.actor(role)
        with self.installation.work(write=False) as work:
            return services.search(work, who, Query(text, **narrowed), after)

    def told(self, text: str, role: str = "investigator", **narrowed: Any) -> list[tuple[str, str]]:
        """Kind and number of what is found."""
        return [(hit.kind, hit.where.number) for hit in self.search(text, role, **narrowed).hits]

    def case(self) -> CaseFile:
        number = open_a_case(self.installation)
        with self.installation.work(write=False) as work:
            return work.session.scalars(select(CaseFile).where(CaseFile.number == number)).one()

    def letter(self, case: CaseFile, words: str, *, examine: bool = True) -> Letter:
        with self.acting() as (work, actor):
            made = register(work, actor, RegisterLetter(handover(case.number), arrived=arrive(work, words.encode(), "letter.txt")))
        if examine:
            self.installation.run_jobs()
        return made

    def note(self, kind: str, thing_id: str, words: str, role: str = "investigator") -> None:
        with self.acting(role) as (work, actor):
            write_note(work, actor, WriteNote(get_thing(work, actor, kind, thing_id), words))


@pytest.fixture
def desk(installation: Installation, public: FlaskClient, console_app: Flask) -> Searching:
    return Searching(installation, public, console_app)
