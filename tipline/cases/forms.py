"""Forms of cases."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from tipline.cases import rules
from tipline.cases.events import SAY_WHAT, SAY_WHY, RecordEvent
from tipline.cases.services import DescribeCase, OpenCase
from tipline.cases.subjects import About
from tipline.cases.uploads import DayField

SHORT = Length(max=rules.TITLE_LENGTH, message=f"Use at most {rules.TITLE_LENGTH} characters.")
LONG = Length(max=rules.WORDS_LENGTH, message=f"Use at most {rules.WORDS_LENGTH:,} characters.")


class NewCaseForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Opening a case. The programs are those whose key the person holds."""

    program = SelectField("Program", choices=[])
    title = StringField("What it is about", [InputRequired("Say in a few words what it is about."), SHORT])

    def command(self) -> OpenCase:
        return OpenCase(self.program.data or "", self.title.data or "")


class DescribeForm(FlaskForm):  # type: ignore[misc]
    """Title and lead of a case."""

    title = StringField("What it is about", [InputRequired("Say in a few words what it is about."), SHORT])
    lead = SelectField("Lead", choices=[], validate_choice=False)
    version = HiddenField()

    def command(self, number: str) -> DescribeCase:
        return DescribeCase(number, self.title.data or "", self.lead.data or "", self.version.data)


class _EntryForm(FlaskForm):  # type: ignore[misc]
    """What events and decisions have in common."""

    happened_on = DayField("On which day", [InputRequired("Write the day, such as 2026-09-03.")])
    about = SelectField("What tells it", choices=[], validate_choice=False)
    instead_of = SelectField("In the place of", choices=[], validate_choice=False)

    def offer(self, things: dict[str, list[tuple[str, str]]], entries: list[tuple[str, str]]) -> None:
        """Set what can be chosen: the things of the case, and its entries."""
        self.about.choices = {"": [("", "Nothing of this case")], **things}
        self.instead_of.choices = [("", "Nothing: it is new"), *entries]


class EventForm(_EntryForm):
    """What happened in a case."""

    what = StringField("What happened", [InputRequired(SAY_WHAT["event"]), SHORT])
    certainty = SelectField("How exactly that is known", choices=list(rules.CERTAINTIES.items()), default="exact", validate_choice=False)
    until = DayField("Until, where it was between two days", [Optional()])
    clock = StringField("Time in UTC, where it is known", [Length(max=5, message="Write hours and minutes, such as 02:40.")])
    reached_on = DayField("When it reached us", [Optional()])
    sure = SelectField("How sure we are of it", choices=list(rules.SURE.items()), default="", validate_choice=False)
    words = TextAreaField("How we know it", [LONG])

    def command(self, number: str) -> RecordEvent:
        return RecordEvent(
            number,
            self.what.data or "",
            self.happened_on.data,
            certainty=self.certainty.data or "exact",
            until=self.until.data,
            clock=(self.clock.data or "").strip(),
            reached_on=self.reached_on.data,
            about=self.about.data or "",
            sure=self.sure.data or "",
            words=self.words.data or "",
            instead_of=self.instead_of.data or "",
        )


class DecisionForm(_EntryForm):
    """What was decided in a case."""

    what = StringField("What was decided", [InputRequired(SAY_WHAT["decision"]), SHORT])
    words = TextAreaField("Why", [InputRequired(SAY_WHY), LONG])
    by = StringField("Who decided, where it was not you", [SHORT])

    def command(self, number: str) -> RecordEvent:
        return RecordEvent(
            number,
            self.what.data or "",
            self.happened_on.data,
            kind="decision",
            about=self.about.data or "",
            words=self.words.data or "",
            by=self.by.data or "",
            instead_of=self.instead_of.data or "",
        )


class SubjectForm(FlaskForm):  # type: ignore[misc]
    """A person, account, address or organisation of interest."""

    kind = SelectField("What it is", choices=list(rules.SUBJECT_KINDS.items()), default="person", validate_choice=False)
    name = StringField("Name", [InputRequired("Write a name, or what it is called until one is known."), SHORT])
    also = TextAreaField("Also known as", [LONG])
    identifiers = TextAreaField("Accounts, addresses, numbers", [LONG])
    words = TextAreaField("What is known", [LONG])
    version = HiddenField()

    def about(self) -> About:
        return About(self.kind.data or "", self.name.data or "", self.also.data or "", self.identifiers.data or "", self.words.data or "")
