"""Forms of the recovery kit."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired

from tipline.accounts.forms import CodeForm, PassphraseForm
from tipline.accounts.kits import NewPassphrase, UseKit
from tipline.accounts.rules import LONGEST_LOGIN


class KitForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """The end of a kit, typed back."""

    sealed = HiddenField()
    typed = StringField("The last four groups of your print", validators=[InputRequired("Type the last four groups from your print.")])


class RecoverForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Name and kit. What is wrong is never said field by field."""

    login = StringField("Name")
    kit = PasswordField("Recovery kit")

    def command(self) -> UseKit:
        login = (self.login.data or "").strip().lower()[: LONGEST_LOGIN + 1]
        return UseKit(login, self.kit.data or "")


class ComeBackForm(PassphraseForm, CodeForm):
    """A new passphrase and the first code of a new authenticator."""

    def chosen(self) -> NewPassphrase:
        return NewPassphrase(self.passphrase.data or "", self.again.data or "", self.offered.data or "", self.code.data or "")
