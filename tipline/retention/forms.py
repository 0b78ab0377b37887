"""What is typed to hold, release and dispose of."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length

from tipline.retention import rules
from tipline.retention.dispositions import Propose
from tipline.retention.holds import PlaceHold, ReleaseHold

_SHORT_ENOUGH = Length(max=rules.WORDS_LENGTH, message=f"Use at most {rules.WORDS_LENGTH} characters.")


class HoldForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A hold to place."""

    reason = StringField("Reason", [InputRequired("Say why."), _SHORT_ENOUGH])
    authority = StringField("Authority", [InputRequired("Say which order or duty this rests on."), _SHORT_ENOUGH])

    def command(self, exhibit_id: str | None, case_number: str | None) -> PlaceHold:
        return PlaceHold(self.reason.data or "", self.authority.data or "", exhibit_id, case_number)


class ReleaseForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A hold to end."""

    reason = StringField("Why it is released", [InputRequired("Say why it ends."), _SHORT_ENOUGH])
    whole_act = BooleanField("Release all that were placed with it")

    def command(self, hold_id: str) -> ReleaseHold:
        return ReleaseHold(hold_id, self.reason.data or "", bool(self.whole_act.data))


class DisposeForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A disposition to propose. What was made from the exhibit stays, unless it is chosen."""

    reason = StringField("Reason", [InputRequired("Say why."), _SHORT_ENOUGH])
    authority = StringField("Authority", [InputRequired("Say which rule or order allows it."), _SHORT_ENOUGH])
    children = SelectMultipleField("Made from it", choices=[], validate_choice=False)

    def command(self, exhibit_id: str) -> Propose:
        return Propose(exhibit_id, self.reason.data or "", self.authority.data or "", tuple(self.children.data or ()))
