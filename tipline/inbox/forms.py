"""The inbox's forms. Choices that depend on the tip are checked by the services, which know who may have it."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import MultipleFileField
from wtforms import BooleanField, DateField, Form, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from tipline.errors import BadInput
from tipline.inbox import rules

STATE_CHOICES = list(rules.STATES.items())
PRIORITY_CHOICES = list(rules.PRIORITY_NAMES.items())


class AssignForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    assignee = SelectField("Assignee", choices=[], validate_choice=False)


class StateForm(FlaskForm):  # type: ignore[misc]
    state = SelectField("State", choices=STATE_CHOICES, validate_choice=False)


class PriorityForm(FlaskForm):  # type: ignore[misc]
    priority = SelectField("Priority", choices=PRIORITY_CHOICES, validate_choice=False)


class DueForm(FlaskForm):  # type: ignore[misc]
    """The service says what is wrong with a day: an empty field means none."""

    due_on = DateField("Due", [Optional()])


class LabelForm(FlaskForm):  # type: ignore[misc]
    label = StringField(
        "Label",
        [InputRequired("Type a word or two."), Length(max=rules.LABEL_LENGTH, message=f"Use at most {rules.LABEL_LENGTH} characters.")],
    )


class ReplyForm(FlaskForm):  # type: ignore[misc]
    """Words, files, or both: the service says what is missing."""

    words = TextAreaField("Reply to the source")
    files = MultipleFileField("Files for the source")
    then_wait = BooleanField("Then wait for the source", default=True)


class QuestionForm(FlaskForm):  # type: ignore[misc]
    question = StringField("Question for the source")
    options = TextAreaField("Answers to choose from")


class TalkForm(FlaskForm):  # type: ignore[misc]
    talk = SelectField("Conversation", choices=[], validate_choice=False)
    reason = TextAreaField("Reason, for the source to read")


def show_faults(form: Form, error: BadInput) -> None:
    """Put a service's messages at the fields that they belong to."""
    for name, message in error.fields.items():
        control: Any = form[name] if name in form else next(iter(form))
        control.errors = [*control.errors, message]
