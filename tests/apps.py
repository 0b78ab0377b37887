"""One app for each face of a test process. A test has an installation of its own; the routes are the same, and take long to compile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from tipline.app import create_console_app, create_public_app
from tipline.limits import Gate
from tipline.process import Process

MAKERS: dict[str, Callable[[Process], Flask]] = {"public": create_public_app, "console": create_console_app}
PLACES = {"data", "database_url", "storage_url", "anchor", "keys_dir"}  # where an installation lies, which no app asks while it is made
_made: dict[tuple[object, ...], tuple[Flask, dict[str, Any], dict[str, Any]]] = {}


def app_of(face: str, process: Process) -> Flask:
    """Return the app of a face, with this process behind it and as if it had just been made.

    Do not use it where two apps of one face are asked by turns, or where a test adds to the app.
    """
    settings = process.settings
    key = (face, type(settings), settings.model_dump_json(exclude=PLACES))
    if key not in _made:
        app = MAKERS[face](process)
        _made[key] = (app, dict(app.config), dict(app.extensions))
    app, config, extensions = _made[key]
    for mine, before in ((app.config, config), (app.extensions, extensions)):
        mine.clear()
        mine.update(before)
    if face == "console":
        app.config["SECRET_KEY"] = process.vault.keys.text("flask.secret")
    app.test_client_class = None
    app.extensions["tipline"] = process
    gate = app.extensions["gate"]
    vars(gate).update(vars(Gate.of(face, settings.public_processes if face == "public" else 1)))
    return app
