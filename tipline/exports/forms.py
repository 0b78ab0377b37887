"""What counsel types to start an export."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import SelectMultipleField, TextAreaField
from wtforms.validators import InputRequired, Length

from tipline.exports.services import RequestExport


class ExportForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Which exhibits go out, and what for."""

    exhibits = SelectMultipleField("Exhibits", validators=[InputRequired("Choose at least one exhibit.")])
    purpose = TextAreaField(
        "Purpose or order",
        validators=[
            InputRequired("Say what it is for, or which order asks for it."),
            Length(max=2000, message="2,000 characters at most."),
        ],
    )

    def command(self, case_number: str) -> RequestExport:
        return RequestExport(case_number, tuple(self.exhibits.data or ()), self.purpose.data or "")
