"""The only wiring: what makes an app of the public face, of the console and of the files origin. Each loads only its own pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flask import Blueprint, Flask
from jinja2 import StrictUndefined

from tipline import errorpages, filters, policy, running, security, translated, web
from tipline.config import Face, Settings
from tipline.process import Process, open_process

DESKS = ("_macros", "console", "inbox", "notes", "similar", "cases", "mapping", "linking", "exhibits", "attachments", "search", "palette")
PAGE_BODY_BYTES = 8 * 1024**2  # a view that takes more says so itself


def shared_folder(name: str) -> Path:
    """Return templates/ or static/: inside the package in a wheel, beside it in the tree."""
    package = Path(__file__).parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


def create_public_app(process: Process | None = None) -> Flask:
    """Return the public face: notice, tip form, receipt. No staff route, nothing that opens what was stored."""
    from tipline.publicface import BLUEPRINTS

    return _create("public", process or _open("public"), BLUEPRINTS)


def create_console_app(process: Process | None = None) -> Flask:
    """Return the console, for signed-in staff."""
    from tipline.accounts.services import find_actor
    from tipline.consoleface import BLUEPRINTS

    process = process or _open("console")
    app = _create("console", process, BLUEPRINTS)
    secret = process.vault.keys.text("flask.secret")
    app.config.update(
        SECRET_KEY=secret,
        SESSION_COOKIE_NAME=security.cookie_name("console", process.settings, "forms"),
        SESSION_COOKIE_SECURE=security.is_https(process.settings.console_origin),
        SESSION_COOKIE_SAMESITE="Strict",
    )
    web.guard_console(app, find_actor)
    app.context_processor(
        lambda: {
            "actor": web.actor_or_none(),
            "may": policy.may,
            "role_names": policy.ROLE_NAMES,
            "record_waits": web.record_waits,
            "habits": web.habits,
            "printed_at": web.printed_at,
        }
    )
    return app


def compile_desks(app: Flask) -> int:
    """Compile the templates of the desks that people work at all day, so that the first of them in a process waits no longer than others.

    Returns:
        How many there are.
    """
    names = app.jinja_env.list_templates(filter_func=lambda name: name.partition("/")[0] in DESKS and name.endswith(".html"))
    for name in names:
        app.jinja_env.get_template(name)
    return len(names)


def create_files_app(process: Process | None = None) -> Flask:
    """Return the origin of downloads: it serves attachments for one-time tickets and nothing else."""
    from tipline.filesface import BLUEPRINTS

    return _create("console", process or _open("console"), BLUEPRINTS)


def _open(face: Face) -> Process:
    """Open a server's process and say, until it ends, that it lives."""
    settings = Settings()
    running.hold(settings)
    return open_process(face, settings)


def _create(face: Face, process: Process, blueprints: Sequence[Blueprint]) -> Flask:
    app = web.App("tipline", template_folder=str(shared_folder("templates")), static_folder=str(shared_folder("static")))
    app.config.update(MAX_CONTENT_LENGTH=PAGE_BODY_BYTES, MAX_FORM_MEMORY_SIZE=PAGE_BODY_BYTES, MAX_FORM_PARTS=500)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    filters.install(app)
    errorpages.install(app, face)
    web.install(app, process)
    if face == "public":
        translated.install(app)
    security.protect(app, face, process.settings)
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    return app
