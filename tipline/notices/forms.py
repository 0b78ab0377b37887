"""What is typed to issue and to withdraw notices, and at the call centre."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import IntegerField, RadioField, StringField
from wtforms.validators import InputRequired, Length, NumberRange

from tipline.cases.uploads import HandoverForm
from tipline.notices import rules
from tipline.notices.checking import CompareWords, TakeCall
from tipline.notices.codes import Answer
from tipline.notices.services import IssueNotices, WithdrawNotices

CHECKS = f"Write a number from {rules.LEAST_CHECKS} to {rules.MOST_CHECKS:,}."


class ChecksField(IntegerField):
    """A whole number, with a message that says which."""

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(CHECKS) from None


class NoticesForm(HandoverForm):
    """A list of letters, and what its codes confirm."""

    sender = StringField(
        "Sender", [InputRequired("Say who posts the letters."), Length(max=rules.SENDER_LENGTH, message="100 characters at most.")]
    )
    month = StringField("Month of posting", [InputRequired("Write year and month, such as 2026-10.")])
    incident = StringField(
        "Incident", [InputRequired("Say what the letters are about."), Length(max=rules.INCIDENT_LENGTH, message="200 characters at most.")]
    )
    most_checks = ChecksField(
        "Checks of one code",
        [InputRequired(CHECKS), NumberRange(rules.LEAST_CHECKS, rules.MOST_CHECKS, CHECKS)],
        default=rules.USUAL_CHECKS,
    )

    def command(self) -> IssueNotices:
        sender, incident = (" ".join((field.data or "").split()) for field in (self.sender, self.incident))
        about = Answer(sender, rules.read_month(self.month.data or ""), incident)
        return IssueNotices(self.handover(), about, self.most_checks.data or 0)


class WithdrawForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Why letters are withdrawn, and which."""

    which = RadioField("Which letters", choices=[("letters", "Single letters"), ("batch", "The whole batch")], validate_choice=False)
    rows = StringField("Rows of the list", [Length(max=2000, message="2,000 characters at most.")])
    reason = StringField("Reason", [Length(max=rules.REASON_LENGTH, message="500 characters at most.")])

    def command(self, number: str) -> WithdrawNotices:
        return WithdrawNotices(number, self.which.data or "", self.reason.data or "", self.rows.data or "")


class CallForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A call: why, and the code as it was read aloud."""

    reason = RadioField("Why the person calls", choices=list(rules.CALLS.items()), validate_choice=False)
    code = StringField("Code, as it is read aloud")

    def command(self) -> TakeCall:
        return TakeCall(self.reason.data or "", self.code.data or "")


class WordsForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """The two control words as the caller read them, beside the code that they belong to."""

    code = StringField("Code")
    first = StringField("First control word")
    second = StringField("Second control word")

    def command(self) -> CompareWords:
        return CompareWords(self.code.data or "", (self.first.data or "", self.second.data or ""))
