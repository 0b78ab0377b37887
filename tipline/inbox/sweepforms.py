"""What is typed to sweep junk."""

from __future__ import annotations

from datetime import date

from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, HiddenField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from tipline.inbox.choosing import CHANNELS, MOST_LETTERS, SIZES, Choice
from tipline.inbox.sweeping import Sweep

_SHORT_ENOUGH = Length(max=MOST_LETTERS, message=f"Use at most {MOST_LETTERS} characters.")


class ChoiceForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Which tips are meant."""

    program = SelectField("Program", choices=[])
    first = DateField("Received from", [InputRequired("Choose the first day.")])
    last = DateField("to", [InputRequired("Choose the last day.")])
    channel = SelectField("Channel", choices=list(CHANNELS.items()))
    size = SelectField("All together", choices=[(name, words) for name, (words, _) in SIZES.items()])
    words = StringField("Words that all of them hold", [_SHORT_ENOUGH])
    with_suggested = BooleanField("Those too that are suggested as linked with a letter or a sample")
    with_returned = BooleanField("Those too whose source came back")

    def choice(self) -> Choice:
        """The form as a command; call it on a valid one."""
        return Choice(
            self.program.data,
            self.first.data or date.min,
            self.last.data or date.min,
            self.channel.data or "",
            self.size.data or "",
            self.words.data or "",
            bool(self.with_suggested.data),
            bool(self.with_returned.data),
        )


class SweepForm(ChoiceForm):
    """The act itself: the choice again, as it was shown, and why."""

    newest = HiddenField()
    shown = IntegerField(validators=[InputRequired("Look at them first.")])
    reason = StringField("Why these are junk", [InputRequired("Write why these are junk."), _SHORT_ENOUGH])

    def command(self) -> Sweep:
        return Sweep(self.choice(), self.newest.data or "", self.shown.data or 0, self.reason.data or "")
