"""Pages that anyone may read: the notice, its terms, how to stay anonymous, how to reach us, the public log."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, cast

import segno
from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline.config import Settings
from tipline.intake import conversation, publiclog, rules, services
from tipline.intake.site import NO_VALUES, program_of, program_page
from tipline.intake.texts import list_texts, texts_of
from tipline.web import frame

bp = Blueprint("pages", __name__)


@bp.get("/")
def index() -> ResponseReturnValue:
    with frame().unit(write=False) as unit:
        programs = services.list_programs(unit)
        texts = list_texts(unit, programs)
    if len(programs) == 1:
        return redirect(url_for("pages.notice", slug=programs[0].slug))
    return render_template("intake/program_list.html", programs=list(zip(programs, texts, strict=True)))


@bp.get("/p/<slug>")
def notice(slug: str) -> ResponseReturnValue:
    return _with_texts("intake/notice_show.html", slug)


@bp.get("/p/<slug>/terms")
def terms(slug: str) -> ResponseReturnValue:
    return _with_texts("intake/terms_show.html", slug)


@bp.get("/p/<slug>/poster")
def poster(slug: str) -> ResponseReturnValue:
    """The notice on one sheet, to print and put up."""
    addresses = {kind: notice_address(kind, slug) for kind in origins_of(frame().settings)}
    return _with_texts("intake/notice_print.html", slug, {"addresses": addresses})


@bp.get("/p/<slug>/poster/<any(web, onion):kind>.png")
def poster_code(slug: str, kind: str) -> ResponseReturnValue:
    """The QR code of a notice's address: black on white with its quiet zone, whatever the page's colours."""
    program = program_of(slug)
    if kind not in origins_of(frame().settings):
        abort(404)
    picture = BytesIO()
    segno.make(notice_address(kind, program.slug), error="m", micro=False).save(picture, kind="png", scale=8, border=4)
    return Response(picture.getvalue(), mimetype="image/png")


@bp.get("/staying-anonymous")
def staying_anonymous() -> ResponseReturnValue:
    return render_template("intake/anonymity_show.html")


@bp.get("/contact")
def contact() -> ResponseReturnValue:
    with frame().unit(write=False) as unit:
        programs, checkpoint = services.list_programs(unit), conversation.newest_checkpoint(unit)
        texts = list_texts(unit, programs)
    settings = frame().settings
    facts = {"checkpoint": checkpoint, "key": publiclog.find_key(settings.log_folder), "origins": origins_of(settings)}
    return render_template("intake/contact_show.html", programs=list(zip(programs, texts, strict=True)), **facts)


def _with_texts(template: str, slug: str, values: Mapping[str, Any] = NO_VALUES) -> ResponseReturnValue:
    with frame().unit(write=False) as unit:
        program = services.get_program(unit, slug)
        texts = texts_of(unit, program)
    return program_page(template, program, {"texts": texts, **values})


def origins_of(settings: Settings) -> dict[str, str]:
    """The addresses under which this site is reached: the web's, and the onion service's where there is one."""
    origins = {"web": settings.public_origin.rstrip("/")}
    return {**origins, "onion": settings.onion_origin.rstrip("/")} if settings.onion_origin else origins


def notice_address(kind: str, slug: str) -> str:
    """The whole address of a notice in the page's language, as it stands on a poster."""
    return origins_of(frame().settings)[kind] + url_for("pages.notice", slug=slug)


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
