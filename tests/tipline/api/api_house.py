"""A client of the API: a token in each request, JSON in and out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.tipline.desk_house import Desk
from tipline.accounts.tokens import MakeToken, make_token, scopes_of

API = "/api/v1"


@dataclass
class Caller:
    """A program that has a token."""

    browser: FlaskClient
    token: str

    def get(self, path: str, **query: str) -> TestResponse:
        return self.browser.get(f"{API}{path}", query_string=query, headers=self.headers)

    def post(self, path: str, body: Any) -> TestResponse:
        data = body if isinstance(body, str) else json.dumps(body)
        return FlaskClient.post(self.browser, f"{API}{path}", data=data, content_type="application/json", headers=self.headers)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def token_for(desk: Desk, role: str = "investigator", scopes: Sequence[str] | None = None) -> str:
    """Make a token with these scopes, or with all that the role has a use for."""
    with desk.acting(role) as (work, actor):
        chosen = tuple(scopes_of(actor)) if scopes is None else tuple(scopes)
        return make_token(work, actor, MakeToken("Figures of the week", chosen, "30"))


def caller(desk: Desk, role: str = "investigator", scopes: Sequence[str] | None = None) -> Caller:
    return Caller(desk.console_app.test_client(), token_for(desk, role, scopes))
