"""Where a program asks for it, a second person lets each bundle out before one is signed; elsewhere one person exports alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.tipline.exports.conftest import Told
from tipline import casework
from tipline.actor import Actor
from tipline.approvals import services as approvals
from tipline.config import Settings
from tipline.errors import Conflict, Forbidden, NotFound
from tipline.exports import services
from tipline.exports.services import RequestExport
from tipline.models.cases import Export
from tipline.models.desk import SecondPerson
from tipline.models.programs import Program
from tipline.work import Work

COUNSEL, MANAGER, INVESTIGATOR = "r.lindqvist", "s.whitfield", "m.okafor"


@contextmanager
def acting(told: Told, login: str) -> Iterator[tuple[Work, Actor]]:
    with told.console.unit(write=True) as work:
        yield work, told.story.actor(login)


@pytest.fixture
def asked(told: Told) -> Iterator[str]:
    """An export of one exhibit of a program that asks for two people, read and ready to sign."""
    with told.console.unit(write=True) as work:
        work.session.get_one(Program, told.story.program_id).two_to_export = True
    with acting(told, COUNSEL) as (work, actor):
        _, _, offered = services.choices(work, actor, told.story.case_number)
        chosen = next(one.id for one in offered if not one.obstacle)
        export_id = services.request_export(work, actor, RequestExport(told.story.case_number, (chosen,), "Order of 18 Nov")).id
    with told.console.unit(write=True) as work:
        work.session.get_one(Export, export_id).state = "to_sign"
    yield export_id
    with told.console.unit(write=True) as work:
        work.session.get_one(Program, told.story.program_id).two_to_export = False
        work.session.get_one(Export, export_id).state = "failed"


def request_of(told: Told, export_id: str) -> str:
    with told.console.unit(write=False) as work:
        query = select(SecondPerson.id).where(SecondPerson.subject_id == export_id).order_by(SecondPerson.asked_at.desc())
        return work.session.scalars(query).first() or ""


def sign(told: Told, export_id: str, login: str = COUNSEL) -> None:
    with acting(told, login) as (work, actor):
        services.sign_export(work, actor, export_id)


def test_nobody_signs_before_a_second_person_has_let_it_out(told: Told, asked: str) -> None:
    with pytest.raises(Conflict, match="second person"):
        sign(told, asked)
    with pytest.raises(Forbidden), acting(told, COUNSEL) as (work, actor):
        approvals.approve(work, actor, request_of(told, asked))
    with pytest.raises(NotFound), acting(told, INVESTIGATOR) as (work, actor):
        approvals.approve(work, actor, request_of(told, asked))
    with acting(told, MANAGER) as (work, actor):
        seen = services.get_export(work, actor, asked)
        assert seen.needs_second
        assert seen.second is not None
        assert seen.second.reason == "Order of 18 Nov"
        approvals.approve(work, actor, seen.second.id)
    sign(told, asked)
    with told.console.unit(write=False) as work:
        assert work.session.get_one(Export, asked).state == "sealing"
        assert work.session.get_one(SecondPerson, request_of(told, asked)).state == "used"
        work.session.rollback()
    with acting(told, COUNSEL) as (work, actor):
        exhibit = services.exhibits_of(work, work.session.get_one(Export, asked))[0]
        keyfile = work.vault.open_exhibit(exhibit, actor.keyring.program(told.story.program_id))
        last = work.vault.openings(work.session, exhibit, keyfile)[-1]
        assert last.field("kind") == "EXPORTED"
        assert f"let out by {MANAGER}" in str(last.field("authority"))


def test_a_refusal_or_a_lapse_is_asked_anew(told: Told, asked: str) -> None:
    with pytest.raises(Conflict, match="asked already"), acting(told, COUNSEL) as (work, actor):
        services.ask_again(work, actor, asked)
    with acting(told, MANAGER) as (work, actor):
        approvals.decline(work, actor, request_of(told, asked))
    with pytest.raises(Conflict, match="second person"):
        sign(told, asked)
    with acting(told, COUNSEL) as (work, actor):
        services.ask_again(work, actor, asked)
    with acting(told, MANAGER) as (work, actor):
        approvals.approve(work, actor, request_of(told, asked)).lapses_at = work.now() - timedelta(seconds=1)
    with pytest.raises(Conflict, match="second person"):
        sign(told, asked)


def test_the_command_line_says_who_is_waited_for(told: Told, asked: str) -> None:
    with pytest.raises(Conflict, match="waits for a second person"):
        casework._require_alone(told.console, told.story.actor(COUNSEL), asked)


def test_one_person_exports_alone_where_the_program_says_so(told: Told, settings: Settings, tmp_path: Path) -> None:
    with acting(told, COUNSEL) as (work, actor):
        _, _, offered = services.choices(work, actor, told.story.case_number)
        chosen = next(one.id for one in offered if not one.obstacle)
        export = services.request_export(work, actor, RequestExport(told.story.case_number, (chosen,), "Alone"))
        export_id, export.state = export.id, "to_sign"
    with acting(told, COUNSEL) as (work, actor):
        seen = services.get_export(work, actor, export_id)
        assert (seen.needs_second, seen.second) == (False, None)
    casework._require_alone(told.console, told.story.actor(COUNSEL), export_id)
    with pytest.raises(Conflict, match="no second person"), acting(told, COUNSEL) as (work, actor):
        services.ask_again(work, actor, export_id)
    with told.console.unit(write=True) as work:
        work.session.get_one(Export, export_id).state = "failed"
