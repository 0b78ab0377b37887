"""The pages of exports, as counsel sees them at each step."""

from __future__ import annotations

import re
from datetime import timedelta

import pyotp
import pytest
from flask.testing import FlaskClient

from tests.conftest import ConsoleClient
from tests.tipline.exports.conftest import Told
from tests.tipline.exports.test_exporting import COUNSEL, prepare, request, seal
from tipline.accounts import services as accounts
from tipline.app import create_console_app, create_files_app
from tipline.security import cookie_name


@pytest.fixture(scope="module")
def counsel(told: Told) -> FlaskClient:
    """Counsel at the console, signed in with name, passphrase and the code after next."""
    app = create_console_app(told.console)
    app.test_client_class = ConsoleClient
    app.config["TESTING"] = True
    person = told.story.people[COUNSEL]
    with told.console.unit(write=True) as work:
        code = pyotp.TOTP(person.totp_secret).at(work.now() + timedelta(seconds=30))
        cookie = accounts.sign_in(work, accounts.SignIn(COUNSEL, person.passphrase, code))
    assert cookie, "counsel could not sign in"
    client = app.test_client()
    client.set_cookie(cookie_name("console", told.console.settings, "session"), cookie, domain="localhost")
    return client


def test_the_choice_names_every_exhibit_and_asks_for_a_purpose(told: Told, counsel: FlaskClient) -> None:
    address = f"/cases/{told.story.case_number}/export"
    page = counsel.get(address)
    assert page.status_code == 200
    assert len(re.findall(r'name="exhibits" value="[0-9a-f]{32}"', page.text)) >= 7
    refused = counsel.post(address, data={"purpose": ""})
    assert refused.status_code == 422
    assert "Choose at least one exhibit." in refused.text


def test_each_step_has_its_page(told: Told, counsel: FlaskClient) -> None:
    export_id = request(told)
    address = f"/exports/{export_id}"
    assert "Being read again" in counsel.get(address).text
    prepare(told, export_id)
    assert "Sign and export" in counsel.get(address).text
    assert counsel.post(f"{address}/sign").status_code == 302
    assert "Being sealed" in counsel.get(address).text
    seal(told, export_id)
    done = counsel.get(address).text
    assert "Download bundle" in done
    assert "Untimestamped: no time-stamping authority is set up." in done
    assert "not witnessed" in done.lower()
    assert "Interim: the bundle" in done
    assert "Protects the source" in done
    assert address in counsel.get("/exports").text


def test_a_bundle_leaves_once_by_the_file_origin(told: Told, counsel: FlaskClient) -> None:
    export_id = request(told)
    prepare(told, export_id)
    counsel.post(f"/exports/{export_id}/sign")
    seal(told, export_id)
    answer = counsel.post(f"/exports/{export_id}/download")
    assert answer.status_code == 303
    origin, _, token = answer.headers["Location"].rpartition("/")
    assert origin == told.console.settings.files_origin
    files = create_files_app(told.console).test_client()
    taken = files.get(f"/{token}")
    assert taken.data.startswith(b"PK")
    assert re.search(r'filename="?NS-\d{4}-\d{4}-export-\d\d\.zip', taken.headers["Content-Disposition"])
    assert files.get(f"/{token}").status_code == 404


def test_an_unknown_export_looks_like_any_unknown_page(counsel: FlaskClient) -> None:
    assert counsel.get(f"/exports/{'0' * 32}").status_code == 404
