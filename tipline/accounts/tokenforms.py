"""The form of a new token of the API."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import SelectField, SelectMultipleField, StringField

from tipline.accounts.tokens import LIVES, MakeToken


class TokenForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Name, scopes, days. The service checks them."""

    name = StringField("What uses it")
    scopes = SelectMultipleField("What it may do", choices=[], validate_choice=False)
    days = SelectField("It works for", choices=list(LIVES.items()), default="30", validate_choice=False)

    def command(self) -> MakeToken:
        return MakeToken(self.name.data or "", tuple(self.scopes.data or ()), self.days.data or "")
