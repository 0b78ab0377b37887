"""The desk fixture."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import inspect

from tests.installations import Installation
from tests.tipline.desk_house import Desk
from tipline.models.operations import DownloadTicket


@pytest.fixture
def desk(installation: Installation, public: FlaskClient, console_app: Flask) -> Desk:
    """Staff at their desk, on SQLite and disk."""
    engine = installation.console.database.engine
    if not inspect(engine).has_table("download_ticket"):
        DownloadTicket.__table__.create(engine)
    return Desk(installation, public, console_app)
