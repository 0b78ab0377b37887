"""The console that a server loads has the templates of its desks compiled before anybody asks for a page."""

from __future__ import annotations

import pytest

import wsgi
from tests.installations import Installation
from tipline import app as wiring
from tipline.jobs import Jobs

EVERY = wiring.DESKS
DESKS = ("mapping", "search")  # a few of them take a tenth of the time


def test_the_first_look_at_a_desk_compiles_nothing(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsgi.logs, "configure", lambda: None)
    monkeypatch.setattr(wsgi, "Settings", lambda: installation.settings)
    monkeypatch.setattr(wsgi, "open_process", lambda _face, _settings: installation.console)
    monkeypatch.setattr(wsgi.gc, "freeze", lambda: None)
    monkeypatch.setattr(Jobs, "client", lambda _self: None)
    monkeypatch.setattr(wiring, "DESKS", DESKS)
    app = wsgi.create_console_app()

    def compiles(*_: object) -> None:
        raise AssertionError("compiled late")

    monkeypatch.setattr(type(app.jinja_env), "compile", compiles)
    names = [name for name in app.jinja_env.list_templates() if name.partition("/")[0] in DESKS]
    assert {name.partition("/")[0] for name in names} == set(DESKS) <= set(EVERY)
    for name in names:
        assert app.jinja_env.get_template(name).name == name
