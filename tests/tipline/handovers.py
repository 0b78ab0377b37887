"""Letters and samples as tests hand them over."""

from __future__ import annotations

import io
from datetime import date

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.installations import Installation
from tipline.cases.handover import Arrived, Handover
from tipline.cases.services import OpenCase, open_case
from tipline.work import Work

RECEIVED = date(2026, 9, 3)


def open_a_case(installation: Installation) -> str:
    with installation.work() as work:
        return open_case(work, installation.actor(), OpenCase(installation.program_id, "Letter with records")).number


def handover(case_number: str, title: str = "Letter to the board", **more: str) -> Handover:
    return Handover(case_number, title, RECEIVED, more.pop("channel", "post"), more.pop("handed_over_by", "D. Acosta"), **more)


def arrive(work: Work, data: bytes, name: str) -> Arrived:
    """Seal something as the console's sink does."""
    with work.vault.objects.receive() as receiving:
        receiving.write(data)
        return Arrived(receiving.finish(), name)


def post(client: FlaskClient, path: str, case_number: str, file: tuple[bytes, str] | None = None, **more: str) -> TestResponse:
    form: dict[str, object] = {
        "case": case_number,
        "title": "What came",
        "received_on": RECEIVED.isoformat(),
        "channel": "post",
        "handed_over_by": "D. Acosta",
        **more,
    }
    if file is not None:
        form["file"] = (io.BytesIO(file[0]), file[1])
    return client.post(path, data=form, content_type="multipart/form-data")
