"""Fixtures of the public face's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tests.tipline.intake.house import IntakeHouse, build
from tipline.config import Settings


@pytest.fixture
def house(settings: Settings) -> Iterator[IntakeHouse]:
    """A public face on SQLite and disk."""
    built = build(settings)
    yield built
    built.process.database.dispose()
    built.worker.database.dispose()


@pytest.fixture
def client(house: IntakeHouse) -> FlaskClient:
    """A browser without cookies."""
    return house.client()
