"""Files that staff hand in at the console: hashed and sealed while they arrive, like a source's."""

from __future__ import annotations

import io
from typing import IO, Any, cast

from flask import request
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import DateField, Form, SelectField, StringField
from wtforms.validators import InputRequired, Length

from tipline.cases.handover import CHANNELS, Arrived, Handover
from tipline.errors import BadInput, TooLarge
from tipline.filters import limit
from tipline.intake.sink import FileSink
from tipline.web import frame

SHORT = Length(max=200, message="200 characters at most.")


def open_sink(filename: str | None) -> IO[bytes]:
    """Return what a file of a console form is written to; an empty file field opens nothing."""
    if not filename:
        return io.BytesIO()
    return cast(IO[bytes], FileSink(frame().vault.objects, filename, frame().settings.max_file_bytes))


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
    return [_arrived(field, sink) for sink in _sinks(field)]


def _arrived(field: str, sink: FileSink) -> Arrived:
    if sink.refusal == "too_large":
        message = f"This file is larger than {limit(frame().settings.max_file_bytes)}."
        raise TooLarge(message, "Divide it, and register the parts.", {field: message})
    if sink.sealed is None:
        message = "The file did not arrive whole. Choose it again."
        raise BadInput(message, fields={field: message})
    return Arrived(sink.sealed, sink.name, sink.keep)


def _sinks(field: str) -> list[FileSink]:
    streams: list[object] = [upload.stream for upload in request.files.getlist(field)]
    return [stream for stream in streams if isinstance(stream, FileSink)]


def show_faults(form: Form, error: BadInput) -> None:
    """Put a service's messages at the fields that they belong to."""
    for name, message in error.fields.items():
        control: Any = form[name] if name in form else next(iter(form))
        control.errors = [*control.errors, message]


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
