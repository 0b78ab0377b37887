"""What is typed to search."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import DateField, SelectField, SelectMultipleField, StringField
from wtforms.validators import Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from tipline.inbox.rules import STATES
from tipline.search.rules import KINDS, MOST_TYPED, SORTS, Query

TOO_LONG = Length(max=MOST_TYPED, message=f"Use at most {MOST_TYPED} characters.")
NO_CASE = Length(max=24, message="This is no number of a case.")


class Ticks(SelectMultipleField):
    """Several of a few choices, each with a box to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class SearchForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Words, and what narrows them."""

    text = StringField("Look for", [TOO_LONG])
    kinds = Ticks("In", choices=list(KINDS.items()))
    states = Ticks("State of the tip", choices=list(STATES.items()))
    case = StringField("Case", [NO_CASE])
    first = DateField("Received or written from", [Optional()])
    last = DateField("to", [Optional()])
    program = SelectField("Program", choices=[("", "All")], validate_choice=False)
    sort = SelectField("Order", choices=list(SORTS.items()), default="best")

    def query(self) -> Query:
        """The form as a search; call it on a valid one."""
        return Query(
            (self.text.data or "").strip(),
            tuple(self.kinds.data or ()),
            (self.case.data or "").strip().upper(),
            tuple(self.states.data or ()),
            self.first.data,
            self.last.data,
            self.program.data or "",
            self.sort.data or "best",
        )
