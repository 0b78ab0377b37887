"""Forms of exhibits. Those that stand together on the exhibit page have a prefix each, so that no two controls share a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, MultipleFileField
from wtforms import DateTimeLocalField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from tipline.cases.handover import CHANNELS, Arrived, Handover
from tipline.cases.uploads import DayField
from tipline.exhibits import rules
from tipline.exhibits.checkouts import BringBack, TakeOut
from tipline.exhibits.correcting import Correct
from tipline.exhibits.deriving import RegisterRedaction
from tipline.exhibits.physical import LookAt, Move, RegisterThing, Seal
from tipline.exhibits.quarantine import SetQuarantine
from tipline.exhibits.transfers import Confirmation, OfferTransfer

_SHORT_ENOUGH = Length(max=rules.PURPOSE_LENGTH, message=f"Use at most {rules.PURPOSE_LENGTH} characters.")
_BEHALF = "On behalf of"
_WHEN = "Write day and time, such as 2026-09-03 14:30."
_MOMENTS = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]


def _line(label: str, missing: str = "") -> StringField:
    return StringField(label, [InputRequired(missing), _SHORT_ENOUGH] if missing else [_SHORT_ENOUGH])


def _typed(field: StringField) -> str:
    return (field.data or "").strip()


class TransferForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Offering an exhibit to a colleague. Who may receive it is checked by the service."""

    to = SelectField("To", choices=[], validate_choice=False)
    purpose = _line("Purpose", "Say what it is for.")
    authority = _line("Authority", "Say who allowed this, or which order.")
    on_behalf_of = _line(_BEHALF)

    def command(self, exhibit_id: str) -> OfferTransfer:
        said = (_typed(field) for field in (self.purpose, self.authority, self.on_behalf_of))
        return OfferTransfer(exhibit_id, self.to.data or "", *said)


class ConfirmForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Receiving an exhibit."""

    condition = _line("Condition")
    on_behalf_of = _line(_BEHALF)

    def command(self, exhibit_id: str, transfer_id: str) -> Confirmation:
        return Confirmation(exhibit_id, transfer_id, _typed(self.on_behalf_of), _typed(self.condition))


class MoveForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A physical thing is somewhere else now."""

    place = _line("Where it is now", "Say where it is now.")
    purpose = _line("Purpose", "Say what for.")
    condition = _line("Condition")
    on_behalf_of = _line(_BEHALF)

    def command(self, exhibit_id: str) -> Move:
        said = (_typed(field) for field in (self.place, self.purpose, self.condition, self.on_behalf_of))
        return Move(exhibit_id, *said)


class SealForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """An evidence bag was sealed, or its seal opened."""

    act = SelectField("What was done", choices=[("sealed", "Sealed in a bag"), ("opened", "Seal opened")])
    number = _line("Seal number", "Write the number of the seal.")
    why = _line("Why")

    def command(self, exhibit_id: str) -> Seal:
        return Seal(exhibit_id, self.act.data or "", _typed(self.number), _typed(self.why))


class LookForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Somebody looked at a physical thing."""

    purpose = _line("Purpose", "Say what for.")
    result = _line("What was found", "Say what was found.")

    def command(self, exhibit_id: str) -> LookAt:
        return LookAt(exhibit_id, _typed(self.purpose), _typed(self.result))


class OutForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A physical thing is taken out for a while."""

    to = _line("Where it will be", "Say where it will be.")
    purpose = _line("Purpose", "Say what for.")
    due_on = DayField("Back on", [InputRequired("Write the day until which it is out, such as 2026-09-03.")])
    condition = _line("Condition")

    def command(self, exhibit_id: str) -> TakeOut:
        return TakeOut(exhibit_id, _typed(self.to), _typed(self.purpose), self.due_on.data, _typed(self.condition))


class BackForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A physical thing came back."""

    place = _line("Where it is now", "Say where it is now.")
    condition = _line("Condition", "Say in what condition it is.")

    def command(self, exhibit_id: str) -> BringBack:
        return BringBack(exhibit_id, _typed(self.place), _typed(self.condition))


class QuarantineForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """Into quarantine, or out of it."""

    reason = _line("Reason", "Say why.")

    def command(self, exhibit_id: str) -> SetQuarantine:
        return SetQuarantine(exhibit_id, _typed(self.reason))


ON_PAGE: Mapping[str, type[FlaskForm]] = {
    "transfer": TransferForm,
    "confirm": ConfirmForm,
    "move": MoveForm,
    "out": OutForm,
    "back": BackForm,
    "seal": SealForm,
    "look": LookForm,
    "quarantine": QuarantineForm,
}


def form_on_page(name: str, *, sent: bool) -> FlaskForm:
    """Return one of the exhibit page's forms, filled from the request where it was `sent`."""
    prefix = "" if name in ("transfer", "confirm") else f"{name}-"
    return ON_PAGE[name](prefix=prefix) if sent else ON_PAGE[name](formdata=None, prefix=prefix)


class CorrectForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """What is right instead of what an event says."""

    event = IntegerField("Number of the event", [InputRequired("Write the number of the event that is wrong.")])
    right = _line("What is right", "Say what is right.")
    why = _line("Why the record was wrong", "Say why the record was wrong.")

    def command(self, exhibit_id: str) -> Correct:
        return Correct(exhibit_id, int(self.event.data or 0), _typed(self.right), _typed(self.why))


class RedactionForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A redacted file that was made elsewhere."""

    file = FileField("Redacted file")
    removed = _line("What was removed", "Say what was removed.")
    why = _line("Why", "Say why.")
    on_behalf_of = _line(_BEHALF)

    def command(self, exhibit_id: str, arrived: Arrived | None) -> RegisterRedaction:
        removed, why, behalf = (_typed(field) for field in (self.removed, self.why, self.on_behalf_of))
        return RegisterRedaction(exhibit_id, removed, why, behalf, arrived)


class MomentField(DateTimeLocalField):
    """A day and a time, with a message that says how to write one."""

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(_WHEN) from None


class PhysicalForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A physical thing and how it came."""

    case = SelectField("Case", choices=[])
    title = StringField("What it is", [InputRequired("Say in a few words what it is."), Length(max=rules.TITLE_LENGTH)])
    marks = TextAreaField("Marks and serial numbers", [Length(max=2000, message="2,000 characters at most.")])
    condition = _line("Condition", "Say in what condition it is.")
    seal = _line("Seal number of the evidence bag")
    place = _line("Where it is now", "Say where it is now.")
    handed_over_by = _line("From whom it came", "Say who handed it over: custody begins with that person.")
    channel = SelectField("How it came", choices=list(CHANNELS.items()))
    received_by = _line("Received by")
    on_behalf_of = _line(_BEHALF)
    came_from = MomentField("Received, at the earliest (UTC)", [InputRequired(_WHEN)], format=_MOMENTS)
    came_until = MomentField("Received, at the latest (UTC)", [Optional()], format=_MOMENTS)
    clock = SelectField("What told the time", choices=list(rules.CLOCKS.items()))
    photographs = MultipleFileField("Photographs")

    def command(self, photographs: Sequence[Arrived]) -> RegisterThing:
        came_from = self.came_from.data
        assert came_from is not None  # the form demands it
        handover = Handover(
            case_number=self.case.data or "",
            title=_typed(self.title),
            received_on=came_from.date(),
            channel=self.channel.data or "",
            handed_over_by=_typed(self.handed_over_by),
            on_behalf_of=_typed(self.on_behalf_of),
        )
        return RegisterThing(
            handover=handover,
            marks=" ".join(_typed(self.marks).split()),
            condition=_typed(self.condition),
            place=_typed(self.place),
            came_from=came_from.replace(tzinfo=UTC),
            came_until=(self.came_until.data or came_from).replace(tzinfo=UTC),
            clock=self.clock.data or "",
            seal=_typed(self.seal),
            received_by=_typed(self.received_by),
            photographs=photographs,
        )
