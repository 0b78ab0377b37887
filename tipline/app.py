"""The only wiring: which blueprints make the public face, the console and the files origin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flask import Blueprint, Flask
from jinja2 import StrictUndefined

from tipline import errorpages, filters, policy, running, security, translated, web
from tipline.accounts import kitpages, preferencepages, sessionpages, tokenpages
from tipline.accounts import views as accounts
from tipline.accounts.services import find_actor
from tipline.admin import auditpages, examinerpages, recoverypages, restorationpages, rotationpages, signaturepages, translationpages
from tipline.admin import views as admin
from tipline.api import views as api
from tipline.approvals import views as approvals
from tipline.attachments import views as attachments
from tipline.cases import entrypages, memberpages, subjectpages
from tipline.cases import views as cases
from tipline.config import Face, Settings
from tipline.exhibits import act_views as exhibit_acts
from tipline.exhibits import files
from tipline.exhibits import views as exhibits
from tipline.exports import views as exports
from tipline.inbox import bulkpages, deskpages, redactpages, sweeppages, viewpages, workloadpages
from tipline.inbox import views as inbox
from tipline.intake import pages, phonepages, proofpages, talkpages
from tipline.intake import views as intake
from tipline.letters import views as letters
from tipline.linking import indicatorpages
from tipline.linking import views as linking
from tipline.mapping import movingpages
from tipline.mapping import views as mapping
from tipline.notes import views as notes
from tipline.notices import mailing
from tipline.notices import publicpages as letters_public
from tipline.notices import views as notices
from tipline.palette import views as palette
from tipline.process import Process, open_process
from tipline.retention import views as retention
from tipline.rewards import publicpages as claims
from tipline.rewards import views as rewards
from tipline.samples import revealpages
from tipline.samples import views as samples
from tipline.search import views as search
from tipline.similar import views as similar

PAGE_BODY_BYTES = 8 * 1024**2  # a view that takes more says so itself
ADMIN = (admin.bp, translationpages.bp, rotationpages.bp, recoverypages.bp, restorationpages.bp, examinerpages.bp, signaturepages.bp)
PEOPLE = (sessionpages.bp, approvals.bp, memberpages.bp, revealpages.bp, auditpages.bp)
STAFF = (*PEOPLE, accounts.bp, tokenpages.bp, kitpages.bp, preferencepages.bp, palette.bp, *ADMIN)
OTHERS = (letters.bp, samples.bp, search.bp, linking.bp, similar.bp, indicatorpages.bp, exports.bp, retention.bp, rewards.bp, notices.bp)
INBOX = (notes.bp, deskpages.bp, inbox.bp, redactpages.bp, bulkpages.bp, viewpages.bp, workloadpages.bp, sweeppages.bp)
CASES = (cases.bp, entrypages.bp, subjectpages.bp, mapping.bp, movingpages.bp)
FILES = (exhibits.bp, exhibit_acts.bp, attachments.bp)
CONSOLE = (*STAFF, phonepages.bp, *INBOX, *CASES, *FILES, *OTHERS, api.bp)


def shared_folder(name: str) -> Path:
    """Return templates/ or static/: inside the package in a wheel, beside it in the tree."""
    package = Path(__file__).parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


def create_public_app(process: Process | None = None) -> Flask:
    """Return the public face: notice, tip form, receipt. No staff route, nothing that opens what was stored."""
    return _create(
        "public",
        process or _open("public"),
        [pages.bp, intake.bp, talkpages.bp, phonepages.source_bp, proofpages.bp, claims.bp, letters_public.bp],
    )


def create_console_app(process: Process | None = None) -> Flask:
    """Return the console, for signed-in staff."""
    process = process or _open("console")
    app = _create("console", process, CONSOLE)
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


def create_files_app(process: Process | None = None) -> Flask:
    """Return the origin of downloads: it serves attachments for one-time tickets and nothing else."""
    return _create("console", process or _open("console"), [files.bp, mailing.bp])


def _open(face: Face) -> Process:
    """Open a server's process and say, until it ends, that it lives."""
    settings = Settings()
    running.hold(settings)
    process = open_process(face, settings)
    if face == "public":
        process.vault.objects.store.prepare()
    return process


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
