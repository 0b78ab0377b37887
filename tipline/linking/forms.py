"""The linking desk's forms. The services check what depends on who asks and on what is linked."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, SelectField, StringField
from wtforms.validators import Length

from tipline.errors import BadInput
from tipline.linking.indicators import ONLY
from tipline.linking.kinds import CONFIDENCES, KINDS, REASON_LENGTH, WAITS
from tipline.linking.services import DecideLink, MakeLink

SURE = list(CONFIDENCES.items())
FORMATS = {"stix": "STIX 2.1 bundle", "misp": "MISP event"}
TLP_WORDS = {
    "red": "to nobody else (TLP:RED)",
    "amber": "within the receiver’s organisation (TLP:AMBER)",
    "green": "within the receiver’s community (TLP:GREEN)",
    "white": "to everybody (TLP:WHITE)",
}
TOO_LONG = Length(max=REASON_LENGTH, message=f"Use at most {REASON_LENGTH} characters.")


class DecideForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    kind = SelectField("Link as", choices=[], validate_choice=False)
    confidence = SelectField("Confidence", choices=SURE, default="probable", validate_choice=False)
    reason = StringField("Reason", [TOO_LONG])
    wait = SelectField("Later means in", choices=list(WAITS.items()), default="week", validate_choice=False)
    version = HiddenField()

    def command(self, link_id: str, decision: str) -> DecideLink:
        return DecideLink(
            link_id=link_id,
            decision=decision,
            confidence=self.confidence.data or "",
            reason=self.reason.data or "",
            kind=self.kind.data or None,
            wait=self.wait.data or "week",
            version=self.version.data or None,
        )


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


class IndicatorForm(FlaskForm):  # type: ignore[misc]
    of = SelectField("Of", choices={}, validate_choice=False)
    only = SelectField("Which", choices=list(ONLY.items()), default="all", validate_choice=False)
    format = SelectField("As", choices=list(FORMATS.items()), default="stix", validate_choice=False)
    tlp = SelectField("They may be passed on", choices=list(TLP_WORDS.items()), default="amber", validate_choice=False)

    def check(self) -> None:
        """Refuse a form or marking that we did not offer."""
        if self.format.data not in FORMATS or self.tlp.data not in TLP_WORDS:
            raise BadInput("It is not clear what to make.", "Choose a form and a marking.")
