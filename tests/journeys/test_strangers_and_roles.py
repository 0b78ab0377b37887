"""Every route of the console, for strangers and for each role: who may not is refused on a page, and nothing has changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.evidence.examine.jails import WORKING
from tests.journeys.world import LOGINS, World, told
from tipline import routes
from tipline.app import create_public_app
from tipline.config import Settings

API = routes.API  # takes no cookie, only tokens: tests/tipline/api asks it for each role
OPEN_TO_STRANGERS = ("accounts.sign_in", "accounts.open_session", "accounts.setup", "kits.recover", "static")
NARROWER = {"exhibits.confirm": frozenset({"counsel"})}  # to whom it was offered: of this object, not of the route
MAY = {endpoint: NARROWER.get(endpoint, routes.roles_of(endpoint)) for endpoint in routes.ASKS}
LATER = ("exports.stamp", "exports.published", "exports.published_proof")  # files that come when the log is next published, if ever
OWN = ("search.show", "notes.edit")  # what only its maker opens
WHAT_A_FORM_SAYS = {
    "act": "state:closed",
    "assignee": "me",
    "authority": "Order",
    "compared": "y",
    "confidence": "probable",
    "decision": "confirm",
    "label": "Insider",
    "login": "x.example",
    "name": "X. Example",
    "purpose": "Production",
    "reason": "Read both",
    "role": "administrator",
    "state": "closed",
    "title": "Anything",
    "typed": "Words of a letter, long enough to be one.",
    "words": "A reply",
}


@dataclass(frozen=True)
class Request:
    """One route and method, with real values in its address and a form that would be taken from who may."""

    endpoint: str
    method: str
    path: str
    data: dict[str, str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with told(Settings(data=tmp_path_factory.mktemp("roles") / "instance")) as world:
        yield world


@pytest.fixture(scope="module")
def requests(world: World) -> list[Request]:
    ids, addresses = world.ids(), world.console.url_map.bind("localhost")
    form = {**WHAT_A_FORM_SAYS, "case": ids["case"], "tip": ids["tip"], "program": ids["program_id"], "exhibits": ids["exhibit_id"]}
    form |= {"to": ids["staff_id"], "staff_id": ids["staff_id"], "start": f"tip:{ids['tip']}", "end": f"letter:{ids['letter']}"}
    found = []
    for rule in sorted(world.console.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.endpoint.startswith(API):
            continue
        values = {name: ids[numbered(rule)] if name == "number" else ids.get(name, "x") for name in rule.arguments}
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path = addresses.build(rule.endpoint, values, method)
            found.append(Request(rule.endpoint, method, path, form if method == "POST" else {}))
    return found


def numbered(rule: Rule) -> str:
    """Of what a route's number is: a tip's, a case's, a letter's or a sample's."""
    return rule.rule.split("/")[1].removesuffix("s")


def token_of(client: FlaskClient) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/keys").text)
    assert found
    return found[1]


def test_the_table_names_every_route_of_the_console(world: World) -> None:
    assert {rule.endpoint for rule in world.console.url_map.iter_rules() if not rule.endpoint.startswith(API)} == set(MAY)


# strangers


def plain(answer: TestResponse) -> tuple[object, ...]:
    return answer.status, answer.data, tuple(sorted(header for header in answer.headers))


def test_a_stranger_gets_one_answer_everywhere(world: World, requests: list[Request]) -> None:
    stranger = world.console.test_client()
    before = world.rows()
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        expected = plain(stranger.open("/there-is-no-such-page", method=method))
        assert expected[0] == "302 FOUND"
        assert ("Location", "/sign-in") in expected[2]  # type: ignore[operator]  # the headers
        for asked in requests:
            if not asked.endpoint.startswith(OPEN_TO_STRANGERS):
                answer = stranger.open(asked.path, method=method, data=asked.data or None)
                assert plain(answer) == expected, f"{method} {asked.path}"
    assert world.rows() == before


def test_what_is_open_to_strangers_gives_nothing_away(world: World, requests: list[Request]) -> None:
    stranger = world.console.test_client()
    for asked in requests:
        if asked.endpoint.startswith("accounts.setup"):
            answer = stranger.open(asked.path, method=asked.method, data={"csrf_token": "x"} if asked.method == "POST" else None)
            assert answer.status_code in (400, 404)
            assert "Set-Cookie" not in answer.headers or "console-session" not in answer.headers["Set-Cookie"]


# roles


@pytest.mark.parametrize("role", sorted(LOGINS))
def test_a_role_is_refused_where_it_may_not_and_nothing_changes(
    world: World, requests: list[Request], role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the services themselves: the guard of the routes is off, so that neither hides what the other lacks."""
    monkeypatch.setattr(routes, "ASKS", {})
    client = world.sign_in(role)
    token = token_of(client)
    rows, stored = world.rows(), world.stored()
    refused = [asked for asked in requests if role not in MAY[asked.endpoint]]
    assert len(refused) > 10
    for asked in refused:
        data = {**asked.data, "csrf_token": token} if asked.data else None
        answer = client.open(asked.path, method=asked.method, data=data)
        assert answer.status_code == 403, f"{asked.method} {asked.path}: {answer.status_code}"
        assert 'aria-label="Main"' in answer.text, "the refusal is no page of the console"
    assert world.stored() == stored
    after = world.rows()
    assert [name for name in rows if rows[name] != after[name]] == []


def test_the_guard_of_the_routes_refuses_before_anything_runs(
    world: World, requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def note(endpoint: str) -> Callable[..., str]:
        def view(**_: str) -> str:
            ran.append(endpoint)
            return ""

        return view

    views = {endpoint: note(endpoint) for endpoint in world.console.view_functions}
    monkeypatch.setattr(world.console, "view_functions", views)
    for role in sorted(LOGINS):
        client = world.sign_in(role)
        for asked in requests:
            if asked.method == "GET" and asked.endpoint not in NARROWER:
                ran.clear()
                status = client.get(asked.path).status_code
                allowed = role in MAY[asked.endpoint]
                assert (status, ran) == ((200, [asked.endpoint]) if allowed else (403, [])), f"{role} {asked.path}"


@pytest.mark.parametrize("role", sorted(LOGINS))
def test_a_role_reads_where_it_may(world: World, requests: list[Request], role: str) -> None:
    client = world.sign_in(role)
    for asked in requests:
        if asked.endpoint == "exhibits.preview" and not WORKING:
            continue  # pictures are made in a jail
        if role in MAY[asked.endpoint] and asked.method == "GET" and not asked.endpoint.startswith("accounts.setup"):
            with client.get(asked.path) as answer:
                allowed = {200, 302, 303} | ({404} if asked.endpoint in LATER else {403, 404} if asked.endpoint in OWN else set())
                assert answer.status_code in allowed, f"{asked.path}: {answer.status_code}"


def test_a_form_without_its_token_is_refused_everywhere(world: World, requests: list[Request]) -> None:
    """To somebody of each role that may send it: the token is seen before the role, so for others nothing could be told apart."""
    clients = {role: world.sign_in(role) for role in sorted(LOGINS)}
    another = {role: token_of(world.sign_in(role)) for role in clients}
    for client in clients.values():
        token_of(client)
    rows, stored = world.rows(), world.stored()
    for number, asked in enumerate(asked for asked in requests if asked.method == "POST"):
        may = sorted(MAY[asked.endpoint] & LOGINS.keys()) or sorted(LOGINS)
        for at, wrong in enumerate(("", "x", another)):
            role = may[(number + at) % len(may)]
            token = wrong if isinstance(wrong, str) else wrong[role]
            answer = clients[role].post(asked.path, data={**asked.data, "csrf_token": token})
            assert answer.status_code == 400, f"{role} {asked.path}: {answer.status_code}"
            assert "This form is too old" in answer.text
    after = world.rows()
    assert world.stored() == stored
    assert [name for name in rows if rows[name] != after[name]] == []


def test_ids_of_nothing_are_not_found(world: World, requests: list[Request]) -> None:
    """For each role that may, an id that is nobody's, and for one that may not, the same refusal as for a real one."""
    ids = {value for name, value in world.ids().items() if name != "filename"}
    clients = {role: world.sign_in(role) for role in sorted(LOGINS)}
    tokens = {role: token_of(client) for role, client in clients.items()}
    rows = world.rows()
    for number, asked in enumerate(requests):
        path = asked.path
        for value in ids:
            path = path.replace(value, "0" * len(value))
        if path == asked.path or asked.endpoint.startswith("accounts"):
            continue
        may = [role for role in clients if role in MAY[asked.endpoint]]
        others = [role for role in clients if role not in may]
        for role in [*may, *([others[number % len(others)]] if others else [])]:
            data = {**asked.data, "csrf_token": tokens[role]} if asked.data else None
            answer = clients[role].open(path, method=asked.method, data=data)
            assert answer.status_code in ((403, 404) if role in others else (404,)), f"{role} {path}: {answer.status_code}"
    after = world.rows()
    assert [name for name in rows if rows[name] != after[name]] == []


# the public face


def test_the_public_face_has_no_route_of_the_console(world: World, requests: list[Request]) -> None:
    public = create_public_app(world.inside.public)
    visitor = public.test_client()
    shared = {"/", asset(public)}
    for asked in requests:
        if asked.path not in shared and not asked.path.startswith("/static/"):
            answer = visitor.open(asked.path, method=asked.method, data=asked.data or None)
            assert answer.status_code == 404, f"{asked.method} {asked.path}: {answer.status_code}"
            assert "Set-Cookie" not in answer.headers
    assert {rule.endpoint.partition(".")[0] for rule in public.url_map.iter_rules()} == {
        "static",
        "pages",
        "intake",
        "talk",
        "claims",
        "claim_code",
        "proofs",
        "letters_public",
    }


def asset(app: Flask) -> str:
    return f"{app.static_url_path}/css/public.css"


def test_the_public_face_knows_no_key_that_opens(world: World) -> None:
    """Its process reads its own key folder only, which holds no examiner, log, staff or flask secret."""
    folder = Path(world.inside.public.vault.keys.path)
    assert {path.name for path in folder.iterdir()} <= {"process.key", "receipt.pepper", "recipients.json", "pins.json"}
