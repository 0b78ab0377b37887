"""Forms of attachments."""

from __future__ import annotations

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from tipline.attachments import rules
from tipline.attachments.lists import LoadList
from tipline.cases.handover import Arrived

_LONG = Length(max=rules.NAME_LENGTH, message=f"Use at most {rules.NAME_LENGTH} characters.")


class ListForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A list of known files."""

    program = SelectField("Program", choices=[])
    name = StringField("Name", [InputRequired("Give the list a name."), _LONG])
    origin = StringField("Where it is from", [_LONG])
    meaning = RadioField("A file that stands on it is", choices=list(rules.MEANINGS.items()), default="known")
    file = FileField("File of the list")

    def command(self, arrived: Arrived | None) -> LoadList:
        return LoadList(self.program.data or "", self.name.data or "", self.origin.data or "", self.meaning.data or "", arrived)
