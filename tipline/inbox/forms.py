"""The inbox's forms. Choices that depend on the tip are checked by the services, which know who may have it."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from tipline.inbox import rules

STATE_CHOICES = list(rules.STATES.items())


class AssignForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    assignee = SelectField("Assignee", choices=[], validate_choice=False)


class StateForm(FlaskForm):  # type: ignore[misc]
    state = SelectField("State", choices=STATE_CHOICES, validate_choice=False)


class LabelForm(FlaskForm):  # type: ignore[misc]
    label = StringField(
        "Label",
        [InputRequired("Type a word or two."), Length(max=rules.LABEL_LENGTH, message=f"Use at most {rules.LABEL_LENGTH} characters.")],
    )


class ReplyForm(FlaskForm):  # type: ignore[misc]
    words = TextAreaField(
        "Reply to the source",
        [
            InputRequired("Type what the source should read."),
            Length(max=rules.REPLY_LENGTH, message=f"Use at most {rules.REPLY_LENGTH:,} characters."),
        ],
    )
    then_wait = BooleanField("Then wait for the source", default=True)
