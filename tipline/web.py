"""The seam between Flask and the services: the request's unit of work, who acts, files as they arrive, errors as pages.

A view parses, calls one service with `work()` and `actor()`, and renders or redirects:

    @bp.post("/tips/<number>/assign")
    def assign(number: str) -> ResponseReturnValue:
        services.assign(work(), actor(), AssignTip(number, ...))
        return redirect(...)

It never commits: that happens once, here, after a view that answered with a status below 400. Of any other nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from typing import IO, Any, TypeVar, cast

import flask
from flask import Flask, Response, current_app, g, has_request_context, redirect, request
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import BadRequest

from tipline import logs, restoring, routes, security
from tipline.actor import Actor
from tipline.errorpages import is_api
from tipline.process import Process
from tipline.templating import Templates
from tipline.work import Work

View = TypeVar("View", bound=Callable[..., Any])
FindActor = Callable[[Work, str], Actor | None]
OpenSink = Callable[[str | None], IO[bytes]]
OPEN_TO_STRANGERS = ("/sign-in", "/setup/", "/recover", "/static/")
FORM_LIFE_SECONDS = 12 * 3600
READING_METHODS = ("GET", "HEAD", "OPTIONS")
ADDRESSES_KEPT, SHORT = 4096, 64  # what a stranger's addresses may take of memory
UNDO = "undo "  # before the address, in the category of a message that can be taken back


class Request(flask.Request):
    """Files go where the view said (`receives_files`), as they arrive; a view that said nothing receives none.

    So no part of a body is ever spooled to a temporary file. A view that receives files takes a body of any length: its
    sink minds the limit of each file.
    """

    @property
    def max_content_length(self) -> int | None:
        view = current_app.view_functions.get(self.endpoint or "")
        return None if hasattr(view, "open_sink") else super().max_content_length

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        self._max_content_length = value

    def _load_form_data(self) -> None:
        """Read the form; the console's must hold no NUL, which nobody can type and PostgreSQL takes in no value.

        The public face reads its few fields by itself, and its receipt form answers anything with the same redirect.
        """
        super()._load_form_data()
        if frame().face == "console" and any("\0" in value for values in self.form.listvalues() for value in values):
            raise BadRequest

    def _get_file_stream(
        self, total_content_length: int | None, content_type: str | None, filename: str | None = None, content_length: int | None = None
    ) -> IO[bytes]:
        view = current_app.view_functions.get(self.endpoint or "")
        open_sink: OpenSink | None = getattr(view, "open_sink", None)
        if open_sink is None:
            raise BadRequest("This page takes no files.")
        return open_sink(filename)


def _short(value: object) -> bool:
    return value is None or (type(value) is str and len(value) <= SHORT)


class App(Flask):
    """Flask, except that what it logs of an error holds no path and no message."""

    request_class = Request
    jinja_environment = Templates

    def __init__(self, *names: Any, **options: Any) -> None:
        super().__init__(*names, **options)
        self._addresses: dict[tuple[object, ...], str] = {}

    def url_for(self, endpoint: str, **values: Any) -> str:
        """As Flask's, of short values made once: each page says a dozen addresses, mostly the same ones."""
        if endpoint.startswith(".") or not has_request_context() or not all(map(_short, values.values())):
            return super().url_for(endpoint, **values)
        key = (request.environ.get("SCRIPT_NAME"), endpoint, *values.items())
        address = self._addresses.get(key)
        if address is None:
            if len(self._addresses) >= ADDRESSES_KEPT:
                self._addresses.clear()
            address = self._addresses[key] = super().url_for(endpoint, **values)
        return address

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """As it is: no function here is a coroutine, and Flask looks that up a dozen times a request."""
        return func

    def dispatch_request(self) -> Response:
        """Call the view, then commit what it wrote: what fails there is answered as if the view had failed."""
        answer = self.make_response(super().dispatch_request())
        unit = g.get("work")
        if unit is not None and answer.status_code < 400:
            with ExitStack() as failed:
                failed.callback(_forget, unit)
                unit.commit()
                failed.pop_all()
        return answer

    def log_exception(self, exc_info: Any) -> None:
        logs.failure("request failed", exc_info[1], face=frame().face, endpoint=request.endpoint)


def frame() -> Process:
    """Return the process of the app that serves this request."""
    return cast(Process, current_app.extensions["tipline"])


def work() -> Work:
    """Return this request's unit of work: a reading one for GET, a writing one else. Call it after the body was read."""
    if "work" not in g:
        view = current_app.view_functions.get(request.endpoint or "")
        write = getattr(view, "writes", request.method not in READING_METHODS)
        g.work = frame().begin(write=write)
    return cast(Work, g.work)


def actor() -> Actor:
    """Return who is signed in. Console only: `guard_console` lets nobody else reach a view."""
    return cast(Actor, current_user.actor)


def actor_or_none() -> Actor | None:
    """Return who is signed in, for templates; None for a stranger."""
    return cast("Actor | None", g.get("who"))


def printed_at() -> datetime:
    """Return the time of the process's clock, for what stands on paper."""
    return frame().clock()


def habits() -> dict[str, str]:
    """Return, for `html data-...`, what of the person's preferences differs from the usual."""
    who = actor_or_none()
    if who is None:
        return {}
    wanted = {"theme": who.preferences.theme, "contrast": who.preferences.contrast, "density": who.preferences.density}
    named = {name: value for name, value in wanted.items() if value not in ("system", "roomy")}
    return named if who.preferences.keys else {**named, "keys": "off"}


def offer_undo(message: str, address: str) -> None:
    """Say on the next page what was done, with a button that posts to `address` and takes it back."""
    flask.flash(message, f"{UNDO}{address}")


def record_waits() -> bool:
    """Tell, for templates, whether a recovery waits for signatures: every page of the console says so."""
    return bool(g.get("record_waits", False))


def receives_files(open_sink: OpenSink) -> Callable[[View], View]:
    """Mark a view that takes files. `open_sink(filename)` returns what a part is written to while it arrives.

    The sink's `seek(0)` is called when, and only when, the part arrived whole. An empty file field comes as a part with
    an empty name and no bytes, so open nothing before the first write.
    """

    def mark(view: View) -> View:
        view.open_sink = open_sink  # type: ignore[attr-defined]  # an attribute of the function, read by Request
        return view

    return mark


def writes(view: View) -> View:
    """Mark a GET view whose service writes (a title set at first reading): its unit of work is a writing one."""
    view.writes = True  # type: ignore[attr-defined]  # an attribute of the function, read by work()
    return view


def install(app: Flask, of: Process) -> None:
    """Give an app its process: transactions, and the closing of what the request took."""
    app.extensions["tipline"] = of
    app.before_request(_make_room)
    app.teardown_request(_close)


def _make_room() -> None:
    """Let a view that takes files take one of the largest size; any other keeps the limit of a page."""
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "open_sink", None) is not None:
        page = current_app.config["MAX_CONTENT_LENGTH"] or 0
        request.max_content_length = frame().settings.max_file_bytes + page


def _forget(unit: Work) -> None:
    """Take back what could not be committed, and what was to be said of it on the next page."""
    unit.session.rollback()
    flask.session.pop("_flashes", None)


def _close(_error: BaseException | None) -> None:
    unit = g.pop("work", None)
    if unit is not None:
        unit.session.close()


class SignedIn(UserMixin):  # type: ignore[misc]  # flask-login has no types
    """The person that flask-login knows as `current_user`."""

    def __init__(self, who: Actor) -> None:
        self.actor = who
        self.id = who.staff_id


def guard_console(app: Flask, find_actor: FindActor) -> None:
    """Let only signed-in staff past, except to sign in, to set up their account and to load the style sheets.

    A stranger gets the same answer for every other path, whether it exists or not. Forms carry a CSRF token.

    Args:
        find_actor: given a unit of work and the session cookie's value, returns who that is, or None.
    """
    login = LoginManager()
    login.session_protection = None  # it would keep a hash of address and user agent
    login.init_app(app, add_context_processor=False)

    def load(_request: flask.Request) -> SignedIn | None:
        of = frame()
        value = request.cookies.get(security.cookie_name("console", of.settings, "session"))
        if not value:
            return None
        with of.unit(write=False) as unit:
            g.who = find_actor(unit, value)
            g.record_waits = restoring.pending(unit.session)
        return SignedIn(g.who) if g.who else None

    def refuse_strangers() -> ResponseReturnValue | None:
        if request.path.startswith(OPEN_TO_STRANGERS) or is_api(request.path) or current_user.is_authenticated:
            return None  # the API lets nobody past without a token, and asks no cookie
        return redirect("/sign-in")

    login.request_loader(load)

    def refuse_roles() -> None:
        if current_user.is_authenticated:
            routes.require(actor(), request.endpoint)

    app.before_request(refuse_strangers)
    app.after_request(_lead_scripts)
    app.config.update(
        WTF_CSRF_SSL_STRICT=False,  # it wants a Referer, which we forbid; Sec-Fetch-Site and SameSite=Strict stand for it
        WTF_CSRF_TIME_LIMIT=FORM_LIFE_SECONDS,
    )
    csrf = CSRFProtect(app)
    for blueprint in app.extensions.get("without_form_tokens", ()):
        csrf.exempt(blueprint)
    app.before_request(refuse_roles)  # after the token of the form: a form of nobody's is refused as such


def _lead_scripts(response: Response) -> Response:
    """Tell a script of ours where a redirect leads: it goes there itself, so that the page, and its message, is loaded once."""
    if response.status_code in (302, 303) and request.headers.get("HX-Request"):
        response.headers["HX-Redirect"] = response.headers.pop("Location")
        response.status_code = 204
        response.set_data(b"")
    return response


def set_session_cookie(response: Response, value: str) -> None:
    """Give a browser the session cookie of the person who has just signed in."""
    security.set_cookie(response, "console", frame().settings, "session", value)


def drop_session_cookie(response: Response) -> None:
    """Take the session cookie away at sign-out."""
    security.drop_cookie(response, "console", frame().settings, "session")


def session_cookie() -> str:
    """Return the value of the session cookie, empty where there is none."""
    return request.cookies.get(security.cookie_name("console", frame().settings, "session"), "")
