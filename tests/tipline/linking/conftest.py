"""The desk fixture."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.installations import Installation
from tests.tipline.desk_house import Desk
from tests.tipline.linkeddesk import _linked as _linked
from tests.tipline.linkeddesk import linked as linked


@pytest.fixture
def desk(installation: Installation, public: FlaskClient, console_app: Flask) -> Desk:
    """Staff at their desk, on SQLite and disk."""
    return Desk(installation, public, console_app)
