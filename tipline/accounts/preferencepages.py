"""Pages of a person's habits: preferences, and the sheet of all keys."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, RadioField, SelectField

from tipline.accounts import preferences
from tipline.accounts.keysheet import SHEET
from tipline.actor import Preferences
from tipline.errors import BadInput
from tipline.web import actor, frame, work

bp = Blueprint("preferences", __name__)


class PreferencesForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """What a person may choose."""

    theme = RadioField("Colours", choices=list(preferences.CHOICES["theme"].items()))
    contrast = RadioField("Contrast", choices=list(preferences.CHOICES["contrast"].items()))
    density = RadioField("Lists", choices=list(preferences.CHOICES["density"].items()))
    keys = BooleanField("Single keys act, as j for the next row")
    zone = SelectField("Time zone")
    notice = RadioField("E-mail notice", choices=list(preferences.CHOICES["notice"].items()))
    address = EmailField("Address for it")

    @classmethod
    def filled(cls, now: Preferences, address: str) -> PreferencesForm:
        """Return the form as the person's preferences stand."""
        form = cls(formdata=None, obj=now, address=address)
        return form.with_zones()

    def with_zones(self) -> PreferencesForm:
        self.zone.choices = {"": [("", "none")], **preferences.zones()}
        return self

    def wanted(self) -> Preferences:
        plain = {name: getattr(self, name).data or "" for name in ("theme", "contrast", "density", "zone", "notice")}
        return Preferences(keys=bool(self.keys.data), **plain)


@bp.get("/preferences")
def show() -> ResponseReturnValue:
    """The form of one's own preferences."""
    return _page(PreferencesForm.filled(actor().preferences, preferences.notify_address(work(), actor())))


@bp.post("/preferences")
def change() -> ResponseReturnValue:
    """Keep them; they count from the next page on."""
    form = PreferencesForm().with_zones()
    try:
        preferences.set_preferences(work(), actor(), form.wanted(), form.address.data or "")
    except BadInput as wrong:
        for name, words in wrong.fields.items():
            form[name].errors = [words]
        return _page(form), 422
    flash("Your preferences are kept.")
    return redirect(url_for("preferences.show"), 303)


@bp.post("/preferences/theme")
def theme() -> ResponseReturnValue:
    """Change the theme alone, and go back to the preferences."""
    preferences.set_theme(work(), actor(), request.form.get("theme", ""))
    return redirect(url_for("preferences.show"), 303)


@bp.get("/keys-help")
def keys_help() -> ResponseReturnValue:
    """All single keys, on a page of their own."""
    return render_template("accounts/keys_help.html", groups=SHEET, on=actor().preferences.keys)


def _page(form: PreferencesForm) -> str:
    return render_template("accounts/preferences.html", form=form, mails=bool(frame().settings.smtp_host))
