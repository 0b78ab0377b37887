"""A desk with a reward."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.installations import Installation
from tests.tipline.desk_house import Desk
from tests.tipline.rewards.claim_house import ClaimHouse


@pytest.fixture
def house(installation: Installation, public: FlaskClient, console_app: Flask) -> ClaimHouse:
    """Sources, staff and a paying agent, on SQLite and disk."""
    return ClaimHouse(Desk(installation, public, console_app))
