"""What staff hand in to a case at the console: the file, and who brought it when and how."""

from __future__ import annotations

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import DateField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from tipline.cases.handover import CHANNELS, Arrived, Handover
from tipline.inbox.uploads import whole_files

SHORT = Length(max=200, message="200 characters at most.")


def arrived_file(field: str) -> Arrived | None:
    """Return the file that arrived whole in a field, None where none was chosen. It goes with the request unless `keep` is called.

    Raises:
        TooLarge, BadInput: it was refused while it arrived, or the connection broke.
    """
    return next(iter(arrived_files(field)), None)


def arrived_files(field: str) -> list[Arrived]:
    """Return all files that arrived whole in a field; as `arrived_file`.

    Raises:
        TooLarge, BadInput: one was refused while it arrived, or the connection broke.
    """
    return [Arrived(sink.received().sealed, sink.name, sink.keep) for sink in whole_files(field)]


class DayField(DateField):
    """A day, with a message that says how to write one."""

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError("Write the day as year, month and day, such as 2026-09-03.") from None


class HandoverForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """What is said about anything that is handed over to a case."""

    case = SelectField("Case", choices=[])
    title = StringField("What it is", [InputRequired("Say in a few words what it is."), SHORT])
    received_on = DayField("Received on", [InputRequired("Write the day, such as 2026-09-03.")])
    channel = SelectField("How it came", choices=list(CHANNELS.items()))
    handed_over_by = StringField("Who handed it over", [InputRequired("Say who handed it over: custody begins with that person."), SHORT])
    on_behalf_of = StringField("On behalf of", [SHORT])
    file = FileField("File")

    def handover(self, addressee: str = "") -> Handover:
        assert self.received_on.data is not None  # the form demands a day
        return Handover(
            case_number=self.case.data or "",
            title=(self.title.data or "").strip(),
            received_on=self.received_on.data,
            channel=self.channel.data or "",
            handed_over_by=(self.handed_over_by.data or "").strip(),
            addressee=addressee.strip(),
            on_behalf_of=(self.on_behalf_of.data or "").strip(),
        )
