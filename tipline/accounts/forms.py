"""Forms of sign-in and set-up."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from tipline.accounts.rules import LONGEST_LOGIN, LONGEST_PASSPHRASE
from tipline.accounts.services import ChoosePassphrase, SignIn


class SignInForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Name, passphrase and code. What is wrong is never said field by field."""

    login = StringField("Name")
    passphrase = PasswordField("Passphrase")
    code = StringField("Six digits from your authenticator")

    def command(self) -> SignIn:
        login = (self.login.data or "").strip().lower()[: LONGEST_LOGIN + 1]
        return SignIn(login, self.passphrase.data or "", self.code.data or "")


class PassphraseForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Step 1 of set-up."""

    offered = HiddenField()
    passphrase = PasswordField(
        "Your passphrase",
        validators=[
            InputRequired("Type the six words, or a passphrase of your own."),
            Length(max=LONGEST_PASSPHRASE, message=f"Use at most {LONGEST_PASSPHRASE} characters."),
        ],
    )
    again = PasswordField("Type it again", validators=[InputRequired("Type the same passphrase a second time.")])

    def command(self) -> ChoosePassphrase:
        return ChoosePassphrase(self.passphrase.data or "", self.again.data or "", self.offered.data or "")


class CodeForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Step 2 of set-up."""

    code = StringField("Six digits that your authenticator shows now", validators=[InputRequired("Type the six digits that it shows.")])
