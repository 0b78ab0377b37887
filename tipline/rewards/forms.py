"""Forms of claims and payouts."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField, SelectField, StringField, TextAreaField

from tipline.rewards import rules
from tipline.rewards.services import Decide, Recommend

WHY = "Your reason"


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0


class ShownForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """What every step says: the version of the claim and the earlier tips that the person saw."""

    seen = HiddenField()
    mark = HiddenField()
    reason = TextAreaField(WHY)

    def step(self, number: str, **more: object) -> Decide:
        values = {"reason": self.reason.data or "", "mark": self.mark.data or "", **more}
        return Decide(number, _number(self.seen.data), **values)  # type: ignore[arg-type]  # a form holds texts


class RecommendForm(ShownForm):
    """A share and who pays it."""

    amount = StringField("Share of the reward")
    agent = SelectField("Paying agent", choices=[], validate_choice=False)

    def command(self, number: str) -> Recommend:
        amount = rules.parse_amount(self.amount.data or "")
        said = (self.mark.data or "", amount, self.agent.data or "", self.reason.data or "")
        return Recommend(number, _number(self.seen.data), *said)


class ApproveForm(ShownForm):
    """An approval; the second one says for how long the voucher holds."""

    days = RadioField("The voucher holds for", choices=[(str(days), f"{days} days") for days in rules.VOUCHER_DAYS], validate_choice=False)

    def command(self, number: str) -> Decide:
        return self.step(number, days=_number(self.days.data))


class DeclineForm(ShownForm):
    """A proposal to decline: a reason for the record, and words for the source."""

    words = TextAreaField("What the source reads")

    def command(self, number: str) -> Decide:
        return self.step(number, words=self.words.data or "")


class VoucherForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A voucher as somebody brought it."""

    code = StringField("Voucher code")


class PaidForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """That it was paid. `ticket` names the voucher that was looked up in this session."""

    ticket = HiddenField()
    reference = StringField("Your own number of the payment")
