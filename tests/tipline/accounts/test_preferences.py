"""Preferences: what a person chose stands in every page that the server sends them, and in nobody else's."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import g
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.installations import Installation
from tipline import filters
from tipline.accounts import preferences
from tipline.accounts.keysheet import SHEET
from tipline.actor import Preferences
from tipline.errors import BadInput
from tipline.models.operations import AuditEvent
from tipline.models.staff import Staff

SignIn = Callable[[str], FlaskClient]
USUAL = {"theme": "system", "contrast": "system", "density": "roomy", "keys": "y", "zone": "", "notice": "off", "address": ""}
PAGES = ("/preferences", "/keys-help", "/keys", "/nothing-here")


def choose(client: FlaskClient, **chosen: str | None) -> int:
    data = {name: value for name, value in {**USUAL, **chosen}.items() if value is not None}
    return client.post("/preferences", data=data).status_code


def html_of(page: str) -> str:
    found = re.search(r"<html[^>]*>", page)
    assert found
    return found[0]


def test_a_choice_stands_in_every_page_of_who_made_it_alone(sign_in: SignIn) -> None:
    mine, other = sign_in("investigator"), sign_in("counsel")
    assert [html_of(mine.get(path).text) for path in PAGES] == ['<html lang="en" dir="ltr">'] * len(PAGES)
    assert choose(mine, theme="dark", contrast="more", density="close", keys=None) == 303
    chosen = '<html lang="en" dir="ltr" data-theme="dark" data-contrast="more" data-density="close" data-keys="off">'
    assert [html_of(mine.get(path).text) for path in PAGES] == [chosen] * len(PAGES)
    assert "They are off" in mine.get("/keys-help").text
    assert html_of(other.get("/keys").text) == '<html lang="en" dir="ltr">'
    assert choose(mine) == 303
    assert html_of(mine.get("/keys").text) == '<html lang="en" dir="ltr">'


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"theme": "purple"}, "Choose one of these."),
        ({"zone": "Mars/Olympus"}, "Choose one of these."),
        ({"zone": "../../etc/passwd"}, "Choose one of these."),
        ({"notice": "daily"}, "Write where the notice should go."),
        ({"notice": "daily", "address": "nobody"}, "No mail can go to this address."),
        ({"address": "a@example.org\r\nBcc: all@example.org"}, "No mail can go to this address."),
        ({"address": "x" * 250 + "@example.org"}, "No mail can go to this address."),
    ],
)
def test_what_can_not_be_chosen_changes_nothing(sign_in: SignIn, installation: Installation, chosen: dict[str, str], told: str) -> None:
    client = sign_in("investigator")
    answer = client.post("/preferences", data={**USUAL, "density": "close", **chosen})
    assert (answer.status_code, told in answer.text) == (422, True)
    assert "<title>Error: Preferences" in answer.text
    with installation.work(write=False) as work:
        kept = work.session.execute(select(Staff.preferences, Staff.notify_address).where(Staff.login == "m.okafor")).one()
    assert tuple(kept) == ("{}", None)


def test_where_a_notice_goes_is_in_the_audit_record_without_the_address(sign_in: SignIn, installation: Installation) -> None:
    assert choose(sign_in("investigator"), notice="daily", address=" m.okafor@example.org ") == 303
    with installation.work(write=False) as work:
        acts = work.session.execute(select(AuditEvent.act, AuditEvent.detail).where(AuditEvent.act == "staff.notice")).all()
        address = work.session.scalar(select(Staff.notify_address).where(Staff.login == "m.okafor"))
    assert [tuple(act) for act in acts] == [("staff.notice", "daily")]
    assert address == "m.okafor@example.org"


def test_the_theme_alone(sign_in: SignIn) -> None:
    client = sign_in("counsel")
    assert choose(client, density="close") == 303
    assert client.post("/preferences/theme", data={"theme": "dark"}).status_code == 303
    assert html_of(client.get("/keys").text) == '<html lang="en" dir="ltr" data-theme="dark" data-density="close">'
    assert client.post("/preferences/theme", data={"theme": "\x00"}).status_code == 400
    assert client.post("/preferences/theme", data={"theme": "red"}).status_code == 422


def test_a_clock_beside_utc_and_none_on_paper(installation: Installation, sign_in: SignIn) -> None:
    app = sign_in("investigator").application
    moment = datetime(2026, 11, 22, 2, 32, 5, tzinfo=UTC)
    with app.test_request_context("/"):
        assert filters.exact_here(moment) == "22 Nov 2026, 02:32:05 UTC"
        with installation.work() as work:
            actor = installation.actor()
            preferences.set_preferences(work, actor, Preferences(zone="America/New_York"), "")
        g.who = installation.actor()
        assert filters.exact_here(moment) == '22 Nov 2026, 02:32:05 UTC <span class="noprint">(21 Nov 2026, 21:32 in New York)</span>'
        assert filters.exact_here(moment.replace(hour=15)).endswith('<span class="noprint">(10:32 in New York)</span>')
        assert filters.exact_here(None) == "\N{EN DASH}"
        assert filters.exact(moment) == "22 Nov 2026, 02:32:05 UTC"


def test_a_choice_that_is_not_known_any_more_is_the_usual_one() -> None:
    assert Preferences.read('{"font": "comic", "theme": "dark"}') == Preferences(theme="dark")
    farthest = max((zone for group in preferences.zones().values() for zone, _ in group), key=len)
    longest = Preferences("system", "more", False, farthest, "close", "daily")
    assert Preferences.read(longest.write()) == longest
    assert len(longest.write()) < 400, "longer than the column"


def test_a_zone_that_is_not_there_is_refused_by_the_service(installation: Installation) -> None:
    with installation.work() as work, pytest.raises(BadInput):
        preferences.set_preferences(work, installation.actor(), Preferences(zone="Europe/Atlantis"), "")


def test_the_sheet_names_every_key_of_the_guide(sign_in: SignIn) -> None:
    page = sign_in("investigator").get("/keys-help").text
    said = {keys for _, group in SHEET for keys, _ in group}
    assert said >= {"Ctrl K", "/", "?", "g i", "g c", "g l", "g x", "z", "j", "k", "x", "f", "a", "l", "s", "r", "e", "c", "d", "w", "v"}
    for keys in said:
        assert "".join(f"<kbd>{key}</kbd> " for key in keys.split()) in page
