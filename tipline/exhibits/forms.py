"""Forms of the exhibit page."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from tipline.exhibits import rules
from tipline.exhibits.transfers import OfferTransfer

_SHORT_ENOUGH = Length(max=rules.PURPOSE_LENGTH, message=f"Use at most {rules.PURPOSE_LENGTH} characters.")


class TransferForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Offering an exhibit to a colleague. Who may receive it is checked by the service."""

    to = SelectField("To", choices=[], validate_choice=False)
    purpose = StringField("Purpose", [InputRequired("Say what it is for."), _SHORT_ENOUGH])
    authority = StringField("Authority", [InputRequired("Say who allowed this, or which order."), _SHORT_ENOUGH])

    def command(self, exhibit_id: str) -> OfferTransfer:
        return OfferTransfer(exhibit_id, self.to.data or "", self.purpose.data or "", self.authority.data or "")
