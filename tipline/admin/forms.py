"""Forms of colleagues and programs."""

from __future__ import annotations

from dataclasses import fields

from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, Field, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional, Regexp

from tipline.admin.programs import CreateProgram, EditNotice, GrantAccess
from tipline.admin.recovery import OpenWithShares, TypedShares
from tipline.admin.rules import Notice, Translation
from tipline.admin.services import AddColleague
from tipline.admin.translations import EditTranslation
from tipline.policy import ROLE_NAMES

LONGEST_SHARE = 2000
WHOLE_NUMBER = r"^ *(?:[0-9][0-9 ,]{0,23})?$"


def show_faults(form: FlaskForm, faults: dict[str, str]) -> None:
    """Put a service's messages at the fields that they are about."""
    for name, message in faults.items():
        field: Field = form[name]
        field.errors = [message]


def with_unix_lines(text: str | None) -> str:
    """Return a text area's content with plain line ends and without empty lines around it."""
    return (text or "").replace("\r\n", "\n").strip()


def _bare_number(text: str | None) -> str:
    return (text or "").replace(",", "").replace(" ", "")


class ColleagueForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A colleague to invite."""

    login = StringField("Name to sign in with")
    name = StringField("Name to show")
    role = SelectField("Role", choices=[(role, words.capitalize()) for role, words in ROLE_NAMES.items()], default="investigator")

    def command(self) -> AddColleague:
        return AddColleague((self.login.data or "").strip(), (self.name.data or "").strip(), self.role.data or "")


class NoticeForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """What the public reads about a program."""

    organisation = StringField("Organisation")
    title = StringField("The notice's question")
    incident = TextAreaField("What happened")
    helps_most = TextAreaField("What helps most")
    reward = StringField("Reward, at most")
    reward_terms = TextAreaField("Terms of the reward")
    notice_on = DateField("Date of the notice", validators=[InputRequired("Write the date of the notice, such as 2026-09-04.")])
    contact = TextAreaField("Official contact points")
    reward_most = StringField("Reward as a number", validators=[Regexp(WHOLE_NUMBER, message="Write a whole number, such as 1000000.")])
    currency = StringField("Currency", default="USD")
    claims_until = DateField("Claims until", validators=[Optional()])
    payout_place = TextAreaField("Where the reward is paid")
    call_script = TextAreaField("What the call centre reads out")
    seen = HiddenField()

    def notice(self) -> Notice:
        """Return the notice of a form that validated."""
        assert self.notice_on.data is not None
        return Notice(
            organisation=(self.organisation.data or "").strip(),
            title=(self.title.data or "").strip(),
            incident=with_unix_lines(self.incident.data),
            helps_most=with_unix_lines(self.helps_most.data),
            reward=(self.reward.data or "").strip(),
            reward_terms=with_unix_lines(self.reward_terms.data),
            notice_on=self.notice_on.data,
            contact=with_unix_lines(self.contact.data),
            reward_most=int(amount) if (amount := _bare_number(self.reward_most.data)) else None,
            currency=(self.currency.data or "").strip().upper(),
            claims_until=self.claims_until.data,
            payout_place=with_unix_lines(self.payout_place.data),
            call_script=with_unix_lines(self.call_script.data),
        )

    def edit(self, program_id: str) -> EditNotice:
        return EditNotice(program_id, self.notice(), self.seen.data or "")


class ProgramForm(NoticeForm):
    """A new program."""

    slug = StringField("Address of the notice")
    code = StringField("Prefix of case numbers")
    two_to_export = BooleanField("A second person lets each bundle out", default=True)

    def command(self) -> CreateProgram:
        return CreateProgram((self.slug.data or "").strip(), (self.code.data or "").strip(), self.notice(), bool(self.two_to_export.data))


class TranslationForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A program's texts in another language."""

    title = StringField("The notice's question")
    incident = TextAreaField("What happened")
    helps_most = TextAreaField("What helps most")
    reward_terms = TextAreaField("Terms of the reward")
    contact = TextAreaField("Official contact points")
    payout_place = TextAreaField("Where the reward is paid")
    seen = HiddenField()

    def edit(self, program_id: str, language: str) -> EditTranslation:
        texts = {field.name: with_unix_lines(getattr(self, field.name).data) for field in fields(Translation)}
        return EditTranslation(program_id, language, Translation(**texts), self.seen.data or "")


class RecoveryForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Two printed recovery shares, typed back."""

    first = TextAreaField("First share", validators=[Length(max=LONGEST_SHARE, message="This is longer than a share.")])
    second = TextAreaField("Second share", validators=[Length(max=LONGEST_SHARE, message="This is longer than a share.")])

    def command(self) -> TypedShares:
        return TypedShares(self.first.data or "", self.second.data or "")


class OpenWithSharesForm(RecoveryForm):
    """A colleague who shall get a program by its recovery shares, after the fingerprint was compared."""

    reader = RadioField(
        "Who shall get the program", validators=[InputRequired("Choose the colleague who shall get it.")], validate_choice=False
    )
    compared = BooleanField("We compared all six groups", validators=[InputRequired("Compare the fingerprint with your colleague first.")])

    def opening(self, program_id: str) -> OpenWithShares:
        staff_id, _, fingerprint = (self.reader.data or "").partition(":")
        return OpenWithShares(program_id, staff_id, fingerprint, self.command())


class AccessForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A colleague whose fingerprint was compared."""

    staff_id = HiddenField()
    fingerprint = HiddenField()
    compared = BooleanField("We compared all six groups", validators=[InputRequired("Compare the fingerprint with your colleague first.")])

    def command(self, program_id: str) -> GrantAccess:
        return GrantAccess(program_id, self.staff_id.data or "", self.fingerprint.data or "")
