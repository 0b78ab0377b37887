"""Forms of cases."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from tipline.cases import rules
from tipline.cases.events import RecordEvent
from tipline.cases.services import OpenCase
from tipline.cases.uploads import DayField


class NewCaseForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Opening a case. The programs are those whose key the person holds."""

    program = SelectField("Program", choices=[])
    title = StringField(
        "What it is about",
        [
            InputRequired("Say in a few words what it is about."),
            Length(max=rules.TITLE_LENGTH, message=f"Use at most {rules.TITLE_LENGTH} characters."),
        ],
    )

    def command(self) -> OpenCase:
        return OpenCase(self.program.data or "", self.title.data or "")


class EventForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """What happened in a case."""

    what = StringField("What happened", [InputRequired("Say in a few words what happened."), Length(max=rules.TITLE_LENGTH)])
    happened_on = DayField("On which day", [InputRequired("Write the day, such as 2026-09-03.")])

    def command(self, number: str) -> RecordEvent:
        return RecordEvent(number, self.what.data or "", self.happened_on.data)
