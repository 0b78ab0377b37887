"""The linking desk's forms. The services check what depends on who asks and on what is linked."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.validators import Length

from tipline.linking.kinds import CONFIDENCES, KINDS, REASON_LENGTH
from tipline.linking.services import DecideLink, MakeLink

SURE = list(CONFIDENCES.items())
TOO_LONG = Length(max=REASON_LENGTH, message=f"Use at most {REASON_LENGTH} characters.")


class DecideForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    kind = SelectField("Link as", choices=[], validate_choice=False)
    confidence = SelectField("Confidence", choices=SURE, default="probable", validate_choice=False)
    reason = StringField("Reason", [TOO_LONG])

    def command(self, link_id: str, decision: str) -> DecideLink:
        return DecideLink(link_id, decision, self.confidence.data or "", self.reason.data or "", self.kind.data or None)


class NewLinkForm(FlaskForm):  # type: ignore[misc]
    start = SelectField("From", choices={}, validate_choice=False)
    kind = SelectField("Link as", choices=list(KINDS.items()), default="concerns", validate_choice=False)
    end = SelectField("To", choices={}, validate_choice=False)
    confidence = SelectField("Confidence", choices=SURE, default="probable", validate_choice=False)
    reason = StringField("Reason", [TOO_LONG])

    def command(self) -> MakeLink:
        return MakeLink(
            self.start.data or "", self.end.data or "", self.kind.data or "", self.confidence.data or "", self.reason.data or ""
        )
