"""A desk with a sample of two people."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.installations import Installation
from tests.tipline.desk_house import Desk
from tests.tipline.handovers import handover, open_a_case
from tests.tipline.samples.files import TABLE
from tipline.cases.handover import Arrived
from tipline.samples.services import RegisterSample, register


@dataclass
class SampleDesk:
    """Who works at it, the case, the sample and its exhibit."""

    desk: Desk
    case: str
    sample: str
    exhibit_id: str


@pytest.fixture
def desk(installation: Installation, public: FlaskClient, console_app: Flask) -> Desk:
    """Staff at their desk, on SQLite and disk."""
    return Desk(installation, public, console_app)


@pytest.fixture
def table(desk: Desk) -> SampleDesk:
    case = open_a_case(desk.installation)
    with desk.acting() as (work, actor):
        with work.vault.objects.receive() as receiving:
            receiving.write(TABLE.encode())
            arrived = Arrived(receiving.finish(), "members.csv")
        sample = register(work, actor, RegisterSample(handover(case), arrived))
        return SampleDesk(desk, case, sample.number, sample.exhibit_id)
