"""Sign-in, sign-out and the set-up behind a one-time link: the only console pages that a stranger can reach."""

from __future__ import annotations

import io

import segno
from flask import Blueprint, Response, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from tipline.accounts import passkeys, rules, services
from tipline.accounts.forms import CodeForm, PassphraseForm, SignInForm
from tipline.errors import BadInput, Conflict, NotFound
from tipline.security import cookie_name, drop_cookie, set_cookie
from tipline.web import actor, drop_session_cookie, frame, session_cookie, set_session_cookie, work

bp = Blueprint("accounts", __name__)

SETUP_COOKIE, KEY_COOKIE = "setup", "second"


@bp.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    """The form to sign in with."""
    return _page_sign_in(SignInForm())


@bp.post("/sign-in")
def open_session() -> ResponseReturnValue:
    """Sign in, or show the same refusal whatever was wrong."""
    form = SignInForm()
    if request.form.get("way") == "key":
        return _to_second_step(form)
    cookie = services.sign_in(work(), form.command())
    if cookie is None:
        return _page_sign_in(form, refused="words"), 422
    return _signed_in(cookie)


@bp.get("/sign-in/key")
def sign_in_key() -> ResponseReturnValue:
    """The second step for who signs in with a security key, once name and passphrase were right."""
    options = passkeys.half_way(work(), _cookie(KEY_COOKIE))
    return render_template("accounts/session_key.html", options=options) if options else redirect(url_for("accounts.sign_in"))


@bp.post("/sign-in/key")
def open_session_by_key() -> ResponseReturnValue:
    """Take the key's answer: its owner is signed in, or begins anew."""
    cookie = passkeys.finish(work(), _cookie(KEY_COOKIE), request.form.get("credential", ""))
    if cookie is None:
        return _page_sign_in(SignInForm(formdata=None), refused="key"), 422
    response = _signed_in(cookie)
    drop_cookie(response, "console", frame().settings, KEY_COOKIE)
    return response


def _to_second_step(form: SignInForm) -> ResponseReturnValue:
    cookie = passkeys.begin(work(), form.command())
    if cookie is None:
        return _page_sign_in(form, refused="words"), 422
    response = make_response(redirect(url_for("accounts.sign_in_key"), 303))
    set_cookie(response, "console", frame().settings, KEY_COOKIE, cookie)
    return response


def _page_sign_in(form: SignInForm, *, refused: str = "") -> str:
    by_key = passkeys.relying_party(frame().settings) is not None
    return render_template("accounts/session_open.html", form=form, refused=refused, by_key=by_key)


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session on the server and in the browser."""
    services.sign_out(work(), actor(), session_cookie())
    session.clear()
    response = make_response(redirect(url_for("accounts.sign_in"), 303))
    drop_session_cookie(response)
    return response


@bp.get("/setup/<token>")
def setup(token: str) -> ResponseReturnValue:
    """Step 1 (a passphrase) or step 2 (an authenticator) of a colleague's set-up."""
    try:
        step = services.get_setup(work(), token, _setup_cookie())
    except NotFound as gone:
        return _link_gone(gone)
    if step.totp_secret is not None:
        return _page_code(token, step, CodeForm())
    return _page_passphrase(token, step, PassphraseForm(offered=services.offer_passphrase()))


@bp.post("/setup/<token>/passphrase")
def setup_passphrase(token: str) -> ResponseReturnValue:
    """Take the passphrase of step 1."""
    form = PassphraseForm()
    try:
        step = services.get_setup(work(), token, "")
        if not form.validate():
            return _page_passphrase(token, step, form), 422
        cookie = services.choose_passphrase(work(), token, form.command())
    except NotFound as gone:
        return _link_gone(gone)
    except BadInput as wrong:
        form.passphrase.errors = [wrong.fields[name] for name in ("passphrase",) if name in wrong.fields]
        form.again.errors = [wrong.fields[name] for name in ("again",) if name in wrong.fields]
        return _page_passphrase(token, step, form), 422
    response = make_response(redirect(url_for("accounts.setup", token=token), 303))
    set_cookie(response, "console", frame().settings, SETUP_COOKIE, cookie)
    return response


@bp.post("/setup/<token>/code")
def setup_code(token: str) -> ResponseReturnValue:
    """Take the first code of step 2: the account is active and its owner signed in."""
    form = CodeForm()
    try:
        step = services.get_setup(work(), token, _setup_cookie())
        if step.totp_secret is not None and not form.validate():
            return _page_code(token, step, form), 422
        cookie = services.confirm_code(work(), token, _setup_cookie(), form.code.data or "")
    except NotFound as gone:
        return _link_gone(gone)
    except Conflict:
        return redirect(url_for("accounts.setup", token=token), 303)
    except BadInput as wrong:
        form.code.errors = [wrong.message]
        return _page_code(token, step, form), 422
    response = _signed_in(cookie)
    drop_cookie(response, "console", frame().settings, SETUP_COOKIE)
    return response


@bp.get("/setup/<token>/authenticator.png")
def setup_picture(token: str) -> ResponseReturnValue:
    """The QR code of the authenticator's secret, for who holds link and set-up cookie."""
    step = services.get_setup(work(), token, _setup_cookie())
    if step.totp_secret is None:
        raise NotFound(services.LINK_GONE, services.ASK_FOR_LINK)
    picture = io.BytesIO()
    segno.make(step.totp_address, error="m", micro=False).save(picture, kind="png", scale=5, border=4)
    return Response(picture.getvalue(), mimetype="image/png")


def _page_passphrase(token: str, step: services.SetupStep, form: PassphraseForm) -> str:
    return render_template("accounts/passphrase_choose.html", token=token, step=step, form=form, words=(form.offered.data or "").split())


def _page_code(token: str, step: services.SetupStep, form: CodeForm) -> str:
    secret = rules.grouped_secret(step.totp_secret or "")
    return render_template("accounts/code_confirm.html", token=token, step=step, form=form, secret=secret)


def _link_gone(gone: NotFound) -> ResponseReturnValue:
    return render_template("accounts/link_gone.html", gone=gone), 404


def _signed_in(cookie: str) -> Response:
    session.clear()  # a new CSRF token for the new session
    response = make_response(redirect(url_for("admin.index"), 303))
    set_session_cookie(response, cookie)
    return response


def _setup_cookie() -> str:
    return _cookie(SETUP_COOKIE)


def _cookie(purpose: str) -> str:
    return request.cookies.get(cookie_name("console", frame().settings, purpose), "")
