"""Files of console forms: what a script of ours says of them is compared with what arrived, and it is led on without a lost message."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.installations import Installation
from tests.tipline.handovers import open_a_case
from tipline.models.cases import Letter

LETTER = b"We have your records."
RIGHT = hashlib.sha256(LETTER).hexdigest()


def register(client: FlaskClient, case: str, *digests: str, headers: dict[str, str] | None = None) -> TestResponse:
    data = {"case": case, "title": "Letter", "received_on": "2026-09-03", "channel": "post", "handed_over_by": "B. Ames"}
    form = {**data, "file": (BytesIO(LETTER), "letter.txt"), "file-sha256": list(digests)}
    return client.post("/letters/new", data=form, content_type="multipart/form-data", headers=headers)


def letters(installation: Installation) -> int:
    with installation.work(write=False) as work:
        return work.session.scalar(select(func.count()).select_from(Letter)) or 0


@pytest.mark.parametrize(
    ("digests", "stored"), [((), 1), ((RIGHT,), 1), (("0" * 64,), 0), ((RIGHT, RIGHT), 0), ((RIGHT.upper(),), 0), (("",), 0)]
)
def test_what_the_browser_read_is_what_arrives_or_nothing_is_kept(
    installation: Installation, sign_in: Callable[[str], FlaskClient], digests: tuple[str, ...], stored: int
) -> None:
    answer = register(sign_in("investigator"), open_a_case(installation), *digests)
    assert answer.status_code == (303 if stored else 422)
    assert ("the SHA-256 differs" in answer.text) is not bool(stored)
    assert letters(installation) == stored


def test_a_script_is_told_where_to_go_and_loads_that_page_once(
    installation: Installation, sign_in: Callable[[str], FlaskClient], console: FlaskClient
) -> None:
    answer = register(sign_in("investigator"), open_a_case(installation), RIGHT, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["HX-Redirect"].startswith("/letters/")
    assert "Location" not in answer.headers
    assert console.get("/inbox", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/sign-in"
