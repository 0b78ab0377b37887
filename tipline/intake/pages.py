"""Pages that anyone may read: the notice, its terms, how to stay anonymous, how to reach us, the public log."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline.intake import conversation, publiclog, rules, services
from tipline.intake.site import program_of, program_page
from tipline.web import frame

bp = Blueprint("pages", __name__)


@bp.get("/")
def index() -> ResponseReturnValue:
    with frame().unit(write=False) as unit:
        programs = services.list_programs(unit)
    if len(programs) == 1:
        return redirect(url_for("pages.notice", slug=programs[0].slug))
    return render_template("intake/program_list.html", programs=programs)


@bp.get("/p/<slug>")
def notice(slug: str) -> ResponseReturnValue:
    return program_page("intake/notice_show.html", program_of(slug))


@bp.get("/p/<slug>/terms")
def terms(slug: str) -> ResponseReturnValue:
    return program_page("intake/terms_show.html", program_of(slug))


@bp.get("/staying-anonymous")
def staying_anonymous() -> ResponseReturnValue:
    return render_template("intake/anonymity_show.html")


@bp.get("/contact")
def contact() -> ResponseReturnValue:
    with frame().unit(write=False) as unit:
        programs, checkpoint = services.list_programs(unit), conversation.newest_checkpoint(unit)
    settings = frame().settings
    facts = {"checkpoint": checkpoint, "key": publiclog.find_key(settings.log_folder), "origin": settings.public_origin}
    return render_template("intake/contact_show.html", programs=programs, **facts)


@bp.get("/log/checkpoint")
def log_checkpoint() -> ResponseReturnValue:
    return _log_file("checkpoint", "text/plain; charset=utf-8", "public, max-age=5, no-transform")


@bp.get("/log/key")
def log_key() -> ResponseReturnValue:
    return _log_file("key", "text/plain; charset=utf-8", "public, max-age=300, no-transform")


@bp.get("/log/<path:tile>")
def log_tile(tile: str) -> ResponseReturnValue:
    if not rules.is_tile(tile):
        abort(404)
    return _log_file(tile, "application/octet-stream", "public, max-age=31536000, immutable, no-transform")


def _log_file(name: str, kind: str, caching: str) -> Response:
    """Answer with a file of the published log: the one thing here that anyone may keep and pass on. It tells no time of writing."""
    found = publiclog.find_file(frame().settings.log_folder, name)
    if found is None:
        abort(404)
    response = Response(found, content_type=kind)
    response.headers["Cache-Control"] = caching
    response.add_etag()
    return cast(Response, response.make_conditional(request, accept_ranges=False))
