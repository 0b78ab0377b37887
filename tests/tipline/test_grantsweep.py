"""Grants end: by the job that they served, by their time, and when a crash forgot them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from evidence.keys import KeyFile
from tests.tipline.custody_house import NOW, CustodyHouse, build
from tipline import grantsweep
from tipline.config import Settings
from tipline.jobs import SWEEPS
from tipline.models.custody import Exhibit, Grant, Restoration


@pytest.fixture
def house(every_settings: Settings) -> Iterator[CustodyHouse]:
    made = build(every_settings)
    yield made
    made.close()


def forget_a_grant(house: CustodyHouse) -> tuple[Exhibit, KeyFile]:
    """Leave a wrap as a crash between its put and the commit does."""
    exhibit, keyfile = house.acquire()
    house.public.vault.objects.add_grant(keyfile, "f" * 32, [house.public.vault.recipients.examiner])
    return exhibit, keyfile


def sweep(house: CustodyHouse, after: timedelta) -> None:
    worker = replace(house.worker, clock=lambda: NOW + after)
    with worker.unit(write=True) as work:
        grantsweep.sweep(work)


def test_the_worker_knows_the_sweep() -> None:
    assert SWEEPS["sweep_grants"] is grantsweep.sweep


def test_a_forgotten_wrap_goes_in_the_second_sweep_a_day_later(house: CustodyHouse) -> None:
    forget_a_grant(house)
    for after, left in ((timedelta(0), 1), (timedelta(hours=20), 1), (timedelta(days=2), 0)):
        sweep(house, after)
        assert len(list(house.worker.vault.objects.grants())) == left


def test_no_wrap_goes_while_the_record_waits_for_signatures(house: CustodyHouse) -> None:
    forget_a_grant(house)
    sweep(house, timedelta(0))
    with house.session() as session:
        session.add(Restoration(id="r", kind="database", from_index=0, to_index=1, found_at=NOW))
        session.commit()
    sweep(house, timedelta(days=3))
    assert len(list(house.worker.vault.objects.grants())) == 1


def test_a_wrap_whose_row_was_committed_meanwhile_stays(house: CustodyHouse) -> None:
    exhibit, _ = forget_a_grant(house)
    sweep(house, timedelta(0))
    with house.session() as session:
        session.add(Grant(id="f" * 32, exhibit_id=exhibit.id, purpose="examine", subject_id="t"))
        session.commit()
    sweep(house, timedelta(days=2))
    sweep(house, timedelta(days=4))
    assert len(list(house.worker.vault.objects.grants())) == 1


def test_an_expired_grant_ends_with_its_row(house: CustodyHouse) -> None:
    exhibit, keyfile = house.acquire()
    with house.session() as session:
        terms = {"purpose": "export", "subject_id": "e", "expires_at": NOW + timedelta(hours=1)}
        house.public.vault.grant(session, exhibit, keyfile, **terms)
        session.commit()
    sweep(house, timedelta(minutes=30))
    assert len(list(house.worker.vault.objects.grants())) == 1
    sweep(house, timedelta(hours=2))
    assert list(house.worker.vault.objects.grants()) == []
    with house.session() as session:
        assert session.scalars(select(Grant)).all() == []
