"""Tokens: shown once, sealed by themselves, bounded by scope, role and time, and ended at once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from tests.tipline.api.api_house import API, Caller, caller, token_for
from tests.tipline.linking.linking_house import LinkingDesk
from tipline.accounts import sessions, tokens
from tipline.accounts.tokens import MOST, MakeToken
from tipline.api.views import TABLE
from tipline.errors import BadInput, Conflict, NotFound
from tipline.models.desk import ApiToken
from tipline.models.operations import AuditEvent
from tipline.models.staff import Staff


def works(caller: Caller) -> bool:
    return caller.get("/me").status_code == 200


def test_a_token_is_made_on_its_page_shown_once_and_ended_there(desk: LinkingDesk) -> None:
    browser = desk.client()
    assert "Nothing but you acts in your name" in browser.get("/tokens").text
    wrong = browser.post("/tokens", data={"name": "Figures", "days": "30"})
    assert wrong.status_code == 422
    assert "Choose what it may do" in wrong.text
    made = browser.post("/tokens", data={"name": "Figures", "days": "30", "scopes": ["links:read", "tips:read"]})
    token = re.search(r"tipline_[\w.-]+", made.text)
    assert token
    page = browser.get("/tokens").text
    assert token[0] not in page
    assert "Figures" in page
    assert works(Caller(desk.console_app.test_client(), token[0]))
    [row_id] = re.findall(r"/tokens/([0-9a-f]{64})/end", page)
    assert browser.post(f"/tokens/{row_id}/end").status_code == 303
    assert not works(Caller(desk.console_app.test_client(), token[0]))
    assert "Ended" in browser.get("/tokens").text
    stored = desk.everything_stored()
    assert token[0].partition(".")[2].encode() not in stored
    assert b"Figures" not in stored
    with desk.installation.work(write=False) as work:
        assert {"token.make", "token.end"} <= set(work.session.scalars(select(AuditEvent.act)))


def test_a_stolen_or_changed_row_gives_nothing_more(desk: LinkingDesk) -> None:
    asks = caller(desk, scopes=["tips:read"])
    with desk.installation.work() as work:
        row = work.session.scalars(select(ApiToken)).one()
        row.scopes, row.expires_at = "links:read links:write tips:read", row.expires_at + timedelta(days=3650)
    assert asks.get("/me").get_json()["scopes"] == ["tips:read"], "what counts is sealed"
    assert asks.get("/links").status_code == 403
    with desk.installation.work() as work:
        row = work.session.scalars(select(ApiToken)).one()
        row.staff_id = desk.installation.people["counsel"].staff_id
    assert not works(asks), "it is bound to its owner"


@pytest.mark.parametrize("days", [31, -2])
def test_a_token_ends_with_its_days_and_before_its_own_time_is_none(desk: LinkingDesk, days: int) -> None:
    token = token_for(desk)
    with desk.installation.work(write=False) as work:
        work.clock = lambda: datetime.now(UTC) + timedelta(days=days)
        assert tokens.find_bearer(work, token) is None
        work.clock = lambda: datetime.now(UTC) + timedelta(days=29)
        assert tokens.find_bearer(work, token) is not None


@pytest.mark.parametrize("text", ["", "tipline_", "tipline_a.b", "x" * 90, "tipline_" + "A" * 43 + "." + "A" * 43])
def test_what_is_no_token_opens_nothing(desk: LinkingDesk, text: str) -> None:
    answer = desk.console_app.test_client().get(f"{API}/me", headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tipline"'


def test_a_token_goes_with_its_owner(desk: LinkingDesk) -> None:
    asks = caller(desk)
    person = desk.installation.people["investigator"].staff_id
    desk.change(Staff, person, state="disabled")
    assert not works(asks)
    desk.change(Staff, person, state="active")
    assert works(asks)
    recipient = desk.installation.people["counsel"].keys.identity.recipient
    desk.change(Staff, person, recipient=recipient)
    assert not works(asks), "new keys, and it holds the old ones"


def test_whoever_comes_back_or_is_shut_out_has_no_tokens(desk: LinkingDesk) -> None:
    asks = caller(desk)
    with desk.installation.work() as work:
        sessions.close_all_sessions(work.session, desk.installation.people["investigator"].staff_id)
    assert not works(asks)
    with desk.installation.work(write=False) as work:
        assert work.session.scalars(select(ApiToken)).all() == []


def test_only_scopes_of_the_role_and_only_so_many(desk: LinkingDesk) -> None:
    for role, scopes in (
        ("counsel", ("links:write",)),
        ("administrator", ("tips:read",)),
        ("investigator", ("keys:read",)),
        ("counsel", ()),
    ):
        with desk.acting(role) as (work, actor), pytest.raises(BadInput):
            tokens.make_token(work, actor, MakeToken("x", scopes, "7"))
    for bad in (MakeToken("", ("tips:read",), "7"), MakeToken("x" * 61, ("tips:read",), "7"), MakeToken("x", ("tips:read",), "3650")):
        with desk.acting() as (work, actor), pytest.raises(BadInput):
            tokens.make_token(work, actor, bad)
    with desk.acting() as (work, actor):
        for _ in range(MOST):
            tokens.make_token(work, actor, MakeToken("x", ("tips:read",), "7"))
        with pytest.raises(Conflict):
            tokens.make_token(work, actor, MakeToken("x", ("tips:read",), "7"))


def test_nobody_ends_or_sees_the_token_of_another(desk: LinkingDesk) -> None:
    asks = caller(desk)
    with desk.installation.work(write=False) as work:
        row_id = work.session.scalars(select(ApiToken.id)).one()
    with desk.acting("counsel") as (work, actor):
        assert tokens.list_tokens(work, actor) == []
        with pytest.raises(NotFound):
            tokens.end_token(work, actor, row_id)
    assert works(asks)


def test_the_first_use_of_a_day_is_noted_and_no_moment(desk: LinkingDesk) -> None:
    asks = caller(desk)
    assert works(asks)
    with desk.installation.work(write=False) as work:
        assert work.session.scalars(select(ApiToken.used_on)).one() == work.today()
    assert desk.queries(lambda: asks.get("/me")) < 8


# who may what


def test_each_route_wants_its_scope_and_no_cookie(desk: LinkingDesk) -> None:
    signed_in, bare = desk.client(), caller(desk, scopes=["cases:read"])
    for route in TABLE:
        path = re.sub(r"\{\w+\}", "0" * 32, route.path)
        ask = {"data": "{}", "content_type": "application/json"} if route.method == "POST" else {}
        for browser in (signed_in, desk.console_app.test_client()):
            assert browser.open(f"{API}{path}", method=route.method, **ask).status_code == 401, path  # type: ignore[arg-type]  # options of one request
        answer = bare.browser.open(f"{API}{path}", method=route.method, headers=bare.headers, **ask)  # type: ignore[arg-type]
        if route.scope not in ("", "cases:read"):
            assert answer.status_code == 403, path
            assert route.scope in answer.get_json()["detail"]
    assert signed_in.get(f"{API}/there-is-no-such-thing").status_code == 401


@pytest.mark.parametrize("role", ["investigator", "counsel", "program_manager", "administrator"])
def test_a_role_may_by_the_api_what_it_may_by_the_console(desk: LinkingDesk, role: str) -> None:
    """Scopes of another role's, put into a token by whatever way, give nothing: the services ask the role."""
    with desk.acting(role) as (work, actor):
        assert work.write
        own = set(tokens.scopes_of(actor))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tokens, "scopes_of", lambda _: tokens.SCOPES)
        asks = caller(desk, role, list(tokens.SCOPES))
    for route in TABLE:
        if route.scope and not re.search(r"\{", route.path) and route.method == "GET":
            expected = {200, 404, 422} if route.scope in own else {403}
            assert asks.get(route.path, **dict.fromkeys(route.needed, "tip:NONE")).status_code in expected, f"{role} {route.path}"
