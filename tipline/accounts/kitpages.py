"""Pages of a person's recovery kit: made and confirmed while signed in, used by who lost passphrase or authenticator."""

from __future__ import annotations

import io

import segno
from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from tipline.accounts import kits, rules, services
from tipline.accounts.fresh import fresh
from tipline.accounts.kitforms import ComeBackForm, KitForm, RecoverForm
from tipline.errors import BadInput, Conflict
from tipline.security import cookie_name, drop_cookie, set_cookie
from tipline.web import actor, frame, set_session_cookie, work

bp = Blueprint("kits", __name__)

COOKIE = "recover"


@bp.get("/kit")
def kit() -> ResponseReturnValue:
    """What a recovery kit is for, and whether there is one."""
    return render_template("accounts/kit.html", has_kit=kits.has_kit(work(), actor()))


@bp.post("/kit")
@fresh
def kit_make() -> ResponseReturnValue:
    """Make a kit; it stands on this answer and nowhere else."""
    made = kits.new_kit(actor())
    return _page_kit(made, KitForm(formdata=None, sealed=made.sealed))


@bp.post("/kit/confirm")
@fresh
def kit_confirm() -> ResponseReturnValue:
    """Keep the kit once its end was typed back."""
    form = KitForm()
    made = kits.opened_kit(actor(), form.sealed.data or "")
    if not form.validate():
        return _page_kit(made, form), 422
    try:
        kits.confirm_kit(work(), actor(), made.sealed, form.typed.data or "")
    except BadInput as wrong:
        form.typed.errors = list(wrong.fields.values())
        return _page_kit(made, form), 422
    flash("Your recovery kit works from now on. An older one opens nothing any more.")
    return redirect(url_for("kits.kit"), 303)


@bp.get("/recover")
def recover() -> ResponseReturnValue:
    """The form for who lost passphrase or authenticator; its second step once the kit was right."""
    back = kits.coming_back(work(), _cookie())
    if back is not None:
        return _page_come_back(back, ComeBackForm(formdata=None, offered=services.offer_passphrase()))
    return render_template("accounts/recover.html", form=RecoverForm(formdata=None), refused=False)


@bp.post("/recover")
def recover_open() -> ResponseReturnValue:
    """Take name and kit, or show the same refusal whatever was wrong."""
    form = RecoverForm()
    cookie = kits.use_kit(work(), form.command())
    if cookie is None:
        return render_template("accounts/recover.html", form=form, refused=True), 422
    response = make_response(redirect(url_for("kits.recover"), 303))
    set_cookie(response, "console", frame().settings, COOKIE, cookie)
    return response


@bp.post("/recover/done")
def recover_done() -> ResponseReturnValue:
    """Take the new passphrase and the first code of the new authenticator: their owner is signed in."""
    form = ComeBackForm()
    back = kits.coming_back(work(), _cookie())
    if back is None:
        return redirect(url_for("kits.recover"), 303)
    if not form.validate():
        return _page_come_back(back, form), 422
    try:
        cookie = kits.come_back(work(), _cookie(), form.chosen())
    except Conflict:
        return redirect(url_for("kits.recover"), 303)
    except BadInput as wrong:
        for name, message in wrong.fields.items():
            form[name].errors = [message]
        return _page_come_back(back, form), 422
    session.clear()  # a new CSRF token for the new session
    response = make_response(redirect(url_for("admin.index"), 303))
    set_session_cookie(response, cookie)
    drop_cookie(response, "console", frame().settings, COOKIE)
    return response


@bp.get("/recover/authenticator.png")
def recover_picture() -> ResponseReturnValue:
    """The QR code of the new authenticator's secret, for who holds the cookie of the second step."""
    back = kits.coming_back(work(), _cookie())
    if back is None:
        return redirect(url_for("kits.recover"), 303)
    picture = io.BytesIO()
    segno.make(back.totp_address, error="m", micro=False).save(picture, kind="png", scale=5, border=4)
    return Response(picture.getvalue(), mimetype="image/png")


def _page_kit(made: kits.NewKit, form: KitForm) -> str:
    groups = rules.printed_secret(made.secret)
    return render_template("accounts/kit_show.html", made=made, groups=groups, form=form)


def _page_come_back(back: kits.ComingBack, form: ComeBackForm) -> str:
    words = (form.offered.data or "").split()
    return render_template("accounts/come_back.html", back=back, form=form, words=words, secret=rules.grouped_secret(back.totp_secret))


def _cookie() -> str:
    return request.cookies.get(cookie_name("console", frame().settings, COOKIE), "")
